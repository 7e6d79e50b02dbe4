"""Who looks at a cloud from outside: reads every account, with a key, and no more.

A listing through Swift's proxy takes three times as long as the storage server
behind it needs, and a run is looked at after every step that wrote. So the
storage servers are asked themselves, in this process.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from swift.common.middleware import slo
from swift.common.ring import Ring
from swift.common.swob import Request, Response, wsgi_to_str

from livesteps.cloud.settings import Settings

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def reader(settings: Settings, backends: Mapping[str, App]) -> App:
    """The WSGI application: whoever has the key may read, nobody may write.

    `backends` are the applications of the account, container and object
    servers. Listings tell a static large object by `slo_etag`.
    """
    app = slo.filter_factory({})(_Devices(settings, backends))

    def checked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        given = environ.get("HTTP_X_AUTH_TOKEN", "")
        known = hmac.compare_digest(given.encode(), settings.reader_key.encode())
        if known and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return app(environ, start_response)  # type: ignore[no-any-return]
        return Response(status=405 if known else 401)(environ, start_response)  # type: ignore[no-any-return]

    return checked


class _Devices:
    """Answers from the first device that has what is asked for."""

    def __init__(self, settings: Settings, backends: Mapping[str, App]) -> None:
        self._backends = backends
        self._rings = {
            kind: Ring(str(settings.swift_dir), ring_name=kind) for kind in backends
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        _, *path = Request(environ).split_path(2, 4, rest_with_last=True)
        names = [name for name in path if name]
        kind = ("account", "container", "object")[len(names) - 1]
        part, nodes = self._rings[kind].get_nodes(*map(wsgi_to_str, names))
        for node in nodes:
            below = "/".join(["", node["device"], str(part), *names])
            asked = Request({**environ, "PATH_INFO": below})
            asked.headers["X-Backend-Storage-Policy-Index"] = "0"
            answer = asked.get_response(self._backends[kind])
            if answer.is_success:
                break
        if answer.status_int == 404 and kind == "account":
            # Swift makes an account when something is first stored in it.
            answer = Response(body=b"[]", content_type="application/json")
        return answer(environ, start_response)
