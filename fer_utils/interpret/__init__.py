"""Looks into any functional or sequential Keras model of one input; imports TensorFlow."""
