"""An account of somebody's: only what was made there is touched, and all of that
is removed, whatever happens."""

from __future__ import annotations

import dataclasses
import io
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
from small import COMMAND, ROOT

from livesteps.errors import Problem
from livesteps.plugin import Aftermath
from livesteps.read.guide import Guide, load_guide
from livesteps.read.sdk import SDK
from livesteps.run import toolchain
from livesteps.run.backend import Backend
from livesteps.run.batch import Batch
from livesteps.run.outcome import Outcome, State
from livesteps.run.program import Program
from livesteps.run.run import Run
from livesteps_openstack.accounts import Embedded
from livesteps_openstack.cloud import Cloud, Project
from livesteps_openstack.contents import Answer, Contents, below
from livesteps_openstack.contracts.holds import guarded
from livesteps_openstack.named import holdings
from livesteps_openstack.named.account import Named, clean_cloud
from livesteps_openstack.named.clean import KEYS, MARK
from livesteps_openstack.servers.clouds_yaml import CloudsYaml
from livesteps_openstack.session import Session

if TYPE_CHECKING:
    from small import SmallGuide

pytestmark = [  # of parts of openstacksdk unused here
    pytest.mark.filterwarnings("ignore:'cgi' is deprecated"),
    pytest.mark.filterwarnings("ignore:Support for InfluxDB"),
]

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeGuide = Callable[..., "SmallGuide"]
WaitFor = Callable[..., None]
GUIDE = load_guide(ROOT / "samples" / "guide.toml")
CHAPTER = GUIDE.chapters["durability"]
SDKS = GUIDE.sdks
STEPS = range(1, len(CHAPTER) + 1)
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
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["X-Auth-Token"] = token

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
        answer = self.http.request(method, url, timeout=30, **more)
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
    made = serving.account(None, CHAPTER)
    assert isinstance(made, Embedded)
    yield made
    made.contents.close()


@pytest.fixture
def project(home: Embedded) -> Project:
    """That project, as the cloud's parent knows it."""
    return home.project


@pytest.fixture
def somebody(home: Embedded) -> Somebody:
    """Who has the account of the project."""
    return Somebody(home.project, *home.token())


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
def mine(borrowed: Backend) -> Iterator[Callable[..., Backend]]:
    """Make a backend on `mine`; it borrows the services of the one backend."""
    with ExitStack() as stack:

        def make(guide: Guide = GUIDE) -> Backend:
            return stack.enter_context(Backend(guide, CloudsYaml(guide, named="mine")))

        yield make


@pytest.fixture
def guard(mine: Callable[..., Backend]) -> Iterator[Callable[[str], Named]]:
    """`mine` for the sample of an SDK, what it may make guarded from now on."""
    with ExitStack() as stack:

        def make(sdk: str) -> Named:
            made = mine().account(SDKS[sdk], CHAPTER)
            assert isinstance(made, Named)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def account(guard: Callable[[str], Named]) -> Named:
    """`mine`, guarded for curl's sample, and looked at."""
    made = guard("curl")
    made.look(lambda _: None, threading.Event())
    return made


@pytest.mark.parametrize("serving", ["swift", "debian", "ceph"], indirect=True)
def test_what_is_there_already_is_named_and_not_touched(
    mine: Callable[..., Backend], somebody: Somebody
) -> None:
    somebody.plant()
    backend = mine()
    makes = {sdk.id: guarded(GUIDE, [sdk]) for sdk in SDKS.values()}
    for container in sorted(set().union(*makes.values())):
        somebody("PUT", container)
        somebody("PUT", container, "precious", data=b"keep me")
        before = somebody.picture()
        for id_ in (id_ for id_, made in makes.items() if container in made):
            with pytest.raises(Problem) as raised:
                backend.account(SDKS[id_], CHAPTER)
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


def false_at(number: int) -> Guide:
    """The guide, but for a contract that nothing does."""
    steps = list(CHAPTER.steps)
    step = steps[number - 1]
    holds = {**step.contract["holds"], "nothing": []}
    steps[number - 1] = dataclasses.replace(
        step, contract={**step.contract, "holds": holds}
    )
    chapter = dataclasses.replace(CHAPTER, steps=tuple(steps))
    return dataclasses.replace(GUIDE, chapters={chapter.name: chapter})


