"""The parameters of a notebook, and what they are unless somebody sets them."""

import ast

import nbformat


def defaults(notebook: nbformat.NotebookNode) -> dict[str, object]:
    """The literals assigned in the cell tagged `parameters`, by name; {} without such a cell."""
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            return {
                target.id: ast.literal_eval(statement.value)
                for statement in ast.parse(cell.source).body
                if isinstance(statement, ast.Assign)
                for target in statement.targets
            }
    return {}
