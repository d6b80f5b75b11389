"""Features of frozen encoders, computed once and cached on disk for all runs."""
