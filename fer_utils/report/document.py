"""Executed notebooks -> one page each, one self-contained index.html, one report.pdf.

    python -m fer_utils.report.document

Reads `build_dir()/notebooks/` and the `meta` entry of `build_dir()/facts/`, writes
`build_dir()/*.html` and `build_dir()/report.pdf`. The HTML makes no request to anywhere and runs no
script; scripts, styles and remote images in a notebook's outputs do not get into it.
"""

import base64
import json
import logging
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from fer_utils.files import ROOT, build_dir, replacing
from fer_utils.report.page import ReportError, Section, read_section

NOTEBOOKS = ROOT / "notebooks"
REPORT = ROOT / "report"
TITLE = "Facial expression recognition on FER2013"

NO_PRINTER = """{html} is ready, but there is no PDF: WeasyPrint needs pango. Install it:
  Debian, Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0
  macOS:          brew install pango
or put a Chromium on PATH. ({error})"""
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    "microsoft-edge",
)


def read_facts(names: Sequence[str]) -> dict[str, str]:
    """The lines of the title page, from the `meta` entries of the notebooks' facts.

    Raises ReportError if facts are missing or the notebooks ran on different data, profile or seed.
    """
    metas = {}
    for name in names:
        path = build_dir() / "facts" / f"{name}.json"
        if not path.exists():
            raise ReportError(f"{name} has recorded no facts: run `make report`")
        metas[name] = json.loads(path.read_text(encoding="utf-8"))["meta"]
    first = metas[names[0]]
    for key in ("source", "profile", "seed"):
        for name, meta in metas.items():
            if meta[key] != first[key]:
                raise ReportError(
                    f"{names[0]} and {name} differ in {key} ({first[key]}, {meta[key]}): "
                    "run `make report` again"
                )
    minutes, seconds = divmod(round(sum(meta["seconds"] for meta in metas.values())), 60)
    versions = {key: text for meta in metas.values() for key, text in meta["versions"].items()}
    stand_ins = _distinct(run for meta in metas.values() for run in meta["stand_ins"])
    lines = {
        "Data set": first["source"],
        "Profile": f"{first['profile']}, seed {first['seed']}",
        "Date": max(str(meta["date"]) for meta in metas.values()),
        "Total time": f"{minutes} min {seconds} s",
        "Machine": _distinct(meta["machine"] for meta in metas.values()),
        "Code": _distinct(meta["code_version"] for meta in metas.values()),
        "Versions": ", ".join(f"{key} {text}" for key, text in versions.items()),
        "Stand-ins": stand_ins and f"narrow networks, trained briefly, in place of {stand_ins}",
    }
    return {name: text for name, text in lines.items() if text}


def _distinct(values) -> str:
    return "; ".join(dict.fromkeys(map(str, values)))


def render(sections: Sequence[Section], title: str, facts: dict[str, str] | None = None) -> str:
    """One HTML document; with `facts` it has a title page and a table of contents."""
    fonts = {
        weight: base64.b64encode((REPORT / "fonts" / f"NotoSansTC-{face}.woff2").read_bytes())
        for weight, face in {400: "Regular", 700: "Bold"}.items()
    }
    environment = Environment(loader=FileSystemLoader(REPORT / "template"), autoescape=True)
    return environment.get_template("page.html.j2").render(
        title=title,
        facts=facts,
        sections=sections,
        fonts={weight: font.decode() for weight, font in fonts.items()},
        style=(REPORT / "style.css").read_text(encoding="utf-8"),
    )


def render_page(section: Section, names: Sequence[str]) -> str:
    """The page of one notebook: links to the others go to their pages."""
    others = "|".join(name for name in names if name != section.name)
    html = render([section], section.title)
    return re.sub(rf'href="#({others})(?=["-])', r'href="\1.html#\1', html) if others else html


def print_pdf(html: Path, pdf: Path) -> str:
    """Print with WeasyPrint, else with a Chromium on PATH; return which.

    Raises ReportError, naming the package to install, if there is neither.
    """
    try:
        import weasyprint
    except OSError as error:  # pango, a C library, is not installed
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            raise ReportError(NO_PRINTER.format(html=html, error=error)) from None
        _print_in_browser(browser, html, pdf)
        return Path(browser).name
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    document = weasyprint.HTML(
        string=html.read_text(encoding="utf-8"),
        url_fetcher=weasyprint.urls.URLFetcher(allowed_protocols={"data"}),
    )
    with replacing(pdf) as temporary:
        document.write_pdf(temporary, pdf_variant="pdf/ua-1")
    return "WeasyPrint"


def _print_in_browser(browser: str, html: Path, pdf: Path) -> None:
    with replacing(pdf) as temporary, tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        own = [f"--user-data-dir={profile}", f"--print-to-pdf={temporary.resolve()}"]
        subprocess.run(
            [browser, *options, *own, html.resolve().as_uri()], capture_output=True, timeout=300
        )
        if not temporary.exists():
            raise ReportError(f"{html} is ready, but {browser} printed no PDF")


def write(names: Sequence[str]) -> None:
    """Write the pages, index.html and report.pdf of the executed notebooks `names`, in order."""
    build = build_dir()
    (build / "report.pdf").unlink(missing_ok=True)
    facts = read_facts(names)
    sections = [read_section(name) for name in names]
    documents = {f"{section.name}.html": render_page(section, names) for section in sections}
    documents["index.html"] = render(sections, TITLE, facts)
    for name, html in documents.items():
        with replacing(build / name) as temporary:
            temporary.write_text(html, encoding="utf-8")
    print(build / "index.html")
    printer = print_pdf(build / "index.html", build / "report.pdf")
    print(build / "report.pdf", f"(printed by {printer})")


def main() -> int:
    """Command line; returns the exit status."""
    try:
        write(sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb")))
    except ReportError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
