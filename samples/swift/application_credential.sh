# step-1
set -euo pipefail

# Every command reads the OS_* variables. With the two that this adds, it
# does not ask Identity for a token of its own. Of OS_REGION_NAME and
# OS_INTERFACE it takes no notice here: it takes the first public address.
eval "$(swift auth)"

# stat shows all that Swift answers; grep picks from it.
swift stat | grep -o 'Containers: .*'

# step-2
