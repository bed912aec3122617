"""Figures. A function takes arrays or frames, returns a figure or Axes, and computes nothing."""
