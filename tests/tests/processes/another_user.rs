//! Homes and folders that another user was in, and disks that keep no permissions.

use std::process::{Output, Stdio};

use bowline_cast::leash;
use bowline_tests::processes::path;
use tempfile::TempDir;

/// Runs a script as root in a fence of its own, beside a home folder of user 1234; `None` where that is not possible.
fn as_root(needed: &str, script: &str) -> Option<(TempDir, Output)> {
    let folder = TempDir::new().unwrap();
    let theirs = folder.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    let can = std::os::unix::fs::chown(&theirs, Some(1234), Some(1234)).is_ok();
    let fence = if can { leash::fenced(&["--mount"], &["bash", "-c", needed]) } else { None };
    let Some(mut bash) = fence else {
        println!("skipped: this takes root, and `{needed}`");
        return None;
    };
    // What is above the folder may be closed to the other user, so the script sees it under /mnt.
    let beginning = r#"
        theirs() { setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; }
        chmod 755 . && mount --bind . /mnt && cd /mnt || exit
    "#;
    bash.args(["bash", "-uc", &format!("{beginning}{script}")]).current_dir(folder.path());
    let output = bash.stdin(Stdio::null()).env("PATH", path()).env("HOME", "/mnt/theirs").output();
    Some((folder, output.unwrap()))
}

#[test]
fn a_user_goes_on_after_root_was_in_their_home_and_others_are_told_that_they_may_not_look() {
    let script = r#"{
        user() { theirs 1234 bowline "$@"; }
        user -q init --user Ana --device box >/dev/null
        user -q chat new --title T >/dev/null
        bowline -q chat say T "by root"
        rm -f theirs/.bowline/{open,sync,import}.lock theirs/.bowline/wake
        # As versions before this one left them.
        (umask 077; touch theirs/.bowline/{open,sync,import}.lock theirs/.bowline/wake; mkdir theirs/.bowline/log)
        user -q chat say T "by the user"
        echo "said $?"
        user sync >/dev/null 2>answer
        grep -c "in no workspace" answer
        user chat show T | grep -c "by "
        theirs 4321 bowline status 2>&1
        echo "exit $?"
        rm theirs/.bowline/sync.lock
        (umask 077; touch theirs/.bowline/sync.lock)
        exec 8>theirs/.bowline/sync.lock
        flock 8
        user -q chat say T "beside roots lock"
        echo "said $?"
        test -O theirs/.bowline/sync.lock && echo "roots lock stays"
    }"#;
    let Some((_folder, output)) = as_root("setpriv --reuid 1234 true && command -v flock", script) else {
        return;
    };
    let answers = String::from_utf8(output.stdout).unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = answers.lines().collect();
    assert_eq!(lines[..3], ["said 0", "1", "2"], "{answers}{talk}");
    assert!(lines[3].contains("may not be read by this user"), "{answers}{talk}");
    assert!(answers.ends_with("exit 3\nsaid 0\nroots lock stays\n"), "{answers}{talk}");
}

#[test]
fn a_disk_that_keeps_no_permissions_is_named_and_nothing_is_left_on_it() {
    let script = r#"{
        mkdir below disk
        bindfs --perms=0777 --chmod-ignore --chown-ignore below disk
        bowline --home disk/home init --user Ana --device laptop 2>&1
        echo "exit $?"
        bowline-relay serve --data disk/relay --listen 127.0.0.1:0 2>&1
        echo "exit $?"
        ls -A below
        echo "== a home that was copied there"
        bowline --home home init --user Ana --device laptop -q
        cp -r home disk/copied
        bowline --home disk/copied status 2>&1
        fusermount -u disk
    }"#;
    let Some((_folder, output)) = as_root("command -v bindfs fusermount && test -w /dev/fuse", script) else {
        return;
    };
    let answers = String::from_utf8(output.stdout).unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    let (made, copied) = answers.split_once("== a home that was copied there\n").unwrap();
    assert_eq!(made.matches("does not keep who may read a file").count(), 2, "{answers}{talk}");
    assert!(made.contains("--home") && made.contains("--data") && !made.contains("chmod"), "{answers}{talk}");
    assert!(made.ends_with("exit 3\n"), "nothing is left: {answers}{talk}");
    assert!(
        copied.contains("does not keep who may read a file") && !copied.contains("chmod"),
        "{answers}{talk}"
    );
}
