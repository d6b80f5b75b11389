"""Run folders: training that writes them, and the one reader for everything else."""
