"""The guide as Sphinx builds it: complete, true to the samples, loud when wrong."""

from __future__ import annotations

import posixpath
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from built import Source, copy_guide
from small import ROOT

from livesteps.read.guide import load_guide
from livesteps.read.recording import output_path
from livesteps.read.sdk import SDK
from livesteps.read.trouble import read_message

GUIDE = load_guide(ROOT / "samples" / "guide.toml")
SDKS = GUIDE.sdks
CHAPTER = GUIDE.chapters["durability"]
STEPS = range(1, len(CHAPTER) + 1)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A copy of the guide with three SDKs, to be spoiled."""
    return copy_guide(tmp_path, ["boto3", "libcloud", "openstacksdk"])


@pytest.fixture(scope="module")
def site(html: Path) -> dict[str, BeautifulSoup]:
    """Every page, by its address."""
    return {
        str(path.relative_to(html)): BeautifulSoup(path.read_text(), "html.parser")
        for path in html.rglob("*.html")
    }


@pytest.fixture(scope="module")
def page(site: dict[str, BeautifulSoup]) -> BeautifulSoup:
    return site["durability.html"]


@pytest.fixture(scope="module")
def libcloud_page(libcloud_html: Path) -> BeautifulSoup:
    text = (libcloud_html / "durability.html").read_text()
    return BeautifulSoup(text, "html.parser")


def section(page: BeautifulSoup, step: int) -> Tag:
    """The part of the page about a step."""
    target = page.find(id=f"step-{step}")
    assert target, f"no step {step} on the page"
    found = target if target.name == "section" else target.find_parent("section")
    assert found
    return found


def panels(step: Tag) -> Iterator[tuple[str, Tag]]:
    """The SDK's name and the content of each tab."""
    for label in step.select(".sd-tab-label"):
        content = label.find_next_sibling(class_="sd-tab-content")
        assert content
        yield label.get_text(strip=True), content


def check_content(content: Tag, sdk: SDK, step: int) -> None:
    """Code, output and stamp are those of the SDK's step."""
    code = content.find(class_=f"highlight-{sdk.lexer}")
    expected = textwrap.dedent(sdk.sample_of(CHAPTER.name).block(step))
    assert code.pre.get_text().rstrip("\n") == expected.rstrip("\n")
    assert not code.select(".x"), "Pygments takes it for text, not for code"
    output = content.find(class_="livesteps-output")
    recorded = output_path(sdk.recorded(CHAPTER.name), step).read_text()
    assert output.pre.get_text().rstrip("\n") == recorded.rstrip("\n")
    stamp = content.find(class_="livesteps-stamp").get_text()
    assert re.fullmatch(
        rf"{re.escape(sdk.name)} \S+ on {re.escape(sdk.language)} \S+, "
        r"against Swift 2\.38\.\S+ and Keystone \S+\. "
        r"Recorded on \d+ [A-Z][a-z]+ \d{4}\.",
        stamp,
    )


def test_every_link_within_the_guide_leads_somewhere(
    site: dict[str, BeautifulSoup],
) -> None:
    lost = []
    anchors = {
        name: {tag["id"] for tag in page.select("[id]")} for name, page in site.items()
    }
    for name, page in site.items():
        for link in page.select("a[href]"):
            target, _, anchor = link["href"].partition("#")
            inside = target.lstrip("./")
            if "//" in target or inside.startswith(("_sources/", "_downloads/")):
                continue
            if name == "404.html":  # it is shown at any address
                target = target.removeprefix("/")
            path = posixpath.join(posixpath.dirname(name), target.partition("?")[0])
            found = anchors.get(posixpath.normpath(path) if target else name)
            if found is None or (anchor and anchor not in found):
                lost.append(f"{name}: {link['href']}")
    assert lost == []


