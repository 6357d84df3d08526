//! Errors of the home, the device and its database, and of codes.

use bowline_engine::device::Unmergeable;
use bowline_engine::document::NoVersion;
use bowline_engine::run::RunError;
use bowline_engine::{CodeError, Damage, DatabaseError, Error, HomeError, StoreError};
use bowline_import::ImportError;

use super::code::ErrorCode;
use super::command::CommandError;
use super::draft::other_draft;
use super::hints::{ASK_FOR_MORE, REPORT, RESTORE};
use super::line::not_permitted;
use super::survey::FORGET;
use crate::text::{grouped, show_path};

impl From<HomeError> for CommandError {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::NotThere(folder) => {
                Self::new(ErrorCode::NoHome, format!("There is no Bowline home in {}", show_path(&folder)))
                    .hint("`bowline init` makes one; --home or BOWLINE_HOME say where another is")
            }
            HomeError::AlreadyThere(folder) => Self::new(
                ErrorCode::HomeExists,
                format!("There is a Bowline home in {} already", show_path(&folder)),
            ),
            HomeError::InUse(folder) => Self::new(
                ErrorCode::HomeInUse,
                format!("Another process is using the home in {}", show_path(&folder)),
            )
            .hint("end it, and run this again"),
            HomeError::KeyMissing(folder) => {
                let message = format!("The home in {} has lost its device key", show_path(&folder));
                Self::new(ErrorCode::KeyMissing, message).hint(
                    "nothing was changed: put back device.key from a backup, or keep the folder aside and begin a new home",
                )
            }
            HomeError::KeyDamaged(path) => {
                Self::new(ErrorCode::KeyDamaged, format!("The device key in {} is damaged", show_path(&path)))
                    .hint("nothing was changed: put back device.key from a backup")
            }
            HomeError::KeyNewer(path) => {
                let message = format!(
                    "The device key in {} was written by a newer version of Bowline",
                    show_path(&path)
                );
                Self::new(ErrorCode::KeyNewer, message).hint("nothing was changed: update this program")
            }
            HomeError::KeyExposed(path) => {
                let message = format!("The device key in {} can be read by other users", show_path(&path));
                Self::new(ErrorCode::KeyExposed, message).hint(format!(
                    "`chmod 600 {}` closes it; if somebody may have read it, `bowline device revoke` this device from another",
                    show_path(&path)
                ))
            }
            HomeError::NoModes(folder) => {
                let message = format!(
                    "The disk of {} does not keep who may read a file, so this device's key would be open to other users",
                    show_path(&folder)
                );
                Self::new(ErrorCode::DiskKeepsNoModes, message).hint(
                    "name a folder on another disk with --home or BOWLINE_HOME: not FAT or a network disk, and in WSL not below /mnt",
                )
            }
            HomeError::MayNotBeRead(folder) => Self::new(
                ErrorCode::HomeNotWritable,
                format!("{} may not be read by this user", show_path(&folder)),
            )
            .hint("run this as the user whose home it is; --home or BOWLINE_HOME say where another is"),
            HomeError::Io { what, path, source } => {
                Self::new(ErrorCode::HomeNotWritable, format!("Cannot {what} {}", show_path(&path)))
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
            Error::Edit(error) => error.into(),
            Error::NoVersion(why) => {
                let error = of(ErrorCode::NoVersion, "There is no such version of this document here");
                let error = if why == NoVersion::Unknown { error } else { error.because(&why) };
                error.hint("nothing was changed; show the file again and make your change in what it says now")
            }
            Error::NoDocument(id) => Self::new(ErrorCode::NoDocument, format!("There is no document {id} here")),
            Error::NoWorkspace(id) => Self::new(ErrorCode::NoWorkspace, format!("There is no workspace {id} here"))
                .hint("`bowline workspace list` shows those there are"),
            Error::OtherDraft(_, other) => other_draft(other),
            Error::OtherKind(id) => {
                Self::new(ErrorCode::WrongKind, format!("{id} is of another kind than this command is for"))
                    .hint("`bowline chat` is for conversations, `bowline agent` for agents, `bowline skill` for skills, `bowline memory` for personal files")
            }
            Error::Unmergeable(why) => unmergeable(why),
            Error::Changed(id) => {
                Self::new(ErrorCode::Changed, format!("Another process has written into {id} meanwhile"))
                    .hint("run this again")
            }
            Error::NothingToGoOnFrom(_) => of(
                ErrorCode::NothingToGoOnFrom,
                "Nothing is known here of the workspace's log that a relay's could be compared with",
            )
            .hint("this device is not in yet: ask for a new code, and `bowline join` with it"),
            Error::LetGo(_, at) => of(
                ErrorCode::NothingToGoOnFrom,
                &format!("Entries up to position {} were let go by a checkpoint, and are not here to go back to or to be sent again", grouped(at.0)),
            )
            .hint(FORGET),
            Error::LogMoved(_) => of(ErrorCode::Changed, "More is known of the workspace's log since it was compared")
                .hint("nothing was changed: run this again"),
            Error::NotPermitted(deed) => not_permitted(deed),
            Error::RecordsSpent => of(
                ErrorCode::RecordsSpent,
                "You have used up what a member may write about people and keys in this workspace",
            )
            .hint(ASK_FOR_MORE),
            Error::PhraseSpent => of(
                ErrorCode::HasPhrase,
                "More than a thousand links were made for this recovery phrase in the workspace, and it has none left",
            )
            .hint("`bowline recovery create` makes another phrase"),
            Error::AlreadyThere => of(ErrorCode::AlreadyJoined, "This device is in that workspace already")
                .hint("a code is for a device that is not in yet: run `bowline join` there"),
            Error::OtherKey => of(ErrorCode::OtherKey, "The key does not belong to this database")
                .hint("device.key and bowline.db are of two different homes: put back the one that was there"),
            Error::NotReady(why) => of(ErrorCode::NotReady, "This is not possible right now").because(&why),
            Error::Reopen => of(ErrorCode::DatabaseFailed, "The database failed in the middle of something")
                .hint("what was durable is there: run the command again"),
            Error::Gone => of(ErrorCode::Changed, "Another process has removed the document meanwhile")
                .hint("run this again"),
            Error::NoMemory => of(ErrorCode::NoMemory, "There is not enough memory for this")
                .hint("nothing of what was there is lost: end other programs and run this again"),
            Error::Damaged(what) => {
                Self::new(ErrorCode::DatabaseDamaged, format!("The database is damaged: {} cannot be read", damaged(what)))
                    .hint(RESTORE)
            }
            Error::Bug(_) => of(ErrorCode::Bug, "Bowline did not do what it should").because(&error).hint(REPORT),
        }
    }
}

