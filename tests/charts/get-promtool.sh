#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Puts Debian's promtool into the cache of the tests, without installing Prometheus, which would start it.
set -euo pipefail

CACHE=${GRAPNEL_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/grapnel-tests}
[ ! -x "$CACHE/promtool/promtool" ] || exit 0

scratch=$(mktemp -d)
# shellcheck disable=SC2064
trap "rm -rf '$scratch'" EXIT
cd "$scratch"
apt-get download -q prometheus
dpkg-deb -x prometheus_*.deb .
mkdir -p "$CACHE/promtool"
mv usr/bin/promtool "$CACHE/promtool/"
