"""The choice of an SDK, in a reader's browser."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from small import ROOT

from livesteps.read.guide import load_guide
from livesteps.read.recording import output_path

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Python's playwright is not installed"
)

GUIDE = load_guide(ROOT / "samples" / "guide.toml")
SDKS = GUIDE.sdks
STEPS = range(1, len(GUIDE.chapters["durability"]) + 1)
KEY = "sphinx-design-tab-id-sdk"
MIDDLE = list(SDKS)[len(SDKS) // 2]
"""An SDK whose tab is neither the first that a reader sees nor the last."""


def code_of(sdk: str, step: int) -> str:
    """The step's block in an SDK's program."""
    return SDKS[sdk].sample_of("durability").block(step)


def found_once(sdk: str) -> tuple[int, str]:
    """A step, and the longest word in an SDK's code that is in no other step."""
    words = {
        (sdk.id, step): set(re.findall(r"[A-Za-z]+", code_of(sdk.id, step)))
        for sdk in SDKS.values()
        for step in STEPS
    }
    count = Counter(word for each in words.values() for word in each)
    once = [(step, word) for step in STEPS for word in words[sdk, step]]
    return max(
        (found for found in once if count[found[1]] == 1),
        key=lambda found: (len(found[1]), found),
    )


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
                code: text(':scope > [class^=highlight-]:not(.livesteps-output) pre'),
                output: text('.livesteps-output pre'),
                stamp: text('.livesteps-stamp'),
            };
        })"""
    )
    assert [tab["sdk"] for tab in shown] == list(SDKS)
    for tab in shown:
        if tab["sdk"] != sdk:
            nothing = {"panel": False, "code": [], "output": [], "stamp": []}
            assert tab == {"sdk": tab["sdk"], **nothing}
            continue
        [code], [output], [stamp] = tab["code"], tab["output"], tab["stamp"]
        recorded = output_path(SDKS[sdk].recorded("durability"), step).read_text()
        assert tab["panel"]
        assert code.strip() == textwrap.dedent(code_of(sdk, step)).strip()
        assert output.strip() == recorded.strip()
        assert stamp.startswith(SDKS[sdk].name)


def test_every_step_shows_the_sdk_that_was_clicked(
    page: playwright.Page, address: str
) -> None:
    page.goto(address)
    for step in STEPS:
        labels = tab_set(page, step).locator("> label")
        assert [text.strip() for text in labels.all_inner_texts()] == [
            sdk.name for sdk in SDKS.values()
        ]
        # Every SDK comes up once at least; what is in all of the two hundred
        # tabs is looked at in tests/test_guide.py.
        sdk = list(SDKS.values())[-step % len(SDKS)]
        label_of(page, step, sdk.id).click()
        check_shown(page, step, sdk.id)


def test_one_choice_is_followed_by_all_steps_and_kept(
    page: playwright.Page, address: str
) -> None:
    page.goto(address)
    last = list(SDKS.values())[-1]
    label_of(page, 9, last.id).click()
    for step in STEPS:
        check_shown(page, step, last.id)
    page.reload()
    for step in STEPS:
        check_shown(page, step, last.id)


def test_a_choice_lays_the_page_out_a_few_times(
    page: playwright.Page, address: str
) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def layouts() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return {each["name"]: each["value"] for each in metrics}["LayoutCount"]

    page.goto(address)
    come = layouts()
    label_of(page, 4, MIDDLE).evaluate("label => label.click()")
    # Once for what comes in parts; not for each of some hundred boxes.
    assert come < 100
    assert layouts() - come < 20


def test_a_link_can_choose_the_sdk(page: playwright.Page, address: str) -> None:
    for sdk in SDKS.values():
        page.goto(f"{address}?sdk={sdk.id}")
        check_shown(page, 4, sdk.id)


def test_the_choice_is_kept_on_the_next_page_and_at_the_next_visit(
    page: playwright.Page, site: str, address: str
) -> None:
    page.goto(address)
    label_of(page, 1, "fog").click()
    page.goto(f"{site}/index.html")
    page.locator("article a[href^='durability.html']").first.click()
    page.wait_for_url("**/durability.html")
    check_shown(page, 4, "fog")
    again = page.context.new_page()
    again.goto(address)
    check_shown(again, 9, "fog")


def test_the_address_follows_the_choice(page: playwright.Page, address: str) -> None:
    page.goto(f"{address}#step-5")
    label_of(page, 5, MIDDLE).click()
    assert page.url == f"{address}?sdk={MIDDLE}#step-5"
    # It is the same page: the back button does not lead through tabs.
    assert page.evaluate("history.length") == 2


@pytest.mark.parametrize(
    "wrong",
    [
        "nothing",
        "",
        "<script>alert(1)</script>",
        "\"]',%00",
        "x" * 7000,
        f"fog&sdk={MIDDLE}",
    ],
    ids=["unknown", "empty", "script", "quotes", "long", "repeated"],
)
def test_a_wrong_choice_in_the_address_keeps_the_readers_own(
    page: playwright.Page, address: str, wrong: str
) -> None:
    page.goto(f"{address}?sdk=curl")
    label_of(page, 2, "swift").click()
    page.goto(f"{address}?sdk={quote(wrong, safe='&=')}&other=1")
    # Of a choice that is given twice, the first counts.
    expected = "fog" if wrong.startswith("fog") else "swift"
    check_shown(page, 4, expected)
    query = parse_qs(urlsplit(page.url).query)
    assert query["other"] == ["1"]
    assert query.get("sdk", ["fog"])[0] == "fog"
    page.goto(address)
    check_shown(page, 4, expected)


def test_a_kept_choice_that_is_no_more_shows_the_first(
    page: playwright.Page, address: str
) -> None:
    page.goto(address)
    page.evaluate(f"localStorage.setItem('{KEY}', 'retired')")
    page.reload()
    check_shown(page, 4, next(iter(SDKS)))
    label_of(page, 4, "curl").click()
    check_shown(page, 9, "curl")


@pytest.mark.parametrize(
    "spoil",
    [
        "Object.defineProperty(window, 'localStorage', "
        "{get() { throw new DOMException('storage is blocked', 'SecurityError') }})",
        "Storage.prototype.setItem = () => "
        "{ throw new DOMException('full', 'QuotaExceededError') }",
    ],
    ids=["blocked", "full"],
)
def test_tabs_work_without_a_place_to_keep_the_choice(
    page: playwright.Page, address: str, spoil: str
) -> None:
    page.add_init_script(spoil)
    page.goto(f"{address}?sdk=fog")
    check_shown(page, 4, "fog")
    label_of(page, 4, "curl").click()
    for step in STEPS:
        check_shown(page, step, "curl")
    page.reload()
    check_shown(page, 4, "curl")  # by the address


@pytest.mark.parametrize("way", ["opened", "followed"])
def test_a_link_into_a_hidden_tab_opens_it(
    page: playwright.Page, address: str, way: str
) -> None:
    page.goto(address)
    panel = label_of(page, 9, MIDDLE).evaluate("label => label.nextSibling.id")
    if way == "followed":
        page.evaluate(f"location.hash = '{panel}'")
    else:
        page.goto("about:blank")
        page.goto(f"{address}#{panel}")
    page.wait_for_function(
        """panel => {
            const {top} = document.getElementById(panel).getBoundingClientRect();
            return top >= 0 && top < innerHeight;
        }""",
        arg=panel,
    )
    check_shown(page, 9, MIDDLE)
    # It is no choice: the other steps stay as they are.
    check_shown(page, 4, next(iter(SDKS)))


def test_a_link_to_a_step_ends_there_whatever_was_chosen(
    page: playwright.Page, address: str
) -> None:
    for sdk in (MIDDLE, "curl"):
        page.goto("about:blank")
        page.goto(f"{address}?sdk={sdk}#step-14")
        heading = page.locator("section:has(> #step-14) > h3")
        playwright.expect(heading).to_be_in_viewport()
        check_shown(page, 14, sdk)


def test_what_is_found_in_the_page_opens_its_tab(
    page: playwright.Page, address: str
) -> None:
    # The browser's own search: a link to a text takes the same way.
    page.goto(f"{address}#:~:text=ObjectHashMismatchError")
    check_shown(page, 4, "libcloud")
    page.goto("about:blank")
    step, word = found_once(MIDDLE)
    page.goto(f"{address}#:~:text={word}")
    playwright.expect(page.get_by_text(word).first).to_be_in_viewport()
    check_shown(page, step, MIDDLE)


def test_a_search_hit_opens_its_tab(
    page: playwright.Page, site: str, address: str
) -> None:
    step, word = found_once(MIDDLE)
    page.goto(f"{site}/index.html")
    search = page.get_by_role("textbox", name="Search")
    search.fill(word)
    search.press("Enter")
    page.locator("#search-results a").first.click()
    hit = page.locator(".highlighted").first
    playwright.expect(hit).to_be_in_viewport()
    check_shown(page, step, MIDDLE)


def test_the_keyboard_changes_the_tab(page: playwright.Page, address: str) -> None:
    page.goto(address)
    first, second = list(SDKS)[:2]
    tab_set(page, 2).locator("> input").first.focus()
    page.keyboard.press("ArrowRight")
    check_shown(page, 2, second)
    check_in_sight(page, 2, second)
    page.keyboard.press("ArrowLeft")
    check_shown(page, 2, first)
    page.keyboard.press("ArrowLeft")
    last = list(SDKS)[-1]
    check_shown(page, 2, last)
    check_in_sight(page, 2, last)
    # From the tabs on, the next stop is in the panel.
    page.keyboard.press("Tab")
    inside = "document.activeElement.closest('.sd-tab-content').id"
    assert page.evaluate(inside) == label_of(page, 2, last).evaluate(
        "label => label.nextSibling.id"
    )


def check_in_sight(page: playwright.Page, step: int, sdk: str) -> None:
    """An SDK's tab is within its strip, and nothing covers it."""
    assert label_of(page, step, sdk).evaluate(
        """label => {
            const to = label.getBoundingClientRect().top - 400;
            window.scrollBy({top: to, behavior: 'instant'});
            const {left, right, top} = label.getBoundingClientRect();
            return [left + 4, right - 4].every(
                x => document.elementFromPoint(x, top + 4) === label
            );
        }"""
    )


