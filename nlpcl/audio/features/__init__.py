"""Features of frozen encoders: made once, kept on disk, shared between runs."""
