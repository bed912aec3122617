"""What a notebook shows: numbers, captions, cells of tables, and errors in the parameters."""

import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from fer_utils import notebook
from fer_utils.notebook import display
from fer_utils.notebook import session as sessions
from fer_utils.statistics.intervals import Interval
from fer_utils.statistics.results import Result
from fer_utils.statistics.verdicts import Support, Verdict


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
    session.table(pd.DataFrame({"n": [1]}), caption="One.")
    session.show(display.plt.figure(), caption="A < B.", alt="A line")
    session.show(display.plt.figure())
    assert not display.plt.get_fignums()
    table, _, caption, _, second = (bundle for bundle, _ in displayed)
    assert "<caption>Table\u00a06.1. One.</caption>" in table["text/html"]
    assert table["text/plain"].startswith("Table 6.1. One.\n")
    assert displayed[1][1]["image/png"]["alt"] == "A line"
    assert caption["text/markdown"] == "**Figure 6.1.** A < B.  \n*In words: A line*"
    assert second["text/markdown"] == "**Figure 6.2.**"


def test_an_appendix_numbers_its_tables_by_its_letter(displayed):
    display.Display("A4_larger_ensembles").table(pd.DataFrame({"n": [1]}))
    assert "Table\u00a0A4.1" in displayed[0][0]["text/html"]


def test_the_full_table_is_recorded_for_machines(session, displayed):
    effect = Interval(0.1, 0.0, 0.2).tested(0.03, 50)
    full = pd.DataFrame({"effect": [effect], "verdict": [effect.verdict]}, ["augmentation"])
    session.table(full[["verdict"]], full=full)
    assert displayed[0][0][display.RECORD]["tables"]["Table 6.1"] == (
        ",effect estimate,effect low,effect high,effect p,verdict\n"
        "augmentation,0.1,0.0,0.2,0.03,not significant\n"
    )


def test_names_that_do_not_exist_are_told_in_one_line():
    known = ["model0", "model1", "model2"]
    notebook.expect_names("NETWORK", "model0", known)
    notebook.expect_names("MEMBERS", ["model0", "model2"], known, count=(2,))
    with pytest.raises(notebook.ParameterError, match="NETWORK = 'm': expected 1 of model0, mo"):
        notebook.expect_names("NETWORK", "m", known)
    for wrong in (("model0",), ("model0", "model0"), ("model0", "m"), ("model0", "model1", "m")):
        with pytest.raises(notebook.ParameterError, match="expected 2 of model0"):
            notebook.expect_names("MEMBERS", wrong, known, count=(2,))


@pytest.mark.parametrize(("value", "holds"), [(True, True), (1, False), ("yes", False)])
def test_a_switch_is_true_or_false(value, holds, shell, capsys):
    shell.run_cell(f"SECOND = {value!r}")
    shell.run_cell("from fer_utils import notebook")
    assert shell.run_cell("notebook.start('experiment', dataset='drawn')").success is holds
    assert ("expected bool" in capsys.readouterr().err) is not holds


def test_an_interrupt_is_one_line(shell, capsys):
    shell.run_cell("from fer_utils import notebook\nnotebook.start('x', dataset='drawn')")
    capsys.readouterr()
    for raised, said in (
        ("KeyboardInterrupt", "stopped: run the cell again\n"),
        ("KeyboardInterrupt('after step 3')", "after step 3\n"),
    ):
        shell.run_cell(f"def f():\n    raise {raised}\nf()")
        assert capsys.readouterr().err == said


def test_cells_are_readable():
    frame = pd.DataFrame(
        {
            "images": np.array([1000, 2]),
            "p": [0.00012, 0.0312],
            "accuracy": [Interval(0.651, 0.638, 0.6632), None],
            "effect": [Interval(-0.0001, -0.1, 0.2).tested(1, 9), np.nan],
            "verdict": [Verdict.HIGHER, Support.INCONCLUSIVE],
            "share": np.array([-0.00001, 1], np.float32),
        },
        index=pd.Index(["duplicate_free", "a < b"], name="row"),
    )
    cells = display.formatted(frame)
    assert cells.columns.name == "row"
    assert cells.iloc[0].tolist() == [
        *("1,000", "&lt; 0.001"),
        '65.1 <span class="ci">63.8 to 66.3</span>',
        '0.0 <span class="ci">−10.0 to +20.0</span>',
        *("higher", "0.0"),
    ]
    assert cells.iloc[1].tolist() == ["2", "0.031", "–", "–", "inconclusive", "100.0"]
    assert cells.index.tolist() == ["duplicate-free", "a &lt; b"]
    assert display.formatted(frame[["share"]], percent=False, digits=2).iat[1, 0] == "1.00"


