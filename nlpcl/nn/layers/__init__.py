"""Building blocks of models; each honours a mask of real frames."""
