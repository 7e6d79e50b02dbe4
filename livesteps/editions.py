"""The editions of the guide: the site, and one for each SDK, on screen and paper.

Each is a folder of HTML with a PDF, an EPUB, and a Markdown twin of every
page; `llms.txt` lists the twins.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import tinyhtml5
import weasyprint

from livesteps.errors import Problem
from livesteps.guide.directives import FILE
from livesteps.kit import Kit


@dataclass(frozen=True)
class Edition:
    """The guide for all SDKs, or for one; it is to be built into `folder`."""

    doc: Path
    folder: Path
    kit: Kit | None
    options: tuple[str, ...] = ()
    """More options for Sphinx."""

    @property
    def title(self) -> str:
        """What to call it in a list."""
        return self.kit.name if self.kit else "all SDKs"

    def build(self) -> None:
        """Build all of it; `Problem` if Sphinx has a word to say."""
        with tempfile.TemporaryDirectory(prefix="livesteps-edition-") as work:
            self._sphinx("html", self.folder, Path(work))
            self._sphinx("epub", Path(work) / "epub", Path(work))
            [epub] = (Path(work) / "epub").glob("*.epub")
            shutil.copy(epub, self.folder / f"{FILE}.epub")
            self._sphinx("markdown", Path(work) / "markdown", Path(work))
            for page in (Path(work) / "markdown").glob("*.md"):
                shutil.copy(page, self.folder)
            self._sphinx(
                *("singlehtml", Path(work) / "paper", Path(work)),
                *("-D", "html_theme=basic"),
            )
            print_pdf(Path(work) / "paper/index.html", self.folder / f"{FILE}.pdf")

    def _sphinx(self, builder: str, out: Path, work: Path, *more: str) -> None:
        tag = ("-t", self.kit.id) if self.kit else ()
        address = os.environ.get("GUIDE_URL", "")
        if address and self.kit:
            address += f"editions/{self.kit.id}/"
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "sphinx", "-b", builder, "-q", "-n"),
                *("-W", "--keep-going", "-d", str(work / f"{builder}.doctrees")),
                *("-t", "editions", *tag, *self.options, *more),
                *(str(self.doc), str(out)),
            ],
            env={**os.environ, "GUIDE_URL": address},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise Problem(
                f"the {builder} for {self.title} was not built:\n{ran.stdout}",
                path=self.doc,
            )


def editions(
    doc: Path, site: Path, kits: Sequence[Kit], options: tuple[str, ...] = ()
) -> list[Edition]:
    """The site in the folder `site`, and below it the editions for one SDK."""
    whole = Edition(doc, site, None, options)
    return [
        whole,
        *(Edition(doc, site / "editions" / kit.id, kit, options) for kit in kits),
    ]


def build_editions(wanted: list[Edition]) -> None:
    """Build editions, as many at once as there are processors, and list them."""
    wanted[0].build()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(Edition.build, wanted[1:]))
    write_llms(wanted)


def write_llms(wanted: list[Edition]) -> None:
    """Write llms.txt, by which a tool that reads text finds the Markdown."""
    site = wanted[0].folder
    lines = [
        "# Making it durable",
        "",
        "> A guide to OpenStack Object Storage (Swift), step by step. Every piece of",
        "> code and every output was cut from a program that ran.",
    ]
    for edition in wanted:
        lines += ["", f"## For {edition.title}", ""]
        for page in sorted(edition.folder.glob("*.md")):
            title = page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
            lines.append(f"- [{title}]({page.relative_to(site).as_posix()})")
    (site / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def print_pdf(page: Path, pdf: Path) -> None:
    """Print a page of Sphinx's `singlehtml`: title, contents, and the guide."""
    tree = tinyhtml5.parse(
        page.read_text(encoding="utf-8"), namespace_html_elements=False
    )
    head, body = tree.find("head"), tree.find("body")
    text = tree.find(".//div[@class='body']")
    contents = tree.find(".//div[@class='sphinxsidebarwrapper']//ul/..")
    assert head is not None
    assert body is not None
    assert text is not None
    for link in head.findall("link[@rel='stylesheet']"):
        if "pygments" in link.get("href", ""):
            link.set("href", link.get("href", "").partition("?")[0])
        else:
            head.remove(link)  # it is for screens
    for child in list(body):
        body.remove(child)
    assert contents is not None
    contents.set("class", "contents")
    heading = contents.find("h3")
    assert heading is not None
    for child in list(heading):
        heading.remove(child)
    heading.text = head.findtext("title")
    body.extend((contents, text))
    paper = Path(__file__).with_name("paper.css")
    for link in contents.iter("a"):
        link.set("href", "#" + link.get("href", "").rpartition("#")[2])
    ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
    html = ElementTree.tostring(tree, encoding="unicode", method="html")
    weasyprint.HTML(string=html, base_url=str(page)).write_pdf(
        pdf, stylesheets=[paper], pdf_tags=True
    )
