"""The guide in a reader's browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from livesteps.kit import load_kits
from livesteps.recording import output_path
from livesteps.step import load_steps

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Python's playwright is not installed"
)
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here (Debian: apt install chromium)"
)

ROOT = Path(__file__).parents[1]
KITS = load_kits(ROOT / "samples")
STEPS = range(1, len(load_steps(ROOT / "samples" / "steps.toml")) + 1)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the built page is."""
    out = tmp_path_factory.mktemp("page")
    subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "-n"),
            *("-d", str(out / "doctrees"), str(ROOT / "doc"), str(out / "html")),
        ],
        cwd=ROOT,
        timeout=120,
        check=True,
    )
    return (out / "html" / "durability.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: playwright.Browser) -> Iterator[playwright.Page]:
    """A page of a reader who was never here; it asks no other host for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    elsewhere: list[str] = []
    errors: list[str] = []

    def see(request: playwright.Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            elsewhere.append(request.url)

    opened = context.new_page()
    opened.on("request", see)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert elsewhere == []
    assert errors == []


def tab_set(page: playwright.Page, step: int) -> playwright.Locator:
    """The tabs of a step."""
    return page.locator(f"section:has(> #step-{step}) > .sd-tab-set")


def label_of(page: playwright.Page, step: int, sdk: str) -> playwright.Locator:
    """An SDK's tab in a step."""
    return tab_set(page, step).locator(f'> label[data-sync-id="{sdk}"]')


def check_shown(page: playwright.Page, step: int, sdk: str) -> None:
    """A step shows code, output and stamp of one SDK, and nothing of the others."""
    shown = tab_set(page, step).evaluate(
        """tabs => [...tabs.querySelectorAll(':scope > label')].map(label => {
            const panel = label.nextElementSibling;
            const visible = part => part.checkVisibility()
                && part.getBoundingClientRect().height > 0;
            const text = (name) => [...panel.querySelectorAll(name)]
                .filter(visible).map(part => part.innerText);
            return {
                sdk: label.dataset.syncId,
                panel: visible(panel),
                code: text(':scope > [class^=highlight-]:not(.livesteps-output)'),
                output: text('.livesteps-output pre'),
                stamp: text('.livesteps-stamp'),
            };
        })"""
    )
    assert [tab["sdk"] for tab in shown] == list(KITS)
    for tab in shown:
        if tab["sdk"] != sdk:
            nothing = {"panel": False, "code": [], "output": [], "stamp": []}
            assert tab == {"sdk": tab["sdk"], **nothing}
            continue
        kit = KITS[sdk]
        [code], [output], [stamp] = tab["code"], tab["output"], tab["stamp"]
        recorded = output_path(kit.folder / "recorded", step).read_text()
        assert tab["panel"]
        assert code.strip() == textwrap.dedent(kit.sample.block(step)).strip()
        assert output.strip() == recorded.strip()
        assert stamp.startswith(kit.name)


def test_every_step_shows_the_sdk_that_was_clicked(
    page: playwright.Page, address: str
) -> None:
    page.goto(address)
    for step in STEPS:
        labels = tab_set(page, step).locator("> label")
        assert [text.strip() for text in labels.all_inner_texts()] == [
            kit.name for kit in KITS.values()
        ]
        for kit in reversed(KITS.values()):
            label_of(page, step, kit.id).click()
            check_shown(page, step, kit.id)


def test_one_choice_is_followed_by_all_steps_and_kept(
    page: playwright.Page, address: str
) -> None:
    page.goto(address)
    last = list(KITS.values())[-1]
    label_of(page, 9, last.id).click()
    for step in STEPS:
        check_shown(page, step, last.id)
    page.reload()
    for step in STEPS:
        check_shown(page, step, last.id)


def test_a_link_can_choose_the_sdk(page: playwright.Page, address: str) -> None:
    for kit in KITS.values():
        page.goto(f"{address}?sdk={kit.id}")
        check_shown(page, 4, kit.id)


def test_the_keyboard_changes_the_tab(page: playwright.Page, address: str) -> None:
    page.goto(address)
    first, second = list(KITS)[:2]
    tab_set(page, 2).locator("> input").first.focus()
    page.keyboard.press("ArrowRight")
    check_shown(page, 2, second)
    page.keyboard.press("ArrowLeft")
    check_shown(page, 2, first)


@pytest.mark.parametrize("step", [3, 9, 16])
def test_a_chosen_tab_stays_where_the_reader_looks(
    page: playwright.Page, address: str, step: int
) -> None:
    page.goto(address)
    label = tab_set(page, step).locator("> label").last
    # Every step above it changes its height.
    top = label.evaluate(
        """label => {
            const top = label.getBoundingClientRect().top;
            window.scrollBy({top: top - 400, behavior: 'instant'});
            return label.getBoundingClientRect().top;
        }"""
    )
    assert top == pytest.approx(400, abs=2)
    label.click()
    check_shown(page, step, list(KITS)[-1])
    # After two frames nothing of the choice is left to be laid out.
    moved = label.evaluate(
        """label => new Promise(done => requestAnimationFrame(() =>
            requestAnimationFrame(() => done(label.getBoundingClientRect().top))))"""
    )
    assert moved == pytest.approx(top, abs=2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(
    page: playwright.Page, address: str, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 740})
    for kit in KITS.values():
        page.goto(f"{address}?sdk={kit.id}")
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = 1)")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        # Neither is a part cut off at the side: code scrolls within its box.
        assert (
            page.evaluate(
                """[...document.querySelectorAll(
                    'article p, article pre, article label, article summary'
                )].filter(part => part.checkVisibility()
                    && part.getBoundingClientRect().right > 360)
                  .map(part => part.textContent)"""
            )
            == []
        )


def test_requests_open_on_a_click(page: playwright.Page, address: str) -> None:
    page.goto(f"{address}?sdk=openstacksdk")
    folded = tab_set(page, 4).locator("details:visible")
    playwright.expect(folded.locator("pre")).to_be_hidden()
    folded.locator("summary").click()
    playwright.expect(folded.locator("pre")).to_contain_text("PUT /v1/AUTH_")
