"""Every page of the site against the rules of others: WCAG and HTML."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from webserver import ROOT, build, serve

HERE = Path(__file__).parent
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# As root it would become nobody, who may not read what it has to import.
LINKCHECKER = """\
import os
os.geteuid = lambda: 1000
from linkcheck.command.linkchecker import linkchecker
linkchecker()
"""


@pytest.fixture(scope="session")
def checkers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with axe-core and the HTML validator, installed once."""
    if not shutil.which("npm"):
        pytest.skip("no npm here (Debian: apt install npm)")
    files = [HERE / "package.json", HERE / "package-lock.json"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    cache = platformdirs.user_cache_path("livesteps") / f"checkers-{digest[:16]}"
    if not cache.is_dir():
        cache.parent.mkdir(parents=True, exist_ok=True)
        folder = tmp_path_factory.mktemp("checkers")
        for file in files:
            shutil.copy(file, folder)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            check=True,
            timeout=300,
        )
        beside = cache.with_name(f"{cache.name}-{os.getpid()}")
        shutil.move(folder, beside)
        try:
            beside.rename(cache)
        except OSError:  # another process was faster
            shutil.rmtree(beside)
    return cache / "node_modules"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_wcag(
    reader: Callable[..., Any],
    html: Path,
    site: str,
    checkers: Path,
    scheme: str,
    width: int,
) -> None:
    page = reader(color_scheme=scheme, viewport={"width": width, "height": 900})
    broken, checked = [], 0
    for path in sorted(html.glob("*.html")):
        page.goto(f"{site}/{path.name}")
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = 1)")
        page.add_script_tag(path=checkers / "axe-core" / "axe.min.js")
        result = page.evaluate(
            "tags => axe.run({runOnly: {type: 'tag', values: tags}})", WCAG
        )
        checked += len(result["passes"])
        broken += [
            f"{path.name}: {rule['id']}: {rule['nodes'][0]['html']}: "
            f"{rule['nodes'][0]['failureSummary']} ({len(rule['nodes'])} times)"
            for rule in result["violations"]
        ]
    assert checked > 0
    assert not broken, "\n".join(broken)


def test_every_page_is_valid_html(html: Path, checkers: Path) -> None:
    if not shutil.which("java"):
        pytest.skip("no java here (Debian: apt install default-jre-headless)")
    pages = sorted(html.rglob("*.html"))
    ran = subprocess.run(
        [
            *("java", "-jar", str(checkers / "vnu-jar/build/dist/vnu.jar")),
            *("--format", "json", "--stdout", "--exit-zero-always"),
            *map(str, pages),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = json.loads(ran.stdout)["messages"]
    assert [message for message in said if message["type"] != "info"] == []
    assert len(pages) >= 3


def test_every_link_leads_to_what_is_there(tmp_path: Path) -> None:
    """An edition's links, by LinkChecker: it reads a page anew for each link to
    an anchor, which takes hours where all tabs are. For those see test_guide.
    """
    pages = build(ROOT / "doc", tmp_path, "-t", "libcloud")
    with (pages / "advice.html").open("a") as page:
        page.write('<a href="durability.html#nowhere">it must find this one</a>')
    config = tmp_path / "linkchecker.ini"
    config.write_text("[AnchorCheck]\n")
    with serve(pages) as address:
        ran = subprocess.run(
            [
                *(sys.executable, "-c", LINKCHECKER, "--config", str(config)),
                *("--no-robots", "--no-status", "--output", "csv", address),
            ],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    lines = [line for line in ran.stdout.splitlines() if not line.startswith("#")]
    wrong = [row["urlname"] for row in csv.DictReader(lines, delimiter=";")]
    assert wrong == ["durability.html#nowhere"], ran.stdout + ran.stderr
