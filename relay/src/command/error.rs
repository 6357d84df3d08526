//! How a command fails: a sentence, what caused it, what to do, and an exit code that says whose turn it is.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use bowline_disk::DatabaseError;
use bowline_relay::data::DataError;
use bowline_relay::serve::ServeError;

use super::output;

/// Whose turn it is. Exit codes are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours: a bug.
    Bug = 1,
    /// Whoever typed the command.
    Misuse = 2,
    /// Whoever looks after the machine: disk, permissions, network.
    Environment = 3,
    /// Whoever has the backups or the newer version.
    Data = 4,
    /// Whoever runs the other process.
    InUse = 5,
}

/// A command that did not do what it was told.
#[derive(Debug)]
pub(crate) struct CommandError {
    kind: Kind,
    error: Box<dyn Error + Send + Sync>,
    hints: Vec<String>,
}

impl CommandError {
    pub(crate) fn new(kind: Kind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, error: error.into(), hints: Vec::new() }
    }

    pub(crate) fn misuse(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Misuse, sentence.into())
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says it on stderr and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        output::say(&format!("Error: {}", self.error));
        let mut cause = self.error.source();
        while let Some(error) = cause {
            output::say(&format!("Caused by: {error}"));
            cause = error.source();
        }
        for hint in &self.hints {
            output::say(&format!("Hint: {hint}"));
        }
        ExitCode::from(self.kind as u8)
    }
}

impl From<DataError> for CommandError {
    fn from(error: DataError) -> Self {
        let (kind, hint) = match &error {
            DataError::Exposed(path) => {
                let hint = format!(
                    "`chmod 600 {}` closes it; if somebody may have read it, treat the secret as known",
                    path.display()
                );
                return Self::new(Kind::Environment, error).hint(hint);
            }
            DataError::InUse { .. } => {
                (Kind::InUse, "stop that relay first, or name another folder with --data")
            }
            DataError::Absent(_) => {
                (Kind::Environment, "name the folder that was given to `bowline-relay serve --data`")
            }
            DataError::File { source, .. } => (Kind::Environment, about_io(source)),
            DataError::KeyMissing(_) => (
                Kind::Data,
                "restore relay.key from a backup: devices know this relay by that key and refuse any other",
            ),
            DataError::Unreadable { .. } => {
                (Kind::Data, "restore the file from a backup; it is not overwritten")
            }
            DataError::Database { source, .. } => about_database(source),
            _ => (Kind::Bug, "this is a bug; please report it"),
        };
        Self::new(kind, error).hint(hint)
    }
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        match &error {
            ServeError::WriterGone => {
                Self::new(Kind::Bug, error).hint("start it again; what was acknowledged is stored")
            }
            ServeError::Stuck => {
                Self::new(Kind::Environment, error).hint("look at the disk; what was acknowledged is stored")
            }
            ServeError::NotListening => Self::new(Kind::Environment, error)
                .hint("look at the limit of open files (`ulimit -n`) and at the lines above"),
        }
    }
}

/// A failing read of what was asked for.
pub(crate) fn database(error: DatabaseError) -> CommandError {
    let (kind, hint) = about_database(&error);
    CommandError::new(kind, error).hint(hint)
}

fn about_database(error: &DatabaseError) -> (Kind, &'static str) {
    match error {
        DatabaseError::DiskFull(_) => (Kind::Environment, "free some space on that disk and start again"),
        DatabaseError::NotWritable(_) => (
            Kind::Environment,
            "check who owns the folder and what is in it, and whether the disk is read-only",
        ),
        DatabaseError::NotCreated(source) => (Kind::Environment, about_io(source)),
        DatabaseError::Busy(_) => (Kind::InUse, "wait for the other process, or stop it"),
        DatabaseError::Io(_) => {
            (Kind::Environment, "look at the disk and at the system's log; nothing was changed")
        }
        DatabaseError::NewerVersion { .. } => (Kind::Data, "update bowline-relay; the file was not touched"),
        DatabaseError::NotOurs | DatabaseError::Damaged(_) | DatabaseError::Undecodable(_) => (
            Kind::Data,
            "restore the folder from a backup; nothing is repaired or overwritten, and no device has lost anything",
        ),
        _ => (Kind::Bug, "this is a bug; please report it"),
    }
}

fn about_io(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "check who owns the folder and its permissions, or name another one with --data"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space on that disk",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "--data has to name a folder, or a place where one can be made"
        }
        _ => "check that the disk is there and can be written",
    }
}
