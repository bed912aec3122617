"""Estimates with intervals, and what comparisons come to. It knows no data set and no classes."""
