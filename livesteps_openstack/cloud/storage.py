"""Swift in this process: its logger, its four servers, replicators and auditor."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from typing import Any

from swift.account.replicator import AccountReplicator
from swift.account.server import AccountController
from swift.common import db, db_replicator, utils, wsgi
from swift.container.replicator import ContainerReplicator
from swift.container.server import ContainerController
from swift.obj.auditor import AuditorWorker
from swift.obj.replicator import ObjectReplicator
from swift.obj.server import ObjectController

from livesteps_openstack.cloud.settings import Settings


class _LogHandler(logging.StreamHandler[Any]):
    """Stands where Swift puts a handler for syslog, and writes to the log file."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__(sys.stderr)

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%F %T", time.localtime(record.created))
        return f"{when} {record.levelname} {super().format(record)}"


def copy_database(
    replicator: Any, broker: Any, remote_file: str, *_: Any, **__: Any
) -> bool:
    """Bring a missing database to a device, all of which are on this machine.

    Stands where the replicator would call rsync; `rsync_module` is the folder
    of the devices, so that `remote_file` is a path.
    """
    shutil.copyfile(broker.db_file, remote_file)
    return True


def prepare(settings: Settings) -> None:
    """Point Swift at its folder and its log; before any server is made."""
    # Older versions of Swift have them in `utils` itself.
    getattr(utils, "logs", utils).ThreadSafeSysLogHandler = _LogHandler
    db_replicator.Replicator._rsync_file = copy_database
    utils.set_swift_dir(str(settings.swift_dir))
    if settings.temporary:
        _wait_for_no_disk()


def _wait_for_no_disk() -> None:
    """Let Swift write as ever, but never wait until the disk has it."""
    connect = db.get_db_connection

    def connected(*args: Any, **options: Any) -> Any:
        connection = connect(*args, **options)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    db.get_db_connection = connected
    os.fsync = os.fdatasync = lambda fd: None


def proxy(settings: Settings) -> Any:
    """The WSGI application of the proxy, with its whole pipeline."""
    return wsgi.loadapp(str(settings.swift_dir / "proxy-server.conf"))


def backends(settings: Settings) -> dict[str, Any]:
    """The WSGI applications of the account, container and object servers."""
    return {
        "account": AccountController(settings.backend(settings.account_port)),
        "container": ContainerController(settings.backend(settings.container_port)),
        "object": ObjectController(settings.backend(settings.object_port)),
    }


def replicate(settings: Settings) -> None:
    """Run each replicator once: every device has its copy again."""
    AccountReplicator(settings.backend(settings.account_port)).run_once()
    ContainerReplicator(settings.backend(settings.container_port)).run_once()
    ObjectReplicator(settings.backend(settings.object_port)).run_once()


def audit(settings: Settings) -> None:
    """Read each object once; one that is not what was stored is put aside."""
    settings_of = settings.backend(settings.object_port)
    # Swift reads slowly, to leave the disks to its clients. Here nobody waits.
    settings_of |= {"files_per_second": "0", "bytes_per_second": "0"}
    logger = utils.get_logger(settings_of, log_route="object-auditor")
    # Not ObjectAuditor, which forks: this process is full of green threads.
    AuditorWorker(
        settings_of, logger, str(settings.swift_dir / "audit"), str(settings.devices)
    ).audit_all_objects()
