//! What a person is told when a command did not do what was asked: one sentence, what it comes from, what to do now,
//! and an exit code for scripts. The one place that turns the engine's errors into that.

mod device;
mod line;
mod quarantine;

use std::error::Error as StdError;
use std::fmt;
use std::io;

pub(crate) use line::{join_failed, line_failed, no_connection, not_ready, relay_says, void};
pub(crate) use quarantine::put_aside;

/// Whose fault it is. The number is the exit code, which scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Bug = 1,
    /// The person's: arguments that mean nothing, or a step that is not possible.
    Misuse = 2,
    /// The machine's: disk, permissions.
    Environment = 3,
    /// The home's: damaged, of a newer version, of another key.
    Home = 4,
    /// The network's: the relay was not reached, or is not the right one.
    Network = 5,
    /// The relay or a peer has said no.
    Refused = 6,
    /// Nothing, or more than one thing, is called like that.
    NotFound = 7,
    /// A question has to be answered with yes, and was not.
    Unconfirmed = 8,
    /// Another process is in the way.
    Busy = 9,
    /// Something could not be imported or exported: the rest is done.
    Partial = 10,
    /// The demo's: a check did not hold, or it could not be brought to its end.
    Demo = 11,
    /// The person has stopped it. As shells number an interrupt.
    Interrupted = 130,
}

/// The exit codes, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a bug in Bowline, or output that nobody took
  2  misuse: wrong arguments, or a step that is not possible
  3  this machine: disk full, no permission
  4  this home: missing, damaged, of a newer version, or of another key
  5  the relay was not reached, or is not the right one
  6  the relay refused: code used or expired, full, other version
  7  not found, or more than one thing has that id
  8  needs confirmation: run it again with --yes
  9  another process is in the way
 10  done but in part: something could not be imported or exported
 11  the demo: a check did not hold
130  interrupted";

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct CommandError {
    /// Whose fault it is.
    pub kind: Kind,
    /// What happened, as one sentence without a full stop.
    pub message: String,
    /// What it comes from, from near to far.
    pub causes: Vec<String>,
    /// What to do now.
    pub hints: Vec<String>,
}

impl CommandError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// With `error`, and everything below it, as causes.
    pub(crate) fn because(mut self, error: &dyn StdError) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let cause = error.to_string();
            // Wrappers say what is below them once more.
            let is_told = self.causes.iter().chain([&self.message]).any(|told| told.contains(&cause));
            if !is_told {
                self.causes.push(cause);
            }
            next = error.source();
        }
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A file that a person named could not be read or written.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let message = format!("{what} {} failed", crate::text::OneLine(&path.display().to_string()));
        Self::new(Kind::Environment, message).because(error)
    }

    /// Nobody took what was printed.
    pub(crate) fn output(error: &io::Error) -> Self {
        Self::new(Kind::Bug, "The output could not be written").because(error)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What to do about a home that cannot be read.
const RESTORE: &str =
    "nothing was changed: put back the home from a backup, or keep it aside and begin a new one";

/// What to do about our bugs.
const REPORT: &str = "this is a bug: please report it with what you did";

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 12] = [
        Kind::Bug,
        Kind::Misuse,
        Kind::Environment,
        Kind::Home,
        Kind::Network,
        Kind::Refused,
        Kind::NotFound,
        Kind::Unconfirmed,
        Kind::Busy,
        Kind::Partial,
        Kind::Demo,
        Kind::Interrupted,
    ];

    #[test]
    fn every_exit_code_is_in_the_help_and_means_one_thing() {
        for kind in KINDS {
            let number = format!("{} ", kind as u8);
            let lines = EXIT_CODES.lines().filter(|line| line.trim_start().starts_with(&number));
            assert_eq!(lines.count(), 1, "{kind:?}");
        }
        assert_eq!(EXIT_CODES.lines().count(), 1 + 1 + KINDS.len(), "the head, 0, and one line for each");
    }

    #[test]
    fn a_cause_that_only_repeats_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("the disk says no: {0}")]
        struct Outer(#[source] io::Error);
        let error = CommandError::new(Kind::Environment, "Nothing was written")
            .because(&Outer(io::Error::other("no room")));
        assert_eq!(error.causes, ["the disk says no: no room"]);
    }
}
