"""One executed notebook -> its part of the report: plain HTML without scripts or requests."""

import base64
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Tag
from markupsafe import escape
from nbconvert import HTMLExporter
from PIL import Image
from traitlets.config import Config

from fer_utils.files import ROOT
from fer_utils.report import RECORD, ReportError
from fer_utils.report.parameters import record_of
from fer_utils.report.sanitise import sanitise
from fer_utils.report.tables import PERCENT, arrange, link_tables, unbroken

SHOWN = [  # of an output's representations, the first of these
    *("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"),
    RECORD,  # shows nothing
]
CHINESE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef「」『』、。，；：？！（）]+")
TEXT = re.compile(r"(?:\A|(?<=>))[^<>]+")  # of HTML whose attributes hold no < and no >
PHONE = 358  # CSS pixels that a figure has on a phone; a larger one keeps its size there
HALF = 290  # CSS pixels: half the width of the text on paper
NAMED = re.compile(r"\b(?:[Nn]otebook|[Cc]hapter)s? 0?([1-9])\b|\bAppendix (A\d+)\b")
HREF = re.compile(r"(?:(?:\.{1,2}/)*(?:appendix/)?(\w+)\.ipynb)?(?:#(.*))?")


@dataclass(frozen=True)
class Section:
    """One executed notebook.

    `body` is its HTML without the title, with ids that start with the notebook's name; `headings`
    are (id, text) of the second level; `record` as `record_of` gives it.
    """

    name: str
    title: str
    headings: list[tuple[str, str]]
    body: str
    record: dict

    @property
    def number(self) -> str:
        """The number that its name starts with, such as 4 or A4."""
        return number_of(self.name)


def read_section(path: Path, pages: Mapping[str, str]) -> Section:
    """The executed notebook at `path` as HTML.

    `pages` has all notebooks of the report, each with the page that it is on: "" for this one.
    Raises ReportError if it does not say how it was made, or shows a picture from elsewhere.
    """
    name, notebook = path.stem, read_executed(path)
    record = record_of(notebook)
    if "meta" not in record:
        raise ReportError(f"{name}: the last cell must be `nb.finish()`")
    exporter = HTMLExporter(
        template_name="template",
        extra_template_basedirs=[str(ROOT / "report")],
        exclude_anchor_links=True,
        config=Config(
            NbConvertBase={"display_data_priority": SHOWN},
            CoalesceStreamsPreprocessor={"enabled": True},
        ),
    )
    html, _ = exporter.from_notebook_node(notebook)
    soup = BeautifulSoup(sanitise(html), "html.parser")
    fold(soup)
    raise_answer(soup)
    link(soup, name, pages)
    for image in soup.find_all("img"):
        _size(image, name)
    pair(soup)
    for table in soup.find_all("table"):
        arrange(table, soup)
    link_tables(soup, record.get("tables", ()))
    for text in soup.find_all(string=PERCENT):
        if not text.find_parent(["pre", "code"]):
            text.replace_with(unbroken(text))
    title = soup.h1.extract().get_text() if soup.h1 else name
    headings = [(heading["id"], heading.get_text()) for heading in soup.find_all("h2")]
    return Section(name, title, headings, mark_chinese(str(soup)), record)


def read_executed(path: Path) -> nbformat.NotebookNode:
    """The notebook at `path`. Raises ReportError if it is absent or cut off."""
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise ReportError(f"{path.stem} has not been executed: run `make report`") from None
    except (ValueError, nbformat.ValidationError):
        raise ReportError(f"{path} is damaged: run `make report`") from None


def fold(soup: BeautifulSoup) -> None:
    """Make one fold of each run of code cells, with what they printed."""
    for code in soup.find_all("details", class_="code"):
        while not code.decomposed and (after := code.find_next_sibling()):
            kind = {"code", "output", "log"} & set(after.get("class", []))
            if not kind:
                break
            if kind == {"code"}:
                after.summary.decompose()
                code.extend(list(after.contents))
                after.decompose()
            else:
                code.append(after)


