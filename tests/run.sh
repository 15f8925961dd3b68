#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests. `quick` leaves out those that need a real control plane.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mode=${1:-all}
case $mode in
all | quick) ;;
*)
    echo "Usage: tests/run.sh [quick]" >&2
    exit 2
    ;;
esac

# shellcheck source=tests/packages.sh
. tests/packages.sh
install_packages build-essential cmake ninja-build pkg-config ccache libcurl4-openssl-dev libjansson-dev \
    libyaml-dev libzstd-dev libssl-dev libevent-dev libcmocka-dev clang-14 clang-tidy-14 clang-format-14 \
    libclang-rt-14-dev binutils curl jq python3 python3-pytest python3-yaml openssl shellcheck iproute2 \
    util-linux lua5.1 prometheus

if [ "$mode" = all ]; then # the control plane is made with these; other installations of them are as good
    install_packages unzip
    command -v npm >/dev/null || install_packages npm
    /usr/bin/python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip
fi

step() { printf '\n== %s (%s)\n' "$*" "$(date +%T)"; }
export CMAKE_C_COMPILER_LAUNCHER=ccache
# The interpreter of Debian, with its pytest and yaml, whatever else stands on PATH.
python=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1

step "format"
git ls-files '*.[ch]' | xargs clang-format-14 --dry-run --Werror
git ls-files '*.sh' | xargs shellcheck -x

step "release build: hardened, warnings are errors"
cmake --preset release >/dev/null
cmake --build --preset release -- --quiet

step "structure, manifests, references"
GRAPNEL_BUILD_DIR=build/release $python -m pytest -q -p no:cacheprovider tests/checks

step "each allocation refused in turn"
$python tests/memory/torture.py build/release

step "build with the address, undefined and leak sanitizers"
cmake --preset asan >/dev/null
cmake --build --preset asan -- --quiet
export GRAPNEL_BIN_DIR=$root/build/asan

step "unit and component tests, corpora of the fuzzers, stub gateway against recorded exchanges"
ctest --preset asan -j "$(nproc)" --output-on-failure

step "commands: golden files, bad input"
$python -m pytest -q -p no:cacheprovider tests/golden

step "diff against stub gateways"
$python -m pytest -q -p no:cacheprovider tests/diff

step "chart and manifests (helm comes with the control plane: without it most are skipped)"
$python -m pytest -q -rs -c tests/charts/pytest.ini tests/charts

step "manual pages, completions, systemd unit"
$python -m pytest -q -rs -p no:cacheprovider tests/packaging

step "clang-tidy"
cmake --preset tidy >/dev/null
cmake --build --preset tidy -- --quiet

if [ "$mode" = quick ]; then
    step "done (without the control plane)"
    exit 0
fi

step "real control plane (the first time it is built: about six minutes)"
tests/e2e/run.sh

step "done"
