"""Figures. Each function takes arrays or frames and returns a figure or Axes; it computes nothing."""