fn unmergeable(why: Unmergeable) -> CommandError {
    let of = |message: String| CommandError::new(ErrorCode::CannotMerge, message);
    match why {
        Unmergeable::Same => of("Both are the same one".to_owned()).hint("name two of them"),
        Unmergeable::InTrash(id) => {
            of(format!("{id} is in the trash")).hint("`restore` takes it out, and then it can be merged")
        }
        Unmergeable::OnlyHere(id) => {
            of(format!("{id} is only on this device, and the other one is in a workspace"))
                .hint("name the one in the workspace first")
        }
        Unmergeable::Apart { first, second } => of(format!(
            "They are in two workspaces, {first} and {second}"
        ))
        .hint(format!(
            "`bowline share ID --workspace {first}` makes a copy of the second one there, which can be merged"
        )),
        Unmergeable::Kept(id) => {
            of(format!("{id} is kept on this device, and the other one is in a workspace"))
                .hint(format!("`bowline share {id}` lets it out, and then it can be merged"))
        }
        Unmergeable::TooMuch => of("Both together hold more than one document may".to_owned())
            .hint("remove files that are not needed from one of them"),
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
            DatabaseError::DiskFull(_) => of(ErrorCode::DiskFull, "The disk is full")
                .hint("nothing of what was there is lost: free some space and run the command again"),
            DatabaseError::NotWritable(_) | DatabaseError::NotCreated(_) => {
                of(ErrorCode::HomeNotWritable, "The home cannot be written")
                    .hint("check who owns the folder and what they may do in it, or use another with --home")
            }
            DatabaseError::Busy(_) => of(ErrorCode::DatabaseBusy, "Another process is holding the database")
                .hint("`bowline status` says which one is syncing; wait for it, or end it"),
            DatabaseError::Io(_) => of(ErrorCode::DiskFailed, "The disk reported an error")
                .hint("see what the system's log says about the disk, and make a copy of the home"),
            DatabaseError::Damaged(_) | DatabaseError::Undecodable(_) => {
                of(ErrorCode::DatabaseDamaged, "The database is damaged").hint(RESTORE)
            }
            DatabaseError::NewerVersion { .. } => {
                of(ErrorCode::HomeNewer, "This home was made by a newer version of Bowline")
                    .hint("nothing in it was touched: update this program")
            }
            DatabaseError::NotOurs => {
                Self::new(ErrorCode::NotADatabase, "bowline.db is not a Bowline database").hint(RESTORE)
            }
            _ => bug(&error),
        }
    }
}

fn bug(error: &dyn std::error::Error) -> CommandError {
    CommandError::new(ErrorCode::Bug, "The database did not do what was asked").because(error).hint(REPORT)
}

impl From<CodeError> for CommandError {
    fn from(error: CodeError) -> Self {
        let made = "codes are made with `bowline workspace invite` or `bowline device link`";
        match error {
            CodeError::NotACode => Self::new(ErrorCode::NotACode, "This is not a Bowline code")
                .hint(format!("a code begins with \"bowline1-\"; {made}")),
            CodeError::OtherVersion => {
                Self::new(ErrorCode::CodeVersion, "This code was made by another version of Bowline")
                    .hint("update the older of the two, and make a new code")
            }
            CodeError::Damaged => Self::new(ErrorCode::CodeMistyped, "This code is incomplete or mistyped")
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
        Damage::Checkpoints => "which checkpoint of a workspace's log stands",
        Damage::LogState => "the state from which a workspace's log was begun",
        Damage::Kept => "what stays of a workspace's log below a checkpoint",
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

    use super::super::kind::Kind;
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
            assert_eq!((error.kind(), error.message.as_str()), (kind, message));
            assert_eq!(error.hints.len(), 1, "{message}");
        }
    }
}
