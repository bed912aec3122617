"""Executed notebooks -> the core report and its appendix, each one HTML file and one PDF.

    python -m fer_utils.report.document

Reads `build_dir()/notebooks/`, writes `index.html`, `report.pdf`, `appendix.html`, `appendix.pdf`
and `tables/*.csv` beside it. The HTML makes no request to anywhere and runs no script.
"""

import base64
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from nbconvert.filters import markdown2html
from PIL import ImageFile

from fer_utils.files import ROOT, FolderError, build_dir, escape_unprintable, replacing
from fer_utils.report import ReportError
from fer_utils.report.folder import (
    APPENDIX,
    CORE,
    BuildFolder,
    Document,
    documents_in,
    executed_copy,
)
from fer_utils.report.page import Section, mark_chinese, read_section, size_of
from fer_utils.report.sanitise import sanitise
from fer_utils.report.tables import file_of, unbroken

NOTEBOOKS = ROOT / "notebooks"
REPORT = ROOT / "report"

NO_PRINTER = """The HTML is ready, but there is no PDF: WeasyPrint needs pango. Install it:
  Debian, Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0
  macOS:          brew install pango
or put a Chromium on PATH. ({error})"""
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    "microsoft-edge",
)
FILE_LINK = re.compile(r' href="(?!#|https?:|mailto:)[^"]*"')  # of a file beside the report
#: Filters of the templates, beside jinja's own.
FILTERS = {
    "chinese": lambda text: Markup(mark_chinese(str(escape(text)))),
    "markdown": lambda text: Markup(sanitise(unbroken(markdown2html(text)))),
    "sanitise": lambda text: Markup(mark_chinese(sanitise(unbroken(text)))),
    "size_of": size_of,
}


