"""`fer_utils.report.document` on four small executed notebooks with every kind of output."""

import contextlib
import http.server
import json
import re
import runpy
import shutil
import subprocess
import sys
import threading
import zlib
from base64 import b64encode
from collections.abc import Iterator
from functools import cache, partial
from io import BytesIO
from pathlib import Path

import matplotlib.figure
import nbformat
import pandas as pd
import pytest
import weasyprint
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fer_utils.fer2013 import CHINESE, CLASSES
from fer_utils.files import ROOT
from fer_utils.report import RECORD, ReportError, document, edition
from fer_utils.report.folder import APPENDIX, CORE
from fer_utils.report.page import Section
from fer_utils.report.tables import LONG, arrange

NAMES = ("01_data_exploration", "02_training", "03_confusion_matrix")
OF_APPENDIX = "A2_statistics"
NOTEBOOKS = {CORE: [Path(f"{name}.ipynb") for name in NAMES]}
BOTH = NOTEBOOKS | {APPENDIX: [Path(f"{OF_APPENDIX}.ipynb")]}
CHROMIUM = shutil.which("chromium")
META = {
    "dataset": "drawn",
    "source": "6,000 drawn faces (FER2013 was not found in data/)",
    "profile": "quick",
    "seed": 0,
    "fallbacks": [],
    "seconds": 71.2,
    "versions": {"python": "3.11.9", "tensorflow": "2.21.0", "keras": "3.15.1"},
    "machine": "x86_64, 2 cores",
    "commit": "0123abc",
    "date": "2026-01-02",
}


ANSWER = {
    "question": 3,
    "english": "It is **so**.",
    "chinese": "是這樣。",
    "note": "* With one seed.",
    "rows": [
        {
            "what": "model2",
            "ours": '68.9 <span class="ci">67.8 to 69.9</span>',
            "homework": "67.8",
            "agrees": "yes*",
        }
    ],
}


@cache
def plot(width: float = 6.4, height: float = 3.6) -> str:
    """A line plot of a size in inches, at 144 dots per inch; a PNG, base64."""
    figure = matplotlib.figure.Figure((width, height), dpi=144, layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="accuracy")
    axes.plot([0, 1, 2, 3], [0.2, 0.5, 0.6, 0.64])
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return b64encode(buffer.getvalue()).decode()


def shown(data: dict, **metadata) -> nbformat.NotebookNode:
    return new_output("display_data", data, metadata=metadata)


