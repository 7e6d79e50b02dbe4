"""An account of somebody's: only what was made there is touched, and all of that
is removed, whatever happens."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml
from livesteps_openstack.named.contents import Named
from small import COMMAND, ROOT

from livesteps.errors import Problem
from livesteps.read.chapter import Chapter
from livesteps.read.sdk import SDK, load_sdks
from livesteps.run import batch
from livesteps.run.backend import Backend
from livesteps.run.program import Program
from livesteps.run.run import Run
from livesteps_openstack.accounts import Embedded
from livesteps_openstack.cloud import Project
from livesteps_openstack.contents import Answer, Contents, DistantContents, below
from livesteps_openstack.named import contents as named
from livesteps_openstack.named import holdings
from livesteps_openstack.named.clean import KEYS, MARK

if TYPE_CHECKING:
    from small import SmallGuide as Guide

pytestmark = [  # of parts of openstacksdk unused here
    pytest.mark.filterwarnings("ignore:'cgi' is deprecated"),
    pytest.mark.filterwarnings("ignore:Support for InfluxDB"),
]

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeGuide = Callable[..., "Guide"]
WaitFor = Callable[..., None]
SDKS = load_sdks(ROOT / "samples")
STEPS = range(1, 18)
FIRST = "an amazing goat"
CLEAN = "`livesteps clean --os-cloud mine`"
GONE = (
    "cloud 'mine': the cloud cannot be reached: refused;"
    " see that it runs, and that its address is right"
)
TEMP_URL_KEY = "X-Account-Meta-Temp-URL-Key"


class Somebody:
    """Who has the account, and looks at it with a client of their own."""

    def __init__(self, project: Project, token: str, url: str) -> None:
        self.url = url
        self._keys = (
            f"{project.main_auth_url}/users/{project.user_id}/credentials/OS-EC2"
        )
        self._project = project
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["X-Auth-Token"] = token

    def __call__(self, method: str, *names: str, **more: Any) -> requests.Response:
        return self._ask(method, self.url + below(*names), **more)

    def make_key(self) -> str:
        """Make an EC2 credential; its access key."""
        answer = self._ask("POST", self._keys, json={"tenant_id": self._project.id})
        access: str = answer.json()["credential"]["access"]
        return access

    def delete_key(self, access: str) -> None:
        """Delete an EC2 credential."""
        self._ask("DELETE", f"{self._keys}/{access}")

    def keys(self) -> set[str]:
        """The access keys of all EC2 credentials."""
        listed = self._ask("GET", self._keys).json()["credentials"]
        return {each["access"] for each in listed}

    def containers(self) -> list[str]:
        """Their names."""
        return [each["name"] for each in self("GET", params={"format": "json"}).json()]

    def picture(self) -> dict[str, object]:
        """All there is, to be compared."""
        contents = self("GET", params={"format": "json"})
        seen: dict[str, object] = {"account": _metadata(contents), "keys": self.keys()}
        for each in contents.json():
            answer = self("GET", each["name"], params={"format": "json"})
            seen[each["name"]] = _metadata(answer), answer.json()
        return seen

    def plant(self) -> dict[str, object]:
        """Have something of every kind; what there is then."""
        self("POST", headers={TEMP_URL_KEY: "a secret key", "X-Account-Meta-A": "b"})
        self("PUT", "mine", headers={"X-Container-Meta-Colour": "red"})
        self("PUT", "mine", "precious", data=b"keep me")
        self("PUT", "mine", "big/00000000", data=b"keep me too")
        self("PUT", "empty", headers={"X-Container-Read": ".r:*"})
        self.make_key()
        return self.picture()

    def _ask(self, method: str, url: str, **more: Any) -> requests.Response:
        answer = self._http.request(method, url, timeout=30, **more)
        answer.raise_for_status()
        return answer


def _metadata(answer: requests.Response) -> dict[str, str]:
    return {
        name: value
        for name, value in answer.headers.items()
        if "-Meta-" in name or name in ("X-Container-Read", "X-Container-Write")
    }


@pytest.fixture
def home(serving: Backend) -> Iterator[Embedded]:
    """A project of a cloud of ours, which plays a cloud of a person's own."""
    made = serving.account("named")
    assert isinstance(made, Embedded)
    yield made
    made.contents.close()


@pytest.fixture
def project(home: Embedded) -> Project:
    """That project, as the cloud's parent knows it."""
    return home._project


@pytest.fixture
def somebody(home: Embedded) -> Somebody:
    """Who has the account of the project."""
    return Somebody(home._project, *home.token())


