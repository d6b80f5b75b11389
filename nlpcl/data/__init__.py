"""Corpora, one file each and found by listing this folder, and the code that splits them."""
