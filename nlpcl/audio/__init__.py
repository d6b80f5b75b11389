"""Speech: reading sound files, the built-in speech encoder, encoders saved by transformers."""
