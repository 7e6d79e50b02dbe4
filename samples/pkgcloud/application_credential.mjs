// step-1
import { createHash, createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

import pkgcloud from "pkgcloud";
import { Identity } from "pkgcloud/lib/pkgcloud/openstack/context/index.js";

// pkgcloud knows passwords only, but lets another class sign in.
class ApplicationCredential extends Identity {
  _buildAuthenticationPayload() {
    const application_credential = {
      id: process.env.OS_APPLICATION_CREDENTIAL_ID,
      secret: process.env.OS_APPLICATION_CREDENTIAL_SECRET,
    };
    this._authenticationPayload = {
      auth: {
        identity: {
          methods: ["application_credential"],
          application_credential,
        },
      },
    };
  }
}

const swift = pkgcloud.storage.createClient({
  provider: "openstack",
  identity: ApplicationCredential,
  // pkgcloud adds the version of the Identity API to the address.
  authUrl: process.env.OS_AUTH_URL.replace(/(\/v3)?\/?$/, ""),
  keystoneAuthVersion: "v3",
  region: process.env.OS_REGION_NAME,
  useInternal: process.env.OS_INTERFACE === "internal",
  useAdmin: process.env.OS_INTERFACE === "admin",
});

// pkgcloud calls back; these give promises.
const getContainers = promisify(swift.getContainers).bind(swift);
const createContainer = promisify(swift.createContainer).bind(swift);
const getContainer = promisify(swift.getContainer).bind(swift);
const getFiles = promisify(swift.getFiles).bind(swift);
const getFile = promisify(swift.getFile).bind(swift);
const removeFile = promisify(swift.removeFile).bind(swift);
const request = promisify(swift._request).bind(swift);

console.log(`Connected: ${(await getContainers()).length} containers`);

// step-2
