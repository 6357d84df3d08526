//! A disk that is full, and one that may not be written: on file systems of their own, where this system lets a test make
//! some.

use std::process::{Output, Stdio};

use bowline_cast::leash;
use bowline_tests::processes::path;
use tempfile::TempDir;

/// Runs a script in `bash` with a small file system mounted at `disk`, beside it; `None` where that is not possible.
/// The mount and all processes are gone when it returns.
fn on_a_small_disk(script: &str) -> Option<(TempDir, Output)> {
    let folder = TempDir::new().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none"];
    let Some(mut bash) = leash::fenced(&["--mount"], &[&mount[..], &[disk.to_str().unwrap()]].concat())
    else {
        println!("skipped: this system does not let a test mount a file system of its own");
        return None;
    };
    let script = format!("{} disk && {script}", mount.join(" "));
    bash.args(["bash", "-uc", &script]).stdin(Stdio::null()).current_dir(folder.path());
    let output = bash.env("PATH", path()).env("BOWLINE_HOME", "disk/home").output().unwrap();
    Some((folder, output))
}

/// What came after a line in the script's answer.
fn after<'a>(answers: &'a str, line: &str) -> Vec<&'a str> {
    answers
        .lines()
        .skip_while(|found| *found != line)
        .skip(1)
        .take_while(|found| !found.starts_with("=="))
        .collect()
}

#[test]
fn a_full_disk_is_named_and_what_was_said_before_and_after_is_there() {
    let script = r#"{
        bowline init --user Ana --device laptop -q
        id=$(bowline chat new --title shared -q)
        bowline chat say "$id" "before it was full" -q
        head -c 16m /dev/zero > disk/filler 2> /dev/null
        echo "== full"
        long=$(head -c 100000 /dev/zero | tr '\0' x)
        bowline chat say "$id" "$long" 2>&1
        echo "exit $?"
        rm disk/filler
        bowline chat say "$id" "after there was room" -q
        echo "== said"
        bowline chat export "$id" | grep -o '"text":"[^"]*"'
    }"#;
    let Some((_folder, output)) = on_a_small_disk(script) else {
        return;
    };
    let answers = String::from_utf8(output.stdout).unwrap();
    let full = after(&answers, "== full").join("\n");
    assert!(full.contains("Error: ") && full.contains("Hint: "), "{answers}");
    assert!(full.contains("disk is full") || full.contains("no space"), "{answers}");
    assert!(full.ends_with("exit 3"), "the environment's fault: {answers}");
    let said = after(&answers, "== said");
    assert_eq!(said, ["\"text\":\"before it was full\"", "\"text\":\"after there was room\""], "{answers}");
}

#[test]
fn a_home_that_may_not_be_written_is_named_and_can_still_be_read_or_says_why_not() {
    let script = r#"{
        bowline init --user Ana --device laptop -q
        id=$(bowline chat new --title shared -q)
        bowline chat say "$id" "before it was locked" -q
        mount -o remount,ro disk
        echo "== locked"
        bowline chat say "$id" "lost?" 2>&1
        echo "exit $?"
        mount -o remount,rw disk
        echo "== said"
        bowline chat export "$id" | grep -o '"text":"[^"]*"'
    }"#;
    let Some((_folder, output)) = on_a_small_disk(script) else {
        return;
    };
    let answers = String::from_utf8(output.stdout).unwrap();
    let locked = after(&answers, "== locked").join("\n");
    assert!(locked.contains("Error: ") && locked.contains("Hint: "), "{answers}");
    assert!(locked.ends_with("exit 3"), "the environment's fault: {answers}");
    assert_eq!(after(&answers, "== said"), ["\"text\":\"before it was locked\""], "{answers}");
}

#[test]
fn a_watch_on_a_full_disk_goes_on_when_there_is_room() {
    let script = r#"{
        read -r address < <(bowline-relay serve --data relay --listen 127.0.0.1:0 2> /dev/null)
        laptop() { bowline --home laptop "$@" -q; }
        desktop() { bowline --home disk/home "$@" -q; }
        until_it_is() { for _ in $(seq 300); do "$@" && return; sleep 0.1; done; echo "never: $*"; }
        laptop init --user Ana --device laptop
        laptop workspace create --relay "$address"
        id=$(laptop chat new --title shared)
        code=$(laptop device link)
        desktop init --user Ana --device desktop
        desktop join "$code" --yes
        bowline --home disk/home sync --watch 2> watch.log &
        watch=$!
        until_it_is grep -q ": connected" watch.log
        head -c 16m /dev/zero > disk/filler 2> /dev/null
        head -c 400000 /dev/urandom | base64 -w 0 | laptop chat say "$id" -
        laptop chat say "$id" "the last word"
        laptop sync
        until_it_is grep -q "tried again" watch.log
        rm disk/filler
        has_it() { desktop chat export "$id" 2> /dev/null | grep -q "the last word"; }
        until_it_is has_it
        echo "== still there"
        kill -0 "$watch" && echo "watching"
        kill "$watch"
        wait "$watch"
        echo "exit $?"
    }"#;
    let Some((folder, output)) = on_a_small_disk(script) else {
        return;
    };
    let answers = String::from_utf8(output.stdout).unwrap();
    let log = std::fs::read_to_string(folder.path().join("watch.log")).unwrap_or_default();
    assert!(!answers.contains("never: "), "{answers}{log}");
    assert_eq!(after(&answers, "== still there"), ["watching", "exit 0"], "{answers}{log}");
}

