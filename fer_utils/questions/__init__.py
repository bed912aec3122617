"""What the notebooks ask: the one place where data, runs, statistics and homework meet."""
