//! How a command fails: a sentence, what caused it, what to do, and an exit code that says whose turn it is. With `--json` a
//! program is told the same as one line of JSON.

mod code;
mod usage;

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use bowline_disk::DatabaseError;
use bowline_relay::data::{DataError, NotRestored};
use bowline_relay::serve::ServeError;
use bowline_relay::storage::StorageError;
use serde::Serialize;

pub(crate) use self::code::ErrorCode;

/// A command that did not do what it was told.
#[derive(Debug)]
pub(crate) struct CommandError {
    code: ErrorCode,
    error: Box<dyn Error + Send + Sync>,
    hints: Vec<String>,
}

/// Who is told of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A person, in lines of text.
    Person,
    /// A program, in one line of JSON.
    Program,
}

/// An error as `--json` writes it. `docs/JSON.md` promises this shape.
#[derive(Serialize)]
struct ErrorLine {
    error: ErrorFields,
}

/// What an [`ErrorLine`] says.
#[derive(Serialize)]
struct ErrorFields {
    code: &'static str,
    kind: &'static str,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl CommandError {
    pub(crate) fn new(code: ErrorCode, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code, error: error.into(), hints: Vec::new() }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code that says whose turn it is.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code.kind() as u8)
    }

    /// The error as it is written on stderr for this reader: lines without a line break at the end.
    pub(crate) fn told_to(&self, reader: Reader) -> String {
        match reader {
            Reader::Program => self.to_json(),
            Reader::Person => {
                let error = std::iter::once(format!("Error: {}", self.error));
                let causes = self.causes().map(|cause| format!("Caused by: {cause}"));
                let hints = self.hints.iter().map(|hint| format!("Hint: {hint}"));
                error.chain(causes).chain(hints).collect::<Vec<_>>().join("\n")
            }
        }
    }

    /// What it comes from, from near to far.
    fn causes(&self) -> impl Iterator<Item = String> {
        let mut next = self.error.source();
        std::iter::from_fn(move || {
            let cause = next?;
            next = cause.source();
            Some(cause.to_string())
        })
    }

    fn to_json(&self) -> String {
        let error = ErrorFields {
            code: self.code.word(),
            kind: self.code.kind().word(),
            message: self.error.to_string(),
            causes: self.causes().collect(),
            hint: (!self.hints.is_empty()).then(|| self.hints.join("\n")),
        };
        // Texts and lists of texts can always be written as JSON.
        serde_json::to_string(&ErrorLine { error }).unwrap_or_default()
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl From<NotRestored> for CommandError {
    fn from(error: NotRestored) -> Self {
        match error {
            NotRestored::Data(error) => error.into(),
            NotRestored::Logs(error) => {
                let (code, hint) = match &error {
                    StorageError::Unavailable(_) => (
                        ErrorCode::NotWritable,
                        "nothing was restored; look at the disk and run the command again",
                    ),
                    StorageError::Corrupt(_) => (ErrorCode::DatabaseDamaged, RESTORE),
                    StorageError::Misuse(_) => (ErrorCode::Bug, "this is a bug; please report it"),
                };
                Self::new(code, error).hint(hint)
            }
        }
    }
}

impl From<DataError> for CommandError {
    fn from(error: DataError) -> Self {
        let (code, hint) = match &error {
            DataError::Exposed(path) => {
                let hint = format!(
                    "`chmod 600 {}` closes it; if somebody may have read it, treat the secret as known",
                    path.display()
                );
                return Self::new(ErrorCode::SecretExposed, error).hint(hint);
            }
            DataError::NoModes(_) => (
                ErrorCode::DiskKeepsNoModes,
                "name a folder on another disk with --data: not FAT or a network disk, and in WSL not below /mnt",
            ),
            DataError::InUse { .. } => {
                (ErrorCode::FolderInUse, "stop that relay first, or name another folder with --data")
            }
            DataError::Absent(_) => {
                (ErrorCode::NoData, "name the folder that was given to `bowline-relay serve --data`")
            }
            DataError::Unfinished(_) => (
                ErrorCode::Unfinished,
                "run the command that was cut off again: `bowline-relay restore --data DIR COPY` or `bowline-relay backup`; if it says that \
                 there is something already, name another folder",
            ),
            DataError::File { source, .. } => (ErrorCode::FileFailed, about_io(source)),
            DataError::AlreadyThere(_) => {
                (ErrorCode::Usage, "name a folder that is not there yet; what is in this one stays as it is")
            }
            DataError::KeyMissing(_) => (
                ErrorCode::KeyMissing,
                "restore it from a backup: devices know this relay by that key and refuse any other",
            ),
            DataError::Unreadable { .. } => {
                (ErrorCode::FileDamaged, "restore the file from a backup; it is not overwritten")
            }
            DataError::Restores(_) => (
                ErrorCode::FileDamaged,
                "move that file away and run the command again; devices then ask their people about a backup that was restored before",
            ),
            DataError::Database { source, .. } => about_database(source),
            _ => (ErrorCode::Bug, "this is a bug; please report it"),
        };
        Self::new(code, error).hint(hint)
    }
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        match &error {
            ServeError::WriterGone => {
                Self::new(ErrorCode::Bug, error).hint("start it again; what was acknowledged is stored")
            }
            ServeError::Stuck => Self::new(ErrorCode::DiskFailed, error)
                .hint("look at the disk; what was acknowledged is stored"),
            ServeError::NotListening => Self::new(ErrorCode::SystemRefuses, error)
                .hint("look at the limit of open files (`ulimit -n`) and at the lines above"),
        }
    }
}

