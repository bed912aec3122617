"""Facial-expression recognition on FER2013."""
