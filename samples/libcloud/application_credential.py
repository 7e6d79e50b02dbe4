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
    os.environ["OS_APPLICATION_CREDENTIAL_ID"],
    os.environ["OS_APPLICATION_CREDENTIAL_SECRET"],
    ex_force_auth_url=auth_url,
    ex_force_auth_version="3.x_appcred",
)

# The driver connects when it is first used.
print(f"Connected: {len(swift.list_containers())} containers")

# step-2
