"""Executed notebooks -> one page each, one self-contained index.html, one report.pdf.

    python -m fer_utils.report.document

Reads `build_dir()/notebooks/`, writes `build_dir()/*.html` and `build_dir()/report.pdf`. The first
page has the course's questions with their answers. The HTML makes no request to anywhere and runs
no script.
"""

import base64
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from nbconvert.filters import markdown2html
from PIL import ImageFile

from fer_utils.files import ROOT, FolderError, build_dir, escape_unprintable, replacing
from fer_utils.report import ReportError
from fer_utils.report.folder import BuildFolder
from fer_utils.report.page import Section, mark_chinese, read_section
from fer_utils.report.sanitise import sanitise
from fer_utils.report.tables import unbroken

NOTEBOOKS = ROOT / "notebooks"
REPORT = ROOT / "report"
TITLE = "Facial expression recognition"

NO_PRINTER = """{html} is ready, but there is no PDF: WeasyPrint needs pango. Install it:
  Debian, Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0
  macOS:          brew install pango
or put a Chromium on PATH. ({error})"""
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    "microsoft-edge",
)
#: Filters of page.html.j2, beside jinja's own.
FILTERS = {
    "chinese": lambda text: Markup(mark_chinese(str(escape(text)))),
    "markdown": lambda text: Markup(sanitise(markdown2html(text))),
    "unbroken": unbroken,
}


def circumstances(sections: Sequence[Section]) -> dict[str, str]:
    """The small print of the first page: data, profile, date, time, machine, versions.

    Raises ReportError if the notebooks ran on different data, profile or seed.
    """
    metas = [section.record["meta"] for section in sections]
    first, names = metas[0], [section.name for section in sections]
    for key in ("source", "profile", "seed"):
        for name, meta in zip(names, metas, strict=True):
            if meta[key] != first[key]:
                raise ReportError(
                    f"{names[0]} and {name} differ in {key} ({first[key]}, {meta[key]}): "
                    "run `make report`, which executes again what does not fit together"
                )
    minutes, seconds = divmod(round(sum(meta["seconds"] for meta in metas)), 60)
    versions = {key: text for meta in metas for key, text in meta["versions"].items()}
    fallback, again, on_original = (
        _distinct(run for meta in metas for run in meta.get(key, ()))
        for key in ("fallbacks", "rescored", "not_rescored")
    )
    lines = {
        "Data set": first["source"],
        "Profile": f"{first['profile']}, seed {first['seed']}",
        "Fallback models": fallback and f"small networks, trained briefly, in place of {fallback}",
        "Evaluated again": again and f"{again}: their predictions are for this copy's pixels",
        "Not evaluated again": on_original
        and f"{on_original}: predictions for the original's pixels, since not all that are "
        "compared have kept their weights",
        "Date": max(str(meta["date"]) for meta in metas),
        "Notebooks ran for": f"{minutes} min {seconds} s, the training of finished runs apart",
        "Machine": _distinct(meta["machine"] for meta in metas),
        "Commit": _distinct(meta["commit"] for meta in metas),
        "Versions": ", ".join(f"{key} {text}" for key, text in versions.items()),
    }
    return {name: text for name, text in lines.items() if text}


def _distinct(values: Iterable[object]) -> str:
    return "; ".join(dict.fromkeys(map(str, values)))


def render(
    sections: Sequence[Section],
    title: str,
    *,
    cover: bool,
    neighbours: tuple[Section | None, Section | None] = (None, None),
) -> str:
    """One HTML document.

    Parameters
    ----------
    sections
        The notebooks, in order.
    title
        Of the document.
    cover
        Whether it has a first page, with the answers by the course's numbers, and a table of
        contents.
    neighbours
        The sections before and after, of a page with a single one.
    """
    fonts = {
        weight: base64.b64encode((REPORT / f"fonts/NotoSansTC-{face}.woff2").read_bytes()).decode()
        for weight, face in {400: "Regular", 700: "Bold"}.items()
    }
    answered = [section for section in sections if section.record.get("answer")]
    environment = Environment(loader=FileSystemLoader(REPORT / "template"), autoescape=True)
    environment.filters |= FILTERS
    return environment.get_template("page.html.j2").render(
        title=title,
        cover=cover,
        meta=sections[0].record["meta"],
        answered=sorted(answered, key=lambda one: one.record["answer"]["question"] or float("inf")),
        facts=circumstances(sections),
        sections=sections,
        neighbours=neighbours,
        fonts=fonts,
        style=(REPORT / "style.css").read_text(encoding="utf-8"),
    )


