"""Text: characters, pieces, tokens, reading and writing of lines, noise, encoders."""
