//! What a program is told instead of a sentence: one word for each thing that can go wrong with a command of the relay.
//! `docs/JSON.md` lists them.

/// Whose turn it is. Exit codes are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours: it is a bug.
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

impl Kind {
    /// The word in JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Bug => "bug",
            Self::Misuse => "misuse",
            Self::Environment => "environment",
            Self::Data => "data",
            Self::InUse => "in_use",
        }
    }
}

/// Declares the codes: for each its doc line, its name, whose turn it means and its word.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $kind:ident, $word:literal;)*) => {
        /// What went wrong, for programs. A word that was given away once means nothing else later.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// All of them, by kind.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Whose turn it is.
            pub(crate) const fn kind(self) -> Kind {
                match self {
                    $(Self::$name => Kind::$kind,)*
                }
            }

            /// The word in JSON.
            pub(crate) const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

codes! {
    /// A bug in the relay.
    Bug, Bug, "bug";

    /// The arguments mean nothing.
    Usage, Misuse, "usage";
    /// Without TLS the relay does not listen where others can reach it.
    NotEncrypted, Misuse, "not_encrypted";
    /// Devices cannot look for the relay at this name or address.
    NotAPlace, Misuse, "not_a_place";
    /// This machine does not have the address.
    NotThisMachine, Misuse, "not_this_machine";
    /// This is not the beginning of a workspace's id.
    NotAnId, Misuse, "not_an_id";
    /// There is no such workspace on this relay.
    NoWorkspace, Misuse, "no_workspace";
    /// More than one workspace has an id that begins like that.
    Ambiguous, Misuse, "ambiguous";
    /// Deleting needs `--yes`.
    Unconfirmed, Misuse, "unconfirmed";

    /// There is no relay's data in the folder.
    NoData, Environment, "no_data";
    /// A file or folder cannot be made, read or written.
    FileFailed, Environment, "file_failed";
    /// Other users can read a secret of the relay.
    SecretExposed, Environment, "secret_exposed";
    /// The disk does not keep who may read a file.
    DiskKeepsNoModes, Environment, "disk_keeps_no_modes";
    /// The disk is full.
    DiskFull, Environment, "disk_full";
    /// The disk reported an error, or a commit does not end.
    DiskFailed, Environment, "disk_failed";
    /// The database cannot be opened, made or written.
    NotWritable, Environment, "not_writable";
    /// The relay cannot listen at the address.
    CannotListen, Environment, "cannot_listen";
    /// The system gives no more threads, files or signals.
    SystemRefuses, Environment, "system_refuses";
    /// Nobody took what was printed.
    OutputNotTaken, Environment, "output_not_taken";

    /// The relay's key is gone, and the database belongs to it.
    KeyMissing, Data, "key_missing";
    /// The file of the key or token does not hold one.
    FileDamaged, Data, "file_damaged";
    /// The database is damaged.
    DatabaseDamaged, Data, "database_damaged";
    /// The database is not the relay's.
    NotADatabase, Data, "not_a_database";
    /// The database was made by a newer version.
    DataNewer, Data, "data_newer";
    /// Logs could not go on from a backup; the others do.
    RestoreIncomplete, Data, "restore_incomplete";
    /// A backup or a restore into the folder was cut off.
    Unfinished, Data, "unfinished";
    /// The database is from before a restore that the folder has noted.
    NotRestored, Data, "not_restored";

    /// Another relay is using the folder.
    FolderInUse, InUse, "folder_in_use";
    /// Another process is holding the database.
    DatabaseBusy, InUse, "database_busy";
    /// Another program listens at the address.
    AddressInUse, InUse, "address_in_use";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The heading above the relay's codes in `docs/JSON.md`.
    const HEADING: &str = "\n## Codes of `bowline-relay`\n";

    #[test]
    fn every_code_is_documented_with_its_kind_and_no_word_means_two_things() {
        let page = include_str!("../../../../docs/JSON.md");
        let (_, section) = page.split_once(HEADING).unwrap();
        let rows: BTreeSet<(&str, &str)> = section.lines().filter_map(row).collect();
        let codes: BTreeSet<(&str, &str)> =
            ErrorCode::ALL.iter().map(|code| (code.word(), code.kind().word())).collect();
        assert_eq!(codes, rows);
        let words: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), ErrorCode::ALL.len());
    }

    /// Code and kind of a row of a table of codes.
    fn row(line: &str) -> Option<(&str, &str)> {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let (code, kind) = (cells.next()?, cells.next()?);
        Some((code.strip_suffix('`')?, kind))
    }
}
