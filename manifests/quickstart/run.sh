#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job, before your eyes: a global webhook resolved on two gateways, fired, edited, deleted.
# Works in a folder of its own and cleans up after itself.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: manifests/quickstart/run.sh [--gateway-url URL]… [--receiver-host HOST] [--keep]

Without options it starts two stub gateways. With --gateway-url it uses real ones: their secret is
taken from TYK_AUTH, and they must reach this machine as HOST (default 127.0.0.1).
--keep leaves the working folder with all logs.
TEXT
}

root=$(cd "$(dirname "$0")/../.." && pwd)
urls=()
receiver_host=127.0.0.1
keep=
while [ $# -gt 0 ]; do
    case $1 in
    --gateway-url) urls+=("${2:?--gateway-url needs a URL}") && shift 2 ;;
    --receiver-host) receiver_host=${2:?--receiver-host needs a name} && shift 2 ;;
    --keep) keep=1 && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
done

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s  %s%s\n' "$dim" "$*" "$plain"; }

# shellcheck source=tests/packages.sh
. "$root/tests/packages.sh"
install_packages build-essential cmake ninja-build pkg-config libcurl4-openssl-dev libjansson-dev \
    libyaml-dev libzstd-dev libssl-dev libevent-dev curl jq

step "Building (the first time takes about a minute)"
log=$(mktemp)
if ! { cmake -S "$root" -B "$root/build/quickstart" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DGRAPNEL_HARDEN=ON -DGRAPNEL_TESTS=OFF && cmake --build "$root/build/quickstart"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "the build failed" >&2
    exit 2
fi
rm -f "$log"
grapnel=$root/build/quickstart/grapnel
stub=$root/build/quickstart/tests/gateway/grapnel-stub-gateway
receiver=$root/build/quickstart/tests/gateway/grapnel-webhook-receiver

work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    if [ -n "$keep" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT

# Starts a server that says on which port it listens; sets $port.
start() {
    local name=$1
    shift
    "$@" >"$work/$name.out" 2>"$work/$name.err" &
    pids+=($!)
    for _ in $(seq 100); do
        port=$(jq -r .port "$work/$name.out" 2>/dev/null || true)
        [ -n "$port" ] && return
        sleep 0.05
    done
    cat "$work/$name.err" >&2
    echo "$name did not start" >&2
    exit 2
}

# Repeats a command until it succeeds, for at most half a minute.
await() {
    local what=$1
    shift
    for _ in $(seq 150); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    echo "gave up waiting until $what; the log of grapnel ends:" >&2
    tail -n 20 "$work/grapnel.log" >&2
    exit 1
}

start receiver "$receiver" --listen 127.0.0.1:0 --output "$work/received"
hook=$receiver_host:$port
if [ ${#urls[@]} -eq 0 ]; then
    export TYK_AUTH=s3cret
    for n in 1 2; do
        mkdir "$work/gateway$n"
        start "gateway$n" "$stub" --listen 127.0.0.1:0 --secret "$TYK_AUTH" --app-path "$work/gateway$n"
        urls+=("http://127.0.0.1:$port")
    done
fi
mkdir "$work/definitions"
cp "$root"/manifests/quickstart/*.yaml "$work/definitions"
sed -i "s/127.0.0.1:18090/$hook/" "$work"/definitions/*.yaml
orders=$(printf 'default/orders' | base64 | tr -d '=\n')

arguments=(run --source "dir:$work/definitions" --listen '' --log-format text)
for url in "${urls[@]}"; do arguments+=(--gateway-url "$url"); done
"$grapnel" "${arguments[@]}" 2>"$work/grapnel.log" &
pids+=($!)

handler() { curl -sf -H "X-Tyk-Authorization: ${TYK_AUTH:-}" "$1/tyk/apis/oas/$orders" |
    jq -c '."x-tyk-api-gateway".server.eventHandlers[0] | {trigger, id, url, method, headers} | with_entries(select(.value))'; }
shows() { for url in "${urls[@]}"; do handler "$url" | jq -e "$1" || return 1; done; }
show() { for url in "${urls[@]}"; do printf '  %s  %s\n' "$url" "$(handler "$url")"; done; }
fire() { for _ in 1 2 3 4; do curl -so /dev/null "${urls[0]}/orders/"; sleep 0.1; done; }
received() { grep -c "\"path\":\"$1\"" "$work/received"; }

step "1. A folder with a global webhook and two APIs that only name it"
note "grapnel run --source dir:definitions ${urls[*]/#/--gateway-url }"
grep -nE '^ *(name|url|id):' "$work"/definitions/{pager,orders}.yaml | sed "s,$work/,  ,"
await "the webhook is resolved" shows '.url'
step "2. Every gateway holds the API with a copy of the webhook"
show

step "3. The rate limit (2 in 10 s) is exceeded, the gateway calls the webhook"
fire
await "the webhook arrives" received /hook
jq -c '{method, path, team: (.headers["X-Team"] // .headers["x-team"]), body}' "$work/received" |
    grep '"/hook"' | head -n 1 | sed 's/^/  received  /'

step "4. The global is edited: every copy follows, one reload per gateway"
sed -i 's,/hook,/hook-v2,' "$work/definitions/pager.yaml"
await "the copies follow" shows '.url | endswith("/hook-v2")'
show
sleep 1.1 # the cooldown of the handler
fire
await "the webhook arrives at its new place" received /hook-v2
note "fired again: received at /hook-v2"

step "5. The global is deleted: the copies become local webhooks, nothing is lost"
rm "$work/definitions/pager.yaml"
note "a deletion counts after a grace of 5 s: delete-and-recreate is none"
await "the copies are converted" shows '.url and (has("id") | not)'
show

step "6. What the status says"
status=$work/definitions/.grapnel/status/ApiDefinition.default.orders.yaml
await "the status is written" grep -q Converted "$status"
grep -E -A5 '^ *(- )?(ref|source|type): ' "$status" | grep -E '(ref|source|url|type|status|reason):' |
    sed 's/^/  /' | head -n 20

step "Done"
note "grapnel render, validate and materialize work on the same files; see README.md"
