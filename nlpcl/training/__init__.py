"""Training and inference: the trainer, its batches and records, one way to predictions."""
