"""What the page with the steps costs a reader, and its build, beside plain ones.

The plain pages have the same text, code, outputs, requests and tabs, written
out by hand for sphinx-design, with no extension of ours.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from webserver import ROOT, build, serve

from livesteps.guide.labels import label_of
from livesteps.guide.nodes import requests
from livesteps.read.chapter import Chapter
from livesteps.read.guide import Guide, load_guide
from livesteps.read.recording import output_path
from livesteps.read.sdk import SDK
from livesteps.read.trouble import trouble_path

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


OURS = re.compile(
    r" *\.\. (step|trouble|diagram|requests-table|editions|matrix):: ?(.*)"
)
"""A directive of ours, none of which stands inside of another one."""
OF_SDK = re.compile(r"^\.\. sdk:: (\S+)\n((?:\n| .*\n)*)", re.MULTILINE)


TITLE = re.compile(r"^\S.*\n(?:=+|-+|~+)\n", re.MULTILINE)


def write_plain(doc: Path) -> None:
    """Write the same pages for sphinx-design alone; samples beside.

    Steps and troubles are written out. Diagrams, tables of figures and the list
    of editions are left out, which Sphinx alone could not make.
    """
    samples = doc.parent / "samples"
    shutil.copytree(ROOT / "samples", samples)
    shutil.copytree(ROOT / "doc", doc, ignore=shutil.ignore_patterns("livesteps"))
    (doc / "conf.py").write_text(CONF)
    guide = load_guide(samples / "guide.toml")
    [chapter] = guide.chapters.values()
    sdks = guide.sdks
    for page in doc.glob("*.rst"):
        text = page.read_text().replace("   livesteps/index\n", "")
        lines = text.splitlines()
        written = ""
        while lines:
            line = lines.pop(0)
            ours = OURS.match(line)
            if not ours:
                written += f"{line}\n"
                continue
            block = ""
            inside = " " * (1 + len(line) - len(line.lstrip()))
            while lines and (not lines[0] or lines[0].startswith(inside)):
                block += f"{lines.pop(0)}\n"
            text = dedent(block)
            if ours[1] == "step":
                *_, title = TITLE.finditer(written)
                label = f".. _{label_of(chapter, int(ours[2]))}:\n\n"
                written = written[: title.start()] + label + written[title.start() :]
                written += by_hand(text, int(ours[2]), guide, chapter)
            elif ours[1] == "trouble":
                said = {
                    sdk.id: shown(trouble_path(sdk.recorded(chapter.name), ours[2]))
                    for sdk in sdks.values()
                }
                written += tabs(said, sdks)
        page.write_text(written)


def by_hand(text: str, step: int, guide: Guide, chapter: Chapter) -> str:
    """What a step's directive stands for: the text for all, then the tabs."""
    own = {found[1]: dedent(found[2]) for found in OF_SDK.finditer(text)}
    contents = {}
    for sdk in guide.sdks.values():
        recording = guide.recording(sdk, chapter)
        path = sdk.path(chapter.name)
        printed = output_path(sdk.recorded(chapter.name), step)
        contents[sdk.id] = (
            f"{own.get(sdk.id, '')}\n\n"
            f":download:`{path.name} <{beside(path)}>`\n\n"
            f".. literalinclude:: {beside(path)}\n"
            f"   :language: {sdk.lexer}\n   :dedent:\n   :force:\n"
            f"   :start-after: step-{step}\n   :end-before: step-{step + 1}\n\n"
            f"Output\n\n{shown(printed)}"
        )
        for folded in requests(recording.step[step - 1].request):
            asked = indent(folded.astext(), "      ")
            contents[sdk.id] += (
                f".. dropdown:: HTTP requests\n\n   .. code-block:: text\n\n{asked}\n\n"
            )
        contents[sdk.id] += f"{sdk.name} {recording.sdk} on {recording.date}\n"
    return OF_SDK.sub("", text) + "\n" + tabs(contents, guide.sdks)


def shown(path: Path) -> str:
    """A file of a recording, as a block; of an empty one, a word."""
    if not path.read_text():
        return "Nothing.\n\n"
    return f".. literalinclude:: {beside(path)}\n   :language: text\n\n"


def beside(path: Path) -> str:
    """A path below `samples`, from a page."""
    return f"../{path.relative_to(path.parents[path.parts[::-1].index('samples')])}"


def tabs(contents: dict[str, str], sdks: dict[str, SDK]) -> str:
    """A tab for each SDK."""
    written = ".. tab-set::\n\n"
    for sdk, content in contents.items():
        written += f"   .. tab-item:: {sdks[sdk].name}\n      :sync: {sdk}\n\n"
        written += indent(content, "      ") + "\n"
    return written + "\n"


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
            "plain": (build(plain, Path(folder) / "b"), "durability.html"),
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
