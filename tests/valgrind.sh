#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Unit and component tests under valgrind: tests/valgrind.sh [NAME…]. What is read before it was set, a bad access, memory
# that nobody frees: each is a failure. It sees what the address sanitizer cannot, uninitialised memory in libraries too.
#
# Needed on Debian: valgrind. Names are those of ctest ("unit.core.url_test"); GRAPNEL_VALGRIND_BUILD is a build folder
# without sanitizers (default: build/dev, which is built).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
command -v valgrind >/dev/null || {
    echo "tests/valgrind.sh: missing: valgrind (on Debian: apt-get install valgrind)" >&2
    exit 2
}
build=${GRAPNEL_VALGRIND_BUILD:-build/dev}
[ -f "$build/CMakeCache.txt" ] || cmake --preset dev >/dev/null
cmake "$build" >/dev/null # tests come and go
mapfile -t names < <(ctest --test-dir "$build" -N -R '^(unit|component)\.' | sed -n 's/^ *Test *#[0-9]*: //p')
[ $# -eq 0 ] || names=("$@")
[ "${#names[@]}" -gt 0 ] || {
    echo "tests/valgrind.sh: there is no test" >&2
    exit 2
}
ninja -C "$build" --quiet "${names[@]}"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=0
for name in "${names[@]}"; do
    program=$(find "$build/tests" -name "$name" -type f -perm -u+x)
    begun=$SECONDS
    # Everything that is still there at the end counts, reachable or not. A child that a test forked is its own affair.
    if valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all \
        --num-callers=30 --child-silent-after-fork=yes --suppressions=tests/memory/valgrind.supp \
        "$program" >"$logs/$name" 2>&1; then
        printf 'ok      %-48s %3d s\n' "$name" $((SECONDS - begun))
    else
        printf 'FAILED  %-48s %3d s\n' "$name" $((SECONDS - begun))
        cat "$logs/$name"
        failed=$((failed + 1))
    fi
done
echo "${#names[@]} programs, $failed failed"
[ "$failed" -eq 0 ]
