#!/usr/bin/env bash
# Counts what chat say, import and a cold sync of 1,000 conversations cost, in instructions under valgrind's callgrind.
# Counts hardly depend on how busy the machine is, so a figure from before a change can be held against one from after.
set -euo pipefail

CONVERSATIONS=1000 # what docs and issues speak of
MESSAGES=10        # in each conversation, about 400 bytes each: callgrind is 50 times slower than the processor
RUNS=3             # of each command, each on a home of its own
BIN=""
KEEP=""
ONLY=""

usage() {
    cat <<TEXT
usage: bash tests/count-instructions.sh [--bin DIR] [--runs N] [--messages M] [--only NAME] [--keep FILE]

  --bin DIR      count the programs bowline and bowline-relay in DIR [default: build this tree with --release]
  --runs N       how often each command is counted [default: $RUNS]
  --messages M   messages in each of the $CONVERSATIONS conversations [default: $MESSAGES]
  --only NAME    count one of: chat say, import jsonl, import openclaw, cold sync
  --keep FILE    keep callgrind's profiles as FILE.chat-say.1, FILE.import-jsonl.1 and so on
  --help         this text

Prints one line for each command: the least of its runs, and how far the runs are apart. A device that waits for the
relay indexes documents meanwhile, so a cold sync on a busy machine does more; compare the least of several runs.
Needs valgrind. With the messages that are the default it takes some minutes.
TEXT
}

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case "$1" in
        --bin) BIN="${2:?--bin needs a folder}"; shift ;;
        --runs) RUNS="${2:?--runs needs a number}"; shift ;;
        --messages) MESSAGES="${2:?--messages needs a number}"; shift ;;
        --only) ONLY="${2:?--only needs a name}"; shift ;;
        --keep) KEEP="${2:?--keep needs a name}"; shift ;;
        -h | --help) usage; exit 0 ;;
        *)
            printf "error: unknown argument '%s'\nhint: --help lists what there is\n" "$1" >&2
            exit 2
            ;;
    esac
    shift
done

command -v valgrind >/dev/null 2>&1 || fail "valgrind is not installed"
case "$KEEP" in "" | /*) ;; *) KEEP="$PWD/$KEEP" ;; esac
if [ -n "$BIN" ]; then
    BIN="$(cd "$BIN" && pwd)"
else
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    cargo build --release --locked --quiet
    BIN="${CARGO_TARGET_DIR:-$PWD/target}/release"
fi
[ -x "$BIN/bowline" ] && [ -x "$BIN/bowline-relay" ] || fail "no bowline and bowline-relay in $BIN"

WORK="$(mktemp -d)"
RELAY=""
clean_up() {
    if [ -n "$RELAY" ]; then kill "$RELAY" 2>/dev/null && wait "$RELAY" 2>/dev/null || true; fi
    rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# on HOME COMMAND...: runs bowline on a home, with nothing of this machine's environment.
on() {
    local home="$1"
    shift
    env -i HOME="$WORK" PATH="$PATH" "$BIN/bowline" --home "$WORK/$home" --quiet "$@" </dev/null
}

# count HOME PROFILE COMMAND...: the same under callgrind; prints how many instructions it took.
count() {
    local home="$1" profile="$2" log="$WORK/valgrind.log" counted
    shift 2
    env -i HOME="$WORK" PATH="$PATH" \
        valgrind --tool=callgrind --callgrind-out-file="$profile" --log-file="$log" \
        "$BIN/bowline" --home "$WORK/$home" --quiet "$@" </dev/null >"$WORK/answer" 2>"$WORK/complaint" ||
        { cat "$WORK/complaint" "$log" >&2; fail "bowline $1 failed"; }
    counted="$(sed -n 's/^==[0-9]*== Collected : \([0-9]*\).*/\1/p' "$log")"
    [ -n "$counted" ] || fail "valgrind counted nothing"
    printf '%s\n' "$counted"
}

# check HOME: fails unless all conversations are in it, since counting a command that did less would say nothing.
check() {
    local there
    there="$(on "$1" chat list --json | { grep -o '"title"' || true; } | wc -l)"
    [ "$there" -eq "$CONVERSATIONS" ] || fail "$1 has $there of $CONVERSATIONS conversations"
}

# A connection that was lost and made again, as happens when the machine is too busy, costs what another run does not.
check_connection() {
    [ -z "$RELAY" ] || [ "$(grep -c 'a session begins' "$WORK/relay.log")" -eq 1 ] ||
        fail "the connection was lost on the way: count again when the machine is less busy"
}

# report NAME: reads the counts of all runs, prints one line.
report() {
    sort -n | awk -v name="$1" '
        { count[NR] = $1 }
        END {
            printf "%-16s %15.0f instructions (least of %d, which are %.3f %% apart)\n", name, count[1], NR,
                100 * (count[NR] - count[1]) / count[1]
        }'
}

# measure NAME PREPARE COMMAND...: counts the command as often as was asked for, on the homes counted-1, counted-2 and so
# on. PREPARE makes the home it is given the name of.
measure() {
    local name="$1" prepare="$2" run profile=/dev/null
    shift 2
    [ -z "$ONLY" ] || [ "$ONLY" = "$name" ] || return 0
    # No pipe: a relay that PREPARE starts has to be known here.
    for run in $(seq "$RUNS"); do
        [ -z "$KEEP" ] || profile="$KEEP.${name// /-}.$run"
        "$prepare" "counted-$run" >/dev/null
        count "counted-$run" "$profile" "$@"
        check_connection
        check "counted-$run"
        rm -rf "$WORK/counted-$run"
    done >"$WORK/counts"
    report "$name" <"$WORK/counts"
}