GAIN = Result(("effect", "augmentation"), Interval(0.048, 0.036, 0.06).tested(0.001, 100))
TOLD = notebook.Told("Five points.", "五個百分點。", [GAIN.higher_by(4, 6)])
WRONG = notebook.Told("Two points.", "兩個百分點。", [GAIN.higher_by(1, 3)])
PLAIN = "effect, augmentation: +4.8 points (95 % CI +3.6 to +6.0), higher"


def test_a_sentence_stands_where_its_checks_hold_else_the_plain_line(session, displayed):
    session.conclude(TOLD.english, *TOLD.checks)
    session.conclude(WRONG.english, *WRONG.checks)
    session.conclude("Nothing is known.", Result(("effect",), None).higher())
    shown = [bundle.data for bundle, _ in displayed]
    assert shown == ["Five points.", f"{PLAIN}."]


def test_on_the_reference_data_a_false_sentence_stops_the_build(session, displayed, monkeypatch):
    monkeypatch.setattr(type(session), "is_reference", True)
    session.conclude(TOLD.english, *TOLD.checks)
    with pytest.raises(notebook.UntrueSentence) as error:
        session.conclude(WRONG.english, *WRONG.checks)
    expected = "expected significantly higher, by 1 to 3"
    assert str(error.value) == f"“Two points.” {expected}, measured {PLAIN}"


@pytest.mark.parametrize(
    ("changed", "reference"),
    [
        ({}, True),
        ({"profile": "quick"}, False),
        ({"seed": 1}, False),
        ({"data": SimpleNamespace(name="fer2013", original=False)}, False),
        ({"data": SimpleNamespace(name="drawn", original=False)}, False),
    ],
)
def test_the_reference_is_fer2013_with_the_finished_runs(session, changed, reference):
    session.data, session.profile = SimpleNamespace(name="fer2013", original=True), "reference"
    for name, value in changed.items():
        setattr(session, name, value)
    assert session.is_reference is reference
    session.runs.fallbacks.add("model2")
    assert not session.is_reference


def test_an_answer_is_recorded_for_the_first_page(session, displayed):
    rows = [notebook.Row("accuracy", Interval(0.5, 0.4, 0.6), 0.45, Verdict.NOT_SIGNIFICANT)]
    rows += [notebook.Row("effect", GAIN.value, "cheeks", Support.SUPPORTED)]
    session.data = replace(session.data, original=True)
    session.answer(TOLD, question=4, rows=rows, note="One run.")
    bundle = displayed[-1][0]
    assert bundle["text/markdown"] == "Five points.\n\n五個百分點。"
    record = bundle[display.RECORD]["answer"]
    assert (record["question"], record["english"], record["chinese"]) == (4, *TOLD[:2])
    assert [list(row.values()) for row in record["rows"]] == [
        ["accuracy", "50.0 %", "45.0 %", "yes"],
        ["effect", "+4.8", "cheeks", "yes"],
    ]
    assert record["note"] == "One run."


def test_other_images_are_not_compared_with_the_homework(session, displayed):
    row = notebook.Row("accuracy", 0.5, 0.45, Verdict.HIGHER)
    drawn = notebook.Told("Drawn.", "繪製。", [])
    session.answer(WRONG, question=1, rows=[row], note="One run.", drawn=drawn)
    session.answer(WRONG, question=1)
    first, second = (bundle[display.RECORD]["answer"] for bundle, _ in displayed)
    assert [list(row.values()) for row in first["rows"]] == [["accuracy", "50.0 %", "", ""]]
    assert (first["english"], first["note"]) == ("Drawn.", "")
    assert second["english"] == f"{PLAIN}."
    assert second["chinese"].endswith("：+4.8 個百分點（95% 信賴區間 +3.6 至 +6.0），顯著較高。")


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
        ("IMAGES = '64'", "ParameterError: IMAGES = '64': expected int\n"),
        ("KEPT = '0.1'", "ParameterError: KEPT = '0.1': expected float\n"),
        ("KEPT = 1", ""),
    ],
)
def test_a_wrong_type_of_any_parameter_is_one_line(shell, capsys, cell, said):
    shell.run_cell(cell)
    shell.run_cell("from fer_utils import notebook")
    shell.run_cell("nb = notebook.start('06_saliency_maps', dataset='drawn')")
    assert capsys.readouterr().err == said
