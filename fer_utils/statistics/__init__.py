"""Estimates with intervals, and what they allow to say: no data set, no homework."""
