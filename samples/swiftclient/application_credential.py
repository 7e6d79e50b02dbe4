# step-1
import hashlib
import os
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from keystoneauth1.identity.v3 import ApplicationCredential
from keystoneauth1.session import Session
from swiftclient import ClientException, Connection
from swiftclient.service import SwiftService, SwiftUploadObject
from swiftclient.utils import generate_temp_url

# Connection() could sign in by itself, but not find an endpoint by region
# and interface then. A session of keystoneauth can do both.
swift = Connection(
    session=Session(
        ApplicationCredential(
            os.environ["OS_AUTH_URL"],
            application_credential_id=os.environ[
                "OS_APPLICATION_CREDENTIAL_ID"
            ],
            application_credential_secret=os.environ[
                "OS_APPLICATION_CREDENTIAL_SECRET"
            ],
        ),
        verify=os.environ.get("OS_CACERT", True),
    ),
    os_options={
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
