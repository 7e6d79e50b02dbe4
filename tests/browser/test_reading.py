"""What a reader does in a tab: read it, copy from it, take the program home."""

from __future__ import annotations

import datetime
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from built import Built, build
from small import ROOT, SmallGuide
from webserver import serve

from livesteps.read.exchange import Exchange
from livesteps.read.guide import load_guide
from livesteps.read.recording import RecordedStep, Recording, write_recording

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Python's playwright is not installed"
)

SDKS = load_guide(ROOT / "samples" / "guide.toml").sdks


def panel(page: playwright.Page, step: int) -> playwright.Locator:
    """What is shown of a step."""
    return page.locator(f"section:has(> #step-{step}) .sd-tab-content:not([hidden])")


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_window(
    page: playwright.Page, html: Path, site: str, address: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(address)
    for sdk in SDKS:
        page.get_by_label("SDK", exact=True).first.select_option(sdk)
        check_width(page, width)
    for path in html.rglob("*.html"):
        page.goto(f"{site}/{path.relative_to(html)}")
        check_width(page, width)


def check_width(page: playwright.Page, width: int) -> None:
    """Nothing is wider than the window, in light and in dark."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = 1)")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        # Neither is a part cut off at the side: what is wide scrolls in its box.
        assert (
            page.evaluate(
                """width => [...document.querySelectorAll(
                    'article p, article pre, article summary, article select'
                )].filter(part => part.checkVisibility()
                    && !part.closest('.table-wrapper')
                    && part.getBoundingClientRect().right > width)
                  .map(part => part.textContent)""",
                width,
            )
            == []
        ), (page.url, scheme)


def test_dark_is_dark(page: playwright.Page, address: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(address)
    ground = "getComputedStyle(document.querySelector('{}')).backgroundColor"
    for part in ("html", ".sd-tab-set select", ".livesteps-file"):
        red, green, blue = page.evaluate(
            f"{ground.format(part)}.match(/[0-9.]+/g).slice(0, 3).map(Number)"
        )
        assert max(red, green, blue) < 64, part


def test_requests_open_on_a_click(page: playwright.Page, address: str) -> None:
    page.goto(f"{address}?sdk=openstacksdk")
    folded = panel(page, 4).locator("details")
    playwright.expect(folded.locator("pre")).to_be_hidden()
    folded.locator("summary").click()
    playwright.expect(folded.locator("pre")).to_contain_text("PUT /v1/AUTH_")


@pytest.mark.parametrize("by", ["mouse", "keyboard", "touch"])
def test_a_copied_block_is_the_files(
    reader: Callable[..., playwright.Page], address: str, by: str
) -> None:
    page = reader(
        permissions=["clipboard-read", "clipboard-write"], has_touch=by == "touch"
    )
    for sdk, step in (("curl", 4), ("gophercloud", 11)):
        page.goto(f"{address}?sdk={sdk}#step-{step}")
        button = panel(page, step).get_by_role("button", name="Copy")
        if by == "mouse":
            button.click()
        elif by == "touch":
            button.tap()
        else:
            panel(page, step).get_by_role("link").last.focus()
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        playwright.expect(panel(page, step).locator("button")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        expected = textwrap.dedent(
            SDKS[sdk].sample_of("durability").block(step)
        ).rstrip("\n")
        assert copied == expected + "\n"


def test_a_copied_command_has_no_prompt(
    reader: Callable[..., playwright.Page], site: str
) -> None:
    page = reader(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/getting_started.html")
    block = page.locator(".highlight", has_text="head -c 6291456")
    block.get_by_role("button", name="Copy").click()
    playwright.expect(block.locator("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == (
        "cp CLONE/samples/goat.jpg .\nhead -c 6291456 /dev/urandom > big.bin\n"
    )


def test_what_cannot_be_copied_is_selected(page: playwright.Page, site: str) -> None:
    page.add_init_script("delete Navigator.prototype.clipboard")
    page.goto(f"{site}/getting_started.html")
    block = page.locator(".highlight", has_text="head -c 6291456")
    block.get_by_role("button", name="Copy").click()
    selected = page.evaluate("getSelection().toString()")
    assert selected.startswith("cp CLONE/samples/goat.jpg .\nhead -c")


def test_the_whole_program_can_be_taken_home(
    page: playwright.Page, address: str
) -> None:
    page.goto(address)
    for sdk in SDKS.values():
        program = sdk.path("durability")
        page.get_by_label("SDK", exact=True).first.select_option(sdk.id)
        link = panel(page, 4).get_by_role("link", name=program.name, exact=True)
        with page.expect_download() as started:
            link.click()
        assert started.value.suggested_filename == program.name
        assert Path(started.value.path()).read_bytes() == program.read_bytes()


def test_the_first_stop_leads_over_the_navigation(
    page: playwright.Page, address: str
) -> None:
    page.goto(address)
    page.keyboard.press("Tab")
    while "skip" not in page.evaluate("document.activeElement.className"):
        page.keyboard.press("Tab")
    playwright.expect(page.get_by_text("Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('article')")


def test_where_the_focus_is_can_be_seen(page: playwright.Page, address: str) -> None:
    page.goto(f"{address}?sdk=fog#step-4")
    page.locator("#step-4").evaluate(
        "start => getSelection().collapse(start.parentElement, 0)"
    )
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                """() => {
                    const on = document.activeElement;
                    const mark = on.matches('.sd-tab-set > input')
                        ? on.labels[0] : on;
                    const {outlineStyle, outlineWidth} = getComputedStyle(mark);
                    return outlineStyle !== 'none' && parseFloat(outlineWidth) > 0
                        ? '' : on.outerHTML;
                }"""
            )
        )
    assert seen == {""}


def test_nothing_moves_for_those_who_do_not_want_it(
    reader: Callable[..., playwright.Page], address: str
) -> None:
    page = reader(reduced_motion="reduce")
    page.goto(address)
    assert (
        page.evaluate(
            """[...document.querySelectorAll('*')].filter(part => {
                const style = getComputedStyle(part);
                return style.scrollBehavior === 'smooth'
                    || parseFloat(style.transitionDuration) > 0
                    || style.animationName !== 'none';
            }).length"""
        )
        == 0
    )


def test_a_page_has_landmarks(page: playwright.Page, address: str) -> None:
    page.goto(address)
    for role in ("main", "search", "complementary", "contentinfo"):
        assert page.get_by_role(role).count() >= 1, role


def test_strange_names_and_outputs_break_nothing(
    reader: Callable[..., playwright.Page],
    make_guide: Callable[..., SmallGuide],
    tmp_path: Path,
) -> None:
    guide = make_guide("print('one')")
    names = {"größe sdk": "Größe SDK & <b>Söhne</b>", "zwei": "Zwei", "tiny": "Tiny"}
    for folder, name in names.items():
        sdk = guide.samples / folder
        if folder != "tiny":
            shutil.copytree(guide.sdk_folder, sdk)
        toml = sdk / "sdk.toml"
        toml.write_text(toml.read_text().replace('"Tiny SDK"', f"'{name}'"))
    output = "</pre><script>alert(1)</script><img src=x onerror=alert(2)> &amp;\n"
    read = guide.guide
    for sdk in read.sdks.values():
        step = RecordedStep(
            number=1,
            seconds=0.1,
            request=[
                Exchange(
                    method="GET", path="/<b>bold</b>", status=200, sent=0, received=0
                )
            ],
        )
        write_recording(
            Recording(
                date=datetime.date(2026, 1, 2),
                digest=sdk.sample_of("tiny").digest,
                sdk="<i>1</i>",
                language="2",
                libraries=0,
                memory=1,
                servers={"swift": "3", "keystone": "4"},
                step=[step],
                outputs=(output,),
                known={},
            ),
            sdk.recorded("tiny"),
            read.plugins.vocabulary,
        )
    doc = guide.folder / "doc"
    shutil.copytree(ROOT / "doc", doc, ignore=shutil.ignore_patterns("*.rst"))
    (doc / "index.rst").write_text("Page\n====\n\n.. step:: 1\n")
    page = reader()
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    assert build(doc, tmp_path / "out") == Built(0, "")
    with serve(tmp_path / "out") as site:
        page.goto(f"{site}/index.html")
        labels = page.locator(".sd-tab-set > label")
        assert sorted(text.strip() for text in labels.all_inner_texts()) == sorted(
            names.values()
        )
        labels.filter(has_text="Zwei").click()
        labels.filter(has_text="Größe").click()
        assert page.url.endswith("?sdk=gr%C3%B6%C3%9Fe+sdk")
        page.reload()
        shown = page.locator(".sd-tab-content:not([hidden])")
        assert shown.locator(".livesteps-output pre").inner_text() == output
        assert (
            shown.locator(".livesteps-stamp")
            .inner_text()
            .startswith("Größe SDK & <b>Söhne</b> <i>1</i> on Python 2")
        )
        shown.locator("summary").click()
        assert "GET /<b>bold</b>" in shown.locator("details").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_diagram_can_be_read(
    page: playwright.Page, address: str, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(address)
    diagrams = page.locator(".livesteps-diagram").all()
    assert diagrams
    for diagram in diagrams:
        right, height, fill, colour = diagram.evaluate(
            """diagram => {
                const svg = diagram.querySelector('svg');
                const text = svg.querySelector('text');
                return [svg.getBoundingClientRect().right,
                    text.getBoundingClientRect().height,
                    getComputedStyle(text).fill, getComputedStyle(diagram).color];
            }"""
        )
        assert right <= 360
        assert height >= 11
        assert fill == colour