def circumstances(sections: Sequence[Section]) -> dict[str, str]:
    """How the notebooks were executed: profile, models, time, machine, versions; only what holds.

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
        "Profile": f"{first['profile']}, seed {first['seed']}",
        "Fallback models": fallback and f"small networks, trained briefly, in place of {fallback}",
        "Evaluated again": again and f"{again}: their predictions are for this copy's pixels",
        "Not evaluated again": on_original
        and f"{on_original}: predictions for the original's pixels, since not all that are "
        "compared have kept their weights",
        "Notebooks ran for": f"{minutes} min {seconds} s, the training of finished runs apart",
        "Machine": _distinct(meta["machine"] for meta in metas),
        "Versions": ", ".join(f"{key} {text}" for key, text in versions.items()),
    }
    return {name: text for name, text in lines.items() if text}


def _distinct(values: Iterable[object]) -> str:
    return "; ".join(dict.fromkeys(map(str, values)))


def panel_height(rows: Sequence[dict[str, str]]) -> float:
    """Millimetres that a panel may be high, so that page one with these rows is one page of A4."""
    table = sum(5.2 + 4 * (len(row["what"]) // 60) for row in rows)
    return max(30, min(64, (181 - table) / 2))


def render(document: Document, sections: Sequence[Section], beside: Document | None = None) -> str:
    """One HTML document of the sections, in order; it links to the document `beside` it."""
    fonts = {
        weight: base64.b64encode((REPORT / f"fonts/NotoSansTC-{face}.woff2").read_bytes()).decode()
        for weight, face in {400: "Regular", 700: "Bold"}.items()
    }
    metas = [section.record["meta"] for section in sections]
    answered = [section for section in sections if section.record.get("answer")]
    rows = [row for section in answered for row in section.record["answer"]["rows"]]
    panels = [section.record["panel"] for section in sections if section.record.get("panel")]
    environment = Environment(loader=FileSystemLoader(REPORT / "template"), autoescape=True)
    environment.filters |= FILTERS
    return environment.get_template("page.html.j2").render(
        document=document,
        core=document == CORE,
        beside=beside,
        meta=metas[0],
        date=max(str(meta["date"]) for meta in metas),
        commit=_distinct(meta["commit"] for meta in metas),
        panel_height=panel_height(rows),
        panels=sorted(panels, key=lambda panel: panel["place"]),
        answered=sorted(answered, key=lambda one: one.record["answer"]["question"] or float("inf")),
        compared=any(row["homework"].strip(" –-") for row in rows),
        facts=circumstances(sections),
        sections=sections,
        fonts=fonts,
        style=(REPORT / "style.css").read_text(encoding="utf-8"),
    )


def print_pdf(html: str, pdf: Path) -> str:
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
            raise ReportError(NO_PRINTER.format(error=error)) from None
        _print_in_browser(browser, FILE_LINK.sub("", html), pdf)
        return Path(browser).name
    ImageFile.LOAD_TRUNCATED_IMAGES = (
        False  # importing WeasyPrint lets Pillow accept half a picture
    )
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    for document in (CORE, APPENDIX):
        html = re.sub(rf'href="{document.html}(#[^"]*)?"', f'href="{document.pdf}"', html)
    printed = weasyprint.HTML(
        string=html, url_fetcher=weasyprint.urls.URLFetcher(allowed_protocols={"data"})
    )
    with replacing(pdf) as temporary:
        # hints: the width and height of a figure, in inches as it was drawn
        printed.write_pdf(temporary, pdf_variant="pdf/ua-1", presentational_hints=True)
    return "WeasyPrint"


def look_into_homebrew() -> None:
    """Let libraries be found where Homebrew puts them on Apple silicon, and where they were."""
    usual = f"{Path.home()}/lib:/usr/local/lib:/lib:/usr/lib"
    places = os.environ.get("DYLD_FALLBACK_LIBRARY_PATH") or usual
    os.environ["DYLD_FALLBACK_LIBRARY_PATH"] = f"{places}:/opt/homebrew/lib"


def _print_in_browser(browser: str, html: str, pdf: Path) -> None:
    with replacing(pdf) as temporary, tempfile.TemporaryDirectory() as profile:
        page = Path(profile, "page.html")
        page.write_text(html, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        own = [f"--user-data-dir={profile}", f"--print-to-pdf={temporary.resolve()}"]
        subprocess.run([browser, *options, *own, page.as_uri()], capture_output=True, timeout=300)
        if not temporary.exists():
            raise ReportError(f"{pdf} is missing: {browser} printed no PDF")


def write_document(
    document: Document, notebooks: Mapping[Document, Sequence[Path]], folder: Path | None = None
) -> list[str]:
    """Write HTML, PDF and tables of one document; return their names.

    `notebooks` has those of every document, in order. Their executed copies lie in `notebooks/` of
    the folder, by default the build folder; there the report goes too.
    Raises ReportError; where it is the notebooks' fault, an older report is as it was.
    """
    build = folder or build_dir()
    pages = {
        path.stem: "" if one == document else one.html
        for one, paths in notebooks.items()
        for path in paths
    }
    sections = [
        read_section(build / executed_copy(path.stem), pages) for path in notebooks[document]
    ]
    html = render(document, sections, next((one for one in notebooks if one != document), None))
    texts = {document.html: html} | {
        file_of(label): csv
        for section in sections
        for label, csv in section.record.get("tables", {}).items()
    }
    (build / document.pdf).unlink(missing_ok=True)  # beside another HTML it would mislead
    for name, text in texts.items():
        with replacing(build / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print(build / document.html)
    printer = print_pdf(html, build / document.pdf)
    print(build / document.pdf, f"(printed by {printer})")
    return [*texts, document.pdf]


def main() -> int:
    """Command line; returns the exit status."""
    escape_unprintable()
    try:
        BuildFolder()  # one that is not a build's is refused
        notebooks = documents_in(NOTEBOOKS)
        for document in notebooks:
            write_document(document, notebooks)
    except (ReportError, FolderError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
