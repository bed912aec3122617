"""The edition: the report to read without building it, with no photograph of the data set in it.

    python -m fer_utils.report.edition        (`make edition`, after `make report` on FER2013)

Takes the executed notebooks of the build folder, puts a line in place of every figure in which
single images can be seen, makes pictures smaller, and writes `report/edition/`: the notebooks,
index.html, report.pdf and answers.json.
"""

import base64
import sys
from io import BytesIO
from pathlib import Path

import nbformat
from PIL import Image

from fer_utils.files import ROOT, FolderError, build_dir, escape_unprintable, replacing, write_json
from fer_utils.report import ReportError, document
from fer_utils.report.page import read_executed
from fer_utils.report.parameters import record_of

EDITION = ROOT / "report" / "edition"
COLOURS = 64  # of a picture's palette
LEFT_OUT = (
    "*{label} shows photographs of the data set, which may not be passed on: "
    "your own build (`make report`) shows it here. {caption}*"
)


def without_photographs(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook, changed in place: marked figures become a line, other pictures get a palette.

    Raises ReportError for a picture that is not marked as either.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [_without(output) for output in cell.outputs]
    return notebook


def _without(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    data = output.get("data", {})
    kinds = [kind for kind in data if kind.startswith("image/")]
    if not kinds:
        return output
    about = output.metadata.get("image/png", {})
    if kinds != ["image/png"] or "photographs" not in about:
        raise ReportError(f"a picture ({kinds[0]}) does not say whether it shows photographs")
    if about["photographs"]:
        text = LEFT_OUT.format(label=about["label"], caption=about["caption"])
        return nbformat.v4.new_output("display_data", {"text/markdown": text})
    data["image/png"] = _smaller(data["image/png"])
    data.pop("text/plain", None)
    return output


def _smaller(content: str) -> str:
    """A PNG, base64, with a palette; its resolution stays."""
    picture = Image.open(BytesIO(base64.b64decode(content)))
    dpi, buffer = picture.info.get("dpi", (96, 96)), BytesIO()
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    # by coverage: the median cut leaves out colours of few pixels, such as the ends of a colour bar
    flat = flat.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    flat.save(buffer, "PNG", optimize=True, dpi=dpi)
    smaller = base64.b64encode(buffer.getvalue()).decode()
    return min(content, smaller, key=len)


def write_edition(names: list[str], target: Path = EDITION) -> None:
    """Write the edition of the executed notebooks `names`.

    Raises ReportError if they are not of FER2013 with its reference runs.
    """
    executed = build_dir() / "notebooks"
    notebooks = {name: read_executed(executed / f"{name}.ipynb") for name in names}
    records = {name: record_of(notebook) for name, notebook in notebooks.items()}
    metas = [record.get("meta", {}) for record in records.values()]
    if any(meta.get("dataset") != "fer2013" or meta["fallbacks"] for meta in metas):
        raise ReportError(
            "the edition is that of FER2013 with its reference runs: run `make report FER_DATA=...`"
        )
    with replacing(target) as folder:
        (folder / "notebooks").mkdir(parents=True)
        for name, notebook in notebooks.items():
            nbformat.write(without_photographs(notebook), folder / "notebooks" / f"{name}.ipynb")
        document.write_report(names, folder)
        for page in folder.glob("[0-9]*.html"):
            page.unlink()
        answers = {name: record.get("answer") for name, record in records.items()}
        write_json(folder / "answers.json", answers)


def main() -> int:
    """Command line; returns the exit status."""
    escape_unprintable()
    try:
        write_edition(sorted(path.stem for path in document.NOTEBOOKS.glob("[0-9]*.ipynb")))
    except (ReportError, FolderError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(EDITION)
    return 0


if __name__ == "__main__":
    sys.exit(main())
