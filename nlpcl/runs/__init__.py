"""The run folder: fitting fills it, one reader serves prediction, evaluation and figures."""
