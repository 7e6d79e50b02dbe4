"""What runs share: the cloud and the Fractals app, for as long as they run."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from urllib.parse import urlsplit

from requests import RequestException

from livesteps import ceph, cloud
from livesteps.ceph import Ceph
from livesteps.clean import stored_by
from livesteps.cloud import Cloud, certificate
from livesteps.entry import Entry, read_entry
from livesteps.errors import Problem
from livesteps.fit import Unfit
from livesteps.fractals import Fractals
from livesteps.info import Info, read_info
from livesteps.keys import keys_made
from livesteps.kit import SERVERS, Kit
from livesteps.named import Named, trouble
from livesteps.place import Embedded, OnCeph, OnMoto, Place
from livesteps.program import Program
from livesteps.recording import Recording
from livesteps.run import DEADLINE, Run
from livesteps.s3 import Moto
from livesteps.servers import load_servers, missing
from livesteps.session import Session, proxies_to
from livesteps.step import Steps


def supported(server: str) -> str | None:
    """Why one of `SERVERS` cannot run here, in a short phrase; None where it can."""
    if server == "ceph":
        return ceph.supported() or cloud.supported()
    return cloud.supported(debian=server == "debian")


class Stage:
    """The servers, started on entry and stopped on exit.

    The start does not wait until they are ready; the first use does.

    With `os_cloud` the samples run against that cloud of clouds.yaml, and no
    cloud is started. Else `server` says which of `SERVERS` it is, `tls` whether
    it is reached over HTTPS, and `way` how the samples connect, if not as their
    step 1 does.
    """

    def __init__(
        self,
        steps: Steps,
        *,
        os_cloud: str | None = None,
        server: str = SERVERS[0],
        tls: bool = False,
        way: str = "",
    ) -> None:
        self.steps = steps
        self.way = way
        self._server = server
        self._tls = tls
        self._os_cloud = os_cloud
        self.server = load_servers(steps)[server]
        self._moto: Moto | None = None
        self._ceph: Ceph | None = None
        self._ca: Path | None = None
        self._numbers = itertools.count(1)
        self._guarded: Named | None = None
        """Where a run is, if that is not ours."""
        self._info = Info(None, "the servers were not ready")
        self._ready = False
        self.needs: tuple[str, ...] = ()
        """Keys of `Cannot` that this cloud needs; known on entry."""
        self.why_not = ""
        """Why no sample can run here; it is known on entry, as is the way then."""

    def __enter__(self) -> Stage:
        with ExitStack() as stack:
            self.fractals = stack.enter_context(Fractals())
            self.cloud = None
            if self._os_cloud:
                # What is wrong with it stops all, before anything runs.
                try:
                    entry = read_entry(self._os_cloud)
                    self.way = entry.way
                    urls = (entry.url, entry.environment["OS_AUTH_URL"])
                    needs = {
                        "ipv6": any("[" in urlsplit(url).netloc for url in urls),
                        "proxy": any(map(proxies_to, urls)),
                    }
                    self.needs = tuple(key for key in needs if needs[key])
                    if entry.ca:
                        self._ca = stack.enter_context(_with_trust_store(entry.ca))
                    account = self.named(None, entry).account
                    self._info = account.info()
                    account.close()
                    self.server = missing(self._info.content or {}, self.steps)
                except Unfit as unfit:
                    self.why_not = str(unfit)
            else:
                debian = self._server == "debian"
                started = Cloud(debian=debian, tls=self._tls)
                self.cloud = stack.enter_context(started)
                if self._server == "ceph":
                    self._ceph = stack.enter_context(Ceph(started))
            if self._server == "moto":
                self._moto = stack.enter_context(Moto())
            self._stack = stack.pop_all()
        return self

    @property
    def at_once(self) -> int:
        """How many samples may run side by side: where they share what they
        store in, one. Else one more than there are processors, for each waits
        for the cloud now and then."""
        return 1 if self._moto or not self.cloud else (os.cpu_count() or 1) + 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def wait(self) -> None:
        """Wait until all are ready; `Problem` says why one is not."""
        if self.cloud:
            _ = self.cloud.auth_url
        if self._ceph:
            _ = self._ceph.url
        _ = self.fractals.checksums
        self._ready = True

    def info(self) -> Info:
        """What the object store says of itself: a cloud of a person's own said it
        on entry. It waits for nothing."""
        if not self.cloud or not self._ready:
            return self._info
        if self._moto:
            return Info(None, "moto speaks S3 alone, which has no /info")
        with Session(verify=str(self.cloud.ca) if self.cloud.ca else True) as http:
            return read_info(f"{self.cloud.storage_url}/v1/", http)

    @contextmanager
    def run(
        self,
        program: Program,
        recording: Recording | None = None,
        *,
        place: Place | None = None,
        deadline: float = DEADLINE,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Run]:
        """A run of a program, in a project of its own unless there is a place.

        In an account of somebody's what it made is removed at the end, unless
        the run is to keep it; `tell` is called with what takes long there.
        """
        named = self.named(program.kit) if self._os_cloud else None
        place = named or place or self.place(program.kit.id)
        try:
            if named:
                named.look(tell, program.halt)
            run = Run(
                program,
                place,
                fractals=self.fractals.url,
                pictures=self.fractals.checksums,
                server=self.server,
                recording=recording,
                deadline=deadline,
            )
            with self._guarding(named, program, run) if named else nullcontext():
                yield run
        finally:
            place.account.close()

    def abandon(self) -> list[str]:
        """Ask nothing more of a cloud that is not ours; what may be left there."""
        if not self._guarded:
            return []
        self._guarded.abandoned.set()
        return self._guarded.left()

    @contextmanager
    def _guarding(self, place: Named, program: Program, run: Run) -> Iterator[None]:
        """Remove what the run made, and compare; what came of that is the run's."""
        self._guarded = place
        try:
            yield
        except RequestException as error:
            raise trouble(place.name, error) from None
        finally:
            program.stop()
            run.aftermath = place.end(keep=run.keep)
            self._guarded = None

    def place(self, name: str, *, way: str | None = None) -> Place:
        """A place where nothing has run yet; `way` is another than the stage's."""
        way = self.way if way is None else way
        if self.cloud:
            name = f"{name}-{next(self._numbers)}"
            if self._moto:
                return OnMoto(self.cloud, name, self._moto)
            if self._ceph:
                return OnCeph(self.cloud, name, self._ceph, way=way)
            return Embedded(self.cloud, name, way=way)
        return self.named(None)

    def named(self, kit: Kit | None, entry: Entry | None = None) -> Named:
        """The cloud of clouds.yaml; `Problem` if what a kit's program makes, or
        any program, is there. Its entry is read anew unless it is given."""
        assert self._os_cloud
        return Named(
            entry or read_entry(self._os_cloud),
            {*self.steps.containers, *(kit.containers if kit else ())},
            ca=self._ca,
            makes_keys=keys_made(kit, len(self.steps)) if kit else {},
            knows=lambda name: stored_by(self.steps, self.fractals.checksums)(name),
        )


@contextmanager
def _with_trust_store(ca: Path) -> Iterator[Path]:
    """The same certificates in a folder of ours, with a trust store beside."""
    with TemporaryDirectory(prefix="livesteps-ca-") as folder:
        try:
            copy = certificate.write_ca(Path(folder), ca.read_bytes())
        except ValueError as error:
            raise Problem(
                f"it has a certificate that cannot be read: {error}",
                "take it out, or make it anew",
                path=ca,
            ) from None
        yield copy
