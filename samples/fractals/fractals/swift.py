"""Pictures in OpenStack Object Storage: one container, an object each."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any
from uuid import UUID

import requests
from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import ClientException, NotFound
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from fractals.errors import Missing, SettingsError, StorageError
from fractals.model import Fractal

CHUNK = 64 * 1024
"""Bytes that are sent or received at once."""
RETRIES = 4
"""After 0.5, 1, 2 and 4 seconds."""
TIMEOUT = 60
"""Seconds that Swift may be silent."""


class SwiftStorage:
    """Pictures in a container."""

    def __init__(self, swift: Adapter, container: str) -> None:
        """Makes the container, if it is not there yet."""
        self._swift = swift
        self._container = container
        try:
            self._ask("PUT", f"/{container}")
        except StorageError as error:
            raise SettingsError(
                f"FRACTALS_STORAGE=swift: {error}; see that the OS_* variables"
                " are right and that the cloud answers"
            ) from error

    def put(self, fractal: Fractal, picture: IO[bytes]) -> None:
        """Send a picture; return when Swift has said that it is stored."""
        sending = Sending(picture)
        answer = self._ask(
            "PUT",
            self._path(fractal.uuid),
            data=sending,
            headers={
                "Content-Type": "image/png",
                "X-Object-Meta-Uuid": str(fractal.uuid),
                "X-Object-Meta-Parameters": fractal.parameters,
                "X-Object-Meta-Created": fractal.created.isoformat(),
            },
        )
        # The ETag is the checksum of what Swift has written.
        if answer.headers.get("ETag") != sending.md5.hexdigest():
            raise StorageError(
                f"Swift has stored other bytes than were sent: {fractal.uuid}"
            )

    def get(self, uuid: UUID) -> Iterator[bytes]:
        """Receive a picture; where the connection breaks, go on from there."""
        received = 0
        for retry in range(RETRIES + 1):
            headers = {"Range": f"bytes={received}-"} if received else {}
            answer = self._ask(
                "GET", self._path(uuid), headers=headers, stream=True
            )
            try:
                with answer:
                    for chunk in answer.iter_content(CHUNK):
                        received += len(chunk)
                        yield chunk
                return
            except requests.RequestException as error:
                broken = error
                time.sleep(2**retry / 2)
        raise StorageError(f"Swift broke off in {uuid}: {broken}") from broken

    def delete(self, uuid: UUID) -> None:
        """Delete a picture, if it is there."""
        with suppress(Missing):
            self._ask("DELETE", self._path(uuid))

    def names(self) -> Iterator[str]:
        """The names of all objects; Swift lists at most 10,000 at a time."""
        marker = ""
        while True:
            page = self._ask(
                "GET",
                f"/{self._container}",
                params={"format": "json", "marker": marker},
            ).json()
            if not page:
                return
            for entry in page:
                yield entry["name"]
            marker = page[-1]["name"]

    def _path(self, uuid: UUID) -> str:
        return f"/{self._container}/{uuid}"

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request, again if Swift answers 503 or not at all.

        Where the token has expired, keystoneauth gets a new one and sends the
        request again.
        """
        try:
            return self._swift.request(path, method, **more)
        except NotFound as error:
            raise Missing(f"{error.url}: not found") from error
        except ClientException as error:
            raise StorageError(f"Swift: {error}") from error


class Sending:
    """A file that is sent in pieces, and the checksum of what was sent.

    Each time it is sent, it starts anew. Its length becomes Content-Length.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._length = file.seek(0, 2)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            self.md5.update(chunk)
            yield chunk


def sign_in(environment: Mapping[str, str]) -> Adapter:
    """Swift, as the user that the OS_* variables name.

    Nothing is sent yet. Raises `SettingsError` if a variable is missing.
    """
    secret = "OS_APPLICATION_CREDENTIAL_SECRET"
    if application := environment.get("OS_APPLICATION_CREDENTIAL_ID"):
        needed = ["OS_AUTH_URL", secret]
    else:
        needed = [
            "OS_AUTH_URL",
            "OS_USERNAME",
            "OS_PASSWORD",
            "OS_PROJECT_NAME",
        ]
    if missing := [name for name in needed if not environment.get(name)]:
        raise SettingsError(
            f"FRACTALS_STORAGE=swift needs credentials: {', '.join(missing)}"
            " missing in the environment; source your cloud's openrc file"
        )
    auth: v3.ApplicationCredential | v3.Password
    if application:
        auth = v3.ApplicationCredential(
            environment["OS_AUTH_URL"],
            application_credential_id=application,
            application_credential_secret=environment[secret],
        )
    else:
        auth = v3.Password(
            environment["OS_AUTH_URL"],
            username=environment["OS_USERNAME"],
            password=environment["OS_PASSWORD"],
            project_name=environment["OS_PROJECT_NAME"],
            user_domain_name=environment.get("OS_USER_DOMAIN_NAME", "Default"),
            project_domain_name=environment.get(
                "OS_PROJECT_DOMAIN_NAME", "Default"
            ),
        )
    session = Session(
        auth,
        verify=environment.get("OS_CACERT", True),
        timeout=TIMEOUT,
        connect_retries=RETRIES,
    )
    return Adapter(
        session,
        service_type="object-store",
        interface=environment.get("OS_INTERFACE", "public"),
        region_name=environment.get("OS_REGION_NAME"),
        connect_retries=RETRIES,
        status_code_retries=RETRIES,
        retriable_status_codes=[503],
    )
