"""BiGRU with matching attention for speech emotion."""
