"""What a notebook shows: numbers, captions, cells of tables, and errors in the parameters."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from fer_utils import notebook
from fer_utils.notebook import display
from fer_utils.notebook import session as sessions
from fer_utils.statistics.intervals import Interval


@pytest.fixture
def displayed(monkeypatch):
    """Every (object, metadata) that is displayed."""
    shown = []

    def record(value, metadata=None, raw=False):
        shown.append((value, metadata))

    for module in (display, sessions):
        monkeypatch.setattr(module, "display", record)
    return shown


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setenv("FER_HEADLESS", "1")
    return notebook.start("06_saliency_maps", dataset="drawn", profile="tiny")


def test_figures_and_tables_are_numbered_apart(session, displayed):
    assert session.table(pd.DataFrame({"n": [1]}), caption="One.") == "Table 6.1"
    figure = display.plt.figure()
    assert session.show(figure, photographs=False, caption="A < B.", alt="A line") == "Figure 6.1"
    assert session.show(display.plt.figure(), photographs=False) == "Figure 6.2"
    assert not display.plt.get_fignums()
    table, picture, caption, *_ = displayed
    assert "<caption>Table 6.1. One.</caption>" in table[0]["text/html"]
    assert table[0]["text/plain"].startswith("Table 6.1. One.\n")
    assert picture[1]["image/png"]["alt"] == "A line"
    assert caption[0].data == "**Figure 6.1.** A < B.  \n*In words: A line*"


def test_an_interval_in_a_table_stays_on_one_line(session, displayed):
    session.table(pd.DataFrame({"effect": [Interval(0.1, 0.0, 0.2)]}), caption="One.")
    assert "0.100 [0.000,\u00a00.200]" in displayed[0][0]["text/html"]


def test_names_that_do_not_exist_are_told_in_one_line():
    known = ["model0", "model1", "model2"]
    notebook.expect_names("NETWORK", "model0", known)
    notebook.expect_names("MEMBERS", ["model0", "model2"], known, count=(2,))
    with pytest.raises(notebook.ParameterError, match="NETWORK = 'm': expected 1 of model0, mo"):
        notebook.expect_names("NETWORK", "m", known)
    for wrong in (("model0",), ("model0", "model0"), ("model0", "m"), ("model0", "model1", "m")):
        with pytest.raises(notebook.ParameterError, match="expected 2 of model0"):
            notebook.expect_names("MEMBERS", wrong, known, count=(2,))


def test_cells_are_readable():
    frame = pd.DataFrame(
        {
            "images": np.array([1000, 2]),
            "p": [0.00012, np.nan],
            "effect": [Interval(-0.0001, -0.1, 0.2), None],
            "mean": np.array([-0.00001, 2], np.float32),
        },
        index=pd.Index(["a", "b"], name="row"),
    )
    cells = display.formatted(frame)
    assert cells.columns.name == "row"
    assert cells.loc["a"].tolist() == ["1,000", "0.00012", "0.000 [-0.100, 0.200]", "0.000"]
    assert cells.loc["b"].tolist() == ["2", "–", "–", "2.000"]


def test_an_answer_is_recorded_for_the_first_page(session, displayed):
    found = notebook.Finding("accuracy", Interval(0.5, 0.4, 0.6), 0.45, "no significant difference")
    session.answer("It is.", chinese="是。", question=4, findings=[found])
    (bundle, _), *_ = displayed
    assert bundle["text/markdown"] == "It is.\n\n是。"
    record = bundle[display.RECORD]["answer"]
    assert (record["question"], record["english"], record["chinese"]) == (4, "It is.", "是。")
    assert record["findings"][0]["ours"] == "0.500 [0.400, 0.600]"
    assert record["findings"][0]["homework"] == "0.450"


def test_other_images_are_not_compared_with_the_homework(session, displayed):
    """A verdict on drawn faces is circular, and a difference of two data sets says nothing."""
    frame = pd.DataFrame({"all": [0.5], "homework": [0.45], "verdict": ["above"]}, ["net"])
    session.table(frame)
    assert "homework" in displayed[-1][0]["text/html"]
    assert "above" not in displayed[-1][0]["text/html"]
    rows = {0.45: "above", "stated": "supported", "–": "higher"}
    found = [notebook.Finding("what", 0.5, theirs, word) for theirs, word in rows.items()]
    session.answer("", chinese="", question=1, findings=found)
    verdicts = [row["verdict"] for row in displayed[-1][0][display.RECORD]["answer"]["findings"]]
    assert verdicts == ["not compared", "of the drawing: supported", "higher"]
    session.data = replace(session.data, original=True)
    session.answer("", chinese="", question=1, findings=found)
    verdicts = [row["verdict"] for row in displayed[-1][0][display.RECORD]["answer"]["findings"]]
    assert verdicts == ["above", "supported", "higher"]


def test_how_it_was_made_is_recorded_at_the_end(session, displayed, tmp_path, monkeypatch):
    monkeypatch.setenv("FER_BUILD", str(tmp_path))
    session.finish()
    meta = displayed[-1][0][display.RECORD]["meta"]
    assert (meta["dataset"], meta["profile"], meta["seed"]) == ("drawn", "tiny", 0)


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"profile": "tny"}, "PROFILE = 'tny': expected auto, tiny, quick, reference, paper"),
        ({"seed": "1"}, "SEED = '1': expected int"),
        ({"seed": -1}, "SEED = -1: expected 0 or more"),
        ({"dataset": 3}, "DATASET = 3: expected str"),
    ],
)
def test_a_wrong_parameter_is_one_line(parameter, message):
    assert os.linesep not in message
    with pytest.raises(notebook.ParameterError) as error:
        notebook.start("01_data_exploration", **{"dataset": "drawn"} | parameter)
    assert str(error.value) == message


@pytest.fixture
def shell(monkeypatch):
    """What a cell runs in when nobody executes the notebook headlessly."""
    monkeypatch.delenv("FER_HEADLESS", raising=False)
    yield (shell := InteractiveShell.instance(colors="nocolor"))
    shell.clear_instance()


def test_errors_of_the_package_are_one_line_and_others_have_a_traceback(shell, capsys):
    """TrainingError is one that only TensorFlow's part of the package knows."""
    shell.run_cell("from fer_utils import notebook\nnotebook.start('x', dataset='drawn')")
    shell.run_cell("from fer_utils.training.loop import TrainingError")
    capsys.readouterr()
    for error in ("TrainingError('it diverged')", "notebook.ParameterError('it diverged')"):
        assert not shell.run_cell(f"def f():\n    raise {error}\nf()").success
        out, err = capsys.readouterr()
        assert (out, err.split(": ")[1]) == ("", "it diverged\n")
    shell.run_cell("1 / 0")
    out, err = capsys.readouterr()
    assert "Traceback" in out + err


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("STEPS = '64'", "ParameterError: STEPS = '64': expected int\n"),
        ("KEPT = '0.1'", "ParameterError: KEPT = '0.1': expected float\n"),
        ("KEPT = 1", ""),
    ],
)
def test_a_wrong_type_of_any_parameter_is_one_line(shell, capsys, cell, said):
    shell.run_cell(cell)
    shell.run_cell("from fer_utils import notebook")
    shell.run_cell("nb = notebook.start('06_saliency_maps', dataset='drawn')")
    assert capsys.readouterr().err == said
