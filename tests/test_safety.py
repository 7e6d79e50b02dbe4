"""What the samples do to what they did not make, and with names that do harm.

Each sample runs whole in an account that holds something of somebody else: in
every container that it makes besides the chapter's. Before step 15 its own
container gets objects of such names as a folder cannot take, or should not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from small import ROOT

from livesteps.errors import Problem
from livesteps.read.guide import load_guide
from livesteps.read.sdk import SDK
from livesteps.run import toolchain
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps.run.run import Run
from livesteps_openstack.accounts import Embedded

GUIDE = load_guide(ROOT / "samples" / "guide.toml")
CHAPTER = GUIDE.chapters["durability"]
SDKS = [sdk for sdk in GUIDE.sdks.values() if not sdk.recorded_only]


def made(sdk: SDK) -> set[str]:
    """The containers that a sample makes, besides the chapter's."""
    return set(sdk.more.get("containers", ()))


ALL = {name for sdk in SDKS for name in made(sdk)}
OWN = "fractals"

RESTORED = (
    "2015/goat",
    "2015/07/a goat",
    "b" * 255,
    "Case",
    "case",
    "Stra\N{LATIN SMALL LETTER SHARP S}e & co? #1 100%25.txt",
    "-rf",
    'it\'s "quoted"',
)
"""Names that become files below the folder."""
REFUSED = (
    "../x",
    "2015/../../x",
    "/tmp/livesteps-x",
    "a//b",
    "folder/",
    "b" * 300,
    "./x",
    "..",
)
"""Names with a part that is no file's name, or too long for one."""


class Owner:
    """Somebody who uses the same account, past what the runner records."""

    def __init__(self, account: Embedded) -> None:
        token, self._url = account.token()
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["X-Auth-Token"] = token

    def __call__(self, method: str, *names: str, **more: Any) -> requests.Response:
        path = "".join("/" + quote(name, safe="/") for name in names)
        # Prepared by hand: requests would take the dots out of the path.
        prepared = self._http.prepare_request(
            requests.Request(method, self._url, **more)
        )
        prepared.url = self._url + path
        answer = self._http.send(prepared, timeout=30)
        answer.raise_for_status()
        return answer

    def takes(self, name: str) -> bool:
        """Store an object in the program's container, its name as content; whether
        the server lets an object be called so."""
        # On Ceph, Libcloud lists none that was stored without a type.
        typed = {"Content-Type": "text/plain"}
        try:
            self("PUT", OWN, name, data=name.encode(), headers=typed)
        except requests.HTTPError as error:
            if 400 <= error.response.status_code < 500:
                return False
            raise
        return True

    def metadata(self, *names: str) -> dict[str, str]:
        """What somebody said of the account, or of a container."""
        headers = self("HEAD", *names).headers
        return {name: value for name, value in headers.items() if "-Meta-" in name}

    def holdings(self, container: str) -> dict[str, bytes]:
        """The bytes of what a container holds, by name."""
        names = self("GET", container, headers={"Accept": "text/plain"}).text
        return {
            name: self("GET", container, name).content for name in names.splitlines()
        }


@contextmanager
def run_of(backend: Backend, sdk: SDK) -> Iterator[tuple[Run, Owner, Path]]:
    """A run of a sample, the owner of its account, and its folder `restored`."""
    try:
        toolchain.check_machine(sdk)
    except Problem as problem:
        pytest.skip(f"not run: {problem.what}")
    account = backend.account(sdk, CHAPTER)
    assert isinstance(account, Embedded)
    with (
        Program(sdk, CHAPTER) as program,
        backend.run(program, account=account) as run,
    ):
        yield run, Owner(account), program.work / "restored"


def advance(run: Run, last: int) -> None:
    """Run steps until the last one; each ends by itself."""
    while len(run.results) < last:
        result = run.advance(check=False)
        assert result
        assert not result.failure, str(result.failure)


