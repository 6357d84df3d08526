//! Runs the built `bowline` binary: it says its version, and refuses everything else with a hint.

#![allow(clippy::expect_used, reason = "a helper of tests may fail as loudly as they do")]

use std::process::{Command, Output};

fn bowline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bowline")).args(arguments).output().expect("the binary runs")
}

#[test]
fn version_prints_name_and_version_to_stdout() {
    for flag in ["--version", "-V"] {
        let output = bowline(&[flag]);
        assert!(output.status.success());
        assert_eq!(output.stdout, format!("bowline {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn anything_else_is_refused_on_stderr_with_a_hint_and_exit_code_2() {
    for arguments in [&[][..], &["chat", "list"], &["--version", "please"]] {
        let output = bowline(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let said = String::from_utf8(output.stderr).expect("the message is UTF-8");
        assert!(said.starts_with("error: ") && said.contains("\nhint: "), "{arguments:?}: {said}");
    }
}