def test_the_guide_promises_nothing_for_later(site: dict[str, BeautifulSoup]) -> None:
    promise = re.compile(r"\bto-?do\b|\bnot yet\b|\bcoming soon\b", re.IGNORECASE)
    for name, page in site.items():
        text = page.get_text(" ")
        if name.startswith("livesteps/"):  # `todo` is what the tool calls an advice
            text = re.sub(r"\btodo\b", "", text)
        assert not promise.search(" ".join(text.split())), name


@pytest.mark.parametrize(
    "name", ["block_storage", "orchestration", "networking", "advice", "craziness"]
)
def test_what_the_published_page_refers_to_is_there(
    site: dict[str, BeautifulSoup], name: str
) -> None:
    next_steps = site["durability.html"].find("section", id="next-steps")
    assert next_steps.find("a", href=f"{name}.html")
    assert f"{name}.html" in site


def test_the_guide_asks_nothing_of_other_hosts(page: BeautifulSoup) -> None:
    fetched = [tag["src"] for tag in page.select("script[src], img[src]")]
    fetched += [tag["href"] for tag in page.select("link[href]")]
    assert fetched
    assert not [address for address in fetched if "//" in address]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_has_the_tab_of_each_sdk(page: BeautifulSoup, step: int) -> None:
    contents = dict(panels(section(page, step)))
    assert list(contents) == [sdk.name for sdk in SDKS.values()]
    for sdk in SDKS.values():
        check_content(contents[sdk.name], sdk, step)


def test_text_of_an_sdk_stands_in_its_tab_alone(page: BeautifulSoup) -> None:
    contents = dict(panels(section(page, 8)))
    said = "Deletes take objects, not names."
    assert said in contents["Apache Libcloud"].get_text()
    assert said not in contents["OpenStack SDK"].get_text()
    assert section(page, 8).get_text().count(said) == 1


def test_requests_are_there_but_folded(page: BeautifulSoup) -> None:
    contents = dict(panels(section(page, 4)))["OpenStack SDK"]
    folded = contents.find("details")
    assert not folded.has_attr("open")
    assert folded.summary.get_text() == "1 HTTP request"
    assert "/fractals/an%20amazing%20goat" in folded.pre.get_text()
    # Comparing checksums asks the server for nothing.
    contents = dict(panels(section(page, 7)))["OpenStack SDK"]
    assert not contents.find("details")


def test_a_table_counts_the_requests_of_each_step(page: BeautifulSoup) -> None:
    tables = dict(panels(page.find(id="what-it-costs")))
    assert list(tables) == [sdk.name for sdk in SDKS.values()]
    recordings = {sdk.name: GUIDE.recording(sdk, CHAPTER) for sdk in SDKS.values()}
    counts = {
        name: [len(step.request) for step in recording.step]
        for name, recording in recordings.items()
    }
    for name, table in tables.items():
        rows = [
            [cell.get_text(strip=True) for cell in row.select("td")]
            for row in table.select("tbody tr")
        ]
        assert len(rows) == len(STEPS) + 1
        for step, (title, own, any_sdk) in zip(STEPS, rows, strict=False):
            assert title.startswith(f"{step} ")
            assert int(own) == counts[name][step - 1]
            of_all = [each[step - 1] for each in counts.values()]
            assert {int(number) for number in any_sdk.split("\N{EN DASH}")} == {
                min(of_all),
                max(of_all),
            }
        assert int(rows[-1][1]) == sum(counts[name])


def test_each_trouble_is_told_by_each_sdk(site: dict[str, BeautifulSoup]) -> None:
    page = site["troubleshooting.html"]
    troubles = GUIDE.troubles
    tabs = page.select(".sd-tab-set")
    assert len(tabs) == len(troubles)
    wanted = {
        name: [read_message(sdk.recorded(CHAPTER.name), name) for sdk in SDKS.values()]
        for name in troubles
    }
    shown = []
    for tab_set in tabs:
        said = []
        for _, content in panels(tab_set):
            block = content.select_one(".livesteps-output pre")
            said.append(block.get_text() if block else "")
            assert block or "it runs on" in content.get_text()
        shown.append(said)
    assert sorted(shown) == sorted(wanted.values())


