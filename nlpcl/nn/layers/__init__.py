"""Layers of the models; each takes a mask of real frames and ignores padding."""
