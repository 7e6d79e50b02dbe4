"""Ceph's processes: a monitor, one OSD that holds all in memory, and a gateway.

It is a program of its own, for the distribution's Python, which has Ceph's
module `rados`. It runs in an empty folder, below guard.py, which ends all that
it started and removes the folder.

From its standard input it reads a line of JSON when it needs it: `url`, that of
Keystone without `/v3`, and `password`, that of its `admin`. When the gateway
listens it writes one: its `port`, and the `version` of Ceph. Then it waits until
one of the three ends, which they should not. Whoever started it ends it when
that takes too long.
"""

import base64
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid

PR_SET_PDEATHSIG = 1
TICK = 0.02
"""Seconds between two looks at what is waited for."""
CONF = ("-c", "ceph.conf")

# One copy of everything, in memory, on one OSD; paths are below the folder.
# Nothing needs a manager: pools neither grow nor move.
CONFIGURATION = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon}/0]
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
ms_bind_msgr1 = false
auth_allow_insecure_global_id_reclaim = false
keyring = keyring
run_dir = .
admin_socket =
pid_file =
crash_dir = .
log_file = $name.log
mon_cluster_log_file = cluster.log
log_to_stderr = false
err_to_stderr = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 10000
mon_allow_pool_size_one = true
[mon]
mon_data = mon
mon_data_avail_warn = 2
mon_data_avail_crit = 1
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
[osd]
osd_data = osd
osd_objectstore = memstore
memstore_device_bytes = 2G
osd_class_load_list = *
osd_class_default_list = *
osd_op_num_shards = 1
osd_op_num_threads_per_shard = 2
osd_check_max_object_name_len_on_startup = false
osd_max_object_name_len = 1024
osd_crush_update_on_start = false
osd_numa_auto_affinity = false
[client.rgw.a]
rgw_data = rgw
rgw_frontends = beast endpoint=127.0.0.1:{rgw}
rgw_thread_pool_size = 16
rgw_enable_apis = s3, swift
rgw_swift_account_in_url = true
rgw_swift_enforce_content_length = true
rgw_override_bucket_index_max_shards = 1
rgw_dynamic_resharding = false
rgw_run_sync_thread = false
rgw_keystone_api_version = 3
rgw_keystone_admin_user = admin
rgw_keystone_admin_password_path = keystone.password
rgw_keystone_admin_project = admin
rgw_keystone_admin_domain = Default
rgw_keystone_accepted_roles = member, admin
rgw_keystone_implicit_tenants = true
rgw_s3_auth_use_keystone = true
"""

MAY = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *"},
    "client.rgw.a": {"mon": "allow *", "osd": "allow rwx"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
}
"""Who may do what; the monitor takes it from the keyring that it starts with."""


def reserved() -> socket.socket:
    """A port on loopback that nobody else is given while this is open.

    Whoever sets SO_REUSEADDR, as Ceph does, may listen there all the same.
    """
    port = socket.socket()
    port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port.bind(("127.0.0.1", 0))
    return port


def write_secret(name: str, text: str) -> None:
    with open(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)


def keyring() -> str:
    """What `ceph-authtool --gen-key` makes, for each of them."""
    lines = []
    for name, kinds in MAY.items():
        key = struct.pack("<HIIH", 1, int(time.time()), 0, 16) + os.urandom(16)
        lines += [f"[{name}]", f"key = {base64.b64encode(key).decode()}"]
        lines += [f'caps {kind} = "{caps}"' for kind, caps in kinds.items()]
    return "\n".join(lines) + "\n"


class Cluster:
    """The three processes; they end with this one."""

    def __init__(self) -> None:
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = {name: reserved() for name in ("mon", "rgw")}

    def port(self, name: str) -> int:
        port: int = self.ports[name].getsockname()[1]
        return port

    def store(self) -> None:
        """Start the monitor and the OSD."""
        fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
        for name in ("mon", "osd", "rgw"):
            os.mkdir(name)
        write_secret("keyring", keyring())
        with open("ceph.conf", "w") as file:
            file.write(
                CONFIGURATION.format(
                    fsid=fsid, mon=self.port("mon"), rgw=self.port("rgw")
                )
            )
        address = f"[v2:127.0.0.1:{self.port('mon')}/0]"
        named = ("--fsid", fsid, "--addv", "a", address, "monmap")
        complete("monmaptool", "--create", *named)
        complete("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", *CONF)
        self.start("mon", "ceph-mon", "-i", "a")
        self.wait_for("mon")
        add_osd(osd)
        complete("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", osd, *CONF)
        self.start("osd", "ceph-osd", "-i", "0")

    def gateway(self, keystone: dict[str, str]) -> None:
        """Start the gateway, and wait until it answers."""
        write_secret("keystone.password", keystone["password"])
        with open("ceph.conf", "a") as file:
            file.write(f"rgw_keystone_url = {keystone['url']}\n")
        self.start("rgw", "radosgw", "-n", "client.rgw.a")
        self.wait_for("rgw")

    def start(self, name: str, *words: str) -> None:
        self.running[name] = subprocess.Popen(
            [*words, "-f", *CONF],
            stdin=subprocess.DEVNULL,
            stdout=2,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(
                PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0
            ),
        )

    def wait_for(self, name: str) -> None:
        """Wait until something listens at the port of this name."""
        while True:
            self.check()
            try:
                socket.create_connection(("127.0.0.1", self.port(name))).close()
                return
            except ConnectionRefusedError:
                time.sleep(TICK)

    def check(self) -> None:
        """End if one of them has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                sys.exit(f"{name} ended with {process.returncode}")


def complete(*words: str) -> None:
    """Run a command to its end."""
    subprocess.run(words, stdin=subprocess.DEVNULL, stdout=2, check=True)


def add_osd(osd: str) -> None:
    """Tell the monitor of the OSD with this uuid, and that it is all there is."""
    import rados

    with rados.Rados(conffile="ceph.conf", name="client.admin") as monitor:
        for order in (
            {"prefix": "osd new", "uuid": osd},
            {
                "prefix": "osd crush add",
                "id": 0,
                "weight": 1.0,
                "args": ["root=default", "host=localhost"],
            },
        ):
            code, _, reason = monitor.mon_command(json.dumps(order), b"")
            if code:
                sys.exit(f"{order['prefix']}: {reason}")


def main() -> None:
    cluster = Cluster()
    cluster.store()
    line = sys.stdin.readline()
    if not line:
        return
    cluster.gateway(json.loads(line))
    printed = subprocess.run(["radosgw", "--version"], capture_output=True, check=True)
    version = printed.stdout.decode().split()[2]
    print(json.dumps({"port": cluster.port("rgw"), "version": version}), flush=True)
    os.wait()
    cluster.check()


if __name__ == "__main__":
    main()
