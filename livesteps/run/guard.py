"""The process between the runner and a sample: when it ends, all has ended.

It is a program of its own, with nothing but the standard library, and starts
in milliseconds. The runner holds the other end of its `control` pipe: when
that closes, also because the runner was killed, everything that the sample
started is killed and the run's folder removed. On Linux it adopts the
processes that lost their parent (PR_SET_CHILD_SUBREAPER, prctl(2)), so that
none gets away.

    guard.py CONTROL STATUS FOLDER COMMAND...

It waits for what `started_with` makes of an environment on the descriptor CONTROL, then
runs COMMAND with that besides its own environment, and with its own standard
input and outputs; when that ends it writes one JSON line to STATUS:
`exit` (a signal's number is negative), `left` (the commands of processes that
outlived it), `cpu` (seconds) and `memory` (peak, bytes).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # what brings it takes as long to import as all the rest
    from collections.abc import Mapping

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE = 1.0
"""Seconds that a sample's own children have to end after it."""


def started_with(environment: Mapping[str, str]) -> bytes:
    """What lets the command start, with these variables."""
    variables = (f"{name}={value}" for name, value in environment.items())
    return b"\0".join(map(os.fsencode, variables)) + b"\0\0"


def prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def children() -> dict[int, str]:
    """The living processes below this one, and their commands."""
    if sys.platform != "linux":
        return {}
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    state, parent = file.read().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry)] = int(parent)
    found: dict[int, str] = {}
    fresh = {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh}
        for pid in fresh:
            try:
                with open(f"/proc/{pid}/cmdline") as file:
                    found[pid] = file.read().replace("\0", " ").strip()
            except OSError:
                continue
    return found


def reap() -> None:
    """Take the exit status of every child that has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def kill_all(group: int) -> None:
    """End everything below this process."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    while found := children():
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reap()
    reap()


def run(command: list[str]) -> int:
    """Start the command in a session of its own; give its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def main() -> None:
    control, status = int(sys.argv[1]), int(sys.argv[2])
    folder, command = sys.argv[3], sys.argv[4:]
    for descriptor in (control, status):
        os.set_inheritable(descriptor, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    woken, wake = os.pipe()
    for descriptor in (woken, wake):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    prctl(PR_SET_CHILD_SUBREAPER, 1)

    group = 0
    try:
        message = b""
        while not message.endswith(b"\0\0"):
            chunk = os.read(control, 1 << 16)
            if not chunk:
                return
            message += chunk
        for variable in filter(None, message.split(b"\0")):
            name, _, value = variable.partition(b"=")
            os.environb[name] = value
        group = run(command)
        import json  # not before: the program need not wait for it

        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        while True:
            ready, _, _ = select.select([control, woken], [], [])
            if control in ready:
                return
            os.read(woken, 512)
            pid, code, used = os.wait4(group, os.WNOHANG)
            if pid:
                break
        deadline = time.monotonic() + GRACE
        while (left := children()) and (rest := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([control, woken], [], [], rest)
            if control in ready:
                return
            if woken in ready:
                os.read(woken, 512)
            reap()
        report = {
            "exit": os.waitstatus_to_exitcode(code),
            "left": sorted(left.values()),
            "cpu": used.ru_utime + used.ru_stime,
            "memory": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        }
        os.write(status, json.dumps(report).encode() + b"\n")
        os.read(control, 1)
    finally:
        if group:
            kill_all(group)
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
