//! That the leash holds: processes that would go on for minutes end with whoever started them, however that one ends.
//!
//! The tests wait for such a process, or for the end of a pipe that it holds open, so they would wait as long as it lives.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests may fail loudly, in their own functions too"
)]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bowline_cast::leash;

/// How long the processes last that are to end earlier, in seconds.
const LASTS: &str = "120";

/// By when they have to have ended: far later than they do, and far earlier than they would by themselves.
const SOON: Duration = Duration::from_mins(1);

/// The signal that nobody can ignore.
const KILL: i32 = 9;

/// Says to a process of this test's own how it is to start what lasts.
const HOW: &str = "BOWLINE_LEASH_TEST";

fn has_leash() -> bool {
    let has = leash::command("true").get_program() != "true";
    if !has {
        println!("skipped: this system has no setpriv that ends a process with the one that started it");
    }
    has
}

/// A fence with a shell in it that starts what lasts, and then runs `more`.
fn fenced(more: &str) -> Option<Command> {
    let mut fence = leash::fenced(&[], &["true"])?;
    fence.args(["sh", "-c", &format!("sleep {LASTS} & {more}")]);
    Some(fence)
}

/// What lasts, and says itself that it has started: before that it may not be on the leash yet.
fn lasting() -> Command {
    let mut lasting = leash::command("sh");
    lasting.args(["-c", &format!("echo; echo started; exec sleep {LASTS}")]);
    lasting
}

fn wait_for_start(told: &mut impl BufRead) {
    let mut line = String::new();
    while line != "started\n" {
        line.clear();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "it has ended before it said that it has started");
    }
}

/// One of this file's ignored tests, in a process of its own.
fn inner(test: &str) -> Command {
    let mut command = leash::command(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).stdin(Stdio::null());
    command
}

#[test]
fn a_process_ends_with_a_test_that_panics() {
    if !has_leash() {
        return;
    }
    let begun = Instant::now();
    let (started, starts) = std::sync::mpsc::channel::<Child>();
    let test = std::thread::spawn(move || {
        let mut lasting = lasting().stdout(Stdio::piped()).spawn().unwrap();
        wait_for_start(&mut BufReader::new(lasting.stdout.take().unwrap()));
        started.send(lasting).unwrap();
        // As a test that fails: without the noise of a panic.
        std::panic::resume_unwind(Box::new("failed"));
    });
    assert!(test.join().is_err());
    let status = starts.recv().unwrap().wait().unwrap();
    assert_eq!(status.signal(), Some(KILL), "{status}");
    assert!(begun.elapsed() < SOON);
}

#[test]
fn processes_end_with_a_test_that_is_killed() {
    for how in ["leashed", "fenced"] {
        if !has_leash() || (how == "fenced" && fenced("").is_none()) {
            println!("skipped: {how}");
            continue;
        }
        let begun = Instant::now();
        let mut test = inner("the_test_that_is_killed").env(HOW, how).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(test.stdout.take().unwrap());
        wait_for_start(&mut told);
        test.kill().unwrap();
        test.wait().unwrap();
        told.read_to_string(&mut String::new()).unwrap();
        assert!(begun.elapsed() < SOON, "{how}");
    }
}

#[test]
#[ignore = "runs, and dies, inside processes_end_with_a_test_that_is_killed"]
fn the_test_that_is_killed() {
    let how = std::env::var(HOW).unwrap();
    if how == "fenced" {
        fenced("echo; echo started; wait").unwrap().status().unwrap();
    } else {
        lasting().status().unwrap();
    }
}

#[test]
fn what_a_fenced_program_leaves_running_ends_with_it() {
    let Some(mut fence) = fenced("echo started") else {
        println!("skipped: this system does not let a test make namespaces");
        return;
    };
    let begun = Instant::now();
    let output = fence.output().unwrap();
    assert!(output.status.success() && output.stdout == b"started\n", "{output:?}");
    assert!(begun.elapsed() < SOON);
}

#[test]
fn of_the_environment_only_what_names_the_run_is_passed_on() {
    let mut test = inner("a_bare_command_tells_its_environment");
    test.env("BOWLINE_TEST_RUN", "this run").env("TMPDIR", "/its/files").env("BOWLINE_HOME", "somebody's");
    let told = String::from_utf8(test.output().unwrap().stdout).unwrap();
    let variables: Vec<&str> = told.lines().filter(|line| line.contains('=')).collect();
    assert_eq!(variables, ["BOWLINE_TEST_RUN=this run", "TMPDIR=/its/files"]);
}

#[test]
#[ignore = "runs inside of_the_environment_only_what_names_the_run_is_passed_on"]
fn a_bare_command_tells_its_environment() {
    println!();
    assert!(leash::bare_command("env").status().unwrap().success());
}
