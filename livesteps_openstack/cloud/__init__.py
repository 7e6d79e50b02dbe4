"""A cloud of one's own: real Keystone and Swift in one child process, on loopback.

`with Cloud() as cloud:` starts and stops it; `cloud.project("demo")` makes a
project whose every request is recorded.
"""

from livesteps_openstack.cloud.command import serve
from livesteps_openstack.cloud.folder import CloudError
from livesteps_openstack.cloud.needs import supported
from livesteps_openstack.cloud.parent import Cloud
from livesteps_openstack.cloud.project import Project

__all__ = [
    "Cloud",
    "CloudError",
    "Project",
    "serve",
    "supported",
]