/// A failing read of what was asked for.
pub(crate) fn database(error: DatabaseError) -> CommandError {
    let (code, hint) = about_database(&error);
    CommandError::new(code, error).hint(hint)
}

/// What to do about a database that is not what this program wrote.
const RESTORE: &str =
    "restore the folder from a backup; nothing is repaired or overwritten, and no device has lost anything";

fn about_database(error: &DatabaseError) -> (ErrorCode, &'static str) {
    match error {
        DatabaseError::DiskFull(_) => (ErrorCode::DiskFull, "free some space on that disk and start again"),
        DatabaseError::NotWritable(_) => (
            ErrorCode::NotWritable,
            "check who owns the folder and what is in it, and whether the disk is read-only",
        ),
        DatabaseError::NotCreated(source) => (ErrorCode::NotWritable, about_io(source)),
        DatabaseError::Busy(_) => (ErrorCode::DatabaseBusy, "wait for the other process, or stop it"),
        DatabaseError::Io(_) => {
            (ErrorCode::DiskFailed, "look at the disk and at the system's log; nothing was changed")
        }
        DatabaseError::NewerVersion { .. } => {
            (ErrorCode::DataNewer, "update bowline-relay; the file was not touched")
        }
        DatabaseError::NotOurs => (ErrorCode::NotADatabase, RESTORE),
        DatabaseError::Damaged(_) | DatabaseError::Undecodable(_) => (ErrorCode::DatabaseDamaged, RESTORE),
        _ => (ErrorCode::Bug, "this is a bug; please report it"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_for_a_program_is_one_line_with_its_causes_and_a_hint_or_null() {
        let source = io::Error::other("they\nwrote");
        let error = DataError::File { path: "data".into(), what: "created", source };
        let error = CommandError::new(ErrorCode::FileFailed, error).hint("look").hint("and again");
        assert_eq!(
            error.to_json(),
            r#"{"error":{"code":"file_failed","kind":"environment","message":"data cannot be created","causes":["they\nwrote"],"hint":"look\nand again"}}"#
        );
        let plain = CommandError::new(ErrorCode::Bug, "x");
        assert_eq!(
            plain.to_json(),
            r#"{"error":{"code":"bug","kind":"bug","message":"x","causes":[],"hint":null}}"#
        );
    }
}
