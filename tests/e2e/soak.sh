#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A long run under random changes: tests/e2e/soak.sh [SECONDS [SEED [FIGURES]]], half an hour by default. The figures of each
# minute go to the file FIGURES (default: soak-figures.txt where it is called). Not part of the tests that run on every
# change; use a build without sanitizers, whose memory is another's (GRAPNEL_BIN_DIR=build/release).
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export GRAPNEL_SOAK_SECONDS=${1:-1800}
export GRAPNEL_SOAK_SEED=${2:-1}
GRAPNEL_SOAK_FIGURES=$(realpath -m "${3:-soak-figures.txt}")
export GRAPNEL_SOAK_FIGURES
exec "$HERE/run.sh" -q -s soak.py
