"""Noise for training text: the mask token, and spelling errors as people make them."""