def number_of(name: str) -> str:
    """Return the number in a notebook's name, such as "4" of "04_ensemble"."""
    return name.partition("_")[0].lstrip("0")


def raise_answer(soup: BeautifulSoup) -> None:
    """Move the answer to the top, below the question; its heading goes, if it has one."""
    answer, heading = soup.find("div", class_="answer"), soup.find("h2", string="Answer")
    if heading is not None:
        heading.decompose()
    if answer is not None:
        first = soup.find("h2") or answer
        before = first.find_previous_siblings("p")
        asked = next((p for p in before if re.match(r"Question|問題", p.get_text())), None)
        (asked.insert_after if asked else first.insert_before)(answer)


def pair(soup: BeautifulSoup) -> None:
    """Put two small figures that follow one another beside each other."""
    for left in soup.find_all("figure"):
        right = left.find_next_sibling()
        if left.parent.name != "div" and _is_small(left) and _is_small(right):
            both = left.wrap(soup.new_tag("div", attrs={"class": "pair"}))
            both.append(right)


def _is_small(node: Tag | None) -> bool:
    return node is not None and node.name == "figure" and 0 < _width(node) <= HALF


def _width(figure: Tag) -> int:
    return int(figure.img.get("width", 0)) if figure.img else 0


def link(soup: BeautifulSoup, name: str, pages: Mapping[str, str]) -> None:
    """Give headings ids that start with the notebook's name, and point links to them, in place.

    `03_model_training.ipynb#Title` becomes `#03_model_training-Title`, after the name of its page
    if that is another one. Links to other files are dropped: they are not in the report.
    "notebook 3", "chapter 3" and "Appendix A4" become links.
    """
    seen: Counter[str] = Counter()
    for heading in soup.find_all(re.compile("h[1-6]")):
        anchor = heading.get_text().replace(" ", "-")  # as JupyterLab does
        seen[anchor] += 1
        again = f"-{seen[anchor]}" if seen[anchor] > 1 else ""
        heading["id"] = f"{name}-{anchor}{again}"
    for tag in soup.find_all("a", href=True):
        inside = HREF.fullmatch(tag["href"])
        if inside and (target := inside[1] or name) in pages:
            fragment = f"-{inside[2]}" if inside[2] else ""
            tag["href"] = f"{pages[target]}#{target}{fragment}"
        elif not re.match(r"https?://|mailto:", tag["href"]):
            tag.unwrap()
    others = {number_of(other): other for other in pages if other != name}

    def made(found: re.Match) -> str:
        other = others.get(found[1] or found[2])
        return f'<a href="{pages[other]}#{other}">{found[0]}</a>' if other else found[0]

    for text in soup.find_all(string=NAMED):
        if not text.find_parent(["a", "pre", "code", "h1", "h2", "h3", "details"]):
            linked = BeautifulSoup(NAMED.sub(made, str(escape(text))), "html.parser")
            text.replace_with(*list(linked.contents))


def mark_chinese(html: str) -> str:
    """Say that Chinese text is Chinese: for fonts, line breaks and screen readers."""
    span = r'<span lang="zh-Hant">\g<0></span>'
    return TEXT.sub(lambda text: CHINESE.sub(span, text[0]), html)


def size_of(png: str) -> tuple[int, int]:
    """Return width and height, in CSS pixels of 1/96 inch, of a PNG in base64."""
    picture = Image.open(BytesIO(base64.b64decode(png)))
    scale = 96 / picture.info.get("dpi", (96, 96))[0]
    width, height = picture.size
    return round(width * scale), round(height * scale)


def _size(image: Tag, name: str) -> None:
    """Give a PNG its size, so that it is shown as it was designed."""
    kind, _, data = image.get("src", "").partition(";base64,")
    if not kind.startswith("data:image/"):
        raise ReportError(f"{name}: an image is not embedded in the notebook: {image.get('src')}")
    if kind == "data:image/png":
        image["width"], image["height"] = map(str, size_of(data))
        figure = image.find_parent("figure")
        if figure is not None and _width(figure) > PHONE:
            figure["class"] = "scrolls"