@pytest.mark.parametrize("width", [320, 1280])
def test_the_tabs_are_one_line_that_scrolls(
    reader: Callable[..., playwright.Page], address: str, width: int
) -> None:
    page = reader(viewport={"width": width, "height": 900})
    page.goto(address)
    for sdk in reversed(SDKS):
        label_of(page, 4, sdk).click()
        check_shown(page, 4, sdk)
        check_in_sight(page, 4, sdk)
    tops = tab_set(page, 4).evaluate(
        """tabs => [...tabs.querySelectorAll(':scope > label')].map(
            label => label.offsetTop)"""
    )
    assert len(set(tops)) == 1
    # In every other step, too, the chosen one is in sight.
    label_of(page, 4, "pkgcloud").click()
    label_of(page, 12, "pkgcloud").scroll_into_view_if_needed()
    check_in_sight(page, 12, "pkgcloud")


def test_a_finger_scrolls_the_tabs(
    reader: Callable[..., playwright.Page], address: str
) -> None:
    page = reader(viewport={"width": 360, "height": 740}, has_touch=True)
    page.goto(address)
    label = label_of(page, 4, next(iter(SDKS)))
    label.evaluate("label => label.scrollIntoView({behavior: 'instant'})")
    page.evaluate("window.scrollBy({top: -300, behavior: 'instant'})")
    box = label.bounding_box()
    assert box
    touch = page.context.new_cdp_session(page)
    for kind, at in (
        ("touchStart", 300),
        *(("touchMove", at) for at in range(290, 50, -20)),
        ("touchEnd", None),
    ):
        points = [{"x": at, "y": box["y"] + 10}] if at else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_function(
        "tabs => tabs.scrollLeft > 200", arg=tab_set(page, 4).element_handle()
    )
    assert page.evaluate("scrollX") == 0