def notebook(name: str, **meta) -> nbformat.NotebookNode:
    label = f"Table {name[1:2]}.1"
    classes = [f"{english} {chinese}" for english, chinese in zip(CLASSES, CHINESE, strict=True)]
    counts = pd.DataFrame(
        {"Training": [3995, 436, 4097, 7215, 4830, 3171, 4965], "share": 0.1391}, index=classes
    )
    wide = pd.DataFrame([[0.123] * 12] * 3, columns=[f"a long name {i}" for i in range(12)])
    styled = counts.style.set_caption("Styled").format(precision=3, thousands=",")
    words = pd.DataFrame({"pair": ["fear → sad", "sad → neutral"], "rate": ["21.5 %", "−3 %"]})
    tables = [
        counts.to_html().replace(">", f"><caption>{label}. Class balance</caption>", 1),
        *(wide.to_html(), styled.to_html(), words.to_html(index=False)),
    ]
    picture = {"alt": 'Accuracy "rises" & flattens', "caption": "Figure. Accuracy of model1 < 1."}
    attack = (
        "<script>alert(1)</script><style>body{color:red}</style><b onclick='x()'>bold</b>"
        "<iframe src='https://example.org'></iframe><a href='javascript:x()'>click</a>"
    )
    panel = {"place": "C", "caption": "Faces 臉", "alt": "Two faces", "png": plot(3, 2)}
    told = [
        {"answer": ANSWER},
        {"tables": {label: "class,Training\nangry,3995\n"}},
        {"tables": {f"{label}0": "pair,rate\n"}},
        {"panel": panel | {"photographs": False, "instead": None}},
    ]
    finished = {RECORD: {"meta": META | meta}, "text/markdown": ""}
    cells = [
        new_markdown_cell(
            f"# {name[3:].replace('_', ' ').capitalize()} 資料探索\n\n"
            "**Question.** What is in the data?\n\n"
            "**問題：** 觀察答錯的圖片中，哪些類別容易用混？\n\n"
            "| | |\n|---|---|\n| Reads | `data/` |\n| Writes | `facts/` |\n| Runtime | 20 s |"
        ),
        new_code_cell("DATASET = 'auto'\nPROFILE = ''", metadata={"tags": ["parameters"]}),
        new_markdown_cell(
            "## Learning curves\n\nSee [training](02_training.ipynb), its [tables]"
            "(02_training.ipynb#Tables), [here](#Learning-curves), [code](../fer_utils/files.py) "
            "and [a paper](https://arxiv.org/abs/1409.1556). See notebook 2, chapter 3, "
            "*Appendix A2*, [more](appendix/A2_statistics.ipynb) and [back](../02_training.ipynb)."
        ),
        new_markdown_cell("The next cell reads.", metadata={"tags": ["code-lead-in"]}),
        new_code_cell(
            'history = nb.run("model1").history  # both phases\nprint(f"{len(history)} epochs")',
            outputs=[
                new_output("stream", name="stdout", text="epoch 1: \x1b[1m0.512\x1b[0m <done>\n"),
                new_output("stream", name="stderr", text="a warning of a library\n"),
                shown({"image/png": plot(), "text/plain": "<Figure>"}, **{"image/png": picture}),
            ],
        ),
        new_markdown_cell("## Tables\n\nProse before a table."),
        new_code_cell(
            "nb.table(counts)",
            outputs=[
                *(shown({"text/html": html}) for html in tables),
                shown({"text/html": attack, "text/plain": "attack"}),
                shown({"text/markdown": "Model1 is **better**: 48 ± 2 “it’s”…\n\n## Tables"}),
                shown({"application/javascript": "alert(2)", "text/plain": "plain"}),
            ],
        ),
        new_code_cell(
            "counts.shape", outputs=[new_output("execute_result", {"text/plain": "(7, 2)"})]
        ),
        new_code_cell(
            "nb.show(left)\nnb.show(right)",
            outputs=[shown({"image/png": plot(2.9, 2)}, **{"image/png": picture})] * 2,
        ),
        new_markdown_cell("## Answer"),
        new_code_cell(
            "nb.answer(...)",
            outputs=[shown({RECORD: record, "text/markdown": "It is **so**."}) for record in told],
        ),
        new_code_cell("nb.finish()", outputs=[shown(finished)]),
    ]
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


def write_executed(build, names=(*NAMES, OF_APPENDIX), **meta):
    """Executed notebooks, as the build leaves them in `build`."""
    (build / "notebooks").mkdir(parents=True, exist_ok=True)
    for name in names:
        nbformat.write(notebook(name, **meta), build / "notebooks" / f"{name}.ipynb")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the fixture's whole report."""
    folder = tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_BUILD", str(folder))
        write_executed(folder)
        for each in BOTH:
            document.write_document(each, BOTH)
    return folder


