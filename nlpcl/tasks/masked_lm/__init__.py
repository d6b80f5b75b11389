"""Masked language modelling with confusion-set noise."""