# The conversations, the same on every machine: once as one file with a conversation in each line, once as an OpenClaw
# home with a session in each file. Words of two to eight letters from a generator of its own, often used ones short.
write_sources() {
    local sessions="$WORK/openclaw/agents/main/sessions"
    mkdir -p "$sessions"
    printf '{}\n' >"$WORK/openclaw/openclaw.json"
    awk -v conversations="$CONVERSATIONS" -v messages="$MESSAGES" -v lines="$WORK/source.jsonl" -v folder="$sessions" '
        function below(n) { state = (state * 16807) % 2147483647; return int(state / 2147483647 * n) }
        function text(length_wanted,    t) {
            t = word[below(400)]
            while (length(t) < length_wanted) t = t " " word[below(20 + below(3980))]
            return t
        }
        BEGIN {
            state = 20260101
            for (i = 0; i < 4000; i++) {
                w = ""
                for (k = 0; k <= i / 1000; k++)
                    w = w substr("bcdfghklmnprstvw", 1 + below(16), 1) substr("aeiou", 1 + below(5), 1)
                word[i] = w
            }
            index_file = folder "/sessions.json"
            for (c = 0; c < conversations; c++) {
                id = sprintf("%08x-0000-4000-8000-%012x", c, c)
                file = folder "/" id ".jsonl"
                at = sprintf("2026-01-%02dT%02d:%02d", 1 + c % 28, int(c / 28) % 24, int(c / 672) % 60)
                printf "%s\n\"agent:main:c%d\":{\"sessionId\":\"%s\",\"updatedAt\":%.0f}", c ? "," : "{", c, id, \
                    1767225600000 + c * 60000 >index_file
                printf "{\"type\":\"session\",\"version\":3,\"id\":\"%s\",\"timestamp\":\"%s:00.000Z\",\"cwd\":\"/w\"}\n", \
                    id, at >file
                printf "{\"id\":\"%s\",\"title\":\"Conversation %d\",\"messages\":[", id, c >lines
                before = "null"
                for (m = 0; m < messages; m++) {
                    role = m % 2 ? "assistant" : "user"
                    said = text(300 + below(200))
                    printf "%s{\"role\":\"%s\",\"content\":\"%s\"}", m ? "," : "", role, said >lines
                    printf "{\"type\":\"message\",\"id\":\"%08x\",\"parentId\":%s,\"timestamp\":\"%s:%02d.%03dZ\",", \
                        m + 1, before, at, m % 60, m % 1000 >file
                    printf "\"message\":{\"role\":\"%s\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}}\n", role, said >file
                    before = sprintf("\"%08x\"", m + 1)
                }
                print "]}" >lines
                close(file)
            }
            print "}" >index_file
        }'
}

empty_home() { on "$1" init --user Ana --device counted; }
full_home() { cp -r "$WORK/author" "$WORK/$1"; }

write_sources
empty_home author >/dev/null
on author import jsonl "$WORK/source.jsonl" >/dev/null

measure "chat say" full_home chat say "Conversation 500" "One more line."
measure "import jsonl" empty_home import jsonl "$WORK/source.jsonl"
measure "import openclaw" empty_home import openclaw "$WORK/openclaw"

[ -z "$ONLY" ] || [ "$ONLY" = "cold sync" ] || exit 0

# start_relay LISTEN: serves $WORK/relay; its address is in $WORK/address then. Without TLS: what it costs is not ours.
start_relay() {
    rm -f "$WORK/address"
    "$BIN/bowline-relay" serve --data "$WORK/relay" --listen "$1" --tls off >"$WORK/address" 2>"$WORK/relay.log" &
    RELAY=$!
    while [ ! -s "$WORK/address" ]; do
        kill -0 "$RELAY" 2>/dev/null || { cat "$WORK/relay.log" >&2; fail "the relay ended"; }
        sleep 0.1
    done
}

stop_relay() {
    kill "$RELAY"
    wait "$RELAY" || true
    RELAY=""
}

# Each run begins with the same relay and the same newcomer: a device that joined while the workspace was empty, since one
# that joins later takes what is there while it joins.
start_relay 127.0.0.1:0
LISTEN="$(sed 's|^[a-z]*://\([^#/]*\).*|\1|' "$WORK/address")"
on author workspace create --relay "$(cat "$WORK/address")" >/dev/null
empty_home newcomer >/dev/null
on newcomer join "$(on author device link)" --yes >/dev/null
# Until both have said what they are called: who does that when is left to chance.
for settle in newcomer author newcomer; do on "$settle" sync >/dev/null; done
on author share --all --yes >/dev/null
on author sync >/dev/null
stop_relay
mv "$WORK/relay" "$WORK/relay-before"
newcomer() {
    [ -z "$RELAY" ] || stop_relay
    rm -rf "$WORK/relay"
    cp -r "$WORK/relay-before" "$WORK/relay"
    cp -r "$WORK/newcomer" "$WORK/$1"
    start_relay "$LISTEN"
}
measure "cold sync" newcomer sync
