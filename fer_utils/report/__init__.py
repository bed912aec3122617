"""Executed notebooks -> one HTML, one PDF; would render any notebooks."""
