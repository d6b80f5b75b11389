"""Classification of texts, and why: labels, probabilities, scores by group."""
