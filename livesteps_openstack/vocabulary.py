"""What varies, is secret, or tells in the texts of OpenStack's services and of S3."""

from __future__ import annotations

import re

from livesteps.plugin import Rule, Vocabulary

OPENSTACK = Vocabulary(
    rules=tuple(
        Rule(name, re.compile(pattern))
        for name, pattern in {
            # tx0123456789abcdef01234-0123456789, Swift's X-Trans-Id
            "transaction id": r"\btx[0-9a-f]{21}-[0-9a-f]{10}(?:[\w.-]*\w)?",
            # req-12345678-1234-1234-1234-123456789abc, of the other services
            "request id": r"\breq-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
            # 1764056808.12345, Swift's X-Timestamp; a client's mtime has six decimals
            "timestamp": r"\b\d{10}\.\d{5,6}\b",
            # the query of a temporary URL and of a presigned one
            "signature": r"(?<=temp_url_sig=)[0-9a-f]{40,128}\b"
            r"|(?<=X-Amz-Signature=)[0-9a-f]{64}\b"
            r"|(?<=[?&]Signature=)[\w%]+",
            "expiry": r"(?<=temp_url_expires=)\d{10}\b"
            r"|(?<=[?&]Expires=)\d{10}\b"
            r"|(?<=X-Amz-Date=)\d{8}T\d{6}Z",
            "access key": r"(?<=X-Amz-Credential=)\w+%2F\d{8}"
            r"|(?<=AWSAccessKeyId=)\w+"
            r"|(?<=/OS-EC2/)[0-9a-f]{32}\b",
            # of a multipart upload of S3
            "upload id": r"(?<=[?&]uploadId=)[\w%~-]+",
        }.items()
    ),
    # a Fernet token of Keystone
    tokens={"a token": re.compile(r"\bgAAAA[\w-]{60,}")},
    secrets=tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            # the query of a temporary URL and of a presigned one
            r"(\b(?:temp_url_(?:sig|key)|(?:x-amz-)?(?:signature|credential"
            r"|security-token)|awsaccesskeyid)=)[^\s&\"'<>,;]+",
            # headers
            r"(\b(?:x-(?:auth|subject|service|storage)-token"
            r"|x-(?:account|container)-meta-temp-url-key(?:-2)?"
            r"|temp-url-key(?:-2)?)[\"']?\s*[:=]\s*[\"']?)[^\s\"',}][^\"'\n]*",
            # EC2 credentials, by their access key
            r"(/OS-EC2/)[0-9a-f]{32}\b",
            # a Fernet token of Keystone
            r"(\b)gAAAA[\w-]{60,}={0,2}",
        )
    ),
    telling=("x-container-", "x-object-"),
)
