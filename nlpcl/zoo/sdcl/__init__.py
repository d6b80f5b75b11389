"""SDCL (arXiv 2210.17168)."""
