"""Chinese spelling correction: single-character edits, scores under named conventions."""
