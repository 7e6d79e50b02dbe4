#!/usr/bin/env bash

# step-1
set -euo pipefail

# Identity's address, whether the variable ends with /v3 or not.
identity=${OS_AUTH_URL%/}
identity=${identity%/v3}/v3

# An application credential belongs to one project: no scope is given. The
# token comes in a header (%header needs curl 7.84), the catalog in the body.
token=$(
  jq -n '{
    auth: {
      identity: {
        methods: ["application_credential"],
        application_credential: {
          id: env.OS_APPLICATION_CREDENTIAL_ID,
          secret: env.OS_APPLICATION_CREDENTIAL_SECRET
        }
      }
    }
  }' |
    curl -sS --fail-with-body -H 'Content-Type: application/json' -d @- \
      -o catalog.json -w '%header{x-subject-token}' "$identity/auth/tokens"
)

storage=$(
  jq -r '
    first(
      .token.catalog[] | select(.type == "object-store") | .endpoints[]
      | select(.interface == (env.OS_INTERFACE // "public"))
      | select(.region == env.OS_REGION_NAME)
      | .url
    ) // error("the region \(env.OS_REGION_NAME) has no object store")
  ' catalog.json
)

# No progress meter, but errors; and a status of 400 or more is one. The path
# of a URL stays as it is, even for an object that is called "..".
options=(-sS --fail-with-body --path-as-is -H "X-Auth-Token: $token")

curl "${options[@]}" --head -o /dev/null \
  -w 'Connected: %header{x-account-container-count} containers\n' "$storage"

# step-2
