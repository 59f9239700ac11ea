"""Files: trajectories, checkpoints, series, results, run folders."""