@pytest.fixture(scope="module")
def pages(built) -> dict[str, BeautifulSoup]:
    """The parsed pages, by name without suffix."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in built.glob("*.html")}
    return {name: BeautifulSoup(text, "html.parser") for name, text in texts.items()}


@pytest.fixture
def section(pages) -> BeautifulSoup:
    """The first notebook in the report."""
    return pages["index"].find(id=NAMES[0])


def browse(address: str, profile: Path, *options: str) -> subprocess.CompletedProcess:
    """What a headless Chromium makes of a page: its HTML on standard output."""
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-quic", "--disable-background-networking", "--disable-component-update"),
        *("--disable-sync", "--no-proxy-server", f"--user-data-dir={profile}"),
    ]
    return subprocess.run(
        [*command, *options, "--dump-dom", address], capture_output=True, text=True, timeout=200
    )


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a web server at work."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_files(built):
    made = ["appendix.html", "appendix.pdf", "index.html", "notebooks", "report.pdf", "tables"]
    assert sorted(path.name for path in built.iterdir()) == made
    tables = sorted(path.name for path in (built / "tables").iterdir())
    assert tables == [f"table-{n}.{m}.csv" for n in (1, 2, 3) for m in (1, 10)]
    table = (built / "tables" / "table-1.1.csv").read_text(encoding="utf-8")
    assert table == "class,Training\nangry,3995\n"


@pytest.mark.parametrize("name", ["index", "appendix"])
def test_self_contained(built, pages, name):
    """Nothing is loaded and nothing runs; what an output tried is gone, its text is not."""
    html = (built / f"{name}.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    sources = re.findall(r"""(?:src=["']|url\(["']?|srcset=["']|@import)([^"')]{0,30})""", html)
    assert sources
    assert all(source.startswith("data:") for source in sources)
    assert not re.search(r"<script|<iframe|<link|onclick|javascript:|alert\(|example\.org", html)
    assert pages[name].find("b", string="bold")
    assert "a warning of a library" not in html
    assert "\x1b" not in html


@pytest.mark.parametrize("name", ["index", "appendix"])
def test_links(built, pages, name):
    """Ids are unique and every link inside the report arrives."""
    soup = pages[name]
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for href in {a["href"] for a in soup.find_all("a", href=True)}:
        page, _, fragment = href.partition("#")
        if not href.startswith("https://"):
            assert not page or (built / page).exists(), href
            target = pages.get(page.removesuffix(".html") or name)
            assert not fragment or target.find(id=fragment), href
    assert soup.find("a", href="https://arxiv.org/abs/1409.1556")
    assert not soup.find("a", string="code")


#: Page -> its first notebook; the text of a link in that, and where it leads.
LINKED = {
    "index": {
        "tables": "#02_training-Tables",
        "here": "#01_data_exploration-Learning-curves",
        "notebook 2": "#02_training",
        "chapter 3": "#03_confusion_matrix",
        "Appendix A2": "appendix.html#A2_statistics",
        "more": "appendix.html#A2_statistics",
        "back": "#02_training",
        "CSV": "tables/table-1.1.csv",
    },
    "appendix": {
        "tables": "index.html#02_training-Tables",
        "here": "#A2_statistics-Learning-curves",
        "chapter 3": "index.html#03_confusion_matrix",
        "more": "#A2_statistics",
        "back": "index.html#02_training",
    },
}


@pytest.mark.parametrize("page", LINKED)
def test_links_between_notebooks(pages, page):
    first = pages[page].main.section
    assert {text: first.find("a", string=text)["href"] for text in LINKED[page]} == LINKED[page]


def everything_in(path: Path) -> bytes:
    """The content of a PDF, with what is compressed in it."""
    pdf = path.read_bytes()
    streams = [pdf]
    for match in re.finditer(rb"stream\r?\n", pdf):
        with contextlib.suppress(zlib.error):
            streams.append(zlib.decompressobj().decompress(pdf[match.end() :]))
    return b"\n".join(streams)


def test_in_the_pdf_the_appendix_is_a_pdf(built):
    """And tables, which lie beside the report, are not linked there."""
    links = re.findall(rb"/URI \(([^)]*)\)", everything_in(built / "report.pdf"))
    assert set(links) == {b"appendix.pdf", b"https://arxiv.org/abs/1409.1556"}


@pytest.mark.parametrize("place", [".contents > ol > li", ".menu nav > ol > li"])
def test_contents(pages, place):
    entries = pages["index"].select(place)
    assert [li.a["href"] for li in entries] == [*(f"#{name}" for name in NAMES), "appendix.html"]
    assert len(entries[0].ol.find_all("a")) == 3
    assert pages["appendix"].select(place)[-1].a["href"] == "index.html"


def test_answer_stands_under_the_question(section):
    texts = [tag.get_text() for tag in section.find_all(["p", "h2"])]
    at = texts.index("Answer")
    assert texts[at - 1].startswith("問題：")
    assert texts[at + 1] == "It is so."
    assert texts.count("Answer") == 1


def test_page_one_has_panels_and_one_table(pages):
    page_one = pages["index"].header
    assert [p.get_text() for p in page_one.select("figcaption")] == ["C Faces 臉"] * len(NAMES)
    assert page_one.img["alt"] == "Two faces"
    assert (page_one.img["width"], page_one.img["height"]) == ("288", "192")
    rows = page_one.tbody.find_all("tr")
    assert len(rows) == len(NAMES)
    cells = [cell.get_text() for cell in rows[0].find_all(["th", "td"])]
    assert cells == ["3", "model2", "68.9 67.8 to 69.9", "67.8", "yes*", "1"]
    assert rows[0].find(class_="ci")
    assert page_one.find(class_="note").get_text().endswith(" ".join([ANSWER["note"]] * len(NAMES)))


def test_homework_is_left_out_where_there_is_nothing_to_compare():
    answer = ANSWER | {"rows": [ANSWER["rows"][0] | {"homework": "–", "agrees": ""}]}
    section = Section("01_x", "", [], "", {"meta": META, "answer": answer})
    heads = BeautifulSoup(document.render(CORE, [section]), "html.parser").thead.find_all("th")
    assert [head.get_text() for head in heads] == ["Q", "What was found", "Ours", "Ch."]


def test_page_two_has_the_chinese_answers_and_a_glossary(pages):
    page_two = pages["index"].find(class_="second")
    answers = [line.get_text() for line in page_two.select(".chinese dd")]
    assert [answer.strip() for answer in answers] == [ANSWER["chinese"]] * len(NAMES)
    assert len(page_two.select(".glossary dt")) == 12


@pytest.mark.parametrize(("rows", "words"), [(8, 3), (14, 5), (11, 12)])
def test_page_one_and_page_two_are_one_page_each(rows, words):
    row = ANSWER["rows"][0] | {"what": "accuracy " * words}
    answer = ANSWER | {"rows": [row] * rows, "chinese": "準確率無顯著差異。" * 40}
    panel = {"place": "A", "caption": "Accuracy " * 14, "alt": "", "png": plot(3.3, 3)}
    record = {"meta": META, "panel": panel}
    sections = [Section(f"0{n}_x", "Title", [], "<p>Text.</p>", dict(record)) for n in range(1, 5)]
    sections[0].record["answer"] = answer
    pages = weasyprint.HTML(string=document.render(CORE, sections)).render().pages
    starts = ("top", "page-two", "01_x")
    assert [start in page.anchors for start, page in zip(starts, pages, strict=False)] == [True] * 3


def test_the_appendix_has_neither_page(pages):
    assert not pages["appendix"].select(".panels, .findings, .second")
    assert pages["appendix"].header.h1.get_text() == "Appendix 附錄"


def test_chinese_is_marked_as_such(pages):
    chinese = pages["index"].body.find_all(string=re.compile("[\u4e00-\u9fff]"))
    assert chinese
    assert [text for text in chinese if not text.find_parent(lang="zh-Hant")] == []


def test_figures_code_and_text(section):
    figure = section.find("figure")
    assert section.find(class_="code-lead-in").get_text().strip() == "The next cell reads."
    assert figure.img["alt"] == 'Accuracy "rises" & flattens'
    assert figure.figcaption.get_text() == "Figure. Accuracy of model1 < 1."
    assert (figure.img["width"], figure.img["height"]) == ("614", "345")  # 6.4 x 3.6 inches
    folded = section.find_all("details")
    assert not any(details.has_attr("open") for details in folded)
    assert section.find("pre", string="epoch 1: 0.512 <done>\n").find_parent("details")
    assert section.find("pre", string="(7, 2)").find_parent("details")
    assert section.find("pre", string="plain")


def test_tables(section):
    """The question's header is empty and left out; columns of numbers are marked, not of words."""
    opening, counts, wide, styled, words = tables = section.find_all("table")
    assert opening.thead is None
    assert counts.caption.get_text() == "Table 1.1. Class balance CSV"
    assert all(table.parent["class"] == ["table"] for table in tables)
    heads = counts.thead.find_all("th")
    assert [th.get("class") for th in heads] == [["number"], ["number"]]
    assert {th["scope"] for th in heads} == {"col"}
    assert {th["scope"] for th in counts.tbody.find_all("th")} == {"row"}
    assert counts.tbody.td["data-label"] == "Training"
    assert [td.get("class") for td in words.tbody.tr.find_all("td")] == [None, ["number"]]
    assert styled.caption.get_text() == "Styled"
    assert styled.find("td", string="3,995")["class"] == ["number"]
    assert not styled.find(id=True)
    assert "wide" in wide["class"]
    assert "wide" not in counts["class"]


def test_two_small_figures_stand_beside_each_other(section):
    (pair,) = section.find_all(class_="pair")
    assert len(pair.find_all("figure")) == 2


def arranged(frame: pd.DataFrame) -> BeautifulSoup:
    soup = BeautifulSoup(frame.to_html(escape=False), "html.parser")
    arrange(soup.table, soup)
    return soup


def test_columns_with_intervals_are_numbers():
    interval = '<span class="ci">63.8 to 66.3</span>'
    frame = pd.DataFrame({"n": [f"65.1 {interval}", "–"], "95 % CI": [interval, ""], "x": "65 of"})
    cells = arranged(frame).tbody.tr.find_all("td")
    assert [cell.get("class") for cell in cells] == ["number", "number", None]


def test_no_page_ends_within_the_rows_of_one_label():
    index = pd.MultiIndex.from_product([["a", "b"], ["x", "y", "z"]])
    rows = arranged(pd.DataFrame({"n": range(6)}, index)).tbody.find_all("tr")
    assert ["joined" in row.get("class", "") for row in rows] == [False, True, True] * 2


@pytest.mark.parametrize("rows", [LONG - 2, LONG])
def test_only_a_long_table_may_be_broken(rows):
    assert ("long" in arranged(pd.DataFrame({"n": range(rows)})).div["class"]) == (rows == LONG)


def test_drawn_faces_are_said_not_to_be_fer2013(pages):
    assert pages["index"].header.find(class_="warning")


SMALL_PRINT = {
    "Profile": "quick, seed 0",
    "Notebooks ran for": "3 min 34 s, the training of finished runs apart",  # 3 x 71.2 s
    "Machine": "x86_64, 2 cores",
    "Versions": "keras 3.15.1, python 3.11.9, tensorflow 2.21.0",
}


def test_small_print(pages):
    facts = pages["index"].find(class_="facts").get_text()
    assert facts == f"{META['date']} · commit 0123abc · {META['source']}"
    lines = pages["index"].select(".small div")
    assert {line.dt.get_text(): line.dd.get_text() for line in lines} == SMALL_PRINT


@pytest.mark.parametrize("key", ["fallbacks", "rescored", "not_rescored"])
def test_runs_that_are_not_the_reference_are_named(key):
    metas = [META, META | {key: ["model1-reference"]}]
    sections = [Section("01", "", [], "", {"meta": meta}) for meta in metas]
    (more,) = document.circumstances(sections).keys() - SMALL_PRINT.keys()
    assert "model1-reference" in document.circumstances(sections)[more]


def test_pdf(built):
    """Tagged, titled, in English, with the notebooks as bookmarks and the Chinese font inside."""
    everything = everything_in(built / "report.pdf")
    title = "Confusion matrix 資料探索".encode("utf-16-be").hex().encode()
    assert everything.startswith(b"%PDF")
    assert b"pdfuaid" in everything
    assert b"/Lang (en)" in everything
    assert title in everything.lower()
    assert b"+Report-Sans-Bold" in everything


@pytest.fixture
def without_pango(tmp_path, monkeypatch):
    """`import weasyprint` fails as it does where pango is not installed."""
    broken = "raise OSError(\"cannot load library 'libpango-1.0-0'\")"
    (tmp_path / "weasyprint.py").write_text(broken)
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("without_pango")
def test_no_printer(tmp_path, monkeypatch, capsys):
    """The HTML stands, an older PDF does not, and the message names the package."""
    notebooks, build = tmp_path / "notebooks", tmp_path / "build"
    notebooks.mkdir()
    (notebooks / "01_data_exploration.ipynb").touch()
    write_executed(build, NAMES[:1])
    (build / "fer-build.json").write_text("{}")
    (build / "report.pdf").touch()
    monkeypatch.setattr(document, "NOTEBOOKS", notebooks)
    monkeypatch.setenv("FER_BUILD", str(build))
    monkeypatch.setenv("PATH", "")
    assert document.main() == 1
    message = capsys.readouterr().err
    assert "apt install libpango-1.0-0 libpangoft2-1.0-0" in message
    assert "cannot load library" in message
    assert (build / "index.html").exists()
    assert not (build / "report.pdf").exists()


@pytest.mark.usefixtures("without_pango")
@pytest.mark.skipif(not CHROMIUM, reason="no chromium on PATH")
def test_chromium_prints(built, tmp_path):
    pdf = tmp_path / "report.pdf"
    html = (built / "index.html").read_text(encoding="utf-8")
    assert document.print_pdf(html, pdf) == "chromium"
    assert pdf.read_bytes().startswith(b"%PDF")


def spoil(folder: Path, fault: str) -> None:
    """Put a fault into the executed notebooks of a folder."""
    first, second = (folder / "notebooks" / f"{name}.ipynb" for name in NAMES[:2])
    if fault == "absent":
        second.unlink()
    elif fault == "unfinished":
        made = notebook(NAMES[1])
        made.cells.pop()
        nbformat.write(made, second)
    elif fault == "cut off":
        second.write_text(second.read_text()[:300])
    elif fault == "of other data":
        write_executed(folder, NAMES[1:2], source="fer2013.csv")
    elif fault == "a picture from elsewhere":
        made = notebook(NAMES[0])
        made.cells[0] = new_markdown_cell("# A\n\n![x](http://x/y.png)")
        nbformat.write(made, first)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("absent", "02_training has not been executed: run `make report`"),
        ("unfinished", "02_training: the last cell must be `nb.finish()`"),
        ("cut off", "02_training.ipynb is damaged: run `make report`"),
        ("of other data", "01_data_exploration and 02_training differ in source (6,000 drawn"),
        ("a picture from elsewhere", "01_data_exploration: an image is not embedded in the note"),
    ],
)
def test_errors(tmp_path, monkeypatch, fault, message):
    """An older report stays as it is."""
    monkeypatch.setenv("FER_BUILD", str(tmp_path))
    write_executed(tmp_path)
    spoil(tmp_path, fault)
    older = [tmp_path / name for name in ("index.html", "report.pdf")]
    for path in older:
        path.write_text("older")
    with pytest.raises(ReportError, match=re.escape(message)):
        document.write_document(CORE, NOTEBOOKS)
    assert [path.read_text() for path in older] == ["older", "older"]


