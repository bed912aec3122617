"""The explorer of `notebooks/explore.ipynb`: pick a face, change it, and watch the networks."""
