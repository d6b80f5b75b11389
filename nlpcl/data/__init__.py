"""Corpora: one file each, found by listing this folder, and what turns them into splits."""
