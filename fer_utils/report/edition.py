"""The edition: the report to read without building it, with no photograph of the data set in it.

    python -m fer_utils.report.edition        (`make edition`, after `make report` on FER2013)

Takes the executed notebooks of the build folder, puts a line in place of every figure in which
single images can be seen, makes pictures smaller, and writes `report/edition/`: the notebooks,
the core and the appendix as HTML and PDF, the tables, and answers.json. A panel of page one shows
drawn faces in place of photographs.
"""

import base64
import sys
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import nbformat
from PIL import Image

from fer_utils.files import ROOT, FolderError, build_dir, escape_unprintable, replacing, write_json
from fer_utils.report import RECORD, ReportError, document
from fer_utils.report.folder import Document, documents_in, executed_copy
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
    if "panel" in data.get(RECORD, {}):
        data[RECORD]["panel"] = _without_photograph(data[RECORD]["panel"])
    kinds = [kind for kind in data if kind.startswith("image/")]
    if not kinds:
        return output
    about = output.metadata.get("image/png", {})
    if kinds != ["image/png"] or "photographs" not in about:
        raise ReportError(f"a picture ({kinds[0]}) does not say whether it shows photographs")
    if about["photographs"]:
        text = LEFT_OUT.format(label=about["label"], caption=about["caption"])
        told = {RECORD: data[RECORD]} if RECORD in data else {}
        return nbformat.v4.new_output("display_data", told | {"text/markdown": text})
    data["image/png"] = _smaller(data["image/png"])
    data.pop("text/plain", None)
    return output


def _without_photograph(panel: dict) -> dict:
    """The panel of page one, with the picture in place of one that shows photographs."""
    picture = panel["instead"] if panel["photographs"] else panel["png"]
    if picture is None:
        raise ReportError(f"panel {panel['place']} has no picture in place of its photographs")
    return panel | {"photographs": False, "png": _smaller(picture), "instead": None}


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


def write_edition(notebooks: Mapping[Document, Sequence[Path]], target: Path = EDITION) -> None:
    """Write the edition of the executed copies of `notebooks`, those of each document.

    Raises ReportError if they are not of FER2013 with its reference runs.
    """
    copies = [executed_copy(path.stem) for paths in notebooks.values() for path in paths]
    executed = {copy: read_executed(build_dir() / copy) for copy in copies}
    records = {Path(copy).stem: record_of(notebook) for copy, notebook in executed.items()}
    metas = [record.get("meta", {}) for record in records.values()]
    if any(meta.get("dataset") != "fer2013" or meta["fallbacks"] for meta in metas):
        raise ReportError(
            "the edition is that of FER2013 with its reference runs: run `make report FER_DATA=...`"
        )
    with replacing(target) as folder:
        (folder / "notebooks").mkdir(parents=True)
        for copy, notebook in executed.items():
            nbformat.write(without_photographs(notebook), folder / copy)
        for each in notebooks:
            document.write_document(each, notebooks, folder)
        answers = {name: record.get("answer") for name, record in records.items()}
        write_json(folder / "answers.json", answers)


def main() -> int:
    """Command line; returns the exit status."""
    escape_unprintable()
    try:
        write_edition(documents_in(document.NOTEBOOKS))
    except (ReportError, FolderError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(EDITION)
    return 0


if __name__ == "__main__":
    sys.exit(main())
