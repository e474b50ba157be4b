#!/bin/sh
# Runs one libFuzzer target for VALISE_FUZZ_SECONDS (20), from the committed corpus and what earlier runs added to it:
#     run.sh TARGET BUILD-FOLDER [LIBFUZZER-OPTION…]
# A finding is left in BUILD-FOLDER/findings; a named copy of it belongs into the corpus, with the change that cures it.
set -eu
target=$1
build=$2
shift 2
name=$(basename "$target")
mkdir -p "$build/findings" "$build/corpus/$name"
exec "$target" -max_total_time="${VALISE_FUZZ_SECONDS:-20}" -timeout=60 -rss_limit_mb=2048 -verbosity=0 \
  -print_final_stats=1 -artifact_prefix="$build/findings/$name-" "$@" \
  "$build/corpus/$name" "$(dirname "$0")/corpus/${name#fuzz_}"