def test_an_unknown_trouble_is_an_error_that_names_the_nearest(source: Source) -> None:
    source.only_page(".. trouble:: wrong-pasword\n")
    assert (
        f"{source.doc}/index.rst:4: ERROR: unknown trouble 'wrong-pasword'; "
        "did you mean 'wrong-password'?" in source.complaint()
    )


def test_an_edition_counts_its_own_requests_alone(libcloud_page: BeautifulSoup) -> None:
    [table] = libcloud_page.select("table.livesteps-numbers")
    heads = [cell.get_text(strip=True) for cell in table.select("th")]
    assert heads == ["Step", "Requests"]


def test_diagrams_are_pictures_that_say_what_they_show(page: BeautifulSoup) -> None:
    replicas, fractals = page.select(".livesteps-diagram svg")
    assert replicas["role"] == fractals["role"] == "img"
    assert "three devices" in replicas["aria-label"]
    assert [text.get_text() for text in replicas.select("text")].count("goat") == 3
    words = " ".join(text.get_text() for text in fractals.select("text"))
    assert "before" in words
    assert "Object Storage:" in words
    assert not page.select(".livesteps-diagram [id]"), "it may be there twice"


def test_where_no_picture_can_be_shown_its_words_stand(source: Source) -> None:
    assert source.build(builder="text").said == ""
    text = (source.out / "durability.txt").read_text()
    assert "sends it to three devices" in " ".join(text.split())


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (".. diagram:: a.dot\n", "a diagram without 'alt'; say what it shows"),
        (
            ".. diagram:: a.dot\n   :alt: A.\n",
            "a.dot: Failed to parse DOT source; see graphviz.org",
        ),
        (
            ".. diagram:: b.dot\n   :alt: B.\n",
            "b.dot: No such file or directory; write it",
        ),
    ],
)
def test_a_diagram_that_cannot_be_drawn_is_an_error(
    source: Source, written: str, complaint: str
) -> None:
    source.only_page(written)
    (source.doc / "a.dot").write_text("digraph { a -> ")
    assert f"{source.doc}/index.rst:4: ERROR: {complaint}" in source.complaint()


@pytest.mark.parametrize("step", STEPS)
def test_an_edition_shows_one_sdk_without_tabs(
    libcloud_page: BeautifulSoup, step: int
) -> None:
    found = section(libcloud_page, step)
    assert not found.select(".sd-tab-set, .sd-tab-label, input")
    check_content(found, SDKS["libcloud"], step)
    for kind in ("livesteps-output", "livesteps-stamp"):
        assert len(found.find_all(class_=kind)) == 1


def test_an_edition_holds_no_text_of_other_sdks(libcloud_page: BeautifulSoup) -> None:
    text = libcloud_page.get_text()
    assert "Deletes take objects, not names." in text
    assert "OpenStack SDK" not in text
    assert "get_object_metadata" not in text


def test_every_edition_builds(tmp_path: Path) -> None:
    source = copy_guide(tmp_path, list(SDKS))
    for sdk in SDKS.values():
        # Into one folder, one after the other: nothing of the last one stays.
        page = source.page("-t", sdk.id)
        for step in STEPS:
            check_content(section(page, step), sdk, step)
        assert len(page.select(".livesteps-stamp")) == len(STEPS)


def test_a_page_written_with_only_and_literalinclude_builds(source: Source) -> None:
    blocks = ":orphan:\n\nThe old way\n===========\n\n"
    for step in range(1, 15):
        blocks += f"""\
.. only:: libcloud

    .. literalinclude:: ../samples/libcloud/durability.py
        :start-after: step-{step}
        :end-before: step-{step + 1}

.. only:: openstacksdk

    For another edition.

"""
    (source.doc / "old.rst").write_text(blocks)
    page = source.page("-t", "libcloud", name="old")
    assert "For another edition." not in page.get_text()
    shown = [block.get_text().strip("\n") for block in page.select("article pre")]
    sample = SDKS["libcloud"].sample_of(CHAPTER.name)
    assert shown == [sample.block(step).strip("\n") for step in range(1, 15)]


