"""One executed notebook -> its part of the report: plain HTML without scripts or requests."""

import base64
import re
from collections import Counter
from dataclasses import dataclass
from io import BytesIO

import nbformat
from bs4 import BeautifulSoup, Tag
from nbconvert import HTMLExporter
from PIL import Image
from traitlets.config import Config

from fer_utils.files import ROOT, build_dir

SHOWN = [  # of an output's representations, the first of these
    *("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain")
]
DROPPED = (
    *("script", "style", "link", "meta", "base", "iframe", "object", "embed", "template"),
    *("form", "input", "button", "textarea", "select", "svg", "math", "video", "audio"),
)
ATTRIBUTES = {"class", "href", "src", "alt", "colspan", "rowspan", "scope", "lang", "title"}
NUMBER = re.compile(r"[-+−±]?[\d.,]+( ?%)?( ?[±–([].*)?|nan|–|")
INTERVAL = re.compile(r"\[(\S+), (\S+)\]")  # not to be broken within the brackets
WIDE = 9  # columns from which a table is printed smaller


class ReportError(Exception):
    """A report that cannot be made; the message is for the user."""


@dataclass(frozen=True)
class Section:
    """One executed notebook: its HTML, with ids that start with the notebook's name."""

    name: str
    title: str
    headings: list[tuple[str, str]]  # (id, text) of the second-level headings
    body: str


def read_section(name: str) -> Section:
    """The executed notebook `name` as HTML. Raises ReportError if it has not been executed."""
    path = build_dir() / "notebooks" / f"{name}.ipynb"
    if not path.exists():
        raise ReportError(f"{name} has not been executed: run `make report`")
    exporter = HTMLExporter(
        template_name="template",
        extra_template_basedirs=[str(ROOT / "report")],
        exclude_anchor_links=True,
        config=Config(
            NbConvertBase={"display_data_priority": SHOWN},
            CoalesceStreamsPreprocessor={"enabled": True},
        ),
    )
    html, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4))
    soup = BeautifulSoup(html, "html.parser")
    sanitise(soup)
    link(soup, name)
    for image in soup.find_all("img"):
        _size(image, name)
    for table in soup.find_all("table"):
        _arrange(table, soup)
    title = soup.find("h1")
    headings = [(heading["id"], heading.get_text()) for heading in soup.find_all("h2")]
    return Section(name, title.get_text() if title else name, headings, str(soup))


def sanitise(soup: BeautifulSoup) -> None:
    """Remove, in place, elements that run or load something, and attributes not in ATTRIBUTES."""
    for tag in soup.find_all(DROPPED):
        tag.decompose()
    for tag in soup.find_all(True):
        tag.attrs = {name: value for name, value in tag.attrs.items() if name in ATTRIBUTES}


def link(soup: BeautifulSoup, name: str) -> None:
    """Give headings ids that start with the notebook's name, and point links to them, in place.

    `03_model_training.ipynb#Title` becomes `#03_model_training-Title`. Links to other files are
    dropped: they are not in the report.
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


def _size(image: Tag, name: str) -> None:
    """Give a PNG its size in CSS pixels, 96 to the inch, so that it is shown as it was designed."""
    kind, _, data = image.get("src", "").partition(";base64,")
    if not kind.startswith("data:image/"):
        raise ReportError(f"{name}: an image is not embedded in the notebook: {image.get('src')}")
    if kind == "data:image/png":
        picture = Image.open(BytesIO(base64.b64decode(data)))
        scale = 96 / picture.info.get("dpi", (96, 96))[0]
        image["width"], image["height"] = (round(side * scale) for side in picture.size)


def _arrange(table: Tag, soup: BeautifulSoup) -> None:
    """Wrap a table so that it scrolls on a phone; mark a wide one, and columns of numbers."""
    if table.thead and not table.thead.get_text(strip=True):
        table.thead.decompose()
    rows = [row.find_all(["th", "td"], recursive=False) for row in table.find_all("tr")]
    if max(map(len, rows), default=0) >= WIDE:
        table["class"] = [*table.get("class", []), "wide"]
    if not table.find(colspan=True) and not table.find(rowspan=True):
        for column in zip(*rows, strict=False):
            cells = [cell for cell in column if cell.name == "td"]
            if cells and all(NUMBER.fullmatch(cell.get_text(strip=True)) for cell in cells):
                for cell in column:
                    cell["class"] = "number"
    for text in table.find_all(string=INTERVAL):
        text.replace_with(INTERVAL.sub("[\\1,\u00a0\\2]", text))
    # A region that scrolls must be reachable by keyboard.
    table.wrap(soup.new_tag("div", attrs={"class": "table", "tabindex": "0", "role": "group"}))
