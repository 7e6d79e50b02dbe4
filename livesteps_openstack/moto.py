"""A second S3 service, beside Swift's own S3 API: moto, and what it holds."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from livesteps.read.exchange import Exchange
from livesteps_openstack.cloud.requestlog import RequestLog
from livesteps_openstack.contents import TIMEOUT, Snapshot, Stored
from livesteps_openstack.segments import parts_of
from livesteps_openstack.session import Session

REGION = "us-east-1"


class Moto:
    """moto's S3 server, listening on loopback while the context lasts.

    Requests below `/v1` go on to Swift: in the catalog of a cloud, S3 has the
    same address.
    """

    url: str
    """For the sample: scheme, host and port."""
    reader_url: str
    """For who looks from outside: its requests are not recorded."""
    version: str

    def __init__(self) -> None:
        self.swift = ""
        """Swift's own address: scheme, host and port."""
        self._exchanges: list[Exchange] = []

    def __enter__(self) -> Self:
        from moto import __version__  # takes a second, and few need it
        from moto.moto_server.werkzeug_app import create_backend_app

        self.version = __version__
        self._app = create_backend_app("s3")
        with ExitStack() as stack:
            log = RequestLog(self._either, "object-store", self._exchanges)
            self.url = stack.enter_context(_listening(log))
            self.reader_url = stack.enter_context(_listening(self._app))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def reset(self) -> None:
        """Forget all that it holds."""
        from moto.s3.models import s3_backends

        s3_backends.reset()

    def take_exchanges(self) -> list[Exchange]:
        """Those since the last call."""
        taken = self._exchanges[:]
        del self._exchanges[: len(taken)]
        return taken

    def _either(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith("/v1/"):
            return self._app(environ, start_response)
        with Session() as swift:
            answer = swift.request(
                environ["REQUEST_METHOD"],
                f"{self.swift}{environ['PATH_INFO']}?{environ['QUERY_STRING']}",
                headers={
                    "X-Auth-Token": environ.get("HTTP_X_AUTH_TOKEN", ""),
                    "Accept": environ.get("HTTP_ACCEPT", "*/*"),
                },
                timeout=TIMEOUT,
            )
        kept = ("Content-Type", "X-Account-Container-Count")
        start_response(
            f"{answer.status_code} {answer.reason}",
            [
                *(
                    (name, answer.headers[name])
                    for name in kept
                    if name in answer.headers
                ),
                ("Content-Length", str(len(answer.content))),
            ],
        )
        return [answer.content]


@contextmanager
def _listening(app: Any) -> Iterator[str]:
    """Serve a WSGI application on loopback; gives its scheme, host and port."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_: object) -> None:
            pass

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _uninfluenced() -> Any:
    """A session of botocore that reads no variable and no file of the caller's."""
    from botocore.configprovider import ConfigValueStore, ConstantProvider
    from botocore.session import Session

    session = Session()
    values = {name: found[2] for name, found in session.SESSION_VARIABLES.items()}
    values |= {"config_file": os.devnull, "credentials_file": os.devnull}
    providers = {name: ConstantProvider(value) for name, value in values.items()}
    session.register_component("config_store", ConfigValueStore(providers))
    return session


class S3Contents:
    """What an S3 service holds, read over S3."""

    def __init__(self, url: str) -> None:
        from botocore.config import Config

        self.url = url
        self._s3 = _uninfluenced().create_client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="reader",
            aws_secret_access_key="reader",
            config=Config(proxies={}),
        )

    def anyone(self) -> Session:
        """For requests of somebody who has no key."""
        return Session()

    def close(self) -> None:
        """Close its connections."""
        self._s3.close()

    def snapshot(self) -> Snapshot:
        """All buckets and their objects."""
        return {
            bucket: {
                entry["Key"]: self._stored(bucket, entry)
                for page in self._s3.get_paginator("list_objects_v2").paginate(
                    Bucket=bucket
                )
                for entry in page.get("Contents", ())
            }
            for bucket in (each["Name"] for each in self._s3.list_buckets()["Buckets"])
        }

    def metadata(self, container: str, name: str) -> dict[str, str]:
        """The metadata that a person gave an object."""
        metadata: dict[str, str] = self._s3.head_object(Bucket=container, Key=name)[
            "Metadata"
        ]
        return metadata

    def _stored(self, bucket: str, entry: dict[str, Any]) -> Stored:
        key, etag = entry["Key"], entry["ETag"].strip('"')
        head = self._s3.head_object(Bucket=bucket, Key=key)
        segments = None
        # Of an upload in parts, the ETag ends in their number.
        if parts := etag.partition("-")[2]:
            content = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            segments = parts_of(bucket, key, content, int(parts))
        return Stored(
            size=entry["Size"],
            md5=etag,
            content_type=head["ContentType"],
            segments=segments,
        )
