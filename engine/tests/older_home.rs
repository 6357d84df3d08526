//! A home as an earlier version left it: everything in it is found, its workspace can be read, and the way out of that keeps all of it.
//! How it was made stands beside it, in `fixtures/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, in their own functions too"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bowline_engine::device::{
    DocumentState, Membership, OtherDraft, QuarantineReason, Random, WorkspaceStatus,
};
use bowline_engine::document::Role;
use bowline_engine::home::OpenDevice;
use bowline_engine::ids::{DocId, Millis, WorkspaceId};
use bowline_engine::run::{LineFailure, LineReason};
use bowline_engine::{Device, Error, Home, Reason};
use bowline_store::{Connection, EntryState};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;

const NOW: Millis = Millis(1_800_000_000_000);

/// The home, in files that may be written and a key that nobody else may read.
fn home() -> (TempDir, Home) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/home-3");
    let folder = TempDir::new().unwrap();
    for name in ["bowline.db", "device.key"] {
        let path = folder.path().join(name);
        fs::copy(fixture.join(name), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let home = Home::open(folder.path()).unwrap();
    (folder, home)
}

fn open(home: &Home) -> OpenDevice {
    let random: Random = Box::new(ChaCha8Rng::seed_from_u64(1));
    home.device(random).unwrap()
}

fn workspace(device: &Device) -> WorkspaceId {
    device.workspaces().next().unwrap()
}

fn status(device: &Device) -> WorkspaceStatus {
    device.status(workspace(device)).unwrap()
}

/// What each document was given as its id, when that was chosen.
fn doc(n: u8) -> DocId {
    DocId::from_bytes([n; 16])
}

fn titled(device: &Device, title: &str) -> DocId {
    device.list(false).unwrap().into_iter().find(|listed| listed.title == title).unwrap().id
}

fn texts(device: &mut Device, id: DocId) -> Vec<String> {
    let shown = device.show(id, NOW).unwrap();
    shown.transcript.entries.iter().filter_map(|entry| entry.message().map(|(_, text)| text)).collect()
}

#[test]
fn every_document_of_an_older_home_is_there() {
    let (_folder, home) = home();
    let mut open = open(&home);
    let device = &mut open.device;
    let names = device.own_names().unwrap();
    assert_eq!((names.user.as_deref(), names.device.as_deref()), (Some("Ada"), Some("old laptop")));

    let plans = titled(device, "Plans");
    assert_eq!(texts(device, plans), ["written by this device", "queued when the home was put away"]);
    assert_eq!(device.document_state(plans).unwrap(), DocumentState::Stays);
    let refused = titled(device, "Refused once");
    // The others in this log never said that they hold anything, and what they have seen says nothing about it.
    assert_eq!(device.document_state(refused).unwrap(), DocumentState::OnRelay);
    assert_eq!(texts(device, doc(0xd0)), ["written by another member"]);
    assert_eq!(texts(device, doc(0xd1)), ["written by the owner"]);
    let local = titled(device, "Only here");
    assert_eq!(device.document_state(local).unwrap(), DocumentState::OnlyHere);
    assert_eq!(texts(device, local), ["not for others"]);
    let imported = titled(device, "Imported");
    assert_eq!(texts(device, imported), ["from another program", "and its answer"]);
    let thrown_away: Vec<_> = device.list(true).unwrap().into_iter().map(|listed| listed.title).collect();
    assert_eq!(thrown_away, ["Thrown away"]);

    let agent = device.agents(false).unwrap().pop().unwrap();
    let shown = device.show_agent(agent.id, NOW).unwrap();
    assert_eq!(agent.title, "helper");
    assert!(shown.files.iter().any(|file| file.path.as_str() == "AGENTS.md"), "{:?}", shown.files);
}

#[test]
fn everything_that_was_kept_apart_is_told_by_its_number() {
    let (_folder, home) = home();
    let open = open(&home);
    let status = status(&open.device);
    let mut reasons: Vec<_> =
        status.quarantined.iter().map(|it| (it.reason.number(), it.detail.as_deref())).collect();
    reasons.sort_unstable();
    let expected = [
        (QuarantineReason::Told, Some("nobody remembers why")),
        (QuarantineReason::NoKey, None),
        (QuarantineReason::NoBody, None),
        (QuarantineReason::Parts, Some("one has not the length that it has to have")),
        (QuarantineReason::OtherDocument, None),
        (QuarantineReason::Payload, Some("a time or count is beyond all sense")),
        (QuarantineReason::NotAuthentic, None),
        (QuarantineReason::ChainGap, None),
        (QuarantineReason::SeqTaken, Some("11")),
        (QuarantineReason::NotActive, None),
        (QuarantineReason::Malformed, Some("chunk magic")),
        (QuarantineReason::NotTheAuthors, Some("ActorId(f07815cb…be3b126e)")),
        (QuarantineReason::AppendOnly, None),
        (QuarantineReason::OtherKind, None),
        (QuarantineReason::Damaged, None),
        (QuarantineReason::Crashed, None),
    ];
    assert_eq!(reasons, expected.map(|(reason, detail)| (reason.number(), detail)));
    let refused = open.device.store().read().entries_in_state(workspace(&open.device), EntryState::Refused);
    let refused: Vec<_> = refused.unwrap().into_iter().filter_map(|row| row.reason).collect();
    assert_eq!(refused.iter().map(|it| it.number).collect::<Vec<_>>(), [Reason::WrongEpoch.number()]);
    // Nothing will become of the two decisions that were made about its workspace.
    assert_eq!((status.refused, status.update_needed, status.undecided), (1, 1, 0));
    assert_eq!(status.membership, Membership::OtherDraft(OtherDraft::Earlier));
    assert_eq!((status.members.len(), status.waiting_for), (5, None));
}

#[test]
fn what_the_last_process_that_synced_said_is_kept_in_its_words() {
    let (_folder, home) = home();
    let open = open(&home);
    let report = open.device.sync_report().unwrap().unwrap();
    let failure = report.line(workspace(&open.device)).unwrap().error.clone();
    let words = "nothing answers at 127.0.0.1 port 9: Connection refused (os error 111)";
    let told = LineFailure { reason: LineReason::Told, about: None, cause: Some(words.to_owned()) };
    assert_eq!(failure, Some(told));
}

#[test]
fn nothing_that_a_relay_says_is_taken_into_a_workspace_of_an_earlier_draft() {
    let (_folder, home) = home();
    let mut open = open(&home);
    let device = &mut open.device;
    let workspace = workspace(device);
    assert!(!device.wants_connection(workspace).unwrap());
    let is_refused = |done: Result<(), Error>| matches!(done, Err(Error::OtherDraft(it, OtherDraft::Earlier)) if it == workspace);
    assert!(is_refused(device.handle_connected(workspace, None, NOW)));
    for line in include_str!("fixtures/home-3/later.hex").lines() {
        let frame: Vec<u8> =
            (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap()).collect();
        assert!(is_refused(device.handle_frame(workspace, &frame, NOW)));
    }
    let plans = titled(device, "Plans");
    device.say(plans, Role::User, "written after the update", NOW).unwrap();
    device.handle_store_changed(NOW).unwrap();
    device.handle_timeout(NOW).unwrap();
    let aside = status(device).quarantined;
    assert!(aside.iter().any(|it| it.reason == QuarantineReason::NoKey));
    assert_eq!(device.document_state(plans).unwrap(), DocumentState::Stays);
    assert!(!device.needs_reopening() && device.poll_transmit(workspace).is_none());
}

#[test]
fn every_document_stays_when_a_workspace_of_an_earlier_draft_is_forgotten() {
    let (_folder, home) = home();
    let mut open = open(&home);
    let device = &mut open.device;
    let before: BTreeMap<DocId, String> =
        device.list(false).unwrap().into_iter().map(|listed| (listed.id, listed.title)).collect();
    let shown: BTreeMap<DocId, Vec<String>> = before.keys().map(|id| (*id, texts(device, *id))).collect();
    let agent = device.agents(false).unwrap().pop().unwrap();
    let files = device.show_agent(agent.id, NOW).unwrap().files;
    device.forget_workspace(workspace(device), NOW).unwrap();
    assert_eq!(device.workspaces().count(), 0);
    let after: BTreeMap<DocId, String> =
        device.list(false).unwrap().into_iter().map(|listed| (listed.id, listed.title)).collect();
    assert_eq!(after, before);
    for (id, texts_before) in shown {
        assert_eq!(texts(device, id), texts_before);
        assert_eq!(device.document_state(id).unwrap(), DocumentState::OnlyHere);
    }
    assert_eq!(device.show_agent(agent.id, NOW).unwrap().files, files);
}

#[test]
fn a_workspace_of_a_later_draft_is_read_and_waits_for_an_update() {
    let (folder, home) = home();
    drop(open(&home));
    let database = Connection::open(folder.path().join("bowline.db")).unwrap();
    database.execute("UPDATE workspace SET draft = 9", ()).unwrap();
    let mut open = open(&home);
    let device = &mut open.device;
    assert_eq!(status(device).membership, Membership::OtherDraft(OtherDraft::Later));
    let plans = titled(device, "Plans");
    assert_eq!(texts(device, plans), ["written by this device", "queued when the home was put away"]);
    let workspace = workspace(device);
    let refused = device.share(plans, workspace, NOW).unwrap_err();
    assert!(matches!(refused, Error::OtherDraft(_, OtherDraft::Later)), "{refused}");
}

/// What came later was stored as its number from the first.
const STORED_AS_NUMBERS: [QuarantineReason; 8] = [
    QuarantineReason::LivesSpent,
    QuarantineReason::DocumentFull,
    QuarantineReason::RecordsSpent,
    QuarantineReason::Heavier,
    QuarantineReason::NotConsented,
    QuarantineReason::NotTakenAgain,
    QuarantineReason::GivenUp,
    QuarantineReason::Doubled,
];

#[test]
fn every_sentence_that_was_ever_stored_has_its_number() {
    use QuarantineReason as R;
    let told: &[(&str, R, Option<&str>)] = &[
        ("there is no key here for its epoch", R::NoKey, None),
        ("its body is not here", R::NoBody, None),
        ("it is the last part of something of which an earlier part is not here", R::NoPart, None),
        (
            "the parts up to it do not belong together: one is numbered wrongly",
            R::Parts,
            Some("one is numbered wrongly"),
        ),
        ("it holds another document than its header says", R::OtherDocument, None),
        ("its payload cannot be read: not in canonical form", R::Payload, Some("not in canonical form")),
        ("the entry's author sealed it wrongly", R::NotAuthentic, None),
        (
            "the entry's author sealed something unreadable: the payload is cut short",
            R::NotUnpacked,
            Some("the payload is cut short"),
        ),
        ("the keys are of another workspace", R::OtherWorkspacesKeys, None),
        ("entries in the control lane are not sealed", R::NotSealed, None),
        ("it belongs to another workspace", R::OtherWorkspace, None),
        (
            "its roster record cannot be read: malformed CBOR near byte 3",
            R::BadRecord,
            Some("malformed CBOR near byte 3"),
        ),
        ("it is a roster record without a body", R::NoRecord, None),
        ("its predecessor is missing", R::ChainGap, None),
        ("number 9 of its chain is another entry", R::SeqTaken, Some("9")),
        ("its author is not active", R::NotActive, None),
        ("its author was removed, and the run up to the cut is not whole", R::RunIncomplete, None),
        ("the join is void: no rekey is due", R::JoinVoid, Some("no rekey is due")),
        ("it is not this workspace's beginning", R::NotGenesis, None),
        ("its roster is not known here yet", R::RosterUnknown, None),
        ("its roster is older than its chain or than what it has seen", R::RosterStale, None),
        ("at its roster nobody was to seal content before a rekey", R::RekeyDue, None),
        ("its epoch is not the one in force at its roster", R::WrongEpoch, None),
        ("what it says to have seen or to hold goes back or is not of this log", R::BadSeen, None),
        ("it has seen a signed head that is not in this log", R::Forked, None),
        ("8388609 bytes are too many for one entry", R::TooLarge, Some("8388609")),
        ("too many references", R::TooMany, Some("references")),
        ("malformed: column order", R::Malformed, Some("column order")),
        ("a checksum does not hold", R::BadChecksum, None),
        ("compressed inside", R::Compressed, None),
        ("uses commit messages, which no document does", R::Unused, Some("commit messages")),
        (
            "holds a change by ActorId(01020304…05060708), who is not the entry's author",
            R::NotTheAuthors,
            Some("ActorId(01020304…05060708)"),
        ),
        ("holds a change with no history", R::NoFirstChange, None),
        ("forges the first change", R::ForgedFirstChange, None),
        ("belongs to a document of kind 3", R::WrongKind, Some("3")),
        ("changes or removes a transcript entry", R::AppendOnly, None),
        ("changes or removes what is only ever added", R::AppendOnly, None),
        (
            "does not continue its history: not its actor's next change",
            R::BrokenHistory,
            Some("not its actor's next change"),
        ),
        ("refused by Automerge", R::Rejected, None),
        ("does not survive being stored", R::Unfaithful, None),
        ("makes Automerge panic", R::Panicked, None),
        ("it says to be another kind of document than this one is", R::OtherKind, None),
        ("it can no longer be opened", R::Damaged, None),
        ("this program ended three times while applying it", R::Crashed, None),
        ("in other words", R::Told, Some("in other words")),
    ];
    for (_, reason) in R::NAMED.into_iter().filter(|(_, reason)| !STORED_AS_NUMBERS.contains(reason)) {
        assert!(told.iter().any(|(_, named, _)| *named == reason), "{reason:?} has no sentence here");
    }
    for some in told.chunks(10) {
        let (folder, home) = home();
        let database = Connection::open(folder.path().join("bowline.db")).unwrap();
        let rows: Vec<(i64, Vec<u8>)> = {
            let mut statement =
                database.prepare("SELECT n, header FROM entry WHERE state = 2 ORDER BY n").unwrap();
            let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.collect::<Result<_, _>>().unwrap()
        };
        let mut expected = BTreeMap::new();
        for ((n, header), (sentence, reason, detail)) in rows.iter().zip(some) {
            database.execute("UPDATE entry SET reason = ?2 WHERE n = ?1", (n, sentence)).unwrap();
            expected.insert(
                bowline_wire::ids::EntryId::from_bytes(bowline_wire::hash::sha256(&[header])),
                (*reason, detail.map(str::to_owned)),
            );
        }
        assert_eq!(expected.len(), some.len());
        drop(database);
        let open = open(&home);
        for it in status(&open.device).quarantined {
            if let Some((reason, detail)) = expected.remove(&it.entry) {
                assert_eq!((it.reason, it.detail), (reason, detail));
            }
        }
        assert!(expected.is_empty(), "{expected:?}");
    }
}
