# step-1
import atexit
import hashlib
import os
from pathlib import Path
from urllib.parse import urljoin

import boto3
import openstack
import requests
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from keystoneclient.v3.client import Client

# connect() reads the OS_* variables, or a cloud of clouds.yaml by its name.
cloud = openstack.connect()

# S3 knows no tokens: Keystone makes a pair of keys, good until deleted.
# That is when this program ends, also if a step fails.
interface = cloud.config.get_interface("identity")
ec2 = Client(session=cloud.session, interface=interface).ec2
keys = ec2.create(cloud.current_user_id, cloud.current_project_id)
atexit.register(ec2.delete, cloud.current_user_id, keys.access)

s3 = boto3.resource(
    "s3",
    # Swift speaks S3 at the root of the address in the catalog, and calls
    # its region us-east-1, unless the cloud's operator chose another name.
    endpoint_url=urljoin(cloud.object_store.get_endpoint(), "/"),
    region_name="us-east-1",
    aws_access_key_id=keys.access,
    aws_secret_access_key=keys.secret,
    config=Config(
        signature_version="s3v4",
        # A bucket's name stands in the path, not in the name of the host.
        s3={"addressing_style": "path"},
        # Over HTTPS, older releases of Swift refuse the newer checksums.
        request_checksum_calculation="when_required",
    ),
)
print(f"Connected: {len(list(s3.buckets.all()))} buckets")

# step-2
# S3 calls a container a bucket. Swift keeps the parts of large objects in
# fractals+segments, and deletes all that is in there with the bucket.
for name in ["fractals", "fractals+segments"]:
    if cloud.get_container(name):
        raise SystemExit(f"{name} is there already: use another name")

bucket = s3.create_bucket(Bucket="fractals")
print(f"Created {bucket.name}")

# step-3
for item in s3.buckets.all():
    print(item.name)

# step-4
goat = bucket.Object("an amazing goat")
goat.upload_file("goat.jpg")
print(f"Uploaded {goat.key}: {goat.content_length} bytes")

# step-5
for item in bucket.objects.all():
    print(f"{item.key}: {item.size} bytes")

# step-6
goat = bucket.Object("an amazing goat")
print(f"{goat.key}: {goat.content_length} bytes, {goat.content_type}")

goat.download_file("downloaded.jpg")
print("Downloaded to downloaded.jpg")

# step-7
etag = goat.e_tag.strip('"')
with open("downloaded.jpg", "rb") as file:
    checksum = hashlib.file_digest(file, "md5").hexdigest()
print(f"Swift:      {etag}")
print(f"Downloaded: {checksum}")

if checksum != etag:
    raise SystemExit("The download is damaged.")

# step-8
goat.delete()
print(f"Deleted {goat.key}")

# step-9
print(f"Objects: {list(bucket.objects.all())}")

# step-10
# Bucket() asks the server nothing, and takes any name.
bucket = s3.Bucket("fractals")
s3.meta.client.head_bucket(Bucket=bucket.name)
print(f"Opened {bucket.name}")

# step-11
endpoint = os.environ["FRACTALS_ENDPOINT"]
answer = requests.get(
    f"{endpoint}/v1/fractal", params={"results_per_page": -1}, timeout=60
)
answer.raise_for_status()

for fractal in answer.json()["objects"]:
    stored = bucket.Object(fractal["uuid"])
    url = f"{endpoint}/fractal/{stored.key}"

    # S3 must know a length before it takes bytes, so that boto3 reads
    # ahead: a small picture, or one part of 8 MiB. With threads it would
    # be ten parts at once.
    with requests.get(url, stream=True, timeout=60) as picture:
        picture.raise_for_status()
        stored.upload_fileobj(
            picture.raw,
            ExtraArgs={"ContentType": "image/png"},
            Config=TransferConfig(use_threads=False),
        )
    print(f"Backed up {stored.key}: {stored.e_tag}")

# step-12
for item in bucket.objects.all():
    item.delete()

# If an object were left, this would raise an error: BucketNotEmpty.
bucket.delete()
print(f"Deleted {bucket.name}")

# step-13
bucket = s3.create_bucket(Bucket="fractals")

goat = bucket.Object("goat")
goat.upload_file(
    "goat.jpg",
    ExtraArgs={
        "ContentType": "image/jpeg",
        "Metadata": {"description": "a funny goat", "created": "2015-06-02"},
    },
)

# S3 gives the names back in lower case; some releases of Swift do not.
for name, value in sorted(goat.metadata.items()):
    print(f"{name.lower()}: {value}")

# step-14
# The least size of a part is 5 MiB, only the last may be smaller.
part_size = 5 * 1024 * 1024

big = bucket.Object("big")
big.upload_file(
    "big.bin",
    Config=TransferConfig(
        multipart_threshold=part_size, multipart_chunksize=part_size
    ),
)

# Its ETag is not the MD5 of the file, and ends in the number of parts.
print(f"{big.key}: {big.content_length} bytes, ETag {big.e_tag}")

# step-15
folder = Path("restored")
folder.mkdir()

# Threads would hold what the disk has not taken yet.
one_thread = TransferConfig(use_threads=False)

for name in [item.key for item in bucket.objects.all()]:
    # Not every name of an object is one of a file below the folder.
    if any(
        part in ("", ".", "..") or len(part.encode()) > 255
        for part in name.split("/")
    ):
        print(f"Refused {name}")
        continue
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)

    # The mode "x" never overwrites a file; download_file() would.
    with path.open("xb") as file:
        bucket.download_fileobj(name, file, Config=one_thread)
    print(f"Restored {name}: {path.stat().st_size} bytes")

# step-16
url = s3.meta.client.generate_presigned_url(
    "get_object",
    Params={"Bucket": bucket.name, "Key": goat.key},
    ExpiresIn=3600,
)
print(url)

# step-17
# Swift keeps the parts in a container that S3 does not show,
# fractals+segments. It is deleted together with the bucket.
for item in [big, goat]:
    item.delete()
    print(f"Deleted {item.key}")

try:
    bucket.delete()
except ClientError as error:
    if error.response["Error"]["Code"] != "BucketNotEmpty":
        raise
    print("Kept fractals: there is something else in it")

# Swift's own API shows every container. Then the keys can go as well.
print(f"Containers: {list(cloud.object_store.containers())}")
atexit.unregister(ec2.delete)
ec2.delete(cloud.current_user_id, keys.access)

# step-18
