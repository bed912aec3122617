"""Expressions of faces in pictures: arrays in, a data frame out. `fer-predict` is `command`."""

from fer_utils.predict.expressions import read_expressions
from fer_utils.predict.networks import best_network, network

__all__ = ["best_network", "network", "read_expressions"]
