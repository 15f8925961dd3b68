#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Memory with the objects in a real API server, beside a plain client-go informer of the same objects:
#   tests/bench/kube.sh [COUNT…]     default: 1000 10000; 100000 takes some 20 minutes
# It needs what tests/e2e needs, and runs in namespaces of its own as those tests do.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(cd "$HERE/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin

if [ "${1:-}" != --inside ]; then
    cmake --preset release -S "$REPOSITORY" >/dev/null
    cmake --build "$REPOSITORY/build/release" --target grapnel grapnel-stub-gateway bench-raw -- --quiet
    programs=$("$REPOSITORY/tests/cluster/build.sh")
    go=$("$REPOSITORY/tests/cluster/get-go.sh")
    directory=$(mktemp -d "${TMPDIR:-/tmp}/grapnel-bench.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$directory'" EXIT
    (cd "$HERE/informer" && CGO_ENABLED=0 GOFLAGS=-mod=readonly "$go" build -trimpath -o "$directory/informer" .)
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(--map-root-user)
    unshare "${as_root[@]}" --net --pid --mount --mount-proc --fork --kill-child -- \
        env BENCH_PROGRAMS="$programs" BENCH_DIR="$directory" "$0" --inside "$@"
    exit
fi
shift
ip link set lo up
ip route add local 10.244.0.0/16 dev lo
exec /usr/bin/python3 "$HERE/kube.py" --build "$REPOSITORY/build/release" --programs "$BENCH_PROGRAMS" \
    --directory "$BENCH_DIR" "$@"
