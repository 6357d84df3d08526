//! The built binary: the library with the operating system under it.

use std::process::{Output, Stdio};

use bowline_cast::leash;
use tempfile::TempDir;

fn bowline(home: &TempDir, arguments: &[&str]) -> Output {
    let mut command = leash::bare_command(env!("CARGO_BIN_EXE_bowline"));
    command.env("BOWLINE_HOME", home.path().join("home")).stdin(Stdio::null());
    command.args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn version_prints_name_and_version_to_stdout() {
    let home = TempDir::new().unwrap();
    for flag in ["--version", "-V"] {
        let output = bowline(&home, &[flag]);
        assert_eq!(stdout(&output), format!("bowline {}\n", env!("CARGO_PKG_VERSION")));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn what_one_process_says_the_next_one_shows() {
    let home = TempDir::new().unwrap();
    stdout(&bowline(&home, &["init", "--user", "Ana"]));
    let id = stdout(&bowline(&home, &["chat", "new", "--title", "Groceries"]));
    stdout(&bowline(&home, &["chat", "say", id.trim(), "Buy milk"]));
    assert!(stdout(&bowline(&home, &["chat", "show", id.trim()])).contains("\n  Buy milk\n"));
}

#[test]
fn two_homes_are_two_devices() {
    let device = || {
        let home = TempDir::new().unwrap();
        stdout(&bowline(&home, &["init"]));
        let status: serde_json::Value =
            serde_json::from_str(&stdout(&bowline(&home, &["status", "--json"]))).unwrap();
        status["device"].as_str().unwrap().to_owned()
    };
    assert_ne!(device(), device(), "keys are drawn from the system's randomness");
}

#[test]
fn exit_codes_reach_the_shell() {
    let home = TempDir::new().unwrap();
    assert_eq!(bowline(&home, &["status"]).status.code(), Some(4));
    assert_eq!(bowline(&home, &["nonsense"]).status.code(), Some(2));
}

#[test]
#[cfg(unix)]
fn more_files_are_imported_than_may_be_open() {
    let home = TempDir::new().unwrap();
    stdout(&bowline(&home, &["init"]));
    for n in 0..100 {
        let line = format!("{{\"id\":\"{n}\",\"messages\":[{{\"text\":\"hello\"}}]}}\n");
        std::fs::write(home.path().join(format!("{n}.jsonl")), line).unwrap();
    }
    let script = format!("ulimit -n 60 && exec {} import jsonl *.jsonl", env!("CARGO_BIN_EXE_bowline"));
    let mut command = leash::bare_command("/bin/sh");
    command.current_dir(home.path()).env("BOWLINE_HOME", home.path().join("home"));
    let report = stdout(&command.args(["-c", &script]).stdin(Stdio::null()).output().unwrap());
    assert!(report.contains("100"), "{report}");
}
