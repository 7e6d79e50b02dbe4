# step-1
import hashlib
import os
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from swiftclient import ClientException, Connection
from swiftclient.service import SwiftService, SwiftUploadObject
from swiftclient.utils import generate_temp_url

swift = Connection(
    authurl=os.environ["OS_AUTH_URL"],
    user=os.environ["OS_USERNAME"],
    key=os.environ["OS_PASSWORD"],
    auth_version="3",
    os_options={
        "project_name": os.environ["OS_PROJECT_NAME"],
        "user_domain_name": os.environ["OS_USER_DOMAIN_NAME"],
        "project_domain_name": os.environ["OS_PROJECT_DOMAIN_NAME"],
        "region_name": os.environ["OS_REGION_NAME"],
        "endpoint_type": os.environ.get("OS_INTERFACE", "public"),
    },
    cacert=os.environ.get("OS_CACERT"),
)

# It connects when it is first used. A head_ call returns the headers of
# Swift's answer, their names in lower case.
account = swift.head_account()
print(f"Connected: {account['x-account-container-count']} containers")

# step-2
answer = {}
swift.put_container("fractals", response_dict=answer)

# 201: Swift made it. 202: it was there, and later steps would empty it.
if answer["status"] != 201:
    raise SystemExit("fractals is there already: use another name")
print("Created fractals")

# step-3
# One answer has at most 10,000 names; full_listing asks until it has all.
_, containers = swift.get_account(full_listing=True)
for item in containers:
    print(item["name"])

# step-4
with open("goat.jpg", "rb") as file:
    etag = swift.put_object("fractals", "an amazing goat", file)
print(f"Uploaded an amazing goat: {etag}")

# step-5
_, objects = swift.get_container("fractals", full_listing=True)
for item in objects:
    print(f"{item['name']}: {item['bytes']} bytes")

# step-6
goat = swift.head_object("fractals", "an amazing goat")
print(f"{goat['content-length']} bytes, {goat['content-type']}")

# Without resp_chunk_size the body is bytes, all of them in memory.
_, body = swift.get_object(
    "fractals", "an amazing goat", resp_chunk_size=64 * 1024
)
with open("downloaded.jpg", "wb") as file:
    for chunk in body:
        file.write(chunk)
print("Downloaded to downloaded.jpg")

# step-7
with open("downloaded.jpg", "rb") as file:
    checksum = hashlib.file_digest(file, "md5").hexdigest()
print(f"Swift:      {goat['etag']}")
print(f"Downloaded: {checksum}")

if checksum != goat["etag"]:
    raise SystemExit("The download is damaged.")

# step-8
swift.delete_object("fractals", "an amazing goat")
print("Deleted an amazing goat")

# step-9
_, objects = swift.get_container("fractals", full_listing=True)
print(f"Objects: {objects}")

# step-10
container = swift.head_container("fractals")
print(f"Opened fractals: {container['x-container-object-count']} objects")

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
        etag = swift.put_object(
            "fractals",
            name,
            picture.iter_content(64 * 1024),
            content_type="image/png",
        )
    print(f"Backed up {name}: {etag}")

# step-12
_, objects = swift.get_container("fractals", full_listing=True)
for item in objects:
    # A ".." in a name would lead to another container: leave it alone.
    if ".." not in item["name"].split("/"):
        swift.delete_object("fractals", item["name"])

swift.delete_container("fractals")
print("Deleted fractals")

# step-13
swift.put_container("fractals")

with open("goat.jpg", "rb") as file:
    swift.put_object(
        "fractals",
        "goat",
        file,
        content_type="image/jpeg",
        headers={
            "X-Object-Meta-Description": "a funny goat",
            "X-Object-Meta-Created": "2015-06-02",
        },
    )

goat = swift.head_object("fractals", "goat")
print(f"description: {goat['x-object-meta-description']}")
print(f"created: {goat['x-object-meta-created']}")

# step-14
# A Connection sends single requests; a SwiftService does whole jobs, in
# threads. This one uses the connection's address and token. Where a part of
# the job fails it does not raise the error, but returns it as a result.
service = SwiftService(
    {"os_storage_url": swift.url, "os_auth_token": swift.token}
)

# The segments go here. It may be there already, with segments of others.
answer = {}
swift.put_container("fractals_segments", response_dict=answer)
made = answer["status"] == 201

segments = {}
for result in service.upload(
    "fractals",
    [SwiftUploadObject("big.bin", object_name="big")],
    options={"segment_size": 2 * 1024 * 1024},
):
    if not result["success"]:
        raise result["error"]
    if result["action"] == "upload_segment":
        segments[result["segment_location"]] = result["segment_size"]

big = swift.head_object("fractals", "big")
print(f"big: {big['content-length']} bytes")

# Their names hold the time of the file.
for location, size in sorted(segments.items()):
    number = location.rpartition("/")[2]
    print(f"  segment {number}: {size} bytes")

# step-15
folder = Path("restored")
folder.mkdir()

_, objects = swift.get_container("fractals", full_listing=True)
for name in [item["name"] for item in objects]:
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
    _, body = swift.get_object("fractals", name, resp_chunk_size=64 * 1024)
    with path.open("xb") as file:
        for chunk in body:
            file.write(chunk)
    print(f"Restored {name}: {path.stat().st_size} bytes")

# step-16
key = os.urandom(32).hex()
swift.post_container("fractals", {"X-Container-Meta-Temp-URL-Key": key})

path = generate_temp_url(
    f"{urlsplit(swift.url).path}/fractals/goat",
    seconds=3600,
    key=key,
    method="GET",
)
print(urljoin(swift.url, path))

# step-17
# With a large object, delete() deletes its segments.
for result in service.delete("fractals", ["big", "goat"]):
    if not result["success"]:
        raise result["error"]

# Swift deletes no container that holds an object: it answers 409.
for container in ["fractals", "fractals_segments"] if made else ["fractals"]:
    try:
        swift.delete_container(container)
        print(f"Deleted {container}")
    except ClientException as error:
        if error.http_status != 409:
            raise
        print(f"Kept {container}: there is something else in it")
if not made:
    print("Kept fractals_segments: it was there before")

_, containers = swift.get_account(full_listing=True)
print(f"Containers: {containers}")

# step-18
