"""What a notebook's output can't get into the report: tried as text, and in a real browser."""

import http.server
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_report import CHROMIUM, browse, serving

from fer_utils.report import RECORD, document
from fer_utils.report.folder import CORE
from fer_utils.report.page import read_section
from fer_utils.report.sanitise import sanitise

#: "URL" stands for an address on a listening port; a page that asks for it was not sanitised.
PAYLOADS = (
    "<!--><meta http-equiv='refresh' content='0;url=URL'>-->",
    "<!-- --!><img src='URL'>-->",
    "<![CDATA[><img src='URL'>]]>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM 'URL'>]><?xml-stylesheet href='URL'?>",
    "<meta http-equiv=refresh content='0;url=URL'>",
    "<META HTTP-EQUIV=Refresh CONTENT='0;URL=URL'>",
    "<base href='URL'><link rel=stylesheet href='URL'><link rel=prefetch href='URL'>",
    "<script src='URL'></script><script>fetch('URL')</script>",
    "<scr<script>ipt>fetch('URL')</scr</script>ipt>",
    "<img src=x onerror=\"fetch('URL')\"><svg onload=\"fetch('URL')\">",
    "<img srcset='URL 1x' src='data:image/png;base64,AA'><picture><source srcset='URL'></picture>",
    "<body background='URL'><table background='URL'><td background='URL'>",
    "<div style=\"background:url('URL')\">x</div><style>*{background:url('URL')}</style>",
    "<style><!--</style><img src='URL'>--></style>",
    "<noscript><p title=\"</noscript><img src='URL'>\">",
    "<iframe src='URL'></iframe><iframe srcdoc=\"<img src='URL'>\"></iframe><frame src='URL'>",
    "<object data='URL'></object><embed src='URL'><applet code='URL'></applet>",
    "<video src='URL' poster='URL' autoplay></video><audio src='URL' autoplay></audio>",
    "<track src='URL'><input type=image src='URL'><isindex action='URL'>",
    "<form action='URL'><button autofocus onfocus=\"fetch('URL')\">x</button></form>",
    "<a href=\"javascript:fetch('URL')\">x</a><a href=' data:text/html,<script>x</script>'>y</a>",
    "<math><mtext><table><mglyph><style><img src='URL'></style></mglyph></table></mtext></math>",
    "<svg><style><img src='URL'></style><image href='URL'/><use href='URL#x'/></svg>",
    "<svg><foreignObject><img src='URL'></foreignObject></svg>",
    "<template><img src='URL'></template><unknown-tag onclick=x()><img src='URL'></unknown-tag>",
    "<img src='data:text/html,<script>fetch(\"URL\")</script>'>",
    "<xmp><img src='URL'></xmp><plaintext><img src='URL'>",
    "<details ontoggle=\"fetch('URL')\" open>x</details><marquee onstart=fetch('URL')>y</marquee>",
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_runs_or_loads_is_left(payload):
    clean = sanitise(f"<p>before</p>{payload}").lower()
    assert "<p>before</p>" in clean
    forbidden = ("<script", "<meta", "<style", "<iframe", "<svg", "<!", "<?", " on", "javascript:")
    assert not [mark for mark in forbidden if mark in clean]
    assert "data:text" not in clean


def test_what_a_notebook_needs_stays():
    html = (
        '<details class="code"><summary>Code</summary></details><figure><img alt="a" '
        'src="data:image/png;base64,AAAA"></figure><table><tr><th scope="col" colspan="2">x</th>'
        '</tr></table><p lang="zh-Hant">是</p><a href="02_x.ipynb#T">t</a>'
    )
    clean = sanitise(html)
    kept = ['class="code"', 'alt="a"', "base64,AAAA", 'colspan="2"', "zh-Hant", "02_x.ipynb#T"]
    assert [mark for mark in kept if mark not in clean] == []


PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def report_full_of(text: str, folder: Path) -> str:
    """A report with `text` wherever something of a notebook gets into it; without the policy."""
    names = ("dataset", "source", "machine", "commit", "date", "profile", "seed")
    meta = dict.fromkeys(names, text) | {
        "seconds": 1,
        "fallbacks": [text],
        "versions": {text: text},
    }
    row = dict.fromkeys(("what", "ours", "homework", "agrees"), text)
    answer = {"question": 1, "english": text, "chinese": text, "note": text, "rows": [row]}
    panel = {"place": text, "caption": text, "alt": text, "png": PIXEL}
    about = {"alt": text, "caption": text, "label": text}
    shown = [
        ({"image/png": PIXEL}, {"image/png": about}),
        ({"text/html": text}, {"text/html": about}),
        *(({kind: text}, {}) for kind in ("text/markdown", "image/svg+xml", "text/plain")),
        ({RECORD: {"meta": meta, "answer": answer, "panel": panel}, "text/plain": ""}, {}),
    ]
    outputs = [new_output("display_data", data, metadata=metadata) for data, metadata in shown]
    outputs += [new_output("stream", name="stdout", text=text)]
    outputs += [new_output("error", ename=text, evalue=text, traceback=[text])]
    prose = [new_markdown_cell(start + text) for start in ("# ", "**Question.** ", "## ", "")]
    notebook = new_notebook(cells=[*prose, new_code_cell(text, outputs=outputs)])
    nbformat.write(notebook, folder / "01_attack.ipynb")
    section = read_section(folder / "01_attack.ipynb", {"01_attack": ""})
    html = document.render(CORE, [section])
    policy = next(line for line in html.splitlines() if "Content-Security-Policy" in line)
    return html.replace(policy, "")


@pytest.mark.skipif(not CHROMIUM, reason="no chromium on PATH")
def test_a_browser_asks_for_nothing(tmp_path):
    """All payloads on one page without a policy; the same page unsanitised shows they work."""
    asked = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if "page" in self.path else "text/plain")
            self.end_headers()
            if self.path in pages:
                self.wfile.write(pages[self.path])

        def log_message(self, *_):
            pass

    with serving(Server) as address:
        # an image from elsewhere is not dropped: `page` refuses it
        bodies = [p.replace("URL", f"{address}/asked/{n}") for n, p in enumerate(PAYLOADS)]
        without_images = [body.replace("<img", "<i") for body in bodies]
        pages = {
            "/page/clean": "".join(map(sanitise, without_images)).encode(),
            "/page/report": report_full_of("".join(without_images), tmp_path).encode(),
            "/page/control": "".join(bodies[9:12]).encode(),
        }
        for page in pages:
            browse(address + page, tmp_path, "--virtual-time-budget=2000")
    assert [path for path in asked if path in pages] == list(pages)
    at = asked.index("/page/control")
    assert [path for path in asked[:at] if path.startswith("/asked")] == []
    assert [path for path in asked[at:] if path.startswith("/asked")], "a request would be seen"
