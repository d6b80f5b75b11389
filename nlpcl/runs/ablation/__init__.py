"""Ablations: variants of a model, trained in pairs and compared with statistics."""