def test_a_menu_has_all_sdks(page: playwright.Page, address: str) -> None:
    page.goto(address)
    menu = tab_set(page, 7).get_by_label("SDK", exact=True)
    names = [name.strip() for name in menu.locator("option").all_inner_texts()]
    assert names == [sdk.name for sdk in SDKS.values()]
    top = menu.evaluate(
        "menu => (menu.scrollIntoView({block: 'center', behavior: 'instant'}),"
        " menu.getBoundingClientRect().top)"
    )
    menu.select_option("swiftclient")
    for step in STEPS:
        check_shown(page, step, "swiftclient")
    assert page.url == f"{address}?sdk=swiftclient"
    now = menu.evaluate("menu => menu.getBoundingClientRect().top")
    assert now == pytest.approx(top, abs=2)
    label_of(page, 2, "curl").click()
    assert menu.input_value() == "curl"


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
    check_shown(page, step, list(SDKS)[-1])
    # After two frames nothing of the choice is left to be laid out.
    moved = label.evaluate(
        """label => new Promise(done => requestAnimationFrame(() =>
            requestAnimationFrame(() => done(label.getBoundingClientRect().top))))"""
    )
    assert moved == pytest.approx(top, abs=2)


def test_without_javascript_every_tab_can_be_read(
    reader: Callable[..., playwright.Page], address: str
) -> None:
    page = reader(java_script_enabled=False)
    page.goto(address)
    for sdk in ("curl", MIDDLE):
        label_of(page, 4, sdk).click()
        panel = label_of(page, 4, sdk).locator("xpath=following-sibling::div[1]")
        code = textwrap.dedent(code_of(sdk, 4)).strip()
        shown = panel.locator("pre").first
        assert shown.text_content().strip() == code
        playwright.expect(shown).to_be_visible()
        assert tab_set(page, 4).locator("> div:visible").count() == 1
    assert page.get_by_role("button", name="Copy").count() == 0


def test_print_shows_the_chosen_sdk_with_its_name(
    page: playwright.Page, address: str
) -> None:
    page.goto(f"{address}?sdk=fog")
    page.emulate_media(media="print")
    check_shown(page, 4, "fog")
    assert [
        label.strip()
        for label in tab_set(page, 4).locator("> label:visible").all_inner_texts()
    ] == ["fog-openstack"]
    assert page.locator("button:visible, select:visible").count() == 0
    # A page of paper does not scroll.
    assert (
        page.evaluate(
            """[...document.querySelectorAll('article pre')].filter(
                pre => pre.checkVisibility() && pre.scrollWidth > pre.clientWidth
            ).length"""
        )
        == 0
    )
