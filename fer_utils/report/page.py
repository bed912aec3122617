"""One executed notebook -> its part of the report: plain HTML without scripts or requests."""

import base64
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, NavigableString, Tag
from nbconvert import HTMLExporter
from PIL import Image
from traitlets.config import Config

from fer_utils.files import ROOT
from fer_utils.report import RECORDED
from fer_utils.report.sanitise import sanitise
from fer_utils.report.tables import arrange

SHOWN = [  # of an output's representations, the first of these
    *("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain")
]
CHINESE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef「」『』、。，；：？！（）]+")
PHONE = 358  # CSS pixels that a figure has on a phone; a larger one keeps its size there
NOTEBOOK = re.compile(r"\b[Nn]otebooks? 0?([1-9])\b")


class ReportError(Exception):
    """A report that cannot be made; the message is for the user."""


@dataclass(frozen=True)
class Section:
    """One executed notebook.

    `body` is its HTML without the title, with ids that start with the notebook's name; `headings`
    are (id, text) of the second level; `question` is HTML; `record` as the notebook left it: "meta"
    and, where it has one, "answer".
    """

    name: str
    title: str
    question: str
    headings: list[tuple[str, str]]
    body: str
    record: dict


def read_section(path: Path, names: list[str]) -> Section:
    """The executed notebook at `path` as HTML; `names` are those of all notebooks of the report.

    Raises ReportError if it has not been executed to its end, or shows a picture from elsewhere.
    """
    name, notebook = path.stem, read_executed(path)
    record = notebook.metadata.get(RECORDED, {})
    if "meta" not in record:
        raise ReportError(f"{name} has not been executed to its end: run `make report`")
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
    link(soup, name, names)
    for image in soup.find_all("img"):
        _size(image, name)
    for table in soup.find_all("table"):
        arrange(table, soup)
    mark_chinese(soup)
    return _section(soup, name, record)


def read_executed(path: Path) -> nbformat.NotebookNode:
    """The notebook at `path`. Raises ReportError if it is absent or cut off."""
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise ReportError(f"{path.stem} has not been executed: run `make report`") from None
    except (ValueError, nbformat.ValidationError):
        raise ReportError(f"{path} is damaged: run `make report`") from None


def _section(soup: BeautifulSoup, name: str, record: dict) -> Section:
    """Take the title out, and put the answer under the question."""
    title = soup.find("h1")
    text = title.get_text() if title else name
    question = next((p for p in soup.find_all("p") if p.get_text().startswith("Question")), None)
    asked = question.decode_contents() if question else ""
    if title:
        title.extract()
    raise_answer(soup)
    headings = [(heading["id"], heading.get_text()) for heading in soup.find_all("h2")]
    return Section(name, text, asked, headings, str(soup), record)


def raise_answer(soup: BeautifulSoup) -> None:
    """Move what stands under the heading "Answer" to the top, below the question."""
    heading = soup.find("h2", string="Answer")
    first = soup.find("h2")
    if heading is None:
        return
    block = soup.new_tag("div", attrs={"class": "answer"})
    moved = [heading]
    for node in heading.next_siblings:
        if isinstance(node, Tag) and node.name == "h2":
            break
        if not (isinstance(node, Tag) and node.name == "details"):
            moved.append(node)
    if first is heading:
        heading.insert_before(block)
    else:
        _after_question(first).insert_after(block)
    for node in moved:
        block.append(node.extract())


def _after_question(first: Tag) -> Tag:
    """The last paragraph that puts the question, else what stands before the first heading."""
    asked = [
        p
        for p in first.find_all_previous("p")
        if re.match(r"Question|問題", p.get_text()) and p.find_parent("table") is None
    ]
    return asked[0] if asked else first.previous_sibling or first


def fold(soup: BeautifulSoup) -> None:
    """One fold for each run of code cells, with what they printed."""
    for code in soup.find_all("details", class_="code"):
        if code.parent is None:
            continue
        while (following := _next_tag(code)) is not None:
            classes = following.get("class", [])
            if following.name == "details" and "code" in classes:
                following.summary.decompose()
                code.extend(list(following.contents))
                following.decompose()
            elif "output" in classes or "log" in classes:
                code.append(following.extract())
            else:
                break


