"""Spelling correction of Chinese: edits of single characters, scores under named conventions."""
