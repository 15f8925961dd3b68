#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Speed and memory, as ratios against a plain libcurl program in the same run. Results: tests/bench/results.txt
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
cmake --build --preset release -- --quiet
exec /usr/bin/python3 tests/bench/bench.py --build build/release "$@"
