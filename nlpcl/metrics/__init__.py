"""Metrics as pure functions of decoded predictions; none imports torch."""
