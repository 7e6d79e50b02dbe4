"""Every page of the site against the rules of others: WCAG and HTML."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small import JAVA
from webserver import serve

HERE = Path(__file__).parent
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# As root it would become nobody, who may not read what it has to import. It reads a
# page for each link to an anchor in it, of which nobody needs to make a tree anew.
LINKCHECKER = """\
import os
from functools import cache
os.geteuid = lambda: 1000
from linkcheck.htmlutil import htmlsoup
htmlsoup.make_soup = cache(htmlsoup.make_soup)
from linkcheck.command.linkchecker import linkchecker
linkchecker()
"""


def test_every_page_is_valid_html(html: Path, checkers: Path) -> None:
    if not shutil.which("java"):
        pytest.skip("no java here (Debian: apt install default-jre-headless)")
    pages = sorted(html.rglob("*.html"))
    ran = subprocess.run(
        [
            *(*JAVA, "-jar", str(checkers / "vnu-jar/build/dist/vnu.jar")),
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


def test_every_link_leads_to_what_is_there(libcloud_html: Path, tmp_path: Path) -> None:
    """An edition's links, by LinkChecker: it looks through a page for each link to
    an anchor, which takes hours where all tabs are. For those see test_guide.
    """
    pages = shutil.copytree(libcloud_html, tmp_path / "html")
    with (pages / "advice.html").open("a") as page:
        page.write('<a href="durability.html#nowhere">it must find this one</a>')
    config = tmp_path / "linkchecker.ini"
    config.write_text("[checking]\nmaxrequestspersecond=1000\n[AnchorCheck]\n")
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
