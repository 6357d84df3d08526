//! The demo, as somebody runs it who has nothing yet: it needs nothing, leaves nothing behind, and stays on this machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bowline_cast::leash;
use bowline_tests::processes::binary;
use tempfile::TempDir;

use super::offline::{has_strace, straced};

/// How long it may take: what a person waits for before they go away.
const AT_MOST: Duration = Duration::from_secs(20);

/// Runs `demo` of a program, in an environment of its own whose temporary folder and home are those below `folder`.
fn demo(mut program: Command, folder: &Path) -> Output {
    for name in ["temporary", "home"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    program.arg("demo").current_dir(folder).stdin(Stdio::null());
    program.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    program.env("TMPDIR", folder.join("temporary")).env("HOME", folder.join("home"));
    program.output().unwrap()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn a_demo_holds_what_it_promises_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let begun = Instant::now();
    let output = demo(leash::bare_command(binary("bowline")), folder.path());
    let (took, told) = (begun.elapsed(), String::from_utf8(output.stdout).unwrap());
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("\n  \u{2713} ") && !told.contains('\u{2717}'), "{told}");
    assert!(is_empty(&folder.path().join("temporary")) && is_empty(&folder.path().join("home")));
    println!("the demo took {} ms", took.as_millis());
    assert!(took < AT_MOST, "{took:?}");
}

/// The control: with sealing taken out, the same checks find what people wrote at the relay.
#[test]
fn without_sealing_the_demo_finds_what_people_wrote_at_the_relay() {
    let folder = TempDir::new().unwrap();
    let output = demo(leash::bare_command(binary("bowline-unsealed")), folder.path());
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(11), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let broken: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("  \u{2717} ")).collect();
    assert_eq!(broken.len(), 2, "{told}");
    assert!(broken[0].starts_with("Relay's files: ") && broken[1].starts_with("Relay's wire: "), "{told}");
    assert!(is_empty(&folder.path().join("temporary")));
}

#[test]
fn a_demo_connects_to_nothing_but_this_machine() {
    if !has_strace() {
        println!("skipped: strace is not installed here");
        return;
    }
    let folder = TempDir::new().unwrap();
    let trace = folder.path().join("trace");
    let output = demo(straced(&leash::command(binary("bowline")), &trace), folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls = fs::read_to_string(&trace).unwrap();
    let named = |call: &&str| call.contains("AF_INET") && !call.contains("socket(");
    let (here, elsewhere): (Vec<&str>, Vec<&str>) =
        calls.lines().filter(named).partition(|call| call.contains("127.0.0.1"));
    assert_eq!(elsewhere, Vec::<&str>::new());
    assert!(here.iter().any(|call| call.contains("connect(")), "the trace sees nothing");
}
