# step-1
import hashlib
import hmac
import os
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import openstack
import requests
from openstack.exceptions import ConflictException, NotFoundException

# connect() reads the OS_* variables, or a cloud of clouds.yaml by its name.
swift = openstack.connect().object_store

account = swift.get_account_metadata()
print(f"Connected: {account.account_container_count} containers")

# step-2
# create_container() would take over a container that is there already.
try:
    swift.get_container_metadata("fractals")
except NotFoundException:
    container = swift.create_container(name="fractals")
    print(f"Created {container.name}")
else:
    raise SystemExit("fractals is there already: use another name")

# step-3
for item in swift.containers():
    print(item.name)

# step-4
# With a container that does not exist, filename= uploads nothing and
# reports no error; data= raises NotFoundException.
with open("goat.jpg", "rb") as file:
    goat = swift.upload_object(
        container="fractals", name="an amazing goat", data=file
    )
print(f"Uploaded {goat.name}")

# step-5
for item in swift.objects("fractals"):
    print(f"{item.name}: {item.content_length} bytes")

# step-6
goat = swift.get_object_metadata("an amazing goat", container="fractals")
print(f"{goat.id}: {goat.content_length} bytes, {goat.content_type}")

swift.get_object(
    "an amazing goat", container="fractals", outfile="downloaded.jpg"
)
print("Downloaded to downloaded.jpg")

# step-7
with open("downloaded.jpg", "rb") as file:
    checksum = hashlib.file_digest(file, "md5").hexdigest()
print(f"Swift:      {goat.etag}")
print(f"Downloaded: {checksum}")

if checksum != goat.etag:
    raise SystemExit("The download is damaged.")

# step-8
swift.delete_object(
    "an amazing goat", container="fractals", ignore_missing=False
)
print("Deleted an amazing goat")

# step-9
print(f"Objects: {list(swift.objects('fractals'))}")

# step-10
container = swift.get_container_metadata("fractals")
print(f"Opened {container.id}: {container.object_count} objects")

# step-11
endpoint = os.environ["FRACTALS_ENDPOINT"]
answer = requests.get(
    f"{endpoint}/v1/fractal", params={"results_per_page": -1}, timeout=60
)
answer.raise_for_status()

for fractal in answer.json()["objects"]:
    name = fractal["uuid"]
    url = f"{endpoint}/fractal/{name}"
    with requests.get(url, stream=True, timeout=60) as picture:
        picture.raise_for_status()
        # The header's own name: content_type= would be ignored silently.
        stored = swift.upload_object(
            container="fractals",
            name=name,
            data=picture.iter_content(64 * 1024),
            **{"content-type": "image/png"},
        )
    print(f"Backed up {stored.name}: {stored.etag}")

# step-12
for item in list(swift.objects("fractals")):
    # A name goes into the address as it is. Without its slashes quoted as
    # well, a ".." in it would lead to another container.
    swift.delete_object(
        quote(item.name, safe=""), container="fractals", ignore_missing=False
    )

swift.delete_container("fractals", ignore_missing=False)
print("Deleted fractals")

# step-13
swift.create_container(name="fractals")

with open("goat.jpg", "rb") as file:
    swift.upload_object(
        container="fractals",
        name="goat",
        data=file,
        metadata={"description": "a funny goat", "created": "2015-06-02"},
        **{"content-type": "image/jpeg"},
    )

goat = swift.get_object_metadata("goat", container="fractals")
print(f"description: {goat.metadata['description']}")
print(f"created: {goat.metadata['created']}")

# step-14
swift.upload_object(
    container="fractals",
    name="big",
    filename="big.bin",
    segment_size=2 * 1024 * 1024,
)

# A missing container would have gone unnoticed; so ask for the object.
big = swift.get_object_metadata("big", container="fractals")
print(f"{big.id}: {big.content_length} bytes")

segments = list(swift.objects("fractals", prefix="big/"))
for item in segments:
    print(f"  segment {item.name}: {item.content_length} bytes")

# step-15
folder = Path("restored")
folder.mkdir()
skipped = [item.name for item in segments]  # they come with the large object

for name in [item.name for item in swift.objects("fractals")]:
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

    # The mode "x" never overwrites a file.
    with path.open("xb") as file:
        swift.get_object(
            quote(name),
            container="fractals",
            outfile=file,
            resp_chunk_size=64 * 1024,
        )
    print(f"Restored {name}: {path.stat().st_size} bytes")

# step-16
key = os.urandom(32).hex()
swift.set_container_temp_url_key("fractals", key)

# generate_temp_url() signs with SHA-1, which is deprecated.
url = f"{swift.get_endpoint()}/fractals/goat"
expires = int(time.time()) + 3600
text = f"GET\n{expires}\n{urlsplit(url).path}"
signature = hmac.new(key.encode(), text.encode(), "sha256").hexdigest()
print(f"{url}?temp_url_sig={signature}&temp_url_expires={expires}")

# step-17
# The segments go with the large object.
for name in ["big", "goat"]:
    swift.delete_object(name, container="fractals", ignore_missing=False)
    print(f"Deleted {name}")

try:
    swift.delete_container("fractals", ignore_missing=False)
except ConflictException:
    print("Kept fractals: there is something else in it")

print(f"Containers: {list(swift.containers())}")

# step-18
