"""What a Keras model looks at: usable on any model; imports TensorFlow."""
