"""Text classification: labels, probabilities, explanations, scores by group."""
