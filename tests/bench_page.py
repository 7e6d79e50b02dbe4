"""What the page with the steps costs a reader, and its build, beside plain ones.

The plain page has the same text, code, outputs and tabs, written out by hand
for sphinx-design, with no extension of ours.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import indent
from typing import Any

from webserver import ROOT, build, serve

from livesteps.kit import load_kits
from livesteps.recording import output_path
from livesteps.step import load_steps

SLOWDOWN = 4
NETWORK = {"latency": 100, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 9e4}
CONF = """\
project = "Plain"
extensions = ["sphinx_design"]
html_theme = "furo"
"""
OBSERVE = """
window.shift = 0; window.paint = 0;
new PerformanceObserver(list => list.getEntries().forEach(entry => {
    if (!entry.hadRecentInput) shift += entry.value;
})).observe({type: 'layout-shift', buffered: true});
new PerformanceObserver(list => list.getEntries().forEach(entry => {
    paint = entry.startTime;
})).observe({type: 'largest-contentful-paint', buffered: true});
"""


def write_plain(doc: Path) -> None:
    """Write the page with the steps for sphinx-design alone; samples beside."""
    samples = doc.parent / "samples"
    shutil.copytree(ROOT / "samples", samples)
    steps, kits = load_steps(samples / "steps.toml"), load_kits(samples).values()
    doc.mkdir()
    (doc / "conf.py").write_text(CONF)
    page = "Plain\n=====\n\n"
    for step in steps.steps:
        page += f"{step.title}\n{'-' * len(step.title)}\n\n.. tab-set::\n\n"
        for kit in kits:
            tab = f".. tab-item:: {kit.name}\n   :sync: {kit.id}\n\n"
            body = (
                f".. literalinclude:: ../{kit.path.relative_to(doc.parent)}\n"
                f"   :language: {kit.lexer}\n   :dedent:\n   :force:\n"
                f"   :start-after: step-{step.number}\n"
                f"   :end-before: step-{step.number + 1}\n\n"
            )
            output = output_path(kit.folder / "recorded", step.number)
            name = output.relative_to(doc.parent)
            body += f"Output\n\n.. literalinclude:: ../{name}\n   :language: text\n\n"
            page += indent(tab + indent(body, "   "), "   ")
    (doc / "index.rst").write_text(page)


def weigh(site: Path, page: str) -> dict[str, int]:
    """Compressed sizes (bytes) of a page and all that it loads."""
    from bs4 import BeautifulSoup

    html = BeautifulSoup((site / page).read_text(), "html.parser")
    used = [tag["href"] for tag in html.select("link[rel=stylesheet]")]
    used += [tag["src"] for tag in html.select("script[src], img[src]")]
    names = [page, *(name.partition("?")[0] for name in used)]
    return {
        name: len(gzip.compress((site / name).read_bytes(), 9))
        for name in dict.fromkeys(names)
    }


def paint(browser: Any, address: str) -> tuple[float, float, int]:
    """Seconds to the largest contentful paint, layout shift, and requests."""
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.add_init_script(OBSERVE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    devtools = context.new_cdp_session(page)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", {"offline": False, **NETWORK})
    page.goto(address)
    page.evaluate("new Promise(done => requestIdleCallback(done))")
    seconds, shift = page.evaluate("[paint / 1000, shift]")
    context.close()
    return seconds, shift, len(asked)


def build_seconds(doc: Path) -> float:
    """Seconds of one build from nothing."""
    with tempfile.TemporaryDirectory() as out:
        begun = time.perf_counter()
        build(doc, Path(out))
        return time.perf_counter() - begun


def measure_page(row: Callable[..., None]) -> None:
    """Measure, and make rows of `tox -e bench` of what was found."""
    with tempfile.TemporaryDirectory(prefix="livesteps-bench-") as folder:
        plain = Path(folder) / "plain"
        write_plain(plain)
        pairs = [(build_seconds(ROOT / "doc"), build_seconds(plain)) for _ in range(3)]
        ours, alone = (min(column) for column in zip(*pairs, strict=True))
        row(
            "guide, build",
            f"{ours:.2f} s",
            f"{alone:.2f} s: literalincludes by hand",
            f"{ours / alone:.2f} (at most 2)",
        )
        sites = {
            "ours": (build(ROOT / "doc", Path(folder) / "a"), "durability.html"),
            "plain": (build(plain, Path(folder) / "b"), "index.html"),
        }
        sizes = {name: weigh(*site) for name, site in sites.items()}
        whole = {name: sum(size.values()) / 1e3 for name, size in sizes.items()}
        dress = {
            name: whole[name] - size[sites[name][1]] / 1e3
            for name, size in sizes.items()
        }
        for what, figure, most in (
            ("page, compressed", whole, 150),
            ("its style and script", dress, 60),
        ):
            row(
                what,
                f"{figure['ours']:.0f} kB",
                f"{figure['plain']:.0f} kB: plain sphinx-design",
                f"at most {most} kB",
            )
        if not shutil.which("chromium"):
            row("page, paint", "not measured: no chromium here")
            return
        from playwright.sync_api import sync_playwright

        seen = {}
        with sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu"],
            )
            for name, (site, page) in sites.items():
                with serve(site) as address:
                    seen[name] = min(
                        paint(browser, f"{address}/{page}") for _ in range(3)
                    )
            browser.close()
        for index, (what, form, most) in enumerate(
            (
                ("page, largest paint", "{:.2f} s", "at most 1.5 s"),
                ("page, layout shift", "{:.3f}", "at most 0.01"),
                ("page, requests", "{}", "at most 15"),
            )
        ):
            beside = form.format(seen["plain"][index]) + ": plain sphinx-design"
            row(what, form.format(seen["ours"][index]), beside, most)
