"""Ablations: variants of a model, trained with the same seeds and compared statistically."""
