#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs fuzz targets one after the other and writes down what came of it:
#   tests/fuzz/run.sh SECONDS [TARGET…]
# New finds are kept under build/fuzz/finds; those that reach more code than the corpus does are merged into it (the
# smallest that do). A crash is left there as crash-*, and ends the run with 1. A line per target goes to stdout: target,
# seconds, executions, features and edges reached at the end, crashes.
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 2
[ $# -ge 1 ] || {
    echo "Usage: tests/fuzz/run.sh SECONDS [TARGET…]" >&2
    exit 2
}
seconds=$1
shift
programs=build/fuzz/tests/fuzz
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        name=$(basename "$source" .c)
        targets+=("${name#fuzz_}")
    done
fi

status=0
for target in "${targets[@]}"; do
    corpus=tests/fuzz/corpus/$target
    finds=build/fuzz/finds/$target
    mkdir -p "$corpus" "$finds"
    log=$finds.log
    nice -n 19 "$programs/fuzz_$target" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$finds/" "$finds" "$corpus" >"$log" 2>&1 || status=1
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    took=$(sed -n 's/^Done .* in \([0-9]*\) second.*/\1/p' "$log")
    reached=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -1)
    crashes=$(find "$finds" -name 'crash-*' -o -name 'timeout-*' -o -name 'oom-*' -o -name 'leak-*' | wc -l)
    echo "$target ${took:-?} ${executions:-?} ${reached:-?} crashes: $crashes"
done
exit $status
