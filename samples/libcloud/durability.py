# step-1
import hashlib
import hmac
import os
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import requests
from libcloud.storage.drivers.cloudfiles import OpenStackSwiftConnection
from libcloud.storage.providers import get_driver
from libcloud.storage.types import ContainerIsNotEmptyError, Provider


# By default Libcloud takes the public endpoint of a service called "swift".
class Connection(OpenStackSwiftConnection):
    def get_endpoint(self):
        interface = os.environ.get("OS_INTERFACE", "public")
        return self.service_catalog.get_endpoint(
            service_type="object-store",
            region=os.environ["OS_REGION_NAME"],
            endpoint_type=interface.replace("public", "external"),
        ).url


Swift = get_driver(Provider.OPENSTACK_SWIFT)
Swift.connectionCls = Connection

# Libcloud adds the version of the Identity API to the address by itself.
auth_url = os.environ["OS_AUTH_URL"].rstrip("/").removesuffix("/v3")

swift = Swift(
    os.environ["OS_USERNAME"],
    os.environ["OS_PASSWORD"],
    ex_force_auth_url=auth_url,
    ex_force_auth_version="3.x_password",
    ex_tenant_name=os.environ["OS_PROJECT_NAME"],
    ex_domain_name=os.environ["OS_USER_DOMAIN_NAME"],
    # Of the project's domain it takes the id, not the name.
    ex_tenant_domain_id=os.environ.get("OS_PROJECT_DOMAIN_ID", "default"),
)

# The driver connects when it is first used.
print(f"Connected: {len(swift.list_containers())} containers")

# step-2
container = swift.create_container("fractals")
print(container)

# step-3
for item in swift.list_containers():
    print(item.name)

# step-4
goat = container.upload_object("goat.jpg", "an amazing goat")
print(f"Uploaded {goat.name}: {goat.size} bytes")

# step-5
for item in container.list_objects():
    print(f"{item.name}: {item.size} bytes")

# step-6
goat = swift.get_object("fractals", "an amazing goat")
print(goat)

if goat.download("downloaded.jpg"):
    print("Downloaded to downloaded.jpg")

# step-7
with open("downloaded.jpg", "rb") as file:
    checksum = hashlib.file_digest(file, "md5").hexdigest()
print(f"Swift:      {goat.hash}")
print(f"Downloaded: {checksum}")

if checksum != goat.hash:
    raise SystemExit("The download is damaged.")

# step-8
if swift.delete_object(goat):
    print(f"Deleted {goat.name}")

# step-9
print(f"Objects: {container.list_objects()}")

# step-10
container = swift.get_container("fractals")
print(f"Opened {container.name}")

# step-11
endpoint = os.environ["FRACTALS_ENDPOINT"]
answer = requests.get(
    f"{endpoint}/v1/fractal", params={"results_per_page": -1}, timeout=60
)
answer.raise_for_status()

for fractal in answer.json()["objects"]:
    name = fractal["uuid"]
    url = f"{endpoint}/fractal/{name}"

    # Libcloud reads a stream twice: to send it, then to compute its
    # checksum. A picture passes through a file, which it can rewind.
    with (
        requests.get(url, stream=True, timeout=60) as picture,
        tempfile.TemporaryFile() as file,
    ):
        picture.raise_for_status()
        for chunk in picture.iter_content(64 * 1024):
            file.write(chunk)
        file.seek(0)

        stored = container.upload_object_via_stream(
            file, name, extra={"content_type": "image/png"}
        )
    print(f"Backed up {stored.name}: {stored.hash}")

# step-12
for item in container.list_objects():
    # Libcloud would take ".." for the container's parent: leave it alone.
    if ".." not in item.name.split("/"):
        container.delete_object(item)

if swift.delete_container(container):
    print(f"Deleted {container.name}")

# step-13
container = swift.create_container("fractals")

with open("goat.jpg", "rb") as file:
    container.upload_object_via_stream(
        file,
        "goat",
        extra={
            "content_type": "image/jpeg",
            "meta_data": {
                "description": "a funny goat",
                "created": "2015-06-02",
            },
        },
    )

goat = swift.get_object("fractals", "goat")
print(f"description: {goat.meta_data['description']}")
print(f"created: {goat.meta_data['created']}")

# step-14
# A manifest's ETag is not the checksum of the file: do not compare them.
swift.ex_multipart_upload_object(
    "big.bin",
    container,
    "big",
    chunk_size=2 * 1024 * 1024,
    verify_hash=False,
)

big = swift.get_object("fractals", "big")
print(f"{big.name}: {big.size} bytes")

segments = container.list_objects(prefix="big/")
for item in segments:
    print(f"  segment {item.name}: {item.size} bytes")

# step-15
folder = Path("restored")
folder.mkdir()
part_size = 4 * 1024 * 1024
skipped = [item.name for item in segments]  # they come with the large object

for name in [item.name for item in container.list_objects()]:
    if name in skipped:
        continue

    # Not every name of an object is one of a file below the folder.
    if any(
        part in ("", ".", "..") or len(part.encode()) > 255
        for part in name.split("/")
    ):
        print(f"Refused {name}")
        continue
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)

    # A container lists a manifest with 0 bytes; ask for the object itself.
    item = swift.get_object("fractals", name)
    item.name = quote(name)  # a download puts it into the address as it is

    # download() would keep all of a large object in memory; get it in parts.
    # The mode "x" never overwrites a file.
    with path.open("xb") as file:
        for start in range(0, item.size, part_size):
            end = min(start + part_size, item.size)
            part = swift.download_object_range_as_stream(item, start, end)
            file.writelines(part)
    print(f"Restored {name}: {item.size} bytes")

# step-16
# Libcloud has a call for this, but it needs a key on the whole account, and
# signs with SHA-1, which is deprecated.
key = os.urandom(32).hex()
swift.connection.request(
    "/fractals",
    method="POST",
    headers={"X-Container-Meta-Temp-URL-Key": key},
)

url = f"{swift.connection.get_endpoint()}/fractals/goat"
expires = int(time.time()) + 3600
text = f"GET\n{expires}\n{urlsplit(url).path}"
signature = hmac.new(key.encode(), text.encode(), "sha256").hexdigest()
print(f"{url}?temp_url_sig={signature}&temp_url_expires={expires}")

# step-17
# The segments are objects like any others: delete them, too.
for item in [big, *segments, goat]:
    swift.delete_object(item)
    print(f"Deleted {item.name}")

try:
    swift.delete_container(container)
except ContainerIsNotEmptyError:
    print("Kept fractals: there is something else in it")

print(f"Containers: {swift.list_containers()}")

# step-18
