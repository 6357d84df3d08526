//! Errors of the home, the device and its database, and of codes.

use bowline_engine::run::RunError;
use bowline_engine::{CodeError, Damage, DatabaseError, Error, HomeError, StoreError};
use bowline_import::ImportError;

use super::{CommandError, Kind, REPORT, RESTORE};
use crate::files::show;

impl From<HomeError> for CommandError {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::NotThere(folder) => {
                Self::new(Kind::Home, format!("There is no Bowline home in {}", show(&folder)))
                    .hint("`bowline init` makes one; --home or BOWLINE_HOME say where another is")
            }
            HomeError::AlreadyThere(folder) => {
                Self::new(Kind::Misuse, format!("There is a Bowline home in {} already", show(&folder)))
            }
            HomeError::InUse(folder) => {
                Self::new(Kind::Busy, format!("Another process is using the home in {}", show(&folder)))
                    .hint("end it, and run this again")
            }
            HomeError::KeyMissing(folder) => {
                let message = format!("The home in {} has lost its device key", show(&folder));
                Self::new(Kind::Home, message).hint(
                    "nothing was changed: put back device.key from a backup, or keep the folder aside and begin a new home",
                )
            }
            HomeError::KeyDamaged(path) => {
                Self::new(Kind::Home, format!("The device key in {} is damaged", show(&path)))
                    .hint("nothing was changed: put back device.key from a backup")
            }
            HomeError::KeyNewer(path) => {
                let message =
                    format!("The device key in {} was written by a newer version of Bowline", show(&path));
                Self::new(Kind::Home, message).hint("nothing was changed: update this program")
            }
            HomeError::KeyExposed(path) => {
                let message = format!("The device key in {} can be read by other users", show(&path));
                Self::new(Kind::Environment, message).hint(format!(
                    "`chmod 600 {}` closes it; if somebody may have read it, `bowline device revoke` this device from another",
                    show(&path)
                ))
            }
            HomeError::Io { what, path, source } => {
                Self::new(Kind::Environment, format!("Cannot {what} {}", show(&path)))
                    .because(&source)
                    .hint("check who owns the folder, what they may do in it, and whether the disk is full")
            }
            HomeError::Device(error) => error.into(),
        }
    }
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Home(error) => error.into(),
            RunError::Device(error) => error.into(),
        }
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let of = |kind, message: &str| Self::new(kind, message);
        match error {
            Error::Store(error) => error.into(),
            Error::Code(error) => error.into(),
            Error::Edit(error) => Self::new(Kind::Misuse, format!("This cannot be written: {error}")),
            Error::NoDocument(id) => Self::new(Kind::NotFound, format!("There is no document {id} here")),
            Error::NoWorkspace(id) => Self::new(Kind::NotFound, format!("There is no workspace {id} here"))
                .hint("`bowline workspace list` shows those there are"),
            Error::OtherKind(id) => {
                Self::new(Kind::Misuse, format!("{id} is of another kind than this command is for"))
                    .hint("`bowline chat` is for conversations, `bowline agent` for agents, `bowline skill` for skills, `bowline memory` for personal files")
            }
            Error::Changed(id) => {
                Self::new(Kind::Busy, format!("Another process has written into {id} meanwhile"))
                    .hint("run this again")
            }
            Error::AlreadyThere => of(Kind::Misuse, "This device is in that workspace already")
                .hint("a code is for a device that is not in yet: run `bowline join` there"),
            Error::NotLocal(id) => Self::new(Kind::Misuse, format!("{id} is in a workspace already"))
                .hint("`bowline status` says where"),
            Error::OtherKey => of(Kind::Home, "The key does not belong to this database")
                .hint("device.key and bowline.db are of two different homes: put back the one that was there"),
            Error::AlreadyShared(id) => {
                Self::new(Kind::Misuse, format!("Some of {id} has left this device already"))
                    .hint("what others have cannot be taken back; `bowline chat delete` and its like move it to the trash everywhere")
            }
            Error::NotReady(why) => of(Kind::Refused, "This is not possible right now").because(&why),
            Error::Reopen => of(Kind::Environment, "The database failed in the middle of something")
                .hint("what was durable is there: run the command again"),
            Error::Gone => of(Kind::Busy, "Another process has removed the document meanwhile")
                .hint("run this again"),
            Error::NoMemory => of(Kind::Environment, "There is not enough memory for this")
                .hint("nothing of what was there is lost: end other programs and run this again"),
            Error::Damaged(what) => {
                Self::new(Kind::Home, format!("The database is damaged: {} cannot be read", damaged(what)))
                    .hint(RESTORE)
            }
            Error::Bug(_) => of(Kind::Bug, "Bowline did not do what it should").because(&error).hint(REPORT),
        }
    }
}

