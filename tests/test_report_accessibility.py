"""The report under axe-core in a headless Chromium, by day and by night."""

import html as html_module
import json
import re
import shutil
import subprocess

import pytest
from test_report import CHROMIUM, browse, built  # noqa: F401

from fer_utils.files import ROOT

AXE = ROOT / ".cache" / "axe"


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, installed by npm on first use."""
    script = AXE / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        if not shutil.which("npm"):
            pytest.skip("no npm")
        command = ["npm", "install", "--prefix", AXE, "--no-audit", "--no-fund", "axe-core@4"]
        if subprocess.run(command, capture_output=True, timeout=120).returncode:
            pytest.skip("npm cannot install axe-core")
    return script.read_text(encoding="utf-8")


@pytest.mark.skipif(not CHROMIUM, reason="no chromium on PATH")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["index", "appendix"])
def test_axe_finds_nothing(built, axe, tmp_path, page, scheme):  # noqa: F811
    html = (built / f"{page}.html").read_text(encoding="utf-8")
    html = re.sub("<meta http-equiv[^>]*>", "", html)  # the policy would stop axe as well
    html = html.replace("(prefers-color-scheme: dark)", "all" if scheme == "dark" else "print")
    run = "axe.run().then(r => document.title = 'AXE' + JSON.stringify(r.violations))"
    target = tmp_path / "page.html"
    target.write_text(
        html.replace("</body>", f"<script>{axe}</script><script>{run}</script></body>")
    )
    done = browse(target.as_uri(), tmp_path / "profile", "--virtual-time-budget=20000")
    title = re.search("<title>AXE(.*?)</title>", done.stdout, re.S)
    violations = json.loads(html_module.unescape(title[1]))
    found = {v["id"]: [node["html"][:120] for node in v["nodes"]][:3] for v in violations}
    assert found == {}