def run_to_its_end(
    backend: Backend,
    sdk: SDK,
    *,
    first: int = 1,
    watch: Callable[[Run, Program], None] | None = None,
) -> Run:
    """Run as far as it goes, the contracts checked from a first step on; `watch`
    runs beside, from the start on."""
    toolchain.check_machine(sdk)
    chapter = backend.guide.chapters[CHAPTER.name]
    with Program(sdk, chapter) as program, backend.run(program) as run:
        beside = threading.Thread(target=watch, args=(run, program)) if watch else None
        if beside:
            beside.start()
        while run.advance(check=len(run.results) + 1 >= first):
            pass
        if beside:
            beside.join()
    return run


@pytest.mark.parametrize("number", STEPS)
def test_a_step_that_fails_leaves_the_account_as_it_was(
    number: int, mine: Callable[..., Backend], somebody: Somebody
) -> None:
    before = somebody.plant()
    run = run_to_its_end(mine(false_at(number)), SDKS["curl"], first=number)
    assert len(run.results) == number
    assert run.results[-1].failure
    assert not run.aftermath.wrong, run.aftermath.lines
    assert somebody.picture() == before


@pytest.mark.parametrize("number", STEPS)
def test_an_interrupted_step_leaves_the_account_as_it_was(
    number: int,
    mine: Callable[..., Backend],
    cloud: Cloud,
    project: Project,
    somebody: Somebody,
    wait_for: WaitFor,
) -> None:
    before = somebody.plant()

    def interrupt(run: Run, program: Program) -> None:
        wait_for(lambda: len(run.results) == number - 1, f"step {number} begins")
        cloud.exchanges(project)
        wait_for(
            lambda: len(run.results) >= number or cloud.exchanges(project),
            f"step {number} asks for something, or is over",
        )
        program.halt.set()

    run = run_to_its_end(mine(), SDKS["curl"], first=number + 1, watch=interrupt)
    assert not run.aftermath.wrong, run.aftermath.lines
    assert somebody.picture() == before


def test_a_run_that_passes_leaves_nothing_and_changes_nothing(
    mine: Callable[..., Backend], somebody: Somebody
) -> None:
    before = somebody.plant()
    run = run_to_its_end(mine(), SDKS["libcloud"])
    assert run.passed, run.results[-1].failure
    assert run.aftermath == Aftermath()
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
    pictures = [*CHAPTER.kinds["pictures"].stored_names(backend.services)]
    assert pictures
    for name in pictures:
        somebody("PUT", "fractals", name, data=b"picture")
    ran = livesteps_here(ROOT, "clean", "--os-cloud", "mine")
    assert ran.stdout == (
        f"removed from 'mine': container 'fractals' ({len(pictures)} objects)\n"
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
    theirs = somebody.keys()

    def interrupt(run: Run, program: Program) -> None:
        wait_for(lambda: somebody.keys() != theirs, "a key of the program")
        program.halt.set()

    if how == "fails":
        run = run_to_its_end(mine(false_at(14)), SDKS["boto3"], first=14)
        assert len(run.results) == 14
        assert "container 'fractals+segments'" in run.aftermath.lines[0]
    else:
        run = run_to_its_end(mine(), SDKS["boto3"], first=18, watch=interrupt)
    assert "EC2 credential" in run.aftermath.lines[0]
    assert not run.aftermath.wrong, run.aftermath.lines
    assert somebody.picture() == before


def test_of_two_new_keys_none_is_taken_for_the_programs(
    guard: Callable[[str], Named], somebody: Somebody
) -> None:
    account = guard("boto3")
    account.look(lambda _: None, threading.Event())
    account.begin(CHAPTER.steps[0])
    made = {somebody.make_key(), somebody.make_key()}
    account.reach(CHAPTER.steps[0])
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
    account: Named, somebody: Somebody
) -> None:
    account.begin(CHAPTER.steps[0])
    access = somebody.make_key()
    account.reach(CHAPTER.steps[0])
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
    guard: Callable[[str], Named],
    somebody: Somebody,
) -> None:
    somebody.plant()
    key = min(somebody.keys())
    account = guard("curl")
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


def test_what_does_not_differ_is_not_found(account: Named, somebody: Somebody) -> None:
    somebody("GET", "")
    assert account.end(keep=False) == Aftermath()