def test_an_unknown_step_is_an_error(source: Source) -> None:
    source.only_page(".. step:: 18\n")
    assert (
        f"{source.doc}/index.rst:4: ERROR: there is no step '18'; they are 1 to 17"
        in source.complaint()
    )


def test_an_unknown_sdk_is_an_error_that_names_the_nearest(source: Source) -> None:
    source.only_page(
        """\
        .. step:: 4

           .. sdk:: libclod

              Text.
        """
    )
    assert (
        f"{source.doc}/index.rst:6: ERROR: unknown SDK 'libclod'; "
        "did you mean 'libcloud'?" in source.complaint()
    )


def test_sdk_outside_of_a_step_is_an_error(source: Source) -> None:
    source.only_page(".. sdk:: libcloud\n\n   Text.\n")
    assert (
        f"{source.doc}/index.rst:4: ERROR: 'sdk' stands outside of a step; "
        "write it directly inside one" in source.complaint()
    )


def test_a_recording_of_another_version_stops_the_build(source: Source) -> None:
    sample = source.samples / "libcloud" / "durability.py"
    sample.write_text(sample.read_text().replace("Uploaded", "Stored"))
    run = source.samples / "libcloud" / "recorded" / "durability" / "run.toml"
    line = 1 + [text[:6] for text in run.read_text().split("\n")].index("digest")
    assert (
        f"ERROR: {run}:{line}: it is of another version of durability.py; "
        "run `livesteps record libcloud` and look at what changed" in source.complaint()
    )


def test_a_recording_without_a_step_stops_the_build(source: Source) -> None:
    output = output_path(source.samples / "libcloud" / "recorded" / "durability", 9)
    output.unlink()
    assert source.complaint() == (
        f"ERROR: {output}:1: it is missing; record it again, by `livesteps record SDK`"
    )


def test_what_ran_for_this_build_is_stamped_so(source: Source, tmp_path: Path) -> None:
    source.page()
    # The same build again, now with a run of one SDK: the pages follow.
    fresh = tmp_path / "fresh"
    shutil.copytree(source.samples / "libcloud" / "recorded", fresh / "libcloud")
    changed = output_path(fresh / "libcloud" / "durability", 8)
    changed.write_text("Deleted a goat just now\n")
    page = source.page("-D", f"livesteps_fresh={fresh}")
    for step in STEPS:
        contents = dict(panels(section(page, step)))
        stamps = {
            name: content.find(class_="livesteps-stamp").get_text()
            for name, content in contents.items()
        }
        assert ". Ran on " in stamps["Apache Libcloud"]
        assert ". Recorded on " in stamps["OpenStack SDK"]
    assert "Deleted a goat just now" in section(page, 8).get_text()


def test_output_that_looks_like_html_is_shown_as_text(source: Source) -> None:
    text = "<script>alert(1)</script> & <b>bold</b>\n"
    recorded = source.samples / "libcloud" / "recorded" / "durability"
    output_path(recorded, 3).write_text(text)
    page = source.page()
    content = dict(panels(section(page, 3)))["Apache Libcloud"]
    assert content.find(class_="livesteps-output").pre.get_text() == text
    assert not content.select("script, b")


