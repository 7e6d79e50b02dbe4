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

# connect() sees by OS_AUTH_TYPE that this is an application credential.
swift = openstack.connect().object_store

account = swift.get_account_metadata()
print(f"Connected: {account.account_container_count} containers")

# step-2