def files_below(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder, by its path from there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def stopping(sdk: SDK) -> set[str]:
    """The containers that stop a sample where they are there."""
    return {OWN, *(name for name in made(sdk) if "+" in name)}


def plant(owner: Owner, containers: Iterable[str]) -> None:
    """Have something of somebody else, and a key of theirs for temporary URLs."""
    owner("POST", headers={"X-Account-Meta-Temp-URL-Key": "theirs"})
    assert "theirs" in owner.metadata().values()
    for container in containers:
        owner("PUT", container, headers={"X-Container-Meta-Colour": "red"})
        for name in ("precious", "big/00000000", "big/1/00000000"):
            owner("PUT", container, name, data=f"{name} in {container}".encode())


def picture(owner: Owner) -> list[object]:
    """All that there is, to be compared."""
    return [
        owner.metadata(),
        *(
            (name, owner.metadata(name), owner.holdings(name))
            for name in owner("GET", headers={"Accept": "text/plain"}).text.splitlines()
        ),
    ]


@pytest.mark.parametrize("serving", ["swift", "debian", "ceph"], indirect=True)
@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.id)
def test_nothing_of_anybody_else_is_touched_and_no_name_does_harm(
    sdk: SDK, serving: Backend
) -> None:
    with run_of(serving, sdk) as (run, owner, restored):
        plant(owner, ALL - stopping(sdk))
        before = picture(owner)
        advance(run, 14)
        taken = [name for name in (*RESTORED, *REFUSED) if owner.takes(name)]

        advance(run, 15)
        output = run.results[-1].output
        files = files_below(restored)
        data = CHAPTER.files
        assert files.pop("goat") == data["goat.jpg"].content
        assert files.pop("big") == data["big.bin"].content
        assert files == {name: name.encode() for name in RESTORED if name in taken}
        for name in REFUSED:
            if name in taken:
                assert name in output, f"step 15 does not say that it refuses {name!r}"
        work = restored.parent
        assert not (work / "x").exists()
        assert not (work.parent / "x").exists()
        assert not Path("/tmp/livesteps-x").exists()

        for name in taken:
            owner("DELETE", OWN, name)
        advance(run, 17)
        assert picture(owner) == before


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.id)
def test_a_container_that_is_there_is_not_taken_over(
    sdk: SDK, backend: Backend
) -> None:
    for container in sorted(stopping(sdk)):
        with run_of(backend, sdk) as (run, owner, _):
            owner("PUT", container)
            owner("PUT", container, "precious", data=b"mine")
            advance(run, 1)
            result = run.advance(check=False)
            assert result
            went_on = f"step 2 goes on where {container} is there"
            ending = run.program.process.ending
            assert ending, went_on
            assert ending.exit, went_on
            assert container in result.output + result.stderr
            assert owner.holdings(container) == {"precious": b"mine"}


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.id)
def test_emptying_a_container_reaches_into_no_other_and_an_empty_one_stays(
    sdk: SDK, backend: Backend
) -> None:
    shared = made(sdk) - stopping(sdk)
    with run_of(backend, sdk) as (run, owner, _):
        owner("PUT", "other")
        for name in ("goat", "a?b"):
            owner("PUT", "other", name, data=b"theirs")
        for container in {"empty", *shared}:
            owner("PUT", container)
        before = picture(owner)
        advance(run, 11)
        for name in ("../other/goat", "x/../../other/a?b", "../empty", "../../goat"):
            owner("PUT", OWN, name, data=b"a name that leads elsewhere")
        # It may give up, and say so.
        emptied = run.advance(check=False)
        assert emptied
        assert owner.holdings("other") == {"a?b": b"theirs", "goat": b"theirs"}
        assert owner.holdings("empty") == {}
        if shared and not emptied.failure:
            advance(run, 17)
            assert picture(owner) == before
            return
    if not shared:  # with anybody
        return
    with run_of(backend, sdk) as (run, owner, _):
        for container in shared:
            owner("PUT", container)
        before = picture(owner)
        advance(run, 17)
        assert picture(owner) == before