def test_the_matrix_has_every_figure_of_the_recordings(
    site: dict[str, BeautifulSoup],
) -> None:
    page = site["matrix.html"]
    tables = page.select("table.livesteps-matrix")
    checks, versions, _ways, seconds, requests, sizes = tables
    for index, sdk in enumerate(SDKS.values()):
        recording = GUIDE.recording(sdk, CHAPTER)
        cells = checks.tbody.select("tr")[index].select("a")
        assert [link["href"] for link in cells] == [
            f"durability.html?sdk={sdk.id}#step-{step}" for step in STEPS
        ]
        words = versions.tbody.select("tr")[index].get_text(" ", strip=True)
        for word in (sdk.name, recording.sdk, sdk.language, f"{recording.date}"):
            assert word in words
        for table, figures in (
            (seconds, [f"{step.seconds:.2f}" for step in recording.step]),
            (requests, [str(len(step.request)) for step in recording.step]),
        ):
            cells = table.tbody.select("tr")[index].select("td")
            assert [cell.get_text() for cell in cells][:-1] == figures
        uploaded = sizes.tbody.select("tr")[index].select("td")[3].get_text()
        assert uploaded == "112k"
    charts = page.select("svg.livesteps-chart")
    assert len(charts) == 4
    for chart in charts:
        assert chart["role"] == "img"
        assert all(sdk.name in chart["aria-label"] for sdk in SDKS.values())
    of_libraries, of_memory = (chart["aria-label"] for chart in charts[2:])
    for sdk in SDKS.values():
        recording = GUIDE.recording(sdk, CHAPTER)
        assert f"{sdk.name} {recording.libraries}" in of_libraries
        assert f"{sdk.name} {recording.memory / 1e6:.0f}" in of_memory
    for sdk in SDKS.values():
        if sdk.recorded_only:
            assert sdk.recorded_only in page.get_text()


def test_a_gap_tells_its_reason_in_the_tab_and_in_the_matrix(source: Source) -> None:
    sdk = next(iter(source.guide.sdks.values()))
    with (source.samples / sdk.id / "sdk.toml").open("a") as toml:
        toml.write(
            '[[gap]]\nstep = 16\nreason = "It has no call for this."\n'
            'link = "https://example.org/issues/1"\n'
        )
    content = dict(panels(section(source.page(), 16)))[sdk.name]
    assert content.find(class_="warning").p.find_next("p").get_text() == (
        f"{sdk.name} cannot do this step: It has no call for this."
        " See its makers\N{RIGHT SINGLE QUOTATION MARK} words."
    )
    matrix = source.read("matrix")
    cell = matrix.select_one("table.livesteps-matrix tbody tr").select("a")[15]
    assert cell.get_text() == "gap"
    assert cell["href"] == f"durability.html?sdk={sdk.id}#step-16"
    assert f"{sdk.name}, step 16: It has no call for this." in matrix.get_text()


def test_a_gap_of_a_server_is_told_in_the_tab_and_in_the_matrix(
    source: Source,
) -> None:
    (source.samples / "servers.toml").write_text(
        '[[gap]]\nserver = "ceph"\nkey = "shares"\nexcept = ["boto3"]\n'
        'reason = "It knows no goats."\nlink = "https://example.org/goats"\n'
    )
    contents = dict(panels(section(source.page(), 16)))
    sdks = source.guide.sdks.values()
    assert list(contents) == [sdk.name for sdk in sdks]
    for sdk in sdks:
        told = [note.get_text() for note in contents[sdk.name].select(".note")]
        if sdk.id == "boto3":
            assert not told
        else:
            assert (
                "On Ceph 16 this step does not do what it should: It knows no"
                in (told[0])
            )
    matrix = source.read("matrix")
    said = "On Ceph 16, step 16: It knows no goats. boto3 (S3 API) can."
    assert said in matrix.get_text()
    versions = matrix.select("table.livesteps-matrix")[1]
    heads = [head.get_text() for head in versions.select("thead th")]
    column = heads.index("on Ceph 16") - len(heads)
    for sdk, row in zip(sdks, versions.select("tbody tr"), strict=True):
        whole = f"{len(STEPS) - (sdk.id != 'boto3')} of {len(STEPS)}"
        expected = whole if "ceph" in sdk.servers else "-"
        assert row.select("td")[column].get_text() == expected


def test_a_matrix_of_what_is_not_known_is_an_error(source: Source) -> None:
    source.only_page(".. matrix:: second\n")
    assert source.complaint().endswith(
        "index.rst:4: ERROR: there is no matrix of 'second'; did you mean 'seconds'?"
        " [docutils]"
    )
