//! A command that has run, with what it said.

use std::process::{ExitStatus, Output};

/// A command that has run.
#[derive(Debug)]
pub struct Ran {
    /// What the command answered on stdout.
    pub stdout: String,
    /// What the command said on stderr.
    pub stderr: String,
    /// How it ended.
    pub status: ExitStatus,
}

impl Ran {
    pub(super) fn of(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).expect("answers are UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("talk is UTF-8"),
            status: output.status,
        }
    }

    /// The answer of a command that succeeded.
    #[track_caller]
    pub fn answer(self) -> String {
        assert!(self.status.success(), "{}\n{}{}", self.status, self.stdout, self.stderr);
        self.stdout
    }
}