def _next_tag(node: Tag) -> Tag | None:
    """The next element, if nothing but white space comes before it."""
    for following in node.next_siblings:
        if isinstance(following, Tag):
            return following
        if following.strip():
            return None
    return None


def link(soup: BeautifulSoup, name: str, names: list[str]) -> None:
    """Give headings ids that start with the notebook's name, and point links to them, in place.

    `03_model_training.ipynb#Title` becomes `#03_model_training-Title`. Links to other files are
    dropped: they are not in the report. "notebook 3" becomes a link.
    """
    seen = Counter()
    for heading in soup.find_all(re.compile("h[1-6]")):
        anchor = heading.get_text().replace(" ", "-")  # as JupyterLab does
        seen[anchor] += 1
        again = f"-{seen[anchor]}" if seen[anchor] > 1 else ""
        heading["id"] = f"{name}-{anchor}{again}"
    for tag in soup.find_all("a", href=True):
        inside = re.fullmatch(r"(?:(?:\./)?(\w+)\.ipynb)?(?:#(.*))?", tag["href"])
        if inside:
            fragment = f"-{inside[2]}" if inside[2] else ""
            tag["href"] = f"#{inside[1] or name}{fragment}"
        elif not re.match(r"https?://|mailto:", tag["href"]):
            tag.unwrap()
    by_number = {int(other[:2]): other for other in names if other[:2].isdigit() and other != name}
    for text in soup.find_all(string=NOTEBOOK):
        if not text.find_parent(["a", "pre", "code", "h1", "h2", "h3", "details"]):
            _replace(text, NOTEBOOK, partial_link(soup, by_number))


def partial_link(soup: BeautifulSoup, by_number: dict[int, str]) -> Callable[[re.Match], Tag | str]:
    """What to put in place of "notebook 3": a link, or the words as they are."""

    def made(found: re.Match) -> Tag | str:
        target = by_number.get(int(found[1]))
        if target is None:
            return found[0]
        tag = soup.new_tag("a", href=f"#{target}")
        tag.string = found[0]
        return tag

    return made


def mark_chinese(soup: BeautifulSoup) -> None:
    """Say that Chinese text is Chinese: for fonts, line breaks and screen readers."""

    def made(found: re.Match) -> Tag:
        tag = soup.new_tag("span", lang="zh-Hant")
        tag.string = found[0]
        return tag

    for text in soup.find_all(string=CHINESE):
        if not text.find_parent(lang=True):
            _replace(text, CHINESE, made)


def by_language(text: str) -> list[tuple[bool, str]]:
    """A text cut into (is Chinese, part)."""
    parts = re.split(f"({CHINESE.pattern})", text)
    return [(bool(number % 2), part) for number, part in enumerate(parts) if part]


def _replace(text: NavigableString, pattern: re.Pattern, made) -> None:
    """Put what `made` makes in place of each match in a text."""
    pieces, end = [], 0
    for found in pattern.finditer(text):
        pieces += [text[end : found.start()], made(found)]
        end = found.end()
    text.replace_with(*(piece for piece in [*pieces, text[end:]] if piece != ""))


def _size(image: Tag, name: str) -> None:
    """Give a PNG its size in CSS pixels, 96 to the inch, so that it is shown as it was designed."""
    kind, _, data = image.get("src", "").partition(";base64,")
    if not kind.startswith("data:image/"):
        raise ReportError(f"{name}: an image is not embedded in the notebook: {image.get('src')}")
    if kind == "data:image/png":
        picture = Image.open(BytesIO(base64.b64decode(data)))
        scale = 96 / picture.info.get("dpi", (96, 96))[0]
        image["width"], image["height"] = (round(side * scale) for side in picture.size)
        figure = image.find_parent("figure")
        if figure is not None and image["width"] > PHONE:
            figure["class"] = "scrolls"
