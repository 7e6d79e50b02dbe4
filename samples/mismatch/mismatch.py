"""Bytes that are not what their checksum says, and how Swift answers.

It starts a cloud of its own, sends an object and a manifest with a wrong
checksum, and prints the answers. What it printed is in mismatch.txt, and the
guide shows that.
"""

import json
import re

import requests

from livesteps_openstack.cloud import Cloud

WRONG = "00000000000000000000000000000000"

with Cloud() as cloud, requests.Session() as session:
    session.trust_env = False
    token, account = cloud.project("mismatch").token()
    session.headers["X-Auth-Token"] = token

    def ask(method, path, body=b"", **headers):
        """Send a request; print it, and the answer without its HTML."""
        answer = session.request(
            method, f"{account}/{path}", data=body, headers=headers, timeout=60
        )
        print(f"{method} {path}")
        for name, value in headers.items():
            print(f"    {name}: {value}")
        print(f"-> {answer.status_code} {answer.reason}")
        for line in re.sub(r"<[^>]+>", "\n", answer.text).splitlines():
            if line.strip():
                print(f"   {line}")
        return answer

    def put_manifest(etag):
        """Make a large object of the one segment."""
        listed = json.dumps([{"path": "fractals/big/1", "etag": etag}])
        print(listed)
        ask("PUT", "fractals/big?multipart-manifest=put", listed)

    print("Make a container.")
    ask("PUT", "fractals")

    print("\nSend an object with a wrong checksum.")
    ask("PUT", "fractals/goat", b"the goat", ETag=WRONG)

    print("\nIs it there?")
    ask("GET", "fractals/goat")

    print("\nSend a segment, and a manifest with a wrong checksum.")
    segment = ask("PUT", "fractals/big/1", b"a segment")
    put_manifest(WRONG)

    print("\nSend the manifest with the right one.")
    put_manifest(segment.headers["ETag"])
