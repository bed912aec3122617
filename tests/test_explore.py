"""The explorer: its callbacks on the drawn faces, and that changes do what they say."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from fer_utils import notebook
from fer_utils.explore.explorer import Changes, Explorer
from fer_utils.explore.panel import Panel
from fer_utils.files import ROOT


@pytest.fixture(scope="module")
def panel() -> Panel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_HEADLESS", "1")
        patch.setenv("FER_RUNS", "")
        session = notebook.start("explore", dataset="drawn")
        yield Panel(Explorer(session))


def pictures(panel: Panel) -> list[bytes]:
    return [panel.face.value, panel.bars.value, panel.map.value]


def test_it_starts_with_a_face_predictions_and_maps(panel):
    for content in pictures(panel):
        assert Image.open(BytesIO(content)).size[0] > 100
    probabilities = panel.explorer.probabilities()
    assert list(probabilities) == ["model0", "model1", "model2", "model1 + model2"]
    assert all(values.sum() == pytest.approx(1) for values in probabilities.values())
    mean = (probabilities["model1"] + probabilities["model2"]) / 2
    np.testing.assert_allclose(probabilities["model1 + model2"], mean)


def test_finished_students_predict_too(panel, monkeypatch):
    session = panel.explorer.session
    others = {"member1": session.runs.model("model1"), "student-tiny": session.runs.model("model2")}
    monkeypatch.setattr(session.runs, "members_and_students", lambda: others)
    explorer = Explorer(session, image=panel.explorer.image)
    probabilities = explorer.probabilities()
    assert list(probabilities) == ["model0", "model1", "model2", "student-tiny", "model1 + model2"]
    np.testing.assert_array_equal(probabilities["student-tiny"], probabilities["model2"])


@pytest.mark.parametrize(
    ("widget", "value"), [("degrees", 20), ("right", 6), ("light", 60), ("patch", 12)]
)
def test_every_slider_changes_face_and_prediction(panel, widget, value):
    before, probability = pictures(panel), panel.explorer.probabilities()["model2"]
    panel.sliders[widget].value = value
    after = pictures(panel)
    assert before[0] != after[0]
    changed = np.abs(panel.explorer.probabilities()["model2"] - probability).max()
    assert changed > 1e-6 or widget == "light", "only brightness is normalised away"
    panel.sliders[widget].value = 0
    assert pictures(panel)[0] == before[0]


def test_every_method_and_baseline_is_drawn(panel):
    before = panel.map.value
    names = [name for _, name in panel.methods.options]
    panel.methods.value = tuple(names)
    assert panel.map.value != before
    found = panel.explorer.maps("model2", names, target=0, samples=2, steps=2, kept=0.1)
    assert all(mask.sum() == round(0.1 * 48 * 48) for _, mask in found.values())
    panel.methods.value = ("gradient",)


def test_filters_layers_and_classes(panel):
    panel.tabs.selected_index = 1
    first = panel.filter.value
    panel.number.value = 1
    panel.layer.value = "relu1"
    assert panel.filter.value != first
    panel.tabs.selected_index = 0
    panel.cls.value = "happy"
    assert panel.explorer.label == 3
    panel.pick.value = "all"
    panel.place.value = 1
    assert panel.explorer.label == 3


def test_own_photograph_without_a_face_is_taken_in_the_middle(panel):
    buffer = BytesIO()
    Image.new("RGB", (120, 80), "white").save(buffer, "PNG")
    assert panel.explorer.look_at_picture(buffer.getvalue()) == "no face found: the middle"
    assert panel.explorer.label is None


def test_changes_move_the_way_they_say():
    image = np.zeros((48, 48), np.uint8)
    image[20, 30] = 255
    assert np.argwhere(Changes(right=5, down=-3)(image) > 128).tolist() == [[17, 35]]
    turned = Changes(degrees=90)(image)  # counter-clockwise: right goes up
    assert np.argwhere(turned > 128).tolist() == [[17, 20]]
    np.testing.assert_array_equal(Changes()(image), image)


def test_the_notebook_runs_its_code(monkeypatch):
    cells = json.loads((ROOT / "notebooks" / "explore.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert "Panel(Explorer(nb)).box" in code[-1]
    compile("\n".join(code), "explore", "exec")
