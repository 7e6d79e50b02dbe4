"""Three devices, and what becomes of an object when they fail.

It starts a cloud of its own, stores a picture, damages the devices that hold
it, and prints what Swift answers and what each device has. What it printed is
in replicas.txt, and the guide shows that.
"""

import hashlib
import shutil
from pathlib import Path

import requests

from livesteps_openstack.cloud import Cloud

GOAT = (Path(__file__).parents[1] / "goat.jpg").read_bytes()
NAMES = {
    hashlib.md5(GOAT).hexdigest(): "an amazing goat",
    hashlib.md5(b"Baa.").hexdigest(): "sound",
}


def show(cloud):
    """Print which objects are on each device, as whole files."""
    for device in cloud.devices:
        found = []
        for path in sorted(device.glob("objects/**/*.data")):
            checksum = hashlib.md5(path.read_bytes()).hexdigest()
            found.append(NAMES.get(checksum, "a damaged file"))
        print(
            f"    {device.name} has: {', '.join(sorted(found)) or 'nothing'}"
        )


def wipe(device):
    """Leave the device empty, as a new disk is."""
    shutil.rmtree(device)
    device.mkdir()


with Cloud() as cloud, requests.Session() as session:
    session.trust_env = False
    token, account = cloud.project("replicas").token()
    session.headers["X-Auth-Token"] = token
    container = f"{account}/fractals"
    session.put(container, timeout=60).raise_for_status()
    d1, d2, d3 = cloud.devices

    def put(name, content):
        answer = session.put(f"{container}/{name}", content, timeout=60)
        print(f"PUT {name}: {answer.status_code} {answer.reason}")

    def get(name):
        answer = session.get(f"{container}/{name}", timeout=60)
        print(f"GET {name}: {answer.status_code} {answer.reason}", end="")
        checksum = hashlib.md5(answer.content).hexdigest()
        print(", every byte right" if NAMES.get(checksum) == name else "")

    print("Store a picture.")
    put("an amazing goat", GOAT)
    show(cloud)

    print("\nWipe d1.")
    wipe(d1)
    show(cloud)
    get("an amazing goat")

    print("\nLet replication run once.")
    cloud.replicate()
    show(cloud)

    print("\nChange one byte on d2, and let the auditor run once.")
    [stored] = d2.glob("objects/**/*.data")
    with stored.open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)[0]
        file.seek(1000)
        file.write(bytes([byte ^ 1]))
    show(cloud)
    cloud.audit()
    print("  after the audit:")
    show(cloud)
    cloud.replicate()
    print("  after replication:")
    show(cloud)

    print("\nTake d3 out, and store another object.")
    d3.rename(d3.with_name("taken-out"))
    put("sound", b"Baa.")
    show(cloud)

    print("\nTake d2 out as well.")
    d2.rename(d2.with_name("taken-out-too"))
    put("too late", b"...")
    get("an amazing goat")

    print("\nPut two new, empty disks in their places, and replicate.")
    d2.mkdir()
    d3.mkdir()
    cloud.replicate()
    show(cloud)
    get("an amazing goat")
    get("sound")
