"""Executed notebooks -> one HTML, one PDF; would render any notebooks."""

from importlib.util import find_spec

if not find_spec("nbformat"):
    raise ImportError("notebooks and reports want `pip install 'fer-utils[all]'`")

#: Type of the outputs by which a notebook tells the report how it was made ("meta") and what it
#: found ("answer"); `parameters.record_of` reads them.
RECORD = "application/vnd.fer-utils+json"


class ReportError(Exception):
    """A notebook that cannot be executed or a report that cannot be made, in words for the user."""
