#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the end-to-end tests: tests/e2e/run.sh [pytest options] (README.md tells them). Without options it runs all of
# them, file by file, by as many workers as $GRAPNEL_E2E_WORKERS says (2), each with a control plane of its own.
#
# A worker runs in network, process and mount namespaces of its own: nothing can leave it, every address in 10.244.0.0/16 can
# be bound as if it were a pod's, fixed ports collide with nobody's, and when this script ends nothing is left running.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(cd "$HERE/../.." && pwd)
# Debian's interpreter has Debian's pytest and yaml; another python3 may come first on PATH.
PYTHON=${PYTHON:-/usr/bin/python3}

# Sbin is not on everyone's PATH.
PATH=$PATH:/usr/sbin:/sbin

if [ "${1:-}" != --inside ]; then
    for tool in ip unshare openssl; do
        command -v "$tool" >/dev/null || {
            echo "tests/e2e: missing: $tool (on Debian: apt-get install iproute2 util-linux openssl)" >&2
            exit 2
        }
    done
    "$PYTHON" -c 'import pytest, yaml' || {
        echo "tests/e2e: missing: pytest or yaml (on Debian: apt-get install python3-pytest python3-yaml)" >&2
        exit 2
    }
    programs=$("$REPOSITORY/tests/cluster/build.sh")
    directory=$(mktemp -d "${TMPDIR:-/tmp}/grapnel-e2e.XXXXXX")
    pids=()
    # shellcheck disable=SC2317 # by the trap
    clean_up() {
        for pid in "${pids[@]}"; do
            kill "$pid" 2>/dev/null || true # and with it all that runs in its namespaces
        done
        rm -rf "$directory"
    }
    trap clean_up EXIT
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(--map-root-user)
    export GRAPNEL_E2E_RIGHTS=${GRAPNEL_E2E_RIGHTS:-$directory/rights}
    work() { # NAME [pytest options]
        mkdir "$directory/$1"
        exec unshare "${as_root[@]}" --net --pid --mount --mount-proc --fork --kill-child -- \
            env PYTHONUNBUFFERED=1 GRAPNEL_E2E_PROGRAMS="$programs" GRAPNEL_E2E_DIR="$directory/$1" "$0" --inside "${@:2}"
    }
    workers=1
    [ $# != 0 ] || workers=${GRAPNEL_E2E_WORKERS:-2}
    status=0
    if [ "$workers" = 1 ]; then
        (work 1 "$@") || status=$?
    else
        mkdir "$directory/claims"
        for ((n = 1; n <= workers; n++)); do
            GRAPNEL_E2E_CLAIMS=$directory/claims work "$n" -v > >(sed -u "s/^/$n: /") 2>&1 &
            pids+=($!)
        done
        for pid in "${pids[@]}"; do
            wait "$pid" || status=$?
        done
    fi
    # What the whole of a run is asked: were the operator's rights what it needed?
    cd "$HERE"
    GRAPNEL_E2E_DIR=$directory GRAPNEL_E2E_WHOLE=$(($# == 0)) "$PYTHON" -m pytest -c pytest.ini -q after || status=$?
    exit "$status"
fi
shift

# What options name is relative to where the caller is.
export GRAPNEL_E2E_CALLER=$PWD

ip link set lo up
ip route add local 10.244.0.0/16 dev lo
# Machines without IPv6 do without the one test of it.
ip -6 route add local fd00:244::/64 dev lo 2>/dev/null || true

status=0
cd "$HERE"
"$PYTHON" -m pytest -c pytest.ini "$@" || status=$?

case " $* " in
*" --keep "*)
    [ -f "$GRAPNEL_E2E_DIR/shell.env" ] || exit "$status"
    # shellcheck source=/dev/null
    . "$GRAPNEL_E2E_DIR/shell.env"
    echo
    echo "Everything still stands, in $GRAPNEL_E2E_DIR; ending this ends it."
    echo "kubectl is the tests' own; KUBECONFIG and the gateways' addresses (GATEWAY_1, …) are set."
    if [ -t 0 ]; then
        bash --norc -i || true
    else
        echo "Look inside with: nsenter --all --target \$(pgrep -nf 'run.sh --inside') bash"
        sleep infinity
    fi
    ;;
esac
exit "$status"
