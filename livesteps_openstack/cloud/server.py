"""The cloud's own process: starts the service, and ends with its parent.

`python -m livesteps_openstack.cloud.server STATE [--temporary] [--tls]` writes a
line of JSON on its standard output when it is ready, then one for each command that
it reads as a line of JSON from its standard input. When that input ends, at any time,
it stops, and removes a temporary state folder.
"""

from __future__ import annotations

import _thread
import gc
import json
import os
import resource
import select
import shutil
import signal
import sys
import threading
import traceback
import types
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from livesteps_openstack.cloud.folder import CloudError, lock

if TYPE_CHECKING:
    from livesteps_openstack.cloud.service import Service


def main(state: Path, temporary: bool, tls: bool) -> NoReturn:
    control, answers = _take_control(state / "cloud.log")

    def finish(*_: object) -> NoReturn:
        # More than once, since threads may still be writing.
        for _again in range(100 if temporary else 0):
            shutil.rmtree(state, ignore_errors=True)
            if not state.exists():
                break
        os._exit(0)

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _thread.start_new_thread(_watch, (control,))
    # Every request takes a dozen sockets and files.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Importing makes much that stays: looking for garbage in it takes time.
    gc.disable()
    warnings.simplefilter("ignore")
    try:
        lock(state)
        service = _service(state, temporary, tls)
    except CloudError as error:
        _refuse(answers, {"what": error.what, "todo": error.todo})
    except BaseException:
        traceback.print_exc()
        _refuse(answers, {"what": "the cloud did not start"})
    gc.enable()
    gc.freeze()
    try:
        service.serve(control, answers)
    except BaseException:
        traceback.print_exc()
    finish()


def _service(state: Path, temporary: bool, tls: bool) -> Service:
    """Start the service; what it imports must see these changes from the first."""
    import eventlet

    eventlet.monkey_patch(os=False)
    # Federation by SAML is never used here, and takes half a second to import.
    saml = "keystone.federation.idp"
    sys.modules[saml] = types.ModuleType(saml)
    from livesteps_openstack.cloud.service import Service

    return Service(state, temporary, tls)


def _take_control(log: Path) -> tuple[int, int]:
    """Keep standard input and output for commands; what is printed is logged."""
    control, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    return control, answers


def _watch(control: int) -> None:
    """Wait until the other end of the input is closed, then end this process.

    In a thread of its own, since Keystone's import keeps the main one busy.
    """
    poll = select.poll()
    poll.register(control, 0)
    poll.poll()
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _refuse(answers: int, error: dict[str, str]) -> NoReturn:
    """Say why, and wait to be ended: whoever started this first reads the log."""
    os.write(answers, json.dumps({"error": error}).encode() + b"\n")
    while True:
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--temporary" in sys.argv, "--tls" in sys.argv)
