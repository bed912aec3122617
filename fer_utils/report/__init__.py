"""Executed notebooks -> the core report and its appendix, each as HTML and as PDF."""

from importlib.util import find_spec

if not find_spec("nbformat"):
    raise ImportError("notebooks and reports want `pip install 'fer-utils[all]'`")

#: Type of the outputs by which a notebook tells the report how it was made and what it found;
#: `parameters.record_of` reads them.
RECORD = "application/vnd.fer-utils+json"


class ReportError(Exception):
    """A notebook that cannot be executed or a report that cannot be made, in words for the user."""
