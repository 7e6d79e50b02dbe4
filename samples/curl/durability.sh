#!/usr/bin/env bash

# step-1
set -euo pipefail

# Identity's address, whether the variable ends with /v3 or not.
identity=${OS_AUTH_URL%/}
identity=${identity%/v3}/v3

# jq writes the JSON, so that quotes in a password do no harm. The token
# comes in a header (%header needs curl 7.84), the catalog in the body.
token=$(
  jq -n '{
    auth: {
      identity: {
        methods: ["password"],
        password: {
          user: {
            name: env.OS_USERNAME,
            domain: {name: env.OS_USER_DOMAIN_NAME},
            password: env.OS_PASSWORD
          }
        }
      },
      scope: {
        project: {
          name: env.OS_PROJECT_NAME,
          domain: {name: env.OS_PROJECT_DOMAIN_NAME}
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
status=$(curl "${options[@]}" -X PUT -w '%{http_code}' "$storage/fractals")

# 201: created. 202: it was there, and later steps would delete all that is
# in it.
if [[ $status != 201 ]]; then
  echo "fractals is there already: use another name" >&2
  exit 1
fi
echo "Created fractals: $status"

# step-3
curl "${options[@]}" "$storage"

# step-4
# A name in a URL is percent-encoded.
curl "${options[@]}" -T goat.jpg -w 'Uploaded %{size_upload} bytes\n' \
  "$storage/fractals/an%20amazing%20goat"

# step-5
curl "${options[@]}" "$storage/fractals?format=json" |
  jq -r '.[] | "\(.name): \(.bytes) bytes"'

# step-6
etag=$(
  curl "${options[@]}" --head -o /dev/null -w '%header{etag}' \
    "$storage/fractals/an%20amazing%20goat"
)
echo "ETag: $etag"

curl "${options[@]}" -o downloaded.jpg \
  -w 'Downloaded to %{filename_effective}: %{size_download} bytes\n' \
  "$storage/fractals/an%20amazing%20goat"

# step-7
echo "Swift: $etag"
md5sum --check <<< "$etag  downloaded.jpg"

# step-8
curl "${options[@]}" -X DELETE -w 'Deleted an amazing goat: %{http_code}\n' \
  "$storage/fractals/an%20amazing%20goat"

# step-9
curl "${options[@]}" "$storage/fractals?format=json" | jq -c '.'

# step-10
# Nothing is held open: every request names its container.
curl "${options[@]}" --head -o /dev/null \
  -w 'fractals: %header{x-container-object-count} objects\n' \
  "$storage/fractals"

# step-11
# --fail, so that no error page becomes a picture.
curl -sS --fail "$FRACTALS_ENDPOINT/v1/fractal?results_per_page=-1" |
  jq -r '.objects[].uuid' |
  while read -r uuid; do
    curl -sS --fail "$FRACTALS_ENDPOINT/fractal/$uuid" |
      curl "${options[@]}" -T - -H 'Content-Type: image/png' \
        -w "Backed up $uuid: %header{etag}\n" "$storage/fractals/$uuid"
  done

# step-12
# @uri percent-encodes a name, slashes included.
curl "${options[@]}" "$storage/fractals?format=json" |
  jq -r '.[].name | @uri' |
  while read -r name; do
    curl "${options[@]}" -X DELETE "$storage/fractals/$name"
  done

# A container that still holds something would stay: 409.
curl "${options[@]}" -X DELETE -w 'Deleted fractals: %{http_code}\n' \
  "$storage/fractals"

# step-13
curl "${options[@]}" -X PUT "$storage/fractals"

curl "${options[@]}" -T goat.jpg \
  -H 'Content-Type: image/jpeg' \
  -H 'X-Object-Meta-Description: a funny goat' \
  -H 'X-Object-Meta-Created: 2015-06-02' \
  "$storage/fractals/goat"

curl "${options[@]}" --head -o /dev/null \
  -w 'description: %header{x-object-meta-description}
created: %header{x-object-meta-created}
' "$storage/fractals/goat"

# step-14
segment_size=$((2 * 1024 * 1024))
size=$(wc -c < big.bin)

# This container may be there already (202), with segments of somebody else:
# the time in the names keeps these apart.
made=$(
  curl "${options[@]}" -X PUT -w '%{http_code}' "$storage/fractals_segments"
)
prefix="big/$(date +%s.%6N)"

for ((i = 0; i * segment_size < size; i++)); do
  path=$(printf 'fractals_segments/%s/%08d' "$prefix" "$i")
  etag=$(
    dd if=big.bin bs="$segment_size" skip="$i" count=1 status=none |
      curl "${options[@]}" -T - -w '%header{etag}' "$storage/$path"
  )
  jq -n --arg path "$path" --arg etag "$etag" '{$path, $etag}'
done > segments.json

# The manifest makes one object of the segments, once their ETags agree.
jq -s '.' segments.json |
  curl "${options[@]}" -T - "$storage/fractals/big?multipart-manifest=put"

curl "${options[@]}" --head -o /dev/null \
  -w 'big: %header{content-length} bytes\n' "$storage/fractals/big"
curl "${options[@]}" \
  "$storage/fractals_segments?format=json&prefix=$prefix/" |
  jq -r '.[] | "  segment \(.name): \(.bytes) bytes"'

# step-15
mkdir restored
marker=

# A listing ends after 10,000 names; the next one goes on after a marker.
while true; do
  # After each name stands whether a file below a folder can be called so.
  names=$(
    curl "${options[@]}" "$storage/fractals?format=json&marker=$marker" |
      jq -r '.[].name | "\(@uri) \(split("/") | all(
        . != "" and . != "." and . != ".." and utf8bytelength <= 255
      ))"'
  )
  [[ -n $names ]] || break

  while read -r name is_file; do
    marker=$name
    printf -v path '%b' "${name//%/\\x}"
    if [[ $is_file == false ]]; then
      echo "Refused $path"
      continue
    fi
    # A file that is there stays: --no-clobber finds another name.
    curl "${options[@]}" -o "restored/$path" --create-dirs --no-clobber \
      -w 'Restored %{filename_effective}: %{size_download} bytes\n' \
      "$storage/fractals/$name"
  done <<< "$names"
done

# step-16
key=$(openssl rand -hex 32)
curl "${options[@]}" -X POST -H "X-Container-Meta-Temp-URL-Key: $key" \
  "$storage/fractals"

url="$storage/fractals/goat"
expires=$(($(date +%s) + 3600))
signature=$(
  printf 'GET\n%s\n%s' "$expires" "/${url#*://*/}" |
    openssl dgst -sha256 -hmac "$key" -r | cut -d ' ' -f 1
)
echo "$url?temp_url_sig=$signature&temp_url_expires=$expires"

# step-17
# The segments go with their manifest.
curl "${options[@]}" -X DELETE -H 'Accept: application/json' \
  "$storage/fractals/big?multipart-manifest=delete" |
  jq -r '"Deleted big: \(."Number Deleted") objects"'

for path in fractals/goat fractals; do
  curl "${options[@]}" -X DELETE -w "Deleted $path: %{http_code}\n" \
    "$storage/$path"
done

# Swift deletes a container only when it is empty.
left=$(
  curl "${options[@]}" --head -o /dev/null \
    -w '%header{x-container-object-count}' "$storage/fractals_segments"
)
if [[ $made != 201 ]]; then
  echo "Kept fractals_segments: it was there before"
elif [[ $left != 0 ]]; then
  echo "Kept fractals_segments: there is something else in it"
else
  curl "${options[@]}" -X DELETE \
    -w 'Deleted fractals_segments: %{http_code}\n' \
    "$storage/fractals_segments"
fi

curl "${options[@]}" "$storage?format=json" | jq -c '.'

# step-18
