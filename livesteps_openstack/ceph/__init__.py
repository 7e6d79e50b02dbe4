"""A Ceph of one's own: a real RADOS Gateway, on loopback, with a cloud's Keystone.

`with Ceph(cloud) as ceph:` starts and stops it; `ceph.lane()` is an address for
one project, whose every request is recorded.
"""

from livesteps_openstack.ceph.parent import Ceph, supported

__all__ = ["Ceph", "supported"]
