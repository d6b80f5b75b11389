"""A model of one's own."""
