# Runs checks one after the other, each under a headline, and then looks for what they have left behind.
# To be sourced by a script with `set -euo pipefail`, which calls `begin` once and `step` for each check.

# The last check. It runs however those before it have ended.
LAST="nothing left behind"

# How many times to look for processes, 0.1 s apart: one that was just killed takes a moment to go.
LOOKS=20

# How many of the files that are left are named.
NAMED=20

current=""     # the step that is running
started=0      # when it began, in this script's seconds
job=""         # its process group
interrupted="" # set by a signal
run=""         # this run's folder, whose path is the mark of its processes as well
tree_before="" # what differed in the working tree when the run began

begin() {
    run=$(mktemp -d "${TMPDIR:-/tmp}/bowline-run.XXXXXX")
    run=$(cd "$run" && pwd -P)
    tree_before=$(working_tree)
    trap finish EXIT
    trap 'interrupted=1; exit 129' HUP
    trap 'interrupted=1; exit 130' INT
    trap 'interrupted=1; exit 143' TERM
    # Nobody reads any more what is printed here.
    trap 'interrupted=1; exit 141' PIPE
}

# step HEADLINE COMMAND...: runs one check under its headline and prints how long it took.
step() {
    headline "$1"
    shift
    # In a process group of its own, which can be ended whole; in the background, because a signal interrupts a wait alone.
    set -m
    "$@" </dev/null &
    job=$!
    set +m
    wait "$job"
    job=""
    seconds
    current=""
}

# watched COMMAND...: runs a command so that what it leaves is found. Its temporary files lie in the run's folder, and all
# that it starts carries the run's mark. Not for compiling: a compiler cache that it starts may stay.
watched() {
    TMPDIR="$run" BOWLINE_TEST_RUN="$run" "$@"
}

headline() {
    current="$1"
    started=$SECONDS
    printf '\n== %s\n' "$current"
}

seconds() {
    printf -- '-- %d s\n' $((SECONDS - started))
}

# Says how the run went, since cargo's own last lines may not. The first failure has the last word, and the exit code.
finish() {
    local status=$? failed="$current" after=$((SECONDS - started)) found
    trap - EXIT
    trap '' HUP INT TERM PIPE
    set +e +o pipefail
    if [ -n "$interrupted" ]; then
        interrupt
        printf '\nINTERRUPTED: %s (after %d s; %d s in total)\n' "$failed" "$after" "$SECONDS" >&2
        exit "$status"
    fi
    headline "$LAST"
    found=$(left_processes; left_mounts; left_files; left_changes)
    clean
    if [ -n "$found" ]; then printf '%s\n' "$found"; fi
    seconds
    if [ -n "$found" ]; then
        printf '\nFAILED: %s (%d s in total)\n' "$LAST" "$SECONDS" >&2
        if [ "$status" -eq 0 ]; then status=1; fi
    fi
    if [ -n "$failed" ]; then
        printf '\nFAILED: %s (after %d s; %d s in total)\n' "$failed" "$after" "$SECONDS" >&2
    elif [ "$status" -eq 0 ]; then
        printf '\nAll checks passed in %d s.\n' "$SECONDS"
    fi
    exit "$status"
}

# Ends the step that is running. Nothing is said of what it leaves: it had no time to take anything away.
interrupt() {
    if [ -n "$job" ]; then
        kill -TERM -- "-$job"
        wait "$job"
    fi 2>/dev/null
    clean
}

# Takes away all that is left of this run but what has changed in the working tree, which may be a person's doing.
clean() {
    local pids looks=0 point
    while pids=$(processes) && [ -n "$pids" ] && [ $((looks += 1)) -le "$LOOKS" ]; do
        # Split into words on purpose: one for each process.
        kill -KILL $pids 2>/dev/null
        sleep 0.1
    done
    mounts | while read -r point; do umount "$point"; done
    if [ -n "$(mounts)" ]; then
        printf 'error: %s stays, because something is mounted in it\n' "$run" >&2
    else
        rm -rf "$run"
    fi
}

left_processes() {
    local pids pid looks=0
    if [ ! -r /proc/self/environ ]; then
        printf 'skipped: this system has no /proc to find processes by their environment in\n' >&2
        return
    fi
    while pids=$(processes) && [ -n "$pids" ] && [ $((looks += 1)) -lt "$LOOKS" ]; do sleep 0.1; done
    for pid in $pids; do
        printf 'process %s goes on running: %s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
    done
}

left_mounts() {
    if [ -r /proc/mounts ]; then
        mounts | sed 's/^/mounted: /'
    else
        printf 'skipped: this system has no /proc/mounts to find mounts in\n' >&2
    fi
}

left_files() {
    find "$run" -xdev -mindepth 1 |
        awk -v most="$NAMED" 'NR <= most { print "left: " $0 } END { if (NR > most) print "left: " NR - most " more" }'
}

left_changes() {
    comm -13 <(printf '%s\n' "$tree_before") <(working_tree) | sed 's/^/changed in the working tree: /'
}

# The processes that carry this run's mark, by number.
processes() {
    grep -lzxF "BOWLINE_TEST_RUN=$run" /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n'
}

# What is mounted below this run's folder.
mounts() {
    local point
    if [ ! -r /proc/mounts ]; then return; fi
    while read -r _ point _; do
        # A blank in a path is written \040 there.
        printf -v point '%b' "$point"
        case "$point" in "$run"/*) printf '%s\n' "$point" ;; esac
    done </proc/mounts
}

# What git sees in the working tree that is not committed, empty folders as well; sorted.
working_tree() {
    if ! ours_git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        printf 'skipped: git does not know this folder, so files left in it are not seen\n' >&2
        return
    fi
    {
        ours_git status --porcelain --untracked-files=all
        ours_git ls-files --others --directory --exclude-standard | sed -n 's,.*/$,?? &,p'
    } | sort
}

# A checkout owned by another user (a container's volume) is still this checkout.
ours_git() {
    git -c safe.directory='*' "$@"
}
