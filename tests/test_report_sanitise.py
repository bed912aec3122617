"""What a notebook's output can't get into the report: tried as text, and in a real browser."""

import http.server
import shutil
import subprocess
import threading

import pytest

from fer_utils.report.sanitise import sanitise

CHROMIUM = shutil.which("chromium")
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
    for kept in (
        'class="code"',
        'alt="a"',
        "base64,AAAA",
        'colspan="2"',
        "zh-Hant",
        "02_x.ipynb#T",
    ):
        assert kept in clean


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

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    # an image from elsewhere passes here and stops the report: `page` embeds every picture
    bodies = [p.replace("URL", f"{address}/asked/{n}") for n, p in enumerate(PAYLOADS)]
    clean = "".join(sanitise(body) for body in bodies)
    pages = {
        "/page/clean": clean.replace("<img", "<i").encode(),
        "/page/control": "".join(bodies[9:12]).encode(),
    }
    try:
        for page in pages:
            subprocess.run(
                [
                    *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                    *("--disable-quic", "--disable-background-networking", "--disable-sync"),
                    *("--disable-component-update", "--no-proxy-server"),
                    *(f"--user-data-dir={tmp_path}", "--virtual-time-budget=2000", "--dump-dom"),
                    address + page,
                ],
                capture_output=True,
                timeout=60,
            )
    finally:
        server.shutdown()
        server.server_close()
    at = asked.index("/page/control")
    assert [path for path in asked[:at] if path.startswith("/asked")] == []
    assert [path for path in asked[at:] if path.startswith("/asked")], "a request would be seen"
