"""Speech emotion: classification of clips, scores by speaker, probes of the speaker."""
