"""A trouble: something that is other than a sample expects, and what it says then.

The samples run unchanged. Before a step, the environment or the server is made
to differ; what the program prints when it gives up is compared with
`samples/<sdk>/recorded/trouble-NAME.txt`, and shown by the guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import requests

from livesteps.errors import Problem
from livesteps.kit import Kit
from livesteps.normalise import normalise
from livesteps.place import Embedded
from livesteps.program import Program
from livesteps.recording import diff_to_recorded
from livesteps.snapshot import TIMEOUT
from livesteps.tomlfile import Table, load

if TYPE_CHECKING:
    from livesteps.stage import Stage

CONTAINER = "fractals"
OBJECT = "an amazing goat"
MOST_PRINTED = 3
"""How many lines are shown of what a step printed before: the last ones."""
MOST_SAID = 12
"""How many lines are shown of what it said of an error: the first ones."""


class Trouble(Table):
    """What is made to differ, and before which step."""

    name: str
    before: int
    """The step before which it comes."""
    stops: int
    """The step that it stops, if the program does not know how to help itself."""
    environment: dict[str, str] = {}
    """Variables with other values."""
    auth_url: str | None = None
    """What `OS_AUTH_URL` ends with, in place of `/v3`."""
    server: Literal["", "quota", "manifest", "no container", "versions"] = ""
    """What is done to the account; see `_CHANGES`."""


class _File(Table):
    trouble: list[Trouble]


def load_troubles(samples: Path) -> dict[str, Trouble]:
    """The guide's troubles by name; a guide need not have any."""
    path = samples / "troubles.toml"
    if not path.exists():
        return {}
    return {trouble.name: trouble for trouble in load(path, _File).trouble}


def trouble_path(folder: Path, name: str) -> Path:
    """The file of what is said, in the folder of a recording."""
    return folder / f"trouble-{name}.txt"


def read_said(folder: Path, name: str) -> str:
    """What was recorded; it is empty if the program ran on to its end."""
    path = trouble_path(folder, name)
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise Problem(
            "it is missing", "record it, by `livesteps record SDK`", path=path
        ) from None


def write_said(said: dict[str, str], folder: Path) -> bool:
    """Write what was said in each trouble; whether that changed any file."""
    texts = {trouble_path(folder, name): text for name, text in said.items()}
    old = {
        path: path.read_text() for path in folder.glob(trouble_path(folder, "*").name)
    }
    for path in old.keys() - texts.keys():
        path.unlink()
    for path, text in texts.items():
        if old.get(path) != text:
            path.write_text(text, encoding="utf-8")
    return old != texts


def meet(stage: Stage, kit: Kit, trouble: Trouble) -> str:
    """Run a kit's sample into a trouble; what it says, without what varies.

    Nothing, if it does not stop the program.
    """
    place = stage.place(kit.id)
    assert isinstance(place, Embedded)
    place.environment |= trouble.environment
    if trouble.auth_url is not None:
        address = place.environment["OS_AUTH_URL"].removesuffix("/v3")
        place.environment["OS_AUTH_URL"] = address + trouble.auth_url
    with (
        Program(kit, stage.steps) as program,
        stage.run(program, place=place) as run,
    ):
        while len(run.results) < trouble.stops:
            step = len(run.results) + 1
            if step == trouble.before:
                _change(place, trouble)
            result = run.advance(check=step < trouble.before)
            assert result
            if result.failure and step < trouble.before:
                raise Problem(f"before the trouble '{trouble.name}' {result.failure}")
            if result.failure:
                return normalise(_message(result.output, result.said), run.known)
    return ""


def difference(said: str, kit: Kit, name: str) -> str:
    """How what was said differs from what is recorded, as a diff; best nothing."""
    path = trouble_path(kit.folder / "recorded", name)
    return diff_to_recorded(read_said(path.parent, name), said, path, "said")


# Lines that tell where in the program it was, not what is wrong: those that are
# indented, and what languages put around them.
_CALLS = re.compile(
    r"\s+(?!\s|message: )|$|[{}]|#\d+ |Stack trace:|excon\.error\.response$|Node\.js v"
    r"|(?:node:|file://)\S+:\d+$"
)
# In Ruby and PHP, a line tells both.
_PLACE = re.compile(r"^\S+:\d+:in [`'].*?': | in \S+:\d+$")


def _message(printed: str, said: str) -> str:
    """The words of an error, each line once, without the calls that led there.

    The end of what the step printed comes before them, for it may say more.
    """
    # Of errors that Python met while it handled others, the last.
    before, traceback, last = said.rpartition("Traceback (most recent call last):\n")
    if traceback:
        said = before.partition(traceback)[0] + last
    words = [
        _PLACE.sub("", line.strip())
        for line in said.splitlines()
        if not _CALLS.match(line)
    ]
    lines = printed.splitlines()[-MOST_PRINTED:] + words[:MOST_SAID]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _change(place: Embedded, trouble: Trouble) -> None:
    """Change what the account holds, as somebody else would."""
    if not trouble.server:
        return
    token, account = place.token()
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Auth-Token"] = token

        def ask(method: str, path: str, **more: object) -> requests.Response:
            answer = session.request(
                method,
                f"{account}/{path}",
                timeout=TIMEOUT,
                **more,  # type: ignore[arg-type]
            )
            answer.raise_for_status()
            return answer

        _CHANGES[trouble.server](ask)


Ask = Callable[..., requests.Response]


def _quota(ask: Ask) -> None:
    """The container is full."""
    ask("PUT", f"{CONTAINER}/of somebody else", data=bytes(1001))
    ask("POST", CONTAINER, headers={"X-Container-Meta-Quota-Bytes": "1000"})


def _manifest(ask: Ask) -> None:
    """The object is the same bytes as before, but in two segments."""
    content = ask("GET", f"{CONTAINER}/{OBJECT}").content
    ask("PUT", "segments")
    parts = [content[:100_000], content[100_000:]]
    listed = []
    for number, part in enumerate(parts):
        answer = ask("PUT", f"segments/{number}", data=part)
        listed.append(
            {"path": f"segments/{number}", "etag": answer.headers["ETag"].strip('"')}
        )
    ask("PUT", f"{CONTAINER}/{OBJECT}?multipart-manifest=put", json=listed)


def _no_container(ask: Ask) -> None:
    """The container is gone, and all that was in it."""
    for name in ask("GET", CONTAINER).text.splitlines():
        ask("DELETE", f"{CONTAINER}/{name}")
    ask("DELETE", CONTAINER)


def _versions(ask: Ask) -> None:
    """The container keeps what is deleted from it."""
    ask("POST", CONTAINER, headers={"X-Versions-Enabled": "true"})


_CHANGES = {
    "quota": _quota,
    "manifest": _manifest,
    "no container": _no_container,
    "versions": _versions,
}
