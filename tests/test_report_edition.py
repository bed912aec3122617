"""The edition shows no photograph: marked figures are gone, and none is found by searching."""

import base64
import json
import os
from io import BytesIO
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from fer_utils.data.dataset import load
from fer_utils.data.drawn import faces
from fer_utils.fer2013 import PRIVATE, PUBLIC
from fer_utils.report import RECORD, ReportError, edition
from fer_utils.report.folder import APPENDIX, CORE

NOTEBOOKS = {CORE: [Path("01_x.ipynb")], APPENDIX: [Path("A1_y.ipynb")]}
ALIKE = 0.9  # normalised cross-correlation from which a face is found in a picture


def png(picture: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def shown(picture: np.ndarray, **about) -> nbformat.NotebookNode:
    about = {"label": "Figure 1.1", "caption": "Faces.", "alt": "Faces"} | about
    return new_output("display_data", {"image/png": png(picture)}, metadata={"image/png": about})


def pictures(notebook: nbformat.NotebookNode) -> list[np.ndarray]:
    """Every picture of a notebook, in grey, its panel of page one as well."""
    shown = [o.get("data", {}) for cell in notebook.cells for o in cell.get("outputs", [])]
    contents = [data.get("image/png") for data in shown]
    contents += [data.get(RECORD, {}).get("panel", {}).get("png") for data in shown]
    opened = (Image.open(BytesIO(base64.b64decode(content))) for content in contents if content)
    return [np.asarray(picture.convert("L")) for picture in opened]


def contains(picture: np.ndarray, face: np.ndarray) -> bool:
    """Whether the face (48, 48) is seen in a picture, at any size from 36 to 220 pixels."""
    for side in np.geomspace(36, 220, 16).astype(int):
        scale = 36 / side  # the picture is shrunk, so that the search is quick at any size
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        template = cv2.resize(face, (36, 36), interpolation=cv2.INTER_AREA)
        if min(small.shape) >= 36:
            found = cv2.matchTemplate(small, template, cv2.TM_CCOEFF_NORMED)
            if np.nanmax(found) >= ALIKE:
                return True
    return False


@pytest.fixture
def notebook():
    photograph = np.kron(faces.draw(3).image, np.ones((2, 2), np.uint8))
    chart = np.full((120, 160), 255, np.uint8)
    chart[60, 10:150] = 0
    outputs = [shown(photograph, photographs=True), shown(chart, photographs=False)]
    return new_notebook(cells=[new_code_cell("nb.show(...)", outputs=outputs)])


def test_the_search_finds_a_face_and_no_face_in_a_chart(notebook):
    photograph, chart = pictures(notebook)
    assert contains(photograph, faces.draw(3).image)
    assert not contains(chart, faces.draw(3).image)


def test_marked_figures_become_a_line(notebook):
    cleaned = edition.without_photographs(notebook)
    first, second = cleaned.cells[0].outputs
    assert first.data["text/markdown"].startswith("*Figure 1.1 shows photographs of the data set")
    assert set(first.data) == {"text/markdown"}
    assert "image/png" in second.data
    assert not any(contains(picture, faces.draw(3).image) for picture in pictures(cleaned))


def test_a_picture_that_does_not_say_stops_the_edition(notebook):
    del notebook.cells[0].outputs[1].metadata["image/png"]["photographs"]
    with pytest.raises(ReportError, match="does not say whether it shows photographs"):
        edition.without_photographs(notebook)


def panel(**about) -> nbformat.NotebookNode:
    """A code cell that has shown a panel of page one."""
    photograph, chart = np.zeros((60, 60), np.uint8), np.full((60, 60), 200, np.uint8)
    panel = {"place": "C", "caption": "Faces.", "alt": "Faces", "photographs": True}
    panel |= {"png": png(photograph), "instead": png(chart)} | about
    return new_code_cell(
        "nb.panel(...)", outputs=[new_output("display_data", {RECORD: {"panel": panel}})]
    )


def test_a_panel_shows_what_stands_in_place_of_photographs():
    before = new_notebook(cells=[panel()])
    assert pictures(before)[0][0, 0] == 0
    cleaned = edition.without_photographs(before)
    assert pictures(cleaned)[0][0, 0] == 200
    assert png(np.zeros((60, 60), np.uint8)) not in str(cleaned)


def test_a_panel_of_photographs_alone_stops_the_edition():
    with pytest.raises(ReportError, match="panel C has no picture in place of its photographs"):
        edition.without_photographs(new_notebook(cells=[panel(instead=None)]))


def test_the_edition_has_both_documents_and_the_tables(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_BUILD", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    texts = ("dataset", "source", "machine", "commit", "date", "profile")
    meta = dict.fromkeys(texts, "fer2013") | {
        "seed": 0,
        "seconds": 1,
        "fallbacks": [],
        "versions": {},
    }
    for paths in NOTEBOOKS.values():
        label = f"Table {paths[0].stem[:2]}"
        record = {RECORD: {"meta": meta, "tables": {label: "a,b\n"}}}
        finished = new_code_cell("nb.finish()", outputs=[new_output("display_data", record)])
        made = new_notebook(cells=[panel(), finished])
        nbformat.write(made, tmp_path / "notebooks" / paths[0].name)
    edition.write_edition(NOTEBOOKS, tmp_path / "edition")
    made = {
        str(path.relative_to(tmp_path / "edition")) for path in (tmp_path / "edition").rglob("*.*")
    }
    tables = {"tables/table-01.csv", "tables/table-a1.csv"}
    notebooks = {"notebooks/01_x.ipynb", "notebooks/A1_y.ipynb"}
    documents = {"index.html", "report.pdf", "appendix.html", "appendix.pdf"}
    assert made == {"answers.json", *documents, *tables, *notebooks}
    answers = json.loads((tmp_path / "edition" / "answers.json").read_text())
    assert set(answers) == {"01_x", "A1_y"}


def test_another_data_set_is_no_edition(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_BUILD", str(tmp_path))
    with pytest.raises(ReportError, match="01_x has not been executed"):
        edition.write_edition(NOTEBOOKS, tmp_path / "edition")
    record = {RECORD: {"meta": {"dataset": "drawn", "fallbacks": []}}}
    finished = new_code_cell("nb.finish()", outputs=[new_output("display_data", record)])
    (tmp_path / "notebooks").mkdir()
    for name in ("01_x", "A1_y"):
        nbformat.write(new_notebook(cells=[finished]), tmp_path / "notebooks" / f"{name}.ipynb")
    with pytest.raises(ReportError, match="the edition is that of FER2013"):
        edition.write_edition(NOTEBOOKS, tmp_path / "edition")
    assert not (tmp_path / "edition").exists()


COMMITTED = sorted(edition.EDITION.glob("notebooks/*.ipynb"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_no_marked_figure_is_in_the_committed_edition(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                assert output.metadata["image/png"]["photographs"] is False
            panel = output.get("data", {}).get(RECORD, {}).get("panel", {"photographs": False})
            assert panel["photographs"] is False


def test_the_committed_edition_is_small():
    assert sum(p.stat().st_size for p in edition.EDITION.rglob("*") if p.is_file()) < 10_000_000


@pytest.mark.skipif(not os.environ.get("FER_DATA"), reason="needs FER2013 (FER_DATA)")
@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_no_photograph_is_found_in_the_committed_edition(path):
    data = load("fer2013")
    rng = np.random.default_rng(0)
    rows = rng.choice(np.flatnonzero(np.isin(data.split, (PUBLIC, PRIVATE))), 12, replace=False)
    for picture in pictures(nbformat.read(path, as_version=4)):
        assert not [row for row in rows if contains(picture, data.images[row])]
