#!/bin/bash
# The demo as a test: `deploy/demo --once` tells its story to the end, and nothing of it is left.
set -uo pipefail
root=$(realpath "$(dirname "$0")/../..")

if [[ $EUID -ne 0 ]]; then
    echo "this test makes network namespaces, so it must run as root" >&2
    [[ -z ${CI:-} ]] || exit 1
    exit 77
fi
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
"$root/deploy/demo" --once --no-install || exit 1
left=$(ls -A "$TMPDIR")
[[ -z $left ]] || { echo "left behind: $left"; exit 1; }
