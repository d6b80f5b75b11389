"""Training and inference: the trainer, its batches and records, and batched prediction."""