def test_a_difference_fails_the_run(
    make_guide: MakeGuide, livesteps_here: Command, somebody: Somebody
) -> None:
    somebody.plant()
    guide = make_guide(
        f"import requests\nprint(requests.delete({somebody.url!r} + '/mine/precious',"
        f" headers={dict(somebody.http.headers)!r}).status_code)"
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
    guard: Callable[[str], Named], somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody.plant()
    monkeypatch.setattr(holdings, "EVERY", 0.0)
    told: list[str] = []
    guard("curl").look(told.append, threading.Event())
    assert told[-1].startswith("looking at what is there: ")
    assert told[-1].endswith(" things so far, in 2 containers")
    halted = threading.Event()
    halted.set()
    with pytest.raises(Problem, match="it was interrupted"):
        guard("curl").look(told.append, halted)


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


def answer_in_its_place(
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[requests.PreparedRequest], requests.Response | None],
) -> None:
    """What the cloud is asked, this answers, but for what it makes None of."""
    real = Session.send

    def send(
        self: Session, request: requests.PreparedRequest, **how: Any
    ) -> requests.Response:
        made = answer(request)
        if made is None:
            return real(self, request, **how)
        made.request, made.url = request, request.url or ""
        return made

    monkeypatch.setattr(Session, "send", send)


def no(status: int, body: str = "") -> requests.Response:
    """An answer of this status."""
    answer = requests.Response()
    answer.status_code, answer.reason = status, "Oh no"
    answer.raw = io.BytesIO(body.encode())
    return answer


def refuse(
    monkeypatch: pytest.MonkeyPatch,
    so: Callable[[requests.PreparedRequest], bool],
    status: int,
) -> list[str]:
    """The cloud refuses these requests, or is gone where the status is 0; the
    addresses of those that it refused."""
    refused: list[str] = []

    def answer(request: requests.PreparedRequest) -> requests.Response | None:
        if not so(request):
            return None
        refused.append(request.url or "")
        if not status:
            raise requests.ConnectionError("refused")
        return no(status)

    answer_in_its_place(monkeypatch, answer)
    return refused


def is_to(request: requests.PreparedRequest, method: str, end: str = "") -> bool:
    """Whether it asks for this, at an address with this end."""
    return request.method == method and (request.url or "").endswith(end)