#[test]
fn a_relay_on_a_full_disk_loses_nothing_and_goes_on_when_there_is_room() {
    let script = r#"{
        read -r address < <(bowline-relay serve --data disk/relay --listen 127.0.0.1:0 2> /dev/null)
        export BOWLINE_HOME=home
        bowline init --user Ana --device laptop -q
        bowline workspace create --relay "$address" -q
        id=$(bowline chat new --title shared -q)
        bowline chat say "$id" "before it was full" -q
        bowline sync -q
        head -c 16m /dev/zero > disk/filler 2> /dev/null
        head -c 200000 /dev/urandom | base64 -w 0 | bowline chat say "$id" - -q
        echo "== full"
        bowline sync 2>&1
        echo "exit $?"
        rm disk/filler
        echo "== room"
        bowline sync 2>&1
        echo "exit $?"
    }"#;
    let Some((_folder, output)) = on_a_small_disk(script) else {
        return;
    };
    let answers = String::from_utf8(output.stdout).unwrap();
    let full = after(&answers, "== full").join("\n");
    assert!(full.contains("Error: ") && full.contains("Hint: "), "{answers}");
    assert!(!full.ends_with("exit 0"), "{answers}");
    let room = after(&answers, "== room").join("\n");
    assert!(room.contains("everything is on the relay") && room.ends_with("exit 0"), "{answers}");
}

#[test]
fn a_relay_whose_log_is_on_the_full_disk_says_that_it_cannot_store_and_goes_on() {
    let script = r#"{
        serve() { bowline-relay serve --data disk/relay --listen 127.0.0.1:0 --tls off >"$1" 2>>disk/relay.log & relay=$!; }
        until_it_is() { for _ in $(seq 300); do "$@" && return; sleep 0.1; done; echo "never: $*"; }
        is_ready() { readyz | head -n 1 | grep -q " 200 "; }
        readyz() {
            exec 3<>"/dev/tcp/127.0.0.1/$port"
            printf 'GET /readyz HTTP/1.1\r\nHost: relay\r\n\r\n' >&3
            cat <&3
        }
        serve address
        until_it_is test -s address
        port=$(sed 's/.*127.0.0.1:\([0-9]*\).*/\1/' address)
        export BOWLINE_HOME=home
        bowline init --user Ana --device laptop -q
        bowline workspace create --relay "$(cat address)" -q
        id=$(bowline chat new --title shared -q)
        bowline sync -q
        until_it_is is_ready
        head -c 16m /dev/zero > disk/filler 2> /dev/null
        while printf x 2> /dev/null >> disk/filler; do :; done
        sleep 1.1
        echo "== full"
        readyz | tr -d '\r'
        head -c 200000 /dev/urandom | base64 -w 0 | bowline chat say "$id" - -q
        for _ in 1 2 3; do bowline sync > answer 2>&1; code=$?; done
        cat answer
        echo "exit $code"
        rm disk/filler
        until_it_is is_ready
        echo "== room"
        bowline sync 2>&1
        echo "exit $?"
        kill "$relay" && wait "$relay"
        echo "relay $?"
    }"#;
    let Some((_folder, output)) = on_a_small_disk(script) else {
        return;
    };
    let answers = String::from_utf8(output.stdout).unwrap();
    assert!(!answers.contains("never: "), "{answers}");
    let full = after(&answers, "== full").join("\n");
    assert!(full.starts_with("HTTP/1.1 503 ") && full.contains("no space left on the disk"), "{answers}");
    assert!(full.contains("cannot store anything right now") && full.ends_with("exit 6"), "{answers}");
    let room = after(&answers, "== room").join("\n");
    assert!(room.contains("everything is on the relay") && room.ends_with("exit 0\nrelay 0"), "{answers}");
}

#[test]
fn a_watch_whose_log_goes_nowhere_syncs() {
    let script = r#"{
        read -r address < <(bowline-relay serve --data relay --listen 127.0.0.1:0 2> /dev/null)
        until_it_is() { for _ in $(seq 300); do "$@" && return; sleep 0.1; done; echo "never: $*"; }
        laptop() { bowline --home laptop "$@" -q; }
        laptop init --user Ana --device laptop
        laptop workspace create --relay "$address"
        id=$(laptop chat new --title shared)
        touch laptop/log
        bowline --home laptop sync --watch 2> /dev/full &
        watch=$!
        is_up() { bowline --home laptop status | grep -q "Connected"; }
        until_it_is is_up
        bowline --home laptop chat say "$id" "a word" 2>&1
        kill "$watch" && wait "$watch"
        echo "watch $?"
        bowline --home laptop sync
    }"#;
    let Some((_folder, output)) = on_a_small_disk(script) else {
        return;
    };
    let answers = String::from_utf8(output.stdout).unwrap();
    assert!(!answers.contains("never: ") && answers.contains("watch 0\n"), "{answers}");
    assert!(answers.contains("on its way"), "{answers}");
}