@pytest.fixture(autouse=True)
def clouds_yaml(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A clouds.yaml with the project as `mine`; our Swift keeps nobody waiting."""
    path = tmp_path / "clouds.yaml"
    auth = {
        "auth_url": project.auth_url,
        "username": project.name,
        "password": project.password,
        "project_name": project.name,
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    entry = {"auth": auth, "region_name": "RegionOne"}
    path.write_text(yaml.safe_dump({"clouds": {"mine": entry}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    monkeypatch.setattr(Named, "patience", 0.0)
    return path


@pytest.fixture
def mine(backend: Backend) -> Callable[..., Backend]:
    """Make a stage on `mine`; it borrows the Fractals app of the one stage."""

    def make(steps: Chapter = backend.steps) -> Backend:
        made = Backend(steps, os_cloud="mine")
        made.cloud = None
        made.fractals = backend.fractals
        made._stack = ExitStack()
        return made

    return make


@pytest.fixture
def account(mine: Callable[..., Backend]) -> Iterator[Named]:
    """`mine`, guarded for curl's sample, and looked at."""
    made = mine().named(SDKS["curl"])
    made.look(lambda _: None, threading.Event())
    yield made
    made.contents.close()


@pytest.mark.parametrize("serving", ["swift", "debian", "ceph"], indirect=True)
@pytest.mark.parametrize("sdk", SDKS.values(), ids=lambda sdk: sdk.id)
def test_what_is_there_already_is_named_and_not_touched(
    sdk: SDK, mine: Callable[..., Backend], somebody: Somebody
) -> None:
    somebody.plant()
    backend = mine()
    for container in sorted({*backend.steps.containers, *sdk.containers}):
        somebody("PUT", container)
        somebody("PUT", container, "precious", data=b"keep me")
        before = somebody.picture()
        with pytest.raises(Problem) as raised:
            backend.named(sdk)
        assert str(raised.value) == (
            f"cloud 'mine' already has a container '{container}';"
            " nothing was touched; run in a project that has none"
        )
        assert somebody.picture() == before
        somebody("DELETE", container, "precious")
        somebody("DELETE", container)


def test_the_command_refuses_too(livesteps_here: Command, somebody: Somebody) -> None:
    somebody("PUT", "fractals_segments")
    somebody("PUT", "fractals_segments", "precious", data=b"keep me")
    before = somebody.picture()
    ran = livesteps_here(ROOT, "run", "curl", "--os-cloud", "mine")
    assert ran.returncode == 1
    assert "cloud 'mine' already has a container 'fractals_segments'" in ran.stdout
    assert somebody.picture() == before


def false_at(steps: Chapter, number: int) -> Chapter:
    """The steps, but for a contract that nothing does."""
    changed = [
        step.model_copy(update={"holds": {**step.holds, "nothing": []}})
        if step.number == number
        else step
        for step in steps.steps
    ]
    return dataclasses.replace(steps, steps=tuple(changed))


def run_to_its_end(
    backend: Backend, sdk: SDK, *, watch: Callable[[Run, Program], None] | None = None
) -> Run:
    """Run as far as it goes; `watch` runs beside, from the start on."""
    sdk.check_machine()
    with Program(sdk, backend.steps) as program, backend.run(program) as run:
        beside = threading.Thread(target=watch, args=(run, program)) if watch else None
        if beside:
            beside.start()
        for _ in run:
            pass
        if beside:
            beside.join()
    return run


@pytest.mark.parametrize("number", STEPS)
def test_a_step_that_fails_leaves_the_account_as_it_was(
    number: int, mine: Callable[..., Backend], somebody: Somebody
) -> None:
    before = somebody.plant()
    backend = mine()
    run = run_to_its_end(mine(false_at(backend.steps, number)), SDKS["curl"])
    assert len(run.results) == number
    assert run.results[-1].failure
    assert not run.aftermath.wrong, run.aftermath.lines
    assert somebody.picture() == before


@pytest.mark.parametrize("number", STEPS)
def test_an_interrupted_step_leaves_the_account_as_it_was(
    number: int,
    mine: Callable[..., Backend],
    backend: Backend,
    project: Project,
    somebody: Somebody,
    wait_for: WaitFor,
) -> None:
    before = somebody.plant()

    def interrupt(run: Run, program: Program) -> None:
        assert backend.cloud
        cloud = backend.cloud
        wait_for(lambda: len(run.results) == number - 1, f"step {number} begins")
        cloud.requests(project)
        wait_for(
            lambda: len(run.results) >= number or cloud.requests(project),
            f"step {number} asks for something, or is over",
        )
        program.halt.set()

    run = run_to_its_end(mine(), SDKS["curl"], watch=interrupt)
    assert not run.aftermath.wrong, run.aftermath.lines
    assert somebody.picture() == before


def test_a_run_that_passes_leaves_nothing_and_changes_nothing(
    mine: Callable[..., Backend], somebody: Somebody
) -> None:
    before = somebody.plant()
    run = run_to_its_end(mine(), SDKS["libcloud"])
    assert run.passed, run.results[-1].failure
    assert run.aftermath == named.Aftermath()
    assert somebody.picture() == before


def test_a_run_that_stops_says_what_it_left_and_the_command_removes_it(
    livesteps_here: Command, somebody: Somebody
) -> None:
    before = somebody.plant()
    run = ("run", "libcloud", "--os-cloud", "mine", "--step", "6")
    ran = livesteps_here(ROOT, *run)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = f"left on 'mine': container 'fractals'; {CLEAN} removes what it made"
    assert f"libcloud: {said}\n" in ran.stderr
    assert somebody("HEAD", "fractals").headers[MARK]

    again = livesteps_here(ROOT, *run)
    assert (again.returncode, again.stderr) == (
        2,
        "cloud 'mine' already has a container 'fractals';"
        f" an earlier run left it: {CLEAN} removes it\n",
    )
    cleaned = livesteps_here(ROOT, "clean", "--os-cloud", "mine")
    assert (cleaned.returncode, cleaned.stdout) == (
        0,
        "removed from 'mine': container 'fractals' (1 objects)\n",
    )
    assert somebody.picture() == before
    cleaned = livesteps_here(ROOT, "clean", "--os-cloud", "mine")
    assert (cleaned.returncode, cleaned.stdout) == (
        0,
        "nothing of a run is on 'mine'\n",
    )


def test_a_run_that_stops_cleans_up_if_told_to(
    livesteps_here: Command, somebody: Somebody
) -> None:
    before = somebody.plant()
    run = ("run", "libcloud", "--step", "6", "--clean")
    ran = livesteps_here(ROOT, *run, "--os-cloud", "mine")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "removed from 'mine': container 'fractals' (1 objects)" in ran.stderr
    assert somebody.picture() == before


@pytest.mark.parametrize(
    "arguments", [("--step", "6"), ("--os-cloud", "mine")], ids=" ".join
)
def test_what_would_be_cleaned_must_be_there(
    livesteps_here: Command, arguments: tuple[str, str]
) -> None:
    ran = livesteps_here(ROOT, "run", "libcloud", "--clean", *arguments)
    assert (ran.returncode, ran.stderr.partition(";")[0]) == (
        2,
        "--clean goes with --step and --os-cloud",
    )


def test_one_that_fails_is_in_nobodys_way(
    guide_folder: Path, livesteps_here: Command, somebody: Somebody
) -> None:
    before = somebody.plant()
    sdk = guide_folder / "samples" / "libcloud"
    (sdk / "durability.py").write_text(
        (sdk / "durability.py")
        .read_text()
        .replace("# step-15\n", "# step-15\nraise SystemExit('no more')\n")
    )
    other = guide_folder / "samples" / "other"
    subprocess.run(["cp", "-r", sdk, other], check=True)
    ran = livesteps_here(guide_folder, "run", "--all", "--os-cloud", "mine")
    assert ran.returncode == 2
    assert ran.stdout.count("14 of 17") == 2, ran.stdout
    assert ran.stderr.count("removed from 'mine': container 'fractals'") == 2
    assert somebody.picture() == before


def marked(somebody: Somebody, container: str, **more: str) -> None:
    """Leave a container as a run that was killed would."""
    somebody("PUT", container, headers={MARK: "0123456789abcdef", **more})


def test_only_what_bears_a_mark_is_cleaned(
    livesteps_here: Command, somebody: Somebody
) -> None:
    marked(somebody, "fractals")
    somebody("PUT", "fractals", FIRST, data=b"goat")
    somebody("PUT", "fractals_segments")
    somebody("PUT", "fractals_segments", "big/00000000", data=b"not of a run")
    ran = livesteps_here(ROOT, "clean", "--os-cloud", "mine")
    assert (ran.returncode, ran.stdout.splitlines()) == (
        0,
        [
            "removed from 'mine': container 'fractals' (1 objects)",
            "container 'fractals_segments' bears no mark of a run, and is not touched;"
            " if it may go, remove it by `openstack --os-cloud mine container delete"
            " --recursive fractals_segments`",
        ],
    )
    assert somebody.containers() == ["fractals_segments"]
    assert somebody("GET", "fractals_segments", "big/00000000").text == "not of a run"


@pytest.mark.parametrize("name", ["precious", "goat/precious", "bigger", "big"[:2]])
def test_an_object_that_no_step_stores_stays_in_a_marked_container(
    livesteps_here: Command, somebody: Somebody, name: str
) -> None:
    marked(somebody, "fractals")
    somebody("PUT", "fractals", "goat", data=b"goat")
    somebody("PUT", "fractals", "big/1/00000000", data=b"segment")
    somebody("PUT", "fractals", name, data=b"keep me")
    ran = livesteps_here(ROOT, "clean", "--os-cloud", "mine")
    assert ran.returncode == 1
    assert ran.stdout == (
        "container 'fractals' is left with what no step stores:"
        f" 'fractals/{name}'; if that may go too, remove it by"
        " `openstack --os-cloud mine container delete --recursive fractals`\n"
    )
    assert somebody("GET", "fractals").text.splitlines() == [name]
    assert somebody("GET", "fractals", name).text == "keep me"


def test_pictures_are_cleaned_too(
    backend: Backend, livesteps_here: Command, somebody: Somebody
) -> None:
    marked(somebody, "fractals")
    for name in backend.fractals.checksums:
        somebody("PUT", "fractals", name, data=b"picture")
    ran = livesteps_here(ROOT, "clean", "--os-cloud", "mine")
    assert ran.stdout == (
        "removed from 'mine': container 'fractals'"
        f" ({len(backend.fractals.checksums)} objects)\n"
    )


def test_keys_that_a_killed_run_made_are_cleaned_and_no_others(
    livesteps_here: Command, somebody: Somebody
) -> None:
    theirs, its = somebody.make_key(), somebody.make_key()
    marked(somebody, "fractals+segments", **{KEYS: its})
    ran = livesteps_here(ROOT, "clean", "--os-cloud", "mine")
    assert ran.stdout == (
        f"removed from 'mine': EC2 credential '{its}',"
        " container 'fractals+segments' (0 objects)\n"
    )
    assert somebody.keys() == {theirs}


@pytest.mark.parametrize("how", ["fails", "interrupted"])
def test_keys_that_a_program_made_are_deleted(
    how: str, mine: Callable[..., Backend], somebody: Somebody, wait_for: WaitFor
) -> None:
    before = somebody.plant()
    backend = mine()
    theirs = somebody.keys()

    def interrupt(run: Run, program: Program) -> None:
        wait_for(lambda: somebody.keys() != theirs, "a key of the program")
        program.halt.set()

    if how == "fails":
        run = run_to_its_end(mine(false_at(backend.steps, 14)), SDKS["boto3"])
        assert len(run.results) == 14
        assert "container 'fractals+segments'" in run.aftermath.lines[0]
    else:
        run = run_to_its_end(backend, SDKS["boto3"], watch=interrupt)
    assert "EC2 credential" in run.aftermath.lines[0]
    assert not run.aftermath.wrong, run.aftermath.lines
    assert somebody.picture() == before


def test_of_two_new_keys_none_is_taken_for_the_programs(
    mine: Callable[..., Backend], backend: Backend, somebody: Somebody
) -> None:
    account = mine().named(SDKS["boto3"])
    account.look(lambda _: None, threading.Event())
    account.begin(backend.steps.steps[0])
    made = {somebody.make_key(), somebody.make_key()}
    account.reach(backend.steps.steps[0])
    after = account.end(keep=False)
    assert somebody.keys() == made
    assert after.wrong
    for access in made:
        assert any(
            f"EC2 credential '{access}' is left" in line
            and f"ec2 credentials delete {access}" in line
            for line in after.lines
        ), after.lines


def test_no_key_is_taken_of_a_program_that_makes_none(
    account: Named, backend: Backend, somebody: Somebody
) -> None:
    account.begin(backend.steps.steps[0])
    access = somebody.make_key()
    account.reach(backend.steps.steps[0])
    after = account.end(keep=False)
    assert after.wrong
    assert f"  EC2 credential '{access}' is new" in after.lines
    assert somebody.keys() == {access}


CHANGES: dict[str, tuple[Callable[[Somebody], object], str]] = {
    "object replaced": (
        lambda it: it("PUT", "mine", "precious", data=b"other"),
        "object 'mine/precious' is not as it was (bytes, hash, last_modified)",
    ),
    "object stored again": (
        lambda it: it("PUT", "mine", "precious", data=b"keep me"),
        "object 'mine/precious' is not as it was (last_modified)",
    ),
    "object's type": (
        lambda it: it("POST", "mine", "precious", headers={"Content-Type": "a/b"}),
        "object 'mine/precious' is not as it was (content_type, last_modified)",
    ),
    "object deleted": (
        lambda it: it("DELETE", "mine", "precious"),
        "object 'mine/precious' is gone",
    ),
    "object added": (
        lambda it: it("PUT", "empty", "a\nb", data=b""),
        "object 'empty/a\\nb' is new",
    ),
    "container deleted": (
        lambda it: it("DELETE", "empty"),
        "container 'empty' is gone",
    ),
    "container added": (
        lambda it: it("PUT", "new"),
        "container 'new' is new",
    ),
    "container's metadata changed": (
        lambda it: it("POST", "mine", headers={"X-Container-Meta-Colour": "blue"}),
        "metadata 'x-container-meta-colour' of container 'mine' is not as it was",
    ),
    "container's metadata added": (
        lambda it: it("POST", "mine", headers={"X-Container-Meta-Count": "1"}),
        "metadata 'x-container-meta-count' of container 'mine' is new",
    ),
    "container opened": (
        lambda it: it("POST", "empty", headers={"X-Remove-Container-Read": "x"}),
        "metadata 'x-container-read' of container 'empty' is gone",
    ),
    "account's metadata": (
        lambda it: it("POST", headers={"X-Account-Meta-A": "c"}),
        "metadata 'x-account-meta-a' of the account is not as it was",
    ),
    "temporary-URL key": (
        lambda it: it("POST", headers={TEMP_URL_KEY: "another secret key"}),
        "metadata 'x-account-meta-temp-url-key' of the account is not as it was",
    ),
    "second temporary-URL key": (
        lambda it: it("POST", headers={f"{TEMP_URL_KEY}-2": "a secret key too"}),
        "metadata 'x-account-meta-temp-url-key-2' of the account is new",
    ),
    "EC2 credential deleted": (
        lambda it: it.delete_key(min(it.keys())),
        "EC2 credential '<key>' is gone",
    ),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_whatever_differs_is_found(
    change: Callable[[Somebody], object],
    said: str,
    mine: Callable[..., Backend],
    somebody: Somebody,
) -> None:
    somebody.plant()
    key = min(somebody.keys())
    account = mine().named(SDKS["curl"])
    account.look(lambda _: None, threading.Event())
    change(somebody)
    after = account.end(keep=False)
    assert after.wrong
    assert after.lines[0] == "what was on 'mine' before is not as it was:"
    said = "  " + said.replace("<key>", key)
    assert said in after.lines
    # A container that comes or goes has metadata of its own.
    assert len(after.lines) == 2 or "container" in after.lines[1]
    assert "secret" not in "\n".join(after.lines)


def test_what_does_not_differ_is_not_found(
    account: Named, somebody: Somebody, backend: Backend
) -> None:
    somebody("GET", "")
    assert account.end(keep=False) == named.Aftermath()


def test_a_difference_fails_the_run(
    make_guide: MakeGuide, livesteps_here: Command, somebody: Somebody
) -> None:
    somebody.plant()
    guide = make_guide(
        f"import requests\nprint(requests.delete({somebody.url!r} + '/mine/precious',"
        f" headers={dict(somebody._http.headers)!r}).status_code)"
    )
    ran = livesteps_here(guide.folder, "run", "tiny", "--os-cloud", "mine")
    assert ran.returncode == 1
    assert "failed: it did not leave the account as it was" in ran.stdout
    assert ran.stderr == (
        "tiny: what was on 'mine' before is not as it was:\n"
        "tiny:   object 'mine/precious' is gone\n"
    )


def test_many_differences_are_counted(account: Named, somebody: Somebody) -> None:
    somebody("PUT", "mine")
    for number in range(holdings.MOST + 5):
        somebody("PUT", "mine", f"{number:02}", data=b"")
    lines = account.end(keep=False).lines
    # There are the container and its storage policy besides.
    assert lines[-1].startswith("  and ")
    assert len(lines) == holdings.MOST + 2


def test_long_work_is_told_and_can_be_stopped(
    mine: Callable[..., Backend], somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody.plant()
    monkeypatch.setattr(holdings, "EVERY", 0.0)
    told: list[str] = []
    mine().named(SDKS["curl"]).look(told.append, threading.Event())
    assert told[-1].startswith("looking at what is there: ")
    assert told[-1].endswith(" things so far, in 2 containers")
    halted = threading.Event()
    halted.set()
    with pytest.raises(Problem, match="it was interrupted"):
        mine().named(SDKS["curl"]).look(told.append, halted)


def test_a_listing_ends_with_an_empty_page_however_short_a_full_one_is() -> None:
    class Short(Contents):
        url = "http://short.example/v1/A"

        def ask(self, method: str, path: str) -> Answer:
            marker = path.partition("marker=")[2]
            names = [name for name in "abcdefg" if name > marker][:3]
            return Answer({}, json.dumps([{"name": name} for name in names]))

        def close(self) -> None:
            pass

    assert Short().containers() == list("abcdefg")


def refuse(
    monkeypatch: pytest.MonkeyPatch, so: Callable[[str, str], bool], status: int
) -> list[str]:
    """The cloud refuses these requests; the addresses of those that it refused."""
    real, refused = DistantContents._sent, []

    def sent(
        self: DistantContents, method: str, url: str, headers: Any, body: bytes
    ) -> requests.Response:
        if not so(method, url):
            return real(self, method, url, headers, body)
        refused.append(url)
        if not status:
            raise requests.ConnectionError("refused")
        answer = requests.Response()
        answer.status_code, answer.reason = status, "Oh no"
        answer.url = url
        return answer

    monkeypatch.setattr(DistantContents, "_sent", sent)
    return refused


def hold(account: Named, backend: Backend, somebody: Somebody) -> None:
    """As if a step had made a container, with two objects."""
    account.begin(backend.steps.steps[1])
    somebody("PUT", "fractals")
    somebody("PUT", "fractals", "goat", data=b"goat")
    somebody("PUT", "fractals", "big/0", data=b"big")
    account.reach(backend.steps.steps[1])


HTML = "<html>Log in</html>"


@pytest.mark.parametrize("command", ["run", "clean"])
@pytest.mark.parametrize(
    ("method", "status", "body", "said"),
    [
        ("", 200, HTML, "what it gives is no listing of containers or objects;"),
        ("GET", 200, HTML, "what it gives is no listing of containers or objects;"),
        ("GET", 200, "[1]", "what it gives is no listing of containers or objects;"),
        ("", 302, HTML, "it sends whoever asks elsewhere (302);"),
        ("", 403, HTML, "answered 403 Oh no to GET; this user may not do that"),
        ("", 404, HTML, "answered 404 Oh no to GET; see that what its catalog names"),
        ("", 500, HTML, "answered 500 Oh no to GET; its object store does not work"),
    ],
)
def test_what_is_no_object_store_is_told_before_anything_is_made(
    method: str,
    status: int,
    body: str,
    said: str,
    command: str,
    mine: Callable[..., Backend],
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, backend = somebody.plant(), mine()

    def sent(self: DistantContents, asked: str, url: str, *_: Any) -> requests.Response:
        answer = requests.Response()
        answer.request = requests.Request(asked, url).prepare()
        if method in ("", asked):
            answer.status_code, answer.reason = status, "Oh no"
            answer.headers["Location"] = "http://login.example/"
            answer._content = body.encode()
        else:
            answer.status_code = 404
        return answer

    monkeypatch.setattr(DistantContents, "_sent", sent)
    sdks = SDKS.values()
    with pytest.raises(Problem) as raised:
        _ = (
            backend.named(SDKS["curl"])
            if command == "run"
            else named.clean_cloud("mine", backend.steps, sdks, backend.fractals)
        )
    assert said in str(raised.value)
    assert str(raised.value).startswith("cloud 'mine'")
    assert somebody.picture() == before


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (2, 403, "answered 403 Oh no to a request; this user may not do that"),
        (4, 413, "answered 413 Oh no to a request; it takes no more"),
        (4, 507, "answered 507 Oh no to a request; it takes no more"),
        (4, 0, "the cloud cannot be reached: refused"),
        (4, 200, ""),
    ],
)
def test_a_step_that_fails_where_nothing_can_be_stored_says_so(
    number: int,
    status: int,
    said: str,
    mine: Callable[..., Backend],
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, backend = somebody.plant(), mine()
    refused = refuse(
        monkeypatch, lambda method, _: method == "PUT" and status != 200, status
    )
    run = run_to_its_end(mine(false_at(backend.steps, number)), SDKS["curl"])
    assert len(run.results) == number
    assert run.results[-1].failure
    first = run.results[-1].failure.reasons[0]
    assert len(refused) == bool(said)
    assert (said and said in first) or "mine" not in first
    assert not run.aftermath.wrong, run.aftermath.lines
    assert somebody.picture() == before


def test_an_entry_says_what_to_run_against(livesteps_here: Command) -> None:
    way = "application-credential"
    for option in (["--server", "debian"], ["--tls"], ["--way", way]):
        ran = livesteps_here(ROOT, "run", "curl", "--os-cloud", "mine", *option)
        assert (ran.returncode, ran.stderr) == (
            2,
            "the entry of 'mine' says how to reach it, and how to connect;"
            " leave out --server, --tls and --way\n",
        )


def test_a_cloud_without_a_name_is_none_of_ours(livesteps_here: Command) -> None:
    ran = livesteps_here(ROOT, "run", "curl", "--os-cloud", "")
    said = "--os-cloud is empty; name a cloud of clouds.yaml\n"
    assert (ran.returncode, ran.stderr) == (2, said)


def test_what_cannot_be_deleted_is_said_and_the_rest_is_deleted(
    account: Named,
    backend: Backend,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
    livesteps_here: Command,
) -> None:
    hold(account, backend, somebody)
    monkeypatch.setattr(Named, "patience", 5.0)
    with monkeypatch.context() as broken:
        refused = refuse(
            broken,
            lambda method, url: method == "DELETE" and url.endswith("big/0"),
            500,
        )
        after = account.end(keep=False)
    assert after == named.Aftermath(
        (
            "object 'fractals/big/0' is left: the cloud answered 500 Oh no",
            f"container 'fractals' is left; try again: {CLEAN}",
        ),
        wrong=True,
    )
    assert len(refused) == 2
    assert somebody("GET", "fractals").text == "big/0\n"
    assert livesteps_here(ROOT, "clean", "--os-cloud", "mine").returncode == 0
    assert somebody.containers() == []


def test_a_container_that_seems_to_hold_something_is_deleted_a_little_later(
    account: Named,
    backend: Backend,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold(account, backend, somebody)
    monkeypatch.setattr(Named, "patience", 20.0)
    asked = itertools.count(1)
    refused = refuse(
        monkeypatch,
        lambda method, url: (
            method == "DELETE" and url.endswith("/fractals") and next(asked) < 4
        ),
        409,
    )
    after = account.end(keep=False)
    assert not after.wrong, after.lines
    assert len(refused) == 3
    assert somebody.containers() == []


def test_a_token_that_has_expired_is_renewed(
    account: Named, backend: Backend, somebody: Somebody
) -> None:
    hold(account, backend, somebody)
    account.contents._http.headers["X-Auth-Token"] = "expired"
    after = account.end(keep=False)
    assert not after.wrong, after.lines
    assert somebody.containers() == []


def test_a_cloud_that_goes_away_is_told_with_what_is_left(
    account: Named,
    backend: Backend,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold(account, backend, somebody)
    refuse(monkeypatch, lambda *_: True, 0)
    assert account.end(keep=False) == named.Aftermath(
        (
            GONE,
            f"left on 'mine': container 'fractals'; {CLEAN} removes what it made",
        ),
        wrong=True,
    )


def test_a_cloud_that_goes_away_while_a_step_is_looked_at_is_told(
    mine: Callable[..., Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, sdk = mine(), SDKS["libcloud"]
    outcome = batch.Outcome(sdk)

    def gone(_: object) -> None:
        if outcome.passed == 2:
            refuse(monkeypatch, lambda *_: True, 0)

    batch.run_batch(backend, [outcome], gone, compare=False)
    assert outcome.state is batch.State.FAILED
    assert outcome.why == GONE
    assert outcome.after == (
        GONE,
        f"left on 'mine': container 'fractals'; {CLEAN} removes what it made",
    )


def test_containers_are_removed_also_where_keystone_is_down(
    mine: Callable[..., Backend],
    backend: Backend,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = mine().named(SDKS["boto3"])
    account.look(lambda _: None, threading.Event())
    account.begin(backend.steps.steps[0])
    access = somebody.make_key()
    account.reach(backend.steps.steps[0])
    hold(account, backend, somebody)
    assert somebody("HEAD", "fractals").headers[KEYS] == access
    refuse(monkeypatch, lambda _, url: "/v3/" in url, 503)
    after = account.end(keep=False)
    assert after.wrong
    assert "removed from 'mine': container 'fractals' (2 objects)" in after.lines
    assert any(f"ec2 credentials delete {access}" in line for line in after.lines)
    assert somebody.containers() == []


def test_a_container_that_cannot_be_seen_is_said_to_be_left_perhaps(
    account: Named,
    backend: Backend,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold(account, backend, somebody)
    account.begin(backend.steps.steps[2])
    refuse(
        monkeypatch,
        lambda method, url: method == "HEAD" and url.endswith("_segments"),
        500,
    )
    assert account.end(keep=False) == named.Aftermath(
        (
            "removed from 'mine': container 'fractals' (2 objects)",
            "left on 'mine': perhaps container 'fractals_segments';"
            f" {CLEAN} removes what it made",
        ),
        wrong=True,
    )


def test_what_another_run_made_meanwhile_is_left_to_it(
    account: Named, backend: Backend, somebody: Somebody
) -> None:
    account.begin(backend.steps.steps[1])
    marked(somebody, "fractals")
    somebody("PUT", "fractals", "goat", data=b"goat")
    after = account.end(keep=False)
    assert after.lines == (
        "container 'fractals' is left, for somebody else made it:"
        " it bears the mark of another run",
    )
    assert somebody("GET", "fractals").text == "goat\n"


def test_what_was_there_when_a_step_began_is_not_what_it_made(
    account: Named, backend: Backend, somebody: Somebody
) -> None:
    account.begin(backend.steps.steps[0])
    account.reach(backend.steps.steps[0])
    somebody("PUT", "fractals")
    somebody("PUT", "fractals", "goat", data=b"theirs")
    # The program finds it there, and gives up.
    account.begin(backend.steps.steps[1])
    after = account.end(keep=False)
    assert after.lines == (
        "container 'fractals' is left, for somebody else made it:"
        " no step of this run was under way",
    )
    assert somebody("GET", "fractals", "goat").content == b"theirs"


def test_a_mark_takes_nothing_from_a_containers_metadata(
    account: Named, backend: Backend, somebody: Somebody
) -> None:
    account.begin(backend.steps.steps[1])
    kept = {"X-Container-Meta-Temp-URL-Key": "k", "X-Container-Read": ".r:*"}
    somebody("PUT", "fractals", headers=kept)
    account.reach(backend.steps.steps[1])
    headers = somebody("HEAD", "fractals").headers
    assert headers[MARK]
    assert {name: headers[name] for name in kept} == kept


FEW, MANY = 3, 100
HANGS = """
import time, openstack
swift = openstack.connect().object_store
swift.create_container("fractals")
for number in range({many}):
    swift.upload_object(container="fractals", name=f"big/{number}", data=b"x")
time.sleep(600)
"""


@pytest.fixture
def hanging(
    request: pytest.FixtureRequest,
    make_guide: MakeGuide,
    environment: dict[str, str],
    clouds_yaml: Path,
    somebody: Somebody,
    wait_for: WaitFor,
) -> Iterator[subprocess.Popen[str]]:
    """A run on `mine` whose second step has stored some objects, and hangs."""
    many = getattr(request, "param", FEW)
    guide = make_guide(
        "print('one')",
        HANGS.replace("{many}", str(many)),
        contracts=["holds = {}", "holds = { fractals = [] }"],
    )
    toml = guide.samples / "durability.toml"
    (guide.samples / "goat.jpg").write_bytes(b"goat")
    objects = '[objects.big]\nfile = "goat.jpg"\nsegments = 1\n'
    toml.write_text(
        toml.read_text()
        .replace("[files]\n", '[files]\n"goat.jpg" = {}\n')
        .replace("[objects]\n", objects)
    )
    running = subprocess.Popen(
        [*COMMAND, "run", "tiny", "--os-cloud", "mine"],
        cwd=guide.folder,
        env={**environment, "OS_CLIENT_CONFIG_FILE": str(clouds_yaml)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: stored(somebody) == many, "all objects", within=60)
        yield running
    finally:
        running.kill()
        running.communicate()


def stored(somebody: Somebody) -> int:
    """How many objects are in `fractals`."""
    try:
        return int(somebody("HEAD", "fractals").headers["X-Container-Object-Count"])
    except requests.HTTPError:
        return 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_once_has_all_removed(
    hanging: subprocess.Popen[str], somebody: Somebody, number: signal.Signals
) -> None:
    os.kill(hanging.pid, number)
    _, said = hanging.communicate(timeout=60)
    assert hanging.returncode == 130
    assert said.splitlines()[-2:] == [
        f"tiny: removed from 'mine': container 'fractals' ({FEW} objects)",
        "Stopped.",
    ]
    assert somebody.containers() == []


@pytest.mark.parametrize("hanging", [MANY], indirect=True)
def test_who_interrupts_twice_is_told_what_is_left(
    hanging: subprocess.Popen[str],
    somebody: Somebody,
    wait_for: WaitFor,
    livesteps_here: Command,
) -> None:
    os.kill(hanging.pid, signal.SIGINT)
    wait_for(lambda: stored(somebody) < MANY, "the first one is removed")
    os.kill(hanging.pid, signal.SIGINT)
    _, said = hanging.communicate(timeout=10)
    assert hanging.returncode == 130
    assert said.splitlines()[-2:] == [
        "Stopped.",
        f"left on 'mine': container 'fractals'; {CLEAN} removes what it made",
    ]
    assert stored(somebody)
    ran = livesteps_here(ROOT, "clean", "--os-cloud", "mine")
    assert ran.returncode == 0, ran.stdout
    assert somebody.containers() == []


def test_what_a_killed_run_left_bears_its_mark(
    hanging: subprocess.Popen[str], livesteps_here: Command
) -> None:
    """But for what the step made that ran: that has no mark, and is named."""
    hanging.kill()
    hanging.wait()
    ran = livesteps_here(ROOT, "clean", "--os-cloud", "mine")
    assert ran.returncode == 0
    assert ran.stdout.startswith("container 'fractals' bears no mark of a run")
