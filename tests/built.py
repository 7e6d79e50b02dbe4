"""Pages that Sphinx builds for tests: what many look at is built once a run."""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from filelock import FileLock
from small import ROOT
from sphinx.cmd.build import main as sphinx

from livesteps.read.guide import Guide, load_guide

SDK_TEXT = re.compile(r"^( *)\.\. sdk:: (\S+)\n(?:\n|\1 +.*\n)*", re.MULTILINE)
"""Text of one SDK, in a step."""


@dataclass(frozen=True)
class Built:
    """How a build went."""

    status: int
    said: str
    """All that Sphinx printed."""


def build(doc: Path, out: Path, *options: str, builder: str = "html") -> Built:
    """Call Sphinx in this process, which saves its start; every warning is an error."""
    said = io.StringIO()
    words = ["--no-color", "-b", builder, "-q", "-W", "-n", *options]
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(said),
        redirect_stderr(said),
        # What extensions warn Python's programmers of is no word on the pages.
        warnings.catch_warnings(action="ignore"),
    ):
        # Sphinx keeps a report of each failure among its temporary files.
        patch.setattr(tempfile, "tempdir", str(out.parent))
        status = sphinx([*words, "-d", f"{out}-doctrees", str(doc), str(out)])
    return Built(status, said.getvalue())


def once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]
) -> Path:
    """A folder that is made once a run, whichever process of it comes first."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / f"once-{name}"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            part = base / f"part-{name}"
            shutil.rmtree(part, ignore_errors=True)  # of one that failed
            make(part)
            part.rename(folder)
    return folder


def pages_of_the_guide(
    factory: pytest.TempPathFactory, name: str, *options: str
) -> Path:
    """The real guide as HTML, built once a run without a word."""

    def make(folder: Path) -> None:
        assert build(ROOT / "doc", folder / "html", *options) == Built(0, "")

    return once(factory, name, make) / "html"


@dataclass(frozen=True)
class Source:
    """A copy of the guide's pages and of samples, to be changed and built."""

    folder: Path

    @property
    def doc(self) -> Path:
        """The pages."""
        return self.folder / "doc"

    @property
    def samples(self) -> Path:
        """The samples."""
        return self.folder / "samples"

    @property
    def guide(self) -> Guide:
        """All of it, read anew."""
        return load_guide(self.samples / "guide.toml")

    @property
    def out(self) -> Path:
        """Where it is built."""
        return self.folder / "out"

    def only_page(self, text: str) -> None:
        """Put one page in the place of all others."""
        for page in self.doc.rglob("*.rst"):
            page.unlink()
        title = "Page\n====\n\n"
        (self.doc / "index.rst").write_text(title + textwrap.dedent(text))

    def build(self, *options: str, builder: str = "html") -> Built:
        """Build it into `out`."""
        return build(self.doc, self.out, *options, builder=builder)

    def page(self, *options: str, name: str = "durability") -> BeautifulSoup:
        """A page of a build that went without any word."""
        assert self.build(*options) == Built(0, "")
        return self.read(name)

    def read(self, name: str) -> BeautifulSoup:
        """A page that is built."""
        return BeautifulSoup((self.out / f"{name}.html").read_text(), "html.parser")

    def complaint(self) -> str:
        """The first line of what a build that fails says."""
        built = self.build(builder="dummy")
        assert built.status != 0
        return built.said.split("\n")[0]


def copy_guide(folder: Path, sdks: Sequence[str]) -> Source:
    """Copy the pages and these SDKs' samples; what is said of others is left out."""
    source = Source(folder)
    # The tool's manual is of the whole repository.
    without = shutil.ignore_patterns("livesteps")
    shutil.copytree(ROOT / "doc", source.doc, ignore=without)
    shutil.copytree(
        ROOT / "samples",
        source.samples,
        ignore=lambda path, names: (
            [name for name in names if (ROOT / "samples" / name / "sdk.toml").is_file()]
            if Path(path) == ROOT / "samples"
            else []
        ),
    )
    # The tool's manual shows parts of these.
    for name in ("livesteps", "livesteps_openstack", "tests"):
        (folder / name).symlink_to(ROOT / name)
    for sdk in sdks:
        shutil.copytree(ROOT / "samples" / sdk, source.samples / sdk)
    for page in source.doc.glob("*.rst"):
        text = page.read_text().replace("   livesteps/index\n", "")
        page.write_text(
            SDK_TEXT.sub(lambda found: found[0] if found[2] in sdks else "", text)
        )
    return source