@pytest.mark.parametrize("command", [document.main, edition.main])
@pytest.mark.parametrize(("given", "message"), [(".", "FER_BUILD=."), ("mine", "01_x")])
def test_wrong_folder_is_one_line(tmp_path, monkeypatch, capsys, command, given, message):
    monkeypatch.chdir(ROOT if given == "." else tmp_path)
    monkeypatch.setenv("FER_BUILD", given)
    monkeypatch.setattr(document, "NOTEBOOKS", tmp_path)
    (tmp_path / "01_x.ipynb").touch()
    assert command() == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


FRAME = """
<iframe src="index.html" style="width: 390px; height: 900px"></iframe>
<iframe src="control.html"></iframe>
<script>
  const look = ({contentWindow: w}) => [
    w.performance.getEntriesByType("resource").length,
    w.document.documentElement.scrollWidth,
    [...w.document.querySelectorAll("body *")]
      .filter(e => !e.closest(".table, pre, .picture, .skip, thead"))
      .filter(e => e.getBoundingClientRect().right > w.innerWidth)
      .map(e => e.tagName)];
  onload = () =>
    document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(look));
</script>
"""


@pytest.mark.skipif(not CHROMIUM, reason="no chromium on PATH")
def test_in_a_browser(built, tmp_path):
    """390 px wide: no request, nothing blocked, and only tables and text blocks scroll sideways.

    A frame shows the report; `control.html` shows that a request would be seen.
    """
    (tmp_path / "control.html").write_text('<img src="index.html">')
    shutil.copy(built / "index.html", tmp_path)
    (tmp_path / "frame.html").write_text(FRAME)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with serving(handler) as address:
        log = "--enable-logging=stderr"
        done = browse(f"{address}/frame.html", tmp_path / "profile", log)
    title = re.search("<title>(.*)</title>", done.stdout)[1]
    (requests, width, sticking_out), (control, _, _) = json.loads(title)
    assert control == 1
    assert requests == 0
    assert width <= 390
    assert sticking_out == []
    assert "Content Security Policy" not in done.stderr


@pytest.mark.parametrize("face", ["Regular", "Bold"])
def test_font_has_every_character(face):
    """Else: `python report/fonts/subset.py`, which says where the whole font is."""
    fonts = ROOT / "report" / "fonts"
    path = fonts / f"NotoSansTC-{face}.woff2"
    needed = runpy.run_path(str(fonts / "subset.py"))["characters"]()
    chinese = {character for character in needed if character >= "\u2e80"}
    missing = (chinese | set(map(chr, range(32, 127)))) - set(map(chr, TTFont(path).getBestCmap()))
    assert set("".join(CHINESE)) <= chinese
    assert missing == set()
    assert path.stat().st_size <= 100 * 1024
    assert "SIL OPEN FONT LICENSE" in (fonts / "OFL.txt").read_text()


def test_notebooks_link_to_notebooks_that_exist():
    notebooks = ROOT / "notebooks"
    for path in [*notebooks.glob("*.ipynb"), *notebooks.glob("appendix/*.ipynb")]:
        for name in re.findall(r"\]\(([\w./]+\.ipynb)", path.read_text(encoding="utf-8")):
            assert (path.parent / name).exists(), f"{path.name} links to {name}"
