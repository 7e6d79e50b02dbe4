# step-1
set -euo pipefail

# With an application credential, swift auth takes no notice of OS_INTERFACE
# and OS_REGION_NAME: it takes the first public address. So the library that
# it is built on asks here. python3 is the one that has the swift command.
connected=$(
  python3 << 'END'
import os
import shlex

from keystoneauth1.identity.v3 import ApplicationCredential
from keystoneauth1.session import Session

credential = ApplicationCredential(
    os.environ["OS_AUTH_URL"],
    application_credential_id=os.environ["OS_APPLICATION_CREDENTIAL_ID"],
    application_credential_secret=os.environ[
        "OS_APPLICATION_CREDENTIAL_SECRET"
    ],
)
verify = os.environ.get("OS_CACERT", True)
session = Session(credential, verify=verify, timeout=60)
address = session.get_endpoint(
    service_type="object-store",
    interface=os.environ.get("OS_INTERFACE", "public"),
    region_name=os.environ["OS_REGION_NAME"],
)
if not address:
    raise SystemExit("The catalog has no object store for this region.")

print("export OS_STORAGE_URL=" + shlex.quote(address))
print("export OS_AUTH_TOKEN=" + shlex.quote(session.get_token()))
END
)

# With these two variables no command asks Identity for anything.
eval "$connected"

# stat shows all that Swift answers; grep picks from it.
swift stat | grep -o 'Containers: .*'

# step-2
