"""What an account holds, as the runner sees it: by the API of Swift."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import requests

from livesteps.plugin import Info
from livesteps_openstack.cloud import Cloud, CloudError, Project
from livesteps_openstack.info import read_info
from livesteps_openstack.segments import Segment, parts_of, segments_in
from livesteps_openstack.session import Session

TIMEOUT = 30
"""Seconds that one answer of the server may take."""
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
"""The md5 of nothing: what a listing says of a manifest that it does not tell."""


@dataclass(frozen=True)
class Stored:
    """An object as its container lists it."""

    size: int
    """In bytes; 0 for a dynamic manifest."""
    md5: str
    content_type: str
    segments: tuple[Segment, ...] | None = None
    """For a manifest, its segments, in their order."""


Snapshot = dict[str, dict[str, Stored]]
"""Container, object's name, object. Segments, and containers that hold
nothing else, are left out: they are a part of the manifest."""


Listings = Mapping[str, list[dict[str, Any]]]
"""Container, and what its listing has of each object."""


class Answer(NamedTuple):
    """What a server answered to a request."""

    headers: Mapping[str, str]
    """By name, in lower case."""
    body: bytes


class Page(NamedTuple):
    """A page of a listing."""

    headers: Mapping[str, str]
    """Of the container, or of the account; names in lower case."""
    entries: list[dict[str, Any]]


class NotSwift(requests.RequestException):
    """What answers in its place is something else, such as a page to log in."""


class Contents(ABC):
    """What an account holds, by the API of Swift."""

    url: str
    verify: bool | str = True
    """How certificates are verified: as requests takes it."""
    page: int | None = None
    """The names in a full page of a listing, where that is known."""
    distant = False
    """It is not ours, and perhaps behind a proxy."""

    def anyone(self) -> Session:
        """For requests of somebody who has no token."""
        return Session(verify=self.verify, distant=self.distant)

    @abstractmethod
    def ask(self, method: str, path: str) -> Answer:
        """GET or HEAD what is at a path below the account; it must succeed."""

    @abstractmethod
    def close(self) -> None:
        """Close its connections, if it has any."""

    def containers(self) -> list[str]:
        """The names of all containers."""
        return [entry["name"] for entry in self._listing("")]

    def snapshot(self, *, ignoring: frozenset[str] = frozenset()) -> Snapshot:
        """All that the account holds, but for the containers in `ignoring`."""
        found: Snapshot = {}
        segments: set[tuple[str, str]] = set()
        listings = {
            container: list(self._listing(container))
            for container in self.containers()
            if container not in ignoring
        }
        for container, entries in listings.items():
            found[container] = {}
            for entry in entries:
                stored = self._stored(container, entry, listings)
                found[container][entry["name"]] = stored
                segments.update(part[:2] for part in stored.segments or ())
        return {
            container: kept
            for container, objects in found.items()
            if (
                kept := {
                    name: stored
                    for name, stored in objects.items()
                    if (container, name) not in segments
                }
            )
            or not objects
        }

    def metadata(self, container: str, name: str) -> dict[str, str]:
        """The metadata that a person gave an object, its names in lower case."""
        prefix = "x-object-meta-"
        return {
            key.removeprefix(prefix): value
            for key, value in self._ask("HEAD", container, name).headers.items()
            if key.startswith(prefix)
        }

    def _stored(
        self, container: str, entry: dict[str, Any], listings: Listings
    ) -> Stored:
        name, md5 = entry["name"], entry["hash"]
        content_type, head = entry.get("content_type", ""), {}
        # Ceph's listings have no type where none was sent, and a manifest looks
        # as an empty object does.
        if "slo_etag" not in entry and (not content_type or md5 == EMPTY):
            head = dict(self._ask("HEAD", container, name).headers)
            content_type = head["content-type"]
        return Stored(
            size=entry["bytes"],
            md5=md5,
            content_type=content_type.partition(";")[0],
            segments=self._segments(container, entry, head, listings),
        )

    def _segments(
        self,
        container: str,
        entry: dict[str, Any],
        head: Mapping[str, str],
        listings: Listings,
    ) -> tuple[Segment, ...] | None:
        """Those of a manifest, in their order; None of any other object."""
        name = entry["name"]
        if "slo_etag" in entry:
            answer = self._ask("GET", container, name, query="?multipart-manifest=get")
            return tuple(
                Segment(
                    *_split(segment["name"].lstrip("/")),
                    segment["bytes"],
                    segment["hash"],
                )
                for segment in json.loads(answer.body)
            )
        if prefix := unquote(head.get("x-object-manifest", "")):
            where, start = _split(prefix)
            return tuple(
                Segment(where, segment["name"], segment["bytes"], segment["hash"])
                for segment in self._listing(where, prefix=start)
            )
        if head.get("x-static-large-object", "").lower() == "true":
            etag, size = head["etag"].strip('"'), int(head["content-length"])
            return segments_in(listings, size, etag)
        # Of an upload of S3 in parts, the ETag ends in their number.
        if parts := re.fullmatch(r"[0-9a-f]{32}-(\d+)", entry["hash"]):
            content = self._ask("GET", container, name).body
            return parts_of(container, name, content, int(parts[1]))
        return None

    def pages(self, container: str, prefix: str = "") -> Iterator[Page]:
        """A listing, page by page, until one is empty; of the account's containers
        if `container` is empty. Raises `NotSwift`."""
        marker = ""
        while True:
            query = f"?format=json&prefix={quote(prefix)}&marker={quote(marker)}"
            answer = self._ask("GET", container, query=query)
            listed = self._read(answer.body or b"[]")
            entries = [entry for entry in listed if "name" in entry]
            yield Page(answer.headers, entries)
            # How many names are in a full page, a server of others decides.
            if not entries or (self.page and len(entries) < self.page):
                return
            marker = entries[-1]["name"]

    def _read(self, body: bytes) -> list[dict[str, Any]]:
        """The entries of a listing."""
        try:
            listed = json.loads(body)
        except ValueError:
            listed = None
        if isinstance(listed, list) and all(isinstance(each, dict) for each in listed):
            return listed
        raise NotSwift(
            "what it gives is no listing of containers or objects",
            request=requests.Request(url=self.url),
        )

    def _listing(self, container: str, prefix: str = "") -> Iterator[dict[str, Any]]:
        for page in self.pages(container, prefix):
            yield from page.entries

    def _ask(self, method: str, *names: str, query: str = "") -> Answer:
        return self.ask(method, below(*names) + query)


class DistantContents(Contents):
    """An account on any server, seen over HTTP with a token.

    `renew` gives another token when one has expired.
    """

    distant = True

    def __init__(
        self,
        url: str,
        token: str,
        *,
        verify: bool | str = True,
        renew: Callable[[], str] | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.verify = verify
        self._renew = renew
        self._http = self.anyone()
        self._http.headers["X-Auth-Token"] = token

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def info(self) -> Info:
        """What the server says of itself."""
        with self.anyone() as http:
            return read_info(self.url, http)

    def ask(self, method: str, path: str) -> Answer:
        """Raises `requests.RequestException`."""
        answer = self.send(method, self.url + path)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(headers, answer.content)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> requests.Response:
        """Send a request, with the token, to any of the cloud's services.

        Raises `requests.RequestException`, also where it does not succeed. It
        follows no redirection: the token is for nobody else.
        """
        answer = self._sent(method, url, headers, body)
        if answer.status_code == 401 and self._renew:
            self._http.headers["X-Auth-Token"] = self._renew()
            answer = self._sent(method, url, headers, body)
        answer.raise_for_status()
        if answer.is_redirect:
            raise NotSwift(
                f"it sends whoever asks elsewhere ({answer.status_code})",
                request=answer.request,
            )
        return answer

    def _sent(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes
    ) -> requests.Response:
        request = requests.Request(method, self.url, headers=headers, data=body)
        prepared = self._http.prepare_request(request)
        # Of `c/../x` requests would make `x`: that is another object.
        prepared.url = url
        return self._http.send(prepared, timeout=TIMEOUT, allow_redirects=False)

    @property
    def token(self) -> str:
        """The token that it uses now."""
        return str(self._http.headers["X-Auth-Token"])


class EmbeddedContents(Contents):
    """A project's account on a cloud of our own, seen from within."""

    page = 10_000

    def __init__(self, cloud: Cloud, project: Project) -> None:
        self._cloud, self._project = cloud, project
        self.verify = str(cloud.ca) if cloud.ca else True
        self.url = f"{project.storage_url}/v1/AUTH_{project.id}"

    def close(self) -> None:
        """It has none: it uses the cloud's."""

    def ask(self, method: str, path: str) -> Answer:
        """Raises `CloudError`."""
        status, headers, body = self._cloud.read(self._project, method, path)
        if not 200 <= status < 300:
            raise CloudError(f"Swift answered {status} to {method} {path}")
        return Answer(headers, body.encode())


def below(*names: str) -> str:
    """The path of a container, or of an object in it, below its account."""
    return "".join("/" + quote(name, safe="/") for name in names if name)


def _split(path: str) -> tuple[str, str]:
    container, _, name = path.partition("/")
    return container, name
