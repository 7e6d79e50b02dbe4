"""The files that Keystone and Swift read: configuration, keys and rings."""

from __future__ import annotations

import base64
import os
from array import array
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from swift.common.ring import RingData

HOST = "127.0.0.1"
REGION = "RegionOne"
DEVICES = ("d1", "d2", "d3")
PART_POWER = 3

# Nothing may time out while a machine is busy with a dozen SDKs: a listing is
# right only if the container was updated before the PUT was answered.
PATIENCE = 60

# Bytes at once: large enough that a few MiB take few turns of the one process.
CHUNK = 1 << 20

# They warn of what is so on purpose, or at every request; what goes wrong in
# them is raised too.
_TALKATIVE = (
    "keystone.cmd.bootstrap",
    "keystone.common.password_hashing",
    "keystone.common.rbac_enforcer",
    "keystonemiddleware._common.config",
    "stevedore",
)

PIPELINE = (
    "catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl "
    "authtoken s3api s3token keystoneauth staticweb copy container-quotas "
    "account-quotas slo dlo versioned_writes symlink proxy-server"
)


def urls(ports: dict[str, Any], scheme: str = "http") -> dict[str, str]:
    """What is reached at `identity_port` and `storage_port`."""
    return {
        "auth_url": f"{scheme}://{HOST}:{ports['identity_port']}/v3",
        "storage_url": f"{scheme}://{HOST}:{ports['storage_port']}",
    }


@dataclass(frozen=True)
class Settings:
    """What the files are made from: the folder, ports and the admin's password.

    A `temporary` cloud is gone when its machine is, and waits for no disk.
    """

    state: Path
    temporary: bool
    identity_port: int
    storage_port: int
    account_port: int
    container_port: int
    object_port: int
    admin_password: str

    @property
    def auth_url(self) -> str:
        return urls(vars(self))["auth_url"]

    @property
    def storage_url(self) -> str:
        return urls(vars(self))["storage_url"]

    @property
    def swift_dir(self) -> Path:
        return self.state / "swift"

    @property
    def keystone_dir(self) -> Path:
        return self.state / "keystone"

    @property
    def devices(self) -> Path:
        return self.state / "devices"

    def write(self) -> None:
        """Write every file anew, but keep the keys that are there."""
        for device in DEVICES:
            (self.devices / device).mkdir(parents=True, exist_ok=True)
        self.swift_dir.mkdir(exist_ok=True)
        self.keystone_dir.mkdir(exist_ok=True)
        for name in ("fernet-keys", "credential-keys"):
            _write_key(self.keystone_dir / name)
        _write(self.keystone_dir / "keystone.conf", self._keystone())
        _write(self.swift_dir / "proxy-server.conf", self._proxy())
        (self.swift_dir / "swift.conf").write_text(
            "[swift-hash]\nswift_hash_path_suffix = livesteps\n"
            "[storage-policy:0]\nname = three-copies\ndefault = yes\n"
        )
        self._write_ring("account", self.account_port)
        self._write_ring("container", self.container_port)
        self._write_ring("object", self.object_port)

    def backend(self, port: int) -> dict[str, str]:
        """The options of an account, container or object server."""
        return {
            "swift_dir": str(self.swift_dir),
            "devices": str(self.devices),
            "mount_check": "false",
            "bind_ip": HOST,
            "bind_port": str(port),
            "ring_ip": HOST,
            "recon_cache_path": str(self.swift_dir),
            "log_requests": "false",
            "conn_timeout": str(PATIENCE),
            "node_timeout": str(PATIENCE),
            "container_update_timeout": str(PATIENCE),
            "fallocate_reserve": "0",
            "disk_chunk_size": str(CHUNK),
            "network_chunk_size": str(CHUNK),
            "sync_method": "ssync",
            # A path instead of a server: see storage.copy_database.
            "rsync_module": str(self.devices),
        }

    def _write_ring(self, kind: str, port: int) -> None:
        devices = [
            {
                "id": number,
                "region": 1,
                "zone": 1,
                "ip": HOST,
                "port": port,
                "replication_ip": HOST,
                "replication_port": port,
                "device": device,
                "weight": 1.0,
                "meta": "",
            }
            for number, device in enumerate(DEVICES)
        ]
        rows = [array("H", [n] * 2**PART_POWER) for n in range(len(DEVICES))]
        ring = RingData(rows, devices, 32 - PART_POWER)
        ring.save(str(self.swift_dir / f"{kind}.ring.gz"))

    def _service_user(self) -> str:
        return (
            "auth_type = password\n"
            f"auth_url = {self.auth_url}\n"
            "username = admin\n"
            f"password = {self.admin_password}\n"
            "project_name = admin\n"
            "user_domain_id = default\n"
            "project_domain_id = default\n"
        )

    def _keystone(self) -> str:
        folder = self.keystone_dir
        levels = ",".join(f"{name}=CRITICAL" for name in _TALKATIVE)
        methods = ["external", "password", "token", "application_credential"]
        if metadata.entry_points(group="keystone.auth.ec2credential"):
            methods.append("ec2credential")  # older versions have no such method
        return f"""\
[DEFAULT]
default_log_levels = {levels}
[auth]
methods = {",".join(methods)}
[cache]
backend = oslo_cache.dict
[credential]
caching = false
key_repository = {folder}/credential-keys
[database]
connection = sqlite:///{folder}/keystone.db
sqlite_synchronous = {not self.temporary}
[fernet_receipts]
key_repository = {folder}/fernet-keys
[fernet_tokens]
key_repository = {folder}/fernet-keys
[identity]
password_hash_rounds = 4
[oslo_policy]
policy_file = {folder}/policy.yaml
policy_dirs = {folder}/policy.d
"""

    def _proxy(self) -> str:
        return f"""\
[DEFAULT]
swift_dir = {self.swift_dir}
[pipeline:main]
pipeline = {PIPELINE}
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
conn_timeout = {PATIENCE}
node_timeout = {PATIENCE}
recoverable_node_timeout = {PATIENCE}
error_suppression_limit = 1000000
object_chunk_size = {CHUNK}
client_chunk_size = {CHUNK}
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
paste.filter_factory = livesteps_openstack.cloud.cache:filter_factory
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
{self._service_user()}\
www_authenticate_uri = {self.auth_url}
region_name = {REGION}
interface = internal
delay_auth_decision = true
cache = swift.cache
include_service_catalog = false
service_token_roles_required = true
http_connect_timeout = {PATIENCE}
[filter:s3api]
use = egg:swift#s3api
[filter:s3token]
use = egg:swift#s3token
{self._service_user()}\
auth_uri = {self.auth_url}
region_name = {REGION}
delay_auth_decision = true
http_timeout = {PATIENCE}
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
[filter:staticweb]
use = egg:swift#staticweb
[filter:copy]
use = egg:swift#copy
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:account-quotas]
use = egg:swift#account_quotas
[filter:slo]
use = egg:swift#slo
minimum_segment_size = 1
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""


def _write(path: Path, text: str) -> None:
    """Write a file that holds a password: for its owner alone."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text)


def _write_key(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if not (folder / "0").exists():
        _write(folder / "0", base64.urlsafe_b64encode(os.urandom(32)).decode())
