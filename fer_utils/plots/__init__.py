"""Figures. A function takes arrays or frames, returns a Figure and computes nothing."""