impl From<ImportError> for CommandError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Device(error) => error.into(),
            ImportError::Unreadable { path, source } => {
                Self::file("Reading", &path, &source).hint("check that it is there and that you may read it")
            }
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            error => bug(&error),
        }
    }
}

impl From<DatabaseError> for CommandError {
    fn from(error: DatabaseError) -> Self {
        let of = |kind, message: &str| Self::new(kind, message).because(&error);
        match &error {
            DatabaseError::DiskFull(_) => of(Kind::Environment, "The disk is full")
                .hint("nothing of what was there is lost: free some space and run the command again"),
            DatabaseError::NotWritable(_) | DatabaseError::NotCreated(_) => {
                of(Kind::Environment, "The home cannot be written")
                    .hint("check who owns the folder and what they may do in it, or use another with --home")
            }
            DatabaseError::Busy(_) => of(Kind::Busy, "Another process is holding the database")
                .hint("`bowline status` says which one is syncing; wait for it, or end it"),
            DatabaseError::Io(_) => of(Kind::Environment, "The disk reported an error")
                .hint("see what the system's log says about the disk, and make a copy of the home"),
            DatabaseError::Damaged(_) | DatabaseError::Undecodable(_) => {
                of(Kind::Home, "The database is damaged").hint(RESTORE)
            }
            DatabaseError::NewerVersion { .. } => {
                of(Kind::Home, "This home was made by a newer version of Bowline")
                    .hint("nothing in it was touched: update this program")
            }
            DatabaseError::NotOurs => {
                Self::new(Kind::Home, "bowline.db is not a Bowline database").hint(RESTORE)
            }
            _ => bug(&error),
        }
    }
}

fn bug(error: &dyn std::error::Error) -> CommandError {
    CommandError::new(Kind::Bug, "The database did not do what was asked").because(error).hint(REPORT)
}

impl From<CodeError> for CommandError {
    fn from(error: CodeError) -> Self {
        let made = "codes are made with `bowline workspace invite` or `bowline device link`";
        match error {
            CodeError::NotACode => Self::new(Kind::Misuse, "This is not a Bowline code")
                .hint(format!("a code begins with \"bowline1-\"; {made}")),
            CodeError::OtherVersion => {
                Self::new(Kind::Refused, "This code was made by another version of Bowline")
                    .hint("update the older of the two, and make a new code")
            }
            CodeError::Damaged => Self::new(Kind::Misuse, "This code is incomplete or mistyped")
                .hint("copy it once more, as a whole"),
        }
    }
}

/// What in a damaged database cannot be read back.
fn damaged(what: Damage) -> &'static str {
    match what {
        Damage::Kind => "a document's kind",
        Damage::Head => "what a relay has signed",
        Damage::Pins | Damage::Ticket => "the code that this device joins by",
        Damage::Keyring => "the keys of a workspace",
        Damage::ChainTip => "how far a device has written",
        Damage::Entry => "an entry of a workspace's log",
        Damage::OwnEntry => "an entry that this device has written",
        Damage::Decision => "a decision about a workspace",
        Damage::Code => "a code for a device or person",
        Damage::Secret => "a secret of this device",
        Damage::Import => "what is remembered of an import",
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn of_sqlite(code: i32) -> CommandError {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        CommandError::from(StoreError::from(error))
    }

    #[test]
    fn what_the_disk_does_is_told_apart_and_each_has_a_hint() {
        let cases = [
            (ffi::SQLITE_FULL, Kind::Environment, "The disk is full"),
            (ffi::SQLITE_READONLY, Kind::Environment, "The home cannot be written"),
            (ffi::SQLITE_CANTOPEN, Kind::Environment, "The home cannot be written"),
            (ffi::SQLITE_IOERR, Kind::Environment, "The disk reported an error"),
            (ffi::SQLITE_BUSY, Kind::Busy, "Another process is holding the database"),
            (ffi::SQLITE_CORRUPT, Kind::Home, "The database is damaged"),
            (ffi::SQLITE_NOTADB, Kind::Home, "bowline.db is not a Bowline database"),
            (ffi::SQLITE_MISUSE, Kind::Bug, "The database did not do what was asked"),
        ];
        for (code, kind, message) in cases {
            let error = of_sqlite(code);
            assert_eq!((error.kind, error.message.as_str()), (kind, message));
            assert_eq!(error.hints.len(), 1, "{message}");
        }
    }
}