def render_page(number: int, sections: Sequence[Section]) -> str:
    """The page of one notebook: links to the others go to their pages."""
    section, around = sections[number], [None, *sections, None]
    neighbours = (around[number], around[number + 2])
    html = render([section], section.title, cover=False, neighbours=neighbours)
    others = "|".join(other.name for other in sections if other is not section)
    return re.sub(rf'href="#({others})(?=["-])', r'href="\1.html#\1', html) if others else html


def print_pdf(html: Path, pdf: Path) -> str:
    """Print with WeasyPrint, else with a Chromium on PATH; return which.

    Raises ReportError, naming the package to install, if there is neither.
    """
    if sys.platform == "darwin":
        look_into_homebrew()
    try:
        import weasyprint
    except OSError as error:  # pango, a C library, is not installed
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            raise ReportError(NO_PRINTER.format(html=html, error=error)) from None
        _print_in_browser(browser, html, pdf)
        return Path(browser).name
    ImageFile.LOAD_TRUNCATED_IMAGES = (
        False  # importing WeasyPrint lets Pillow accept half a picture
    )
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    document = weasyprint.HTML(
        string=html.read_text(encoding="utf-8"),
        url_fetcher=weasyprint.urls.URLFetcher(allowed_protocols={"data"}),
    )
    with replacing(pdf) as temporary:
        # hints: the width and height of a figure, in inches as it was drawn
        document.write_pdf(temporary, pdf_variant="pdf/ua-1", presentational_hints=True)
    return "WeasyPrint"


def look_into_homebrew() -> None:
    """Let libraries be found where Homebrew puts them on Apple silicon, and where they were."""
    usual = f"{Path.home()}/lib:/usr/local/lib:/lib:/usr/lib"
    places = os.environ.get("DYLD_FALLBACK_LIBRARY_PATH") or usual
    os.environ["DYLD_FALLBACK_LIBRARY_PATH"] = f"{places}:/opt/homebrew/lib"


def _print_in_browser(browser: str, html: Path, pdf: Path) -> None:
    with replacing(pdf) as temporary, tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        own = [f"--user-data-dir={profile}", f"--print-to-pdf={temporary.resolve()}"]
        subprocess.run(
            [browser, *options, *own, html.resolve().as_uri()], capture_output=True, timeout=300
        )
        if not temporary.exists():
            raise ReportError(f"{html} is ready, but {browser} printed no PDF")


def write_report(names: Sequence[str], folder: Path | None = None) -> None:
    """Write the pages, index.html and report.pdf of the executed notebooks `names`, in order.

    They lie in `notebooks/` of the folder, by default the build folder; there the report goes too.
    Raises ReportError; where it is the notebooks' fault, an older report is as it was.
    """
    build = folder or build_dir()
    sections = [read_section(build / "notebooks" / f"{name}.ipynb", list(names)) for name in names]
    documents = {
        f"{section.name}.html": render_page(number, sections)
        for number, section in enumerate(sections)
    }
    documents["index.html"] = render(sections, TITLE, cover=True)
    (build / "report.pdf").unlink(missing_ok=True)  # beside another HTML it would mislead
    for name, html in documents.items():
        with replacing(build / name) as temporary:
            temporary.write_text(html, encoding="utf-8")
    print(build / "index.html")
    printer = print_pdf(build / "index.html", build / "report.pdf")
    print(build / "report.pdf", f"(printed by {printer})")


def main() -> int:
    """Command line; returns the exit status."""
    escape_unprintable()
    try:
        BuildFolder()  # one that is not a build's is refused
        write_report(sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb")))
    except (ReportError, FolderError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
