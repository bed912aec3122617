"""Executed notebooks -> one HTML, one PDF; would render any notebooks."""

RECORD = "application/vnd.fer-utils+json"  # outputs of a notebook: how it was made, its answer
RECORDED = "fer_utils"  # where the metadata of the executed copy has them
