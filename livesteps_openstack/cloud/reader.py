"""Who looks at a cloud from outside, while it runs, and sees every account.

A listing through Swift's proxy takes several times as long as the storage
server behind it needs, and HTTP as long again; a run is looked at after every
step that wrote. So the storage servers are asked themselves, in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from swift.common.middleware import slo
from swift.common.ring import Ring
from swift.common.swob import Request, Response, wsgi_to_str

from livesteps_openstack.cloud.settings import Settings

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Reader:
    """Reads accounts, containers and objects.

    `backends` are the applications of the account, container and object
    servers. Listings tell a static large object by `slo_etag`.
    """

    def __init__(self, settings: Settings, backends: Mapping[str, App]) -> None:
        self._backends = backends
        self._rings = {
            kind: Ring(str(settings.swift_dir), ring_name=kind) for kind in backends
        }
        self._app = slo.filter_factory({})(self._devices)

    def ask(self, method: str, path: str) -> Response:
        """The answer to a GET or HEAD; `path` is that of Swift's API, quoted, with
        its query."""
        answer = Request.blank(path, method=method).get_response(self._app)
        _ = answer.body  # read while it can be
        return answer

    def _devices(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answers from the first device that has what is asked for."""
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
