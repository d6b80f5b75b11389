"""Progressive distillation of an encoder."""
