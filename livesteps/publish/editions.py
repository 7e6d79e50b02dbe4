"""The editions of the guide: the site, and one for each SDK, on screen and paper.

Each is a folder of HTML with a PDF, an EPUB, and a Markdown twin of every
page; `llms.txt` lists the twins.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import tinyhtml5
import weasyprint

from livesteps.publish.sphinx import build
from livesteps.read.guide import Guide
from livesteps.read.sdk import SDK


@dataclass(frozen=True)
class Edition:
    """The guide for all SDKs, or for one; it is to be built into `folder`."""

    guide: Guide
    folder: Path
    sdk: SDK | None = None
    fresh: Path | None = None
    """The folder of newer recordings."""

    @property
    def title(self) -> str:
        """What to call it in a list."""
        return self.sdk.name if self.sdk else "all SDKs"

    def build(self) -> None:
        """Build all of it; `Problem` if Sphinx has a word to say."""
        name = self.guide.slug
        with tempfile.TemporaryDirectory(prefix="livesteps-edition-") as folder:
            work = Path(folder)
            self._sphinx("html", self.folder)
            self._sphinx("epub", work / "epub")
            [epub] = (work / "epub").glob("*.epub")
            shutil.copy(epub, self.folder / f"{name}.epub")
            self._sphinx("markdown", work / "markdown")
            for page in (work / "markdown").glob("*.md"):
                shutil.copy(page, self.folder)
            self._sphinx("singlehtml", work / "paper", "-D", "html_theme=basic")
            print_pdf(work / "paper/index.html", self.folder / f"{name}.pdf")

    def _sphinx(self, builder: str, out: Path, *options: str) -> None:
        address = os.environ.get("GUIDE_URL", "")
        if address and self.sdk:
            address += f"editions/{self.sdk.id}/"
        build(
            *(self.guide.root / "doc", builder, out),
            fresh=self.fresh,
            tags=["editions", *([self.sdk.id] if self.sdk else [])],
            options=options,
            environment={"GUIDE_URL": address},
            what=f"the {builder} for {self.title}",
        )


def editions(guide: Guide, site: Path, fresh: Path | None = None) -> list[Edition]:
    """The site in the folder `site`, and below it the editions for one SDK."""
    return [
        Edition(guide, site, None, fresh),
        *(
            Edition(guide, site / "editions" / sdk.id, sdk, fresh)
            for sdk in guide.sdks.values()
        ),
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
    file = wanted[0].guide.file
    about = "".join(f"> {line}\n" for line in file.description.strip().splitlines())
    lines = [f"# {file.title}", *(["", about.rstrip()] if about else [])]
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
