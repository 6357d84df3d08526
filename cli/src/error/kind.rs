//! Whose fault an error is, as the exit code says.

/// Whose fault it is. The number is the exit code, which scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bowline has a bug, or nobody took the output.
    Bug = 1,
    /// The person gave arguments that mean nothing, or asked for a step that is not possible.
    Misuse = 2,
    /// The machine is in the way: its disk is full, or it gives no permission.
    Environment = 3,
    /// The home is missing, damaged, of a newer version, or of another key.
    Home = 4,
    /// The relay was not reached, or is not the right one.
    Network = 5,
    /// The relay or the workspace has said no.
    Refused = 6,
    /// Nothing, or more than one thing, is called like that.
    NotFound = 7,
    /// A question has to be answered with yes, and was not.
    Unconfirmed = 8,
    /// Another process is in the way.
    Busy = 9,
    /// Something could not be imported, exported, synced or brought back, and the rest is done.
    Partial = 10,
    /// A check of the demo did not hold, or the demo could not be brought to its end.
    Demo = 11,
    /// Something was checked and does not hold: a log does not verify, or two devices see different things.
    Unverified = 12,
    /// A person has stopped it. The number is that of shells for an interrupt.
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
 10  done but in part: something could not be imported, exported, synced or brought back
 11  the demo: a check did not hold
 12  checked, and it does not hold: a log does not verify, or two devices differ
130  interrupted";

impl Kind {
    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bug => "bug",
            Self::Misuse => "misuse",
            Self::Environment => "environment",
            Self::Home => "home",
            Self::Network => "network",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Unconfirmed => "unconfirmed",
            Self::Busy => "busy",
            Self::Partial => "partial",
            Self::Demo => "demo",
            Self::Unverified => "unverified",
            Self::Interrupted => "interrupted",
        }
    }
}
