//! What a program is told instead of a sentence: one word for each thing that can go wrong, which stays what it is when the
//! sentence is reworded. `docs/JSON.md` lists them.

use super::kind::Kind;

/// Declares the codes: for each its doc line, its name, whose fault it means and its word.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $kind:ident, $word:literal;)*) => {
        /// What went wrong, for programs. A word that was given away once means nothing else later.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// All of them, by kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Whose fault it is.
            pub const fn kind(self) -> Kind {
                match self {
                    $(Self::$name => Kind::$kind,)*
                }
            }

            /// The word in JSON.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

codes! {
    /// A bug in Bowline.
    Bug, Bug, "bug";
    /// Nobody took what was printed.
    OutputNotTaken, Bug, "output_not_taken";

    /// The arguments mean nothing.
    Usage, Misuse, "usage";
    /// There is a home in the folder already.
    HomeExists, Misuse, "home_exists";
    /// What was to be written does not fit the document.
    EditRefused, Misuse, "edit_refused";
    /// The document is of another kind than the command is for.
    WrongKind, Misuse, "wrong_kind";
    /// Two documents cannot become one.
    CannotMerge, Misuse, "cannot_merge";
    /// The folder was not checked out.
    NotCheckedOut, Misuse, "not_checked_out";
    /// There is nothing to change.
    NothingToChange, Misuse, "nothing_to_change";
    /// A text, or a folder of files, is larger than one command takes.
    InputTooLarge, Misuse, "input_too_large";
    /// What was given is not UTF-8 text.
    NotText, Misuse, "not_text";
    /// The document cannot have a file at this path.
    BadPath, Misuse, "bad_path";
    /// A folder was named where a file is needed.
    IsAFolder, Misuse, "is_a_folder";
    /// There is no text file in the folder.
    NoTextFiles, Misuse, "no_text_files";
    /// There is something at the path already.
    FileExists, Misuse, "file_exists";
    /// The folder that is written to is not empty.
    FolderNotEmpty, Misuse, "folder_not_empty";
    /// Several conversations do not go to stdout.
    SeveralToStdout, Misuse, "several_to_stdout";
    /// A file that is not text does not go to a terminal.
    NotForTerminals, Misuse, "not_for_terminals";
    /// This device is in the workspace already.
    AlreadyJoined, Misuse, "already_joined";
    /// The workspace is disconnected.
    Disconnected, Misuse, "disconnected";
    /// No workspace is to be connected.
    NothingToSync, Misuse, "nothing_to_sync";
    /// Nothing of the workspace's log is known here.
    NothingToGoOnFrom, Misuse, "nothing_to_go_on_from";
    /// Nobody removes themselves, and no device itself.
    RemovesItself, Misuse, "removes_itself";
    /// This is not a relay's address.
    NotAnAddress, Misuse, "not_an_address";
    /// This is not a Bowline code.
    NotACode, Misuse, "not_a_code";
    /// The code is incomplete or mistyped.
    CodeMistyped, Misuse, "code_mistyped";
    /// These are not the words of a recovery phrase.
    NotAPhrase, Misuse, "not_a_phrase";
    /// A file holds no evidence, or evidence that proves nothing.
    NotEvidence, Misuse, "not_evidence";

    /// A file or folder cannot be read, written or made.
    FileFailed, Environment, "file_failed";
    /// The disk is full.
    DiskFull, Environment, "disk_full";
    /// The disk reported an error.
    DiskFailed, Environment, "disk_failed";
    /// The home, or a file in it, cannot be read or written.
    HomeNotWritable, Environment, "home_not_writable";
    /// Other users can read the device's key.
    KeyExposed, Environment, "key_exposed";
    /// The disk does not keep who may read a file.
    DiskKeepsNoModes, Environment, "disk_keeps_no_modes";
    /// The database failed in the middle of something.
    DatabaseFailed, Environment, "database_failed";
    /// There is not enough memory.
    NoMemory, Environment, "no_memory";
    /// The system gives no more threads, files or signals.
    SystemRefuses, Environment, "system_refuses";
    /// Nothing says where this user's home is.
    NoUserFolder, Environment, "no_user_folder";
    /// What was to be read from stdin could not be.
    InputFailed, Environment, "input_failed";
    /// The editor could not be run, or ended with an error.
    EditorFailed, Environment, "editor_failed";
    /// The demo's relay could not be run.
    DemoRelayFailed, Environment, "demo_relay_failed";

    /// There is no home in the folder.
    NoHome, Home, "no_home";
    /// The home has lost its device's key.
    KeyMissing, Home, "key_missing";
    /// The device's key is damaged.
    KeyDamaged, Home, "key_damaged";
    /// The device's key was written by a newer version.
    KeyNewer, Home, "key_newer";
    /// The key does not belong to the database.
    OtherKey, Home, "other_key";
    /// The database is damaged.
    DatabaseDamaged, Home, "database_damaged";
    /// The home was made by a newer version.
    HomeNewer, Home, "home_newer";
    /// The database is not Bowline's.
    NotADatabase, Home, "not_a_database";

    /// The relay's name was not found.
    RelayNotFound, Network, "relay_not_found";
    /// The relay's address has no TLS and is not on this machine.
    RelayNotLocal, Network, "relay_not_local";
    /// The relay cannot be reached.
    RelayUnreachable, Network, "relay_unreachable";
    /// The relay does not answer.
    RelayTimeout, Network, "relay_timeout";
    /// The relay's certificate is not trusted.
    RelayUntrusted, Network, "relay_untrusted";
    /// This is not the relay that the address is for.
    RelayWrongKey, Network, "relay_wrong_key";
    /// No encrypted connection to the relay could be made.
    TlsFailed, Network, "tls_failed";
    /// What answers at the address is not a relay.
    NotARelay, Network, "not_a_relay";
    /// The connection to the relay could not be made, broke, or was closed without a reason.
    ConnectionLost, Network, "connection_lost";
    /// The process that syncs this home has no connection.
    NotConnected, Network, "not_connected";
    /// The relay has not answered yet.
    NoAnswer, Network, "no_answer";
    /// The relay was caught misbehaving, or shows what this device cannot follow.
    RelayMisbehaves, Network, "relay_misbehaves";
    /// The relay shows another workspace than the one the code is for.
    OtherWorkspace, Network, "other_workspace";

    /// The relay has refused, for a reason that is about this program.
    RelayRefused, Refused, "relay_refused";
    /// The relay takes no more connections.
    RelayFull, Refused, "relay_full";
    /// The relay is of another version.
    RelayVersion, Refused, "relay_version";
    /// The relay has no room for the workspace.
    RelayQuota, Refused, "relay_quota";
    /// This device or person has sent too much at once.
    RelayRate, Refused, "relay_rate";
    /// The relay cannot store anything right now.
    RelayStorage, Refused, "relay_storage";
    /// The relay is stopping.
    RelayStopping, Refused, "relay_stopping";
    /// The relay has no such workspace.
    RelayLacksWorkspace, Refused, "relay_lacks_workspace";
    /// The relay has lost a part of the workspace's log, and waits to be restored.
    RelayLostLog, Refused, "relay_lost_log";
    /// The relay had lost the workspace, and it was made there again.
    LogBegunAgain, Refused, "log_begun_again";
    /// The relay was restored to before a checkpoint by whose state the log here was begun.
    LogBelowCheckpoint, Refused, "log_below_checkpoint";
    /// The log's time is more than a day ahead of this device's clock.
    LogTimeAhead, Refused, "log_time_ahead";
    /// The relay does not accept the registration token.
    BadToken, Refused, "bad_token";
    /// This device is not in the workspace, or not any more.
    NotAMember, Refused, "not_a_member";
    /// Somebody has joined with the code.
    CodeUsed, Refused, "code_used";
    /// The code was closed.
    CodeClosed, Refused, "code_closed";
    /// The code has expired.
    CodeExpired, Refused, "code_expired";
    /// The code lets nobody in: used, closed, expired or unknown.
    CodeVoid, Refused, "code_void";
    /// The code says something else of whom it lets in than the workspace's record.
    CodeFalse, Refused, "code_false";
    /// The code was made by another version.
    CodeVersion, Refused, "code_version";
    /// This person has a recovery phrase in the workspace already.
    HasPhrase, Refused, "has_phrase";
    /// A recovery phrase has been in force for a week: only its own words take it out.
    PhraseSettled, Refused, "phrase_settled";
    /// This person's last device in a workspace stays there, or the person would be gone.
    LastDevice, Refused, "last_device";
    /// Only the owner may do this.
    NotOwner, Refused, "not_owner";
    /// The owner's last device cannot be removed, and the owner cannot leave.
    LastOwnerDevice, Refused, "last_owner_device";
    /// No ownership is on offer to this person, or none that could be taken back.
    NotOffered, Refused, "not_offered";
    /// This person has used up what a member may write of records.
    RecordsSpent, Refused, "records_spent";
    /// Who was to be removed is not in the workspace any more.
    TargetGone, Refused, "target_gone";
    /// The workspace is full.
    WorkspaceFull, Refused, "workspace_full";
    /// The workspace uses features of a newer version.
    UpdateNeeded, Refused, "update_needed";
    /// An earlier version made the workspace, and nobody can go on with it.
    WorkspaceOld, Refused, "workspace_old";
    /// The workspace did not accept a decision.
    DecisionVoid, Refused, "decision_void";
    /// Nothing can be sent right now.
    NotReady, Refused, "not_ready";
    /// A document is too large to be sent.
    TooLarge, Refused, "too_large";

    /// There is no such document.
    NoDocument, NotFound, "no_document";
    /// The document does not have that version here.
    NoVersion, NotFound, "no_version";
    /// There is no such workspace.
    NoWorkspace, NotFound, "no_workspace";
    /// Nothing is called like that.
    NotFound, NotFound, "not_found";
    /// More than one thing is called like that.
    Ambiguous, NotFound, "ambiguous";
    /// The words are not a recovery phrase of this person here, or of any workspace on the relay.
    PhraseUnknown, NotFound, "phrase_unknown";
    /// The document has no such file.
    NoFile, NotFound, "no_file";
    /// There is no OpenClaw state directory there.
    NoOpenclaw, NotFound, "no_openclaw";

    /// A question has to be answered with yes, and was not.
    Unconfirmed, Unconfirmed, "unconfirmed";
    /// What was to be written or shared has something in it that looks like a secret.
    SecretInside, Unconfirmed, "secret_inside";

    /// Another process is using the home.
    HomeInUse, Busy, "home_in_use";
    /// Another process is holding the database.
    DatabaseBusy, Busy, "database_busy";
    /// Another process has written into the document, or removed it, meanwhile.
    Changed, Busy, "changed";
    /// Another process is syncing this home.
    SyncRunning, Busy, "sync_running";
    /// Another import into this home is under way.
    ImportRunning, Busy, "import_running";

    /// Something could not be imported; the rest is here.
    ImportIncomplete, Partial, "import_incomplete";
    /// Something could not be shared; the rest is.
    ShareIncomplete, Partial, "share_incomplete";
    /// The relay holds back part of what others wrote; the rest is here.
    Withheld, Partial, "withheld";
    /// Something could not be exported; the rest is there.
    ExportIncomplete, Partial, "export_incomplete";
    /// What was to be done with a recovery phrase is done in some workspaces, and not in all.
    RecoveryIncomplete, Partial, "recovery_incomplete";
    /// Some workspaces are synced, and not all.
    SyncIncomplete, Partial, "sync_incomplete";
    /// This device is back in a workspace, and some of its documents were not put back.
    RejoinIncomplete, Partial, "rejoin_incomplete";

    /// A check of the demo did not hold, or it could not be brought to its end.
    DemoFailed, Demo, "demo_failed";

    /// The stored log of a workspace does not verify.
    LogUnverified, Unverified, "log_unverified";
    /// The words of a recovery phrase do not fit together.
    PhraseMistyped, Unverified, "phrase_mistyped";
    /// Another device sees something else than this one.
    WordsDiffer, Unverified, "words_differ";

    /// A person has stopped it.
    Interrupted, Interrupted, "interrupted";
}
