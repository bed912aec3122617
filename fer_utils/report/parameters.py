"""What a notebook says of itself: its parameters, how it was made, what it found."""

import ast
from typing import Any

import nbformat

from fer_utils.report import RECORD


def defaults(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """The literals assigned in the cell tagged `parameters`, by name; {} without such a cell."""
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            return {
                target.id: ast.literal_eval(statement.value)
                for statement in ast.parse(cell.source).body
                if isinstance(statement, ast.Assign)
                for target in statement.targets
                if isinstance(target, ast.Name)
            }
    return {}


def record_of(notebook: nbformat.NotebookNode) -> dict[str, dict]:
    """What an executed notebook displayed for the report.

    "meta" says how it was made, "answer" what it found, "panel" has a picture for page one, and
    "tables" all its full tables: CSV by label. The last three may be absent.
    """
    record: dict[str, dict] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            told = output.get("data", {}).get(RECORD, {})
            tables = record.get("tables", {}) | told.get("tables", {})
            record |= told | ({"tables": tables} if tables else {})
    return record
