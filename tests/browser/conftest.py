"""What the tests in a browser share: the site, and readers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from webserver import ROOT, build, serve


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    return build(ROOT / "doc", tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def site(html: Path) -> Iterator[str]:
    """The address of the site, on loopback."""
    with serve(html) as address:
        yield address


@pytest.fixture
def address(site: str) -> str:
    """Where the page with the steps is."""
    return f"{site}/durability.html"


@pytest.fixture
def reader(browser: Any) -> Iterator[Callable[..., Any]]:
    """Make a page of a reader who was never here.

    The options are those of Playwright's contexts. It asks no other host for
    anything, and no script fails on it, unless storage is blocked, of which
    Furo and Sphinx know nothing.
    """
    contexts = []
    wrong: list[str] = []

    def see(request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            wrong.append(request.url)

    def fail(error: Any) -> None:
        if "storage is blocked" not in str(error):
            wrong.append(str(error))

    def make(**options: Any) -> Any:
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(20_000)
        page = contexts[-1].new_page()
        page.on("request", see)
        page.on("pageerror", fail)
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(reader: Callable[..., Any]) -> Any:
    """A page of such a reader, at a desk."""
    return reader()
