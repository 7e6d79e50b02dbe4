"""A WSGI middleware that keeps every exchange with a project's listeners."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from livesteps.read.exchange import Exchange

Environ = dict[str, Any]
Headers = list[tuple[str, str]]

HIDDEN = "***"

_SECRET_HEADER = re.compile(
    r"authorization|cookie|set-cookie|x-(auth|subject|service|storage)-token"
    r"|x-container-sync-key|x-(account|container)-meta-temp-url-key(-2)?"
    r"|x-amz-security-token"
)
_TELLING_HEADER = re.compile(
    r"accept|content-(type|length|encoding|disposition|range)|destination|etag"
    r"|expect|if-.+|last-modified|location|range|transfer-encoding"
    r"|x-(account|bulk|container|copy|delete|history|newest|object|remove|static"
    r"|symlink|timestamp|trans|versions)(-.+)?|x-amz-(copy-source|meta)(-.+)?"
)
_SECRET_QUERY = re.compile(
    r"((?:^|&)(?:temp_url_sig|signature|x-amz-signature|x-amz-security-token)=)[^&]*",
    re.IGNORECASE,
)


@dataclass
class Pending:
    """An exchange that is not complete yet."""

    service: str
    method: str
    path: str
    """With its query."""
    headers: dict[str, str]
    status: int = 500
    answer_headers: dict[str, str] = field(default_factory=dict)
    sent: int = 0
    received: int = 0
    start: float = field(default_factory=time.time)
    clock: float = field(default_factory=time.monotonic)

    @classmethod
    def begun(
        cls, service: str, method: str, path: str, query: str, headers: Headers
    ) -> Pending:
        """A request that is not answered."""
        query = _SECRET_QUERY.sub(rf"\g<1>{HIDDEN}", query)
        path = f"{path}?{query}" if query else path
        return cls(service, method, path, telling(headers))

    def answered(self, status: int, headers: Headers) -> None:
        """The head of the answer is here."""
        self.status = status
        self.answer_headers = telling(headers)

    def done(self) -> Exchange:
        """The exchange, complete now."""
        return Exchange(
            method=self.method,
            path=self.path,
            status=self.status,
            sent=self.sent,
            received=self.received,
            headers=self.headers,
            answer_headers=self.answer_headers,
            service=self.service,
            start=self.start,
            seconds=time.monotonic() - self.clock,
        )


class RequestLog:
    """Passes requests on to `app` and appends an exchange for each to `exchanges`.

    It is there before the client can see the end of the response: the last chunk
    is held back until the exchange is complete.
    """

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        service: str,
        exchanges: list[Exchange],
    ) -> None:
        self.app = app
        self.service = service
        self.exchanges = exchanges

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        logged = _Logged(environ, self.service, self.exchanges)

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            logged.pending.answered(int(status.split(None, 1)[0]), headers)
            return start_response(status, headers, exc_info)

        try:
            body = self.app(environ, start)
        except BaseException:
            logged.end()
            raise
        if environ["REQUEST_METHOD"] == "HEAD" or logged.pending.status == 204:
            body = _no_body(body)
        if isinstance(body, (list, tuple)):
            # The server takes the length of the body from a list.
            logged.pending.received = sum(map(len, body))
            logged.end()
            return body
        return _Body(body, logged)


def _no_body(body: Iterable[bytes]) -> list[bytes]:
    """Nothing, as a list.

    The length of a list is known. Of anything else eventlet 0.33 does not know
    that it is empty, and sends the end of a body that a client does not expect.
    """
    try:
        for _ in body:
            pass
    finally:
        if hasattr(body, "close"):
            body.close()
    return []


class _Logged:
    """One request and its response, until it is an exchange."""

    def __init__(
        self, environ: Environ, service: str, exchanges: list[Exchange]
    ) -> None:
        self.exchanges: list[Exchange] | None = exchanges
        self.input = environ["wsgi.input"] = _Input(environ["wsgi.input"])
        path = environ.get("RAW_PATH_INFO") or environ.get("PATH_INFO", "")
        self.pending = Pending.begun(
            service,
            environ["REQUEST_METHOD"],
            path.partition("?")[0],
            environ.get("QUERY_STRING") or "",
            _request_headers(environ),
        )

    def end(self) -> None:
        """Hand the exchange over, the first time this is called."""
        if self.exchanges is not None:
            self.pending.sent = self.input.count
            self.exchanges.append(self.pending.done())
            self.exchanges = None


class _Input:
    """The request's body, counted as the application reads it."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.count = 0

    def read(self, *args: Any) -> bytes:
        return self._counted(self.source.read(*args))

    def readline(self, *args: Any) -> bytes:
        return self._counted(self.source.readline(*args))

    def __iter__(self) -> Iterator[bytes]:
        return map(self._counted, self.source)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def _counted(self, data: bytes) -> bytes:
        self.count += len(data)
        return data


class _Body:
    """The response's body, one chunk behind the application."""

    def __init__(self, source: Iterable[bytes], logged: _Logged) -> None:
        self.source = source
        self.logged = logged

    def __iter__(self) -> Iterator[bytes]:
        held = b""
        for chunk in self.source:
            self.logged.pending.received += len(chunk)
            if held:
                yield held
            held = chunk
        self.logged.end()
        yield held

    def close(self) -> None:
        self.logged.end()
        close = getattr(self.source, "close", None)
        if close is not None:
            close()


def _request_headers(environ: Environ) -> Headers:
    headers = [
        (key[5:].replace("_", "-"), value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(key):
            headers.append((key.replace("_", "-"), environ[key]))
    return headers


def telling(headers: Headers) -> dict[str, str]:
    """The headers worth showing, by name in Title-Case, with secrets hidden."""
    shown = {}
    for name, value in sorted(headers):
        if _SECRET_HEADER.fullmatch(name.lower()):
            shown[name.title()] = HIDDEN
        elif _TELLING_HEADER.fullmatch(name.lower()):
            text = str(value).encode("latin-1", "replace").decode("utf-8", "replace")
            shown[name.title()] = text
    return shown
