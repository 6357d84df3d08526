#!/usr/bin/env bash
# Every check of the project in one command: format, lints, tests, documentation, dependencies.
# Needs a Rust toolchain and a C compiler; no network once cargo has fetched what Cargo.lock names. The second reader of the
# protocol takes two packages from PyPI, and is skipped where there is no Python or they cannot be had.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: bash tests/run.sh [--nightly]

  --nightly   more seeds in the simulated worlds, more killed processes, and lies of a relay that take minutes (sets BOWLINE_NIGHTLY=1)
  --help      this text

A check that fails stops the run. Whatever tests leave behind (processes, mounts, files) is named at its end, fails it and
is taken away. With CI=true nothing is compiled incrementally, and without debug info.
TEXT
}

while [ $# -gt 0 ]; do
    case "$1" in
        --nightly) export BOWLINE_NIGHTLY=1 ;;
        -h | --help) usage; exit 0 ;;
        *)
            printf "error: unknown argument '%s'\nhint: bash tests/run.sh --help lists what there is\n" "$1" >&2
            exit 2
            ;;
    esac
    shift
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A CI run builds once and throws its cache away, so incremental artefacts would only cost time and disk; and nobody steps
# through what it builds, while a panic says its line without debug info.
if [ "${CI:-}" = true ]; then export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0; fi

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# component NAME CARGO-SUBCOMMAND: present, or added with rustup.
component() {
    cargo "$2" --version >/dev/null 2>&1 && return
    command -v rustup >/dev/null 2>&1 ||
        fail "$1 is missing and there is no rustup to add it with; install $1 for this toolchain"
    rustup component add "$1" ||
        fail "$1 is missing and 'rustup component add $1' failed; add it by hand, then run this again"
}

toolchain() {
    command -v cargo >/dev/null 2>&1 || fail "cargo is not in PATH; install a Rust toolchain (https://rustup.rs)"
    command -v "${CC:-cc}" >/dev/null 2>&1 ||
        fail "no C compiler '${CC:-cc}' in PATH, and SQLite and zstd are compiled from C; install one or set CC"
    component rustfmt fmt
    component clippy clippy
    rustc --version
    cargo clippy --version
}

dependencies() {
    if cargo deny --version >/dev/null 2>&1; then
        # Advisories are left out: their database comes over the network and would make old commits fail.
        cargo deny --locked check --hide-inclusion-graph licenses bans sources
    else
        echo "skipped: cargo-deny is not installed (cargo install --locked cargo-deny), and building it takes longer than all checks"
    fi
}

source tests/steps.sh
begin
step "toolchain" toolchain
step "format" cargo fmt --all --check
step "clippy" cargo clippy --workspace --all-targets --locked -- -D warnings
step "build" cargo test --workspace --locked --no-run
step "tests" watched cargo test --workspace --locked -- --skip processes::
# By themselves and not captured: they measure, and say what they had to skip.
step "processes" watched cargo test --workspace --locked --test processes -- --nocapture
step "second reader" watched bash tests/reader/run.sh
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
step "dependencies" dependencies
