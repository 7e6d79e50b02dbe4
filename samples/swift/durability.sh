# step-1
set -euo pipefail

# The swift command has another name for this variable.
export OS_ENDPOINT_TYPE=${OS_INTERFACE:-public}

# Every command reads the OS_* variables. With the two that this adds, it
# does not ask Identity for a token of its own.
eval "$(swift auth)"

# stat shows all that Swift answers; grep picks from it.
swift stat | grep -o 'Containers: .*'

# step-2
# Later steps delete all that is in the container: it must be a new one.
containers=$(swift list --prefix fractals)
if grep -qx fractals <<< "$containers"; then
  echo "fractals is there already: use another name" >&2
  exit 1
fi

swift post fractals
echo "Created fractals"

# step-3
swift list

# step-4
swift upload fractals goat.jpg --object-name "an amazing goat"

# step-5
# The last line is the sum of the sizes.
swift list fractals --long

# step-6
swift stat fractals "an amazing goat" |
  grep -oE '(Object|Content Type|Content Length|ETag): .*'

swift download fractals "an amazing goat" --output downloaded.jpg --quiet
wc -c downloaded.jpg

# step-7
# swift download has compared them already; this is how to do it by hand.
etag=$(swift stat fractals "an amazing goat" | awk '/ETag:/ { print $2 }')
echo "$etag  in Swift"
md5sum downloaded.jpg
md5sum --check <<< "$etag  downloaded.jpg"

# step-8
swift delete fractals "an amazing goat"

# step-9
# Nothing but the sum is left.
swift list fractals --long

# step-10
swift stat fractals | grep -oE '(Container|Objects|Bytes): .*'

# step-11
uuids=$(
  curl -fsS "$FRACTALS_ENDPOINT/v1/fractal?results_per_page=-1" |
    python3 -c '
import json, sys
for fractal in json.load(sys.stdin)["objects"]:
    print(fractal["uuid"])'
)

# From a pipe, upload collects segments of 10 MiB in memory, and makes a
# container for them. With these two options it does neither: the picture
# streams through, and is stored as one object.
for uuid in $uuids; do
  curl -fsS "$FRACTALS_ENDPOINT/fractal/$uuid" |
    swift upload fractals - --object-name "$uuid" \
      --header "Content-Type: image/png" \
      --use-dlo --skip-container-put
done

# step-12
# These names, and no others: for an object called ../b/goat it would delete
# the goat in the container b. It deletes in parallel, in any order: so sort.
swift delete fractals $uuids | sort

# Without names, it empties the container first. Swift's own DELETE does not:
# to a container that still holds something, it answers 409.
curl -fsS -X DELETE -H "X-Auth-Token: $OS_AUTH_TOKEN" \
  "$OS_STORAGE_URL/fractals"
echo "fractals"

# step-13
swift post fractals
swift upload fractals goat.jpg --object-name goat \
  --header "Content-Type: image/jpeg" \
  --meta "description: a funny goat" \
  --meta "created: 2015-06-02"

swift stat fractals goat | grep -oE 'Meta (Description|Created): .*'

# step-14
# The segments go to fractals_segments, which upload makes. If it is there
# already, it must stay in the end.
made=(fractals)
containers=$(swift list --prefix fractals)
if ! grep -qx fractals_segments <<< "$containers"; then
  made+=(fractals_segments)
fi

# Their names hold the time of the file: no other segments have that of now.
touch big.bin
swift upload fractals big.bin --object-name big --segment-size 2M | sort

swift stat fractals big | grep -o 'Content Length: .*'

# step-15
# swift download would follow a name such as ../goat out of the folder. No
# part of a name may be empty, a dot, two dots, or longer than 255 bytes; in
# this locale [^/] is a byte, and not a letter.
LC_ALL=C
refused='//|/\.\.?/|[^/]{256}'
names=$(swift list fractals)
files=()

while IFS= read -r name; do
  if [[ /$name/ =~ $refused ]]; then
    echo "Refused $name"
  elif [[ $name == -* ]]; then
    # As it is, it would be an option. No request has this ./ in its address.
    files+=("./$name")
  else
    files+=("$name")
  fi
done <<< "$names"

# Without a name, it would download everything.
mkdir restored
if ((${#files[@]})); then
  swift download fractals "${files[@]}" --output-dir restored --quiet
  wc -c "${files[@]/#/restored/}"
fi

# It replaces files: where Goat and goat are one name, there are fewer now.
if (($(find restored -type f | wc -l) < ${#files[@]})); then
  echo "restored lacks a file: it cannot hold all these names" >&2
  exit 1
fi

# step-16
key=$(openssl rand -hex 32)
swift post fractals --meta "Temp-URL-Key: $key"

swift tempurl GET 1h "$OS_STORAGE_URL/fractals/goat" "$key"

# step-17
# With a large object, delete deletes its segments.
swift delete fractals big goat | sort

# A container goes only if the script made it, and nothing else is in it.
for container in "${made[@]}"; do
  status=$(
    curl -sS -X DELETE -H "X-Auth-Token: $OS_AUTH_TOKEN" -o /dev/null \
      -w '%{http_code}' "$OS_STORAGE_URL/$container"
  )
  case $status in
  204) echo "$container" ;;
  409) echo "Kept $container: there is something else in it" ;;
  *)
    echo "$container: $status" >&2
    exit 1
    ;;
  esac
done
((${#made[@]} == 2)) || echo "Kept fractals_segments: it was there before"

swift stat | grep -o 'Containers: .*'

# step-18
