#!/usr/bin/env bash
# Runs the second reader: over the golden vectors, and over a workspace that the built programs make. It says why and skips
# where there is no Python, or where its two packages cannot be had. To be run once the programs are built for tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

target="${CARGO_TARGET_DIR:-target}"
venv="$target/reader-venv"

# Seconds that a package index may take to answer.
PATIENCE=10

skip() {
    printf 'skipped: %s\n' "$1"
    exit 0
}

# Python in the reader's own environment; nothing is compiled into the working tree.
reader() {
    "$venv/bin/python3" -B "$@"
}

has_packages() {
    [ -x "$venv/bin/python3" ] && reader -c 'import cryptography, zstandard' 2>/dev/null
}

command -v python3 >/dev/null 2>&1 || skip "there is no python3 here"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || skip "python3 is older than 3.10"
if ! has_packages; then
    said=$(python3 -m venv "$venv" 2>&1) || skip "python3 cannot make an environment: $(tail -n 1 <<<"$said")"
    said=$(reader -m pip install --quiet --disable-pip-version-check --timeout "$PATIENCE" --retries 1 \
        --requirement tests/reader/requirements.txt 2>&1) ||
        skip "the packages in tests/reader/requirements.txt cannot be had: $(tail -n 1 <<<"$said")"
    has_packages || skip "the packages in tests/reader/requirements.txt do not work here"
fi
reader tests/reader vectors
reader tests/reader fixture "$target/debug"
