"""What the tests in a browser share: the site, and readers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from webserver import serve

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def site(html: Path) -> Iterator[str]:
    """The address of the site, on loopback."""
    with serve(html) as address:
        yield address


@pytest.fixture(scope="session")
def checkers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with axe-core and the HTML validator, installed once."""
    if not shutil.which("npm"):
        pytest.skip("no npm here (Debian: apt install npm)")
    files = [HERE / "package.json", HERE / "package-lock.json"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    cache = platformdirs.user_cache_path("livesteps") / f"checkers-{digest[:16]}"
    if not cache.is_dir():
        cache.parent.mkdir(parents=True, exist_ok=True)
        folder = tmp_path_factory.mktemp("checkers")
        for file in files:
            shutil.copy(file, folder)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            check=True,
            timeout=300,
        )
        beside = cache.with_name(f"{cache.name}-{os.getpid()}")
        shutil.move(folder, beside)
        try:
            beside.rename(cache)
        except OSError:  # another process was faster
            shutil.rmtree(beside)
    return cache / "node_modules"


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