def hold(account: Named, somebody: Somebody) -> None:
    """As if a step had made a container, with two objects."""
    account.begin(CHAPTER.steps[1])
    somebody("PUT", "fractals")
    somebody("PUT", "fractals", "goat", data=b"goat")
    somebody("PUT", "fractals", "big/0", data=b"big")
    account.reach(CHAPTER.steps[1])


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
    borrowed: Backend,
    mine: Callable[..., Backend],
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = somebody.plant()

    def answer(request: requests.PreparedRequest) -> requests.Response | None:
        if "/v3" in (request.url or ""):
            return None
        made = no(404)
        if method in ("", request.method):
            made = no(status, body)
            made.headers["Location"] = "http://login.example/"
        return made

    answer_in_its_place(monkeypatch, answer)
    with pytest.raises(Problem) as raised:
        _ = (
            mine()
            if command == "run"
            else clean_cloud("mine", GUIDE, borrowed.services)
        )
    assert said in str(raised.value)
    assert str(raised.value).startswith("cloud 'mine'")
    assert somebody.picture() == before


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (2, 403, "answered 403 Oh no to PUT; this user may not do that"),
        (4, 413, "answered 413 Oh no to PUT; it takes no more"),
        (4, 507, "answered 507 Oh no to PUT; it takes no more"),
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
    before = somebody.plant()
    refused = refuse(
        monkeypatch, lambda request: is_to(request, "PUT") and status != 200, status
    )
    run = run_to_its_end(mine(false_at(number)), SDKS["curl"], first=number)
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
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
    livesteps_here: Command,
) -> None:
    hold(account, somebody)
    monkeypatch.setattr(Named, "patience", 5.0)
    with monkeypatch.context() as broken:
        refused = refuse(
            broken,
            lambda request: is_to(request, "DELETE", "big/0"),
            500,
        )
        after = account.end(keep=False)
    assert after == Aftermath(
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
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold(account, somebody)
    monkeypatch.setattr(Named, "patience", 20.0)
    asked = itertools.count(1)
    refused = refuse(
        monkeypatch,
        lambda request: is_to(request, "DELETE", "/fractals") and next(asked) < 4,
        409,
    )
    after = account.end(keep=False)
    assert not after.wrong, after.lines
    assert len(refused) == 3
    assert somebody.containers() == []


def test_a_token_that_has_expired_is_renewed(
    account: Named, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(account, somebody)
    token = account.contents.token
    refused = refuse(
        monkeypatch, lambda request: request.headers.get("X-Auth-Token") == token, 401
    )
    after = account.end(keep=False)
    assert len(refused) == 1
    assert not after.wrong, after.lines
    assert somebody.containers() == []


def test_a_cloud_that_goes_away_is_told_with_what_is_left(
    account: Named,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold(account, somebody)
    refuse(monkeypatch, lambda *_: True, 0)
    assert account.end(keep=False) == Aftermath(
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
    outcome = Outcome(sdk, CHAPTER, sdk.id)

    def gone(_: object) -> None:
        if outcome.passed == 2:
            refuse(monkeypatch, lambda *_: True, 0)

    Batch(backend, gone, compare=False).run([outcome])
    assert outcome.state is State.FAILED
    assert outcome.why == GONE
    assert outcome.after == (
        GONE,
        f"left on 'mine': container 'fractals'; {CLEAN} removes what it made",
    )


def test_containers_are_removed_also_where_keystone_is_down(
    guard: Callable[[str], Named],
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = guard("boto3")
    account.look(lambda _: None, threading.Event())
    account.begin(CHAPTER.steps[0])
    access = somebody.make_key()
    account.reach(CHAPTER.steps[0])
    hold(account, somebody)
    assert somebody("HEAD", "fractals").headers[KEYS] == access
    refuse(monkeypatch, lambda request: "/v3/" in (request.url or ""), 503)
    after = account.end(keep=False)
    assert after.wrong
    assert "removed from 'mine': container 'fractals' (2 objects)" in after.lines
    assert any(f"ec2 credentials delete {access}" in line for line in after.lines)
    assert somebody.containers() == []


def test_a_container_that_cannot_be_seen_is_said_to_be_left_perhaps(
    account: Named,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold(account, somebody)
    account.begin(CHAPTER.steps[2])
    refuse(
        monkeypatch,
        lambda request: is_to(request, "HEAD", "_segments"),
        500,
    )
    assert account.end(keep=False) == Aftermath(
        (
            "removed from 'mine': container 'fractals' (2 objects)",
            "left on 'mine': perhaps container 'fractals_segments';"
            f" {CLEAN} removes what it made",
        ),
        wrong=True,
    )


def test_what_another_run_made_meanwhile_is_left_to_it(
    account: Named, somebody: Somebody
) -> None:
    account.begin(CHAPTER.steps[1])
    marked(somebody, "fractals")
    somebody("PUT", "fractals", "goat", data=b"goat")
    after = account.end(keep=False)
    assert after.lines == (
        "container 'fractals' is left, for somebody else made it:"
        " it bears the mark of another run",
    )
    assert somebody("GET", "fractals").text == "goat\n"


def test_what_was_there_when_a_step_began_is_not_what_it_made(
    account: Named, somebody: Somebody
) -> None:
    account.begin(CHAPTER.steps[0])
    account.reach(CHAPTER.steps[0])
    somebody("PUT", "fractals")
    somebody("PUT", "fractals", "goat", data=b"theirs")
    # The program finds it there, and gives up.
    account.begin(CHAPTER.steps[1])
    after = account.end(keep=False)
    assert after.lines == (
        "container 'fractals' is left, for somebody else made it:"
        " no step of this run was under way",
    )
    assert somebody("GET", "fractals", "goat").content == b"theirs"


def test_a_mark_takes_nothing_from_a_containers_metadata(
    account: Named, somebody: Somebody
) -> None:
    account.begin(CHAPTER.steps[1])
    kept = {"X-Container-Meta-Temp-URL-Key": "k", "X-Container-Read": ".r:*"}
    somebody("PUT", "fractals", headers=kept)
    account.reach(CHAPTER.steps[1])
    headers = somebody("HEAD", "fractals").headers
    assert headers[MARK]
    assert {name: headers[name] for name in kept} == kept


FEW, MANY = 3, 100
OBJECTS = """\
[files]
"goat.jpg" = {}

[objects.big]
file = "goat.jpg"
segments = 1

"""
HANGS = """
import time, openstack
swift = openstack.connect().object_store
swift.create_container("fractals")
for number in range({many}):
    swift.put(f"/fractals/big/{number}", data=b"x").raise_for_status()
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
    toml = guide.samples / "tiny.toml"
    (guide.samples / "goat.jpg").write_bytes(b"goat")
    toml.write_text(OBJECTS + toml.read_text())
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
