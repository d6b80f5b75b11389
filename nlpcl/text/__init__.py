"""Text: characters, segments, tokens and words, reading and writing of lines, noise, encoders."""
