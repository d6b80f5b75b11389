"""Speech emotion: clips to labels, scores by speaker, what is left of the speaker."""
