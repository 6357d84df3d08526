//! What convicts the holder of a log's key, and what does not.

use bowline_wire::codec::{DecodeError, decode, encode};
use bowline_wire::evidence::{Evidence, Fork, NotProven, Proven, Rollback};
use bowline_wire::frame::{Create, Frame, Party, Transcript, Welcome, Word};
use bowline_wire::hash::log_hash;
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::ids::*;
use bowline_wire::limits::MAX_EVIDENCE_STEPS;
use bowline_wire::signed::Verified;

use crate::samples::{ana, opening, story};
use crate::support::*;

const OTHER: LogHash = LogHash::from_bytes([0xee; 32]);

/// A head with this hash by the story's log.
fn claim(story: &Story, position: u64, hash: LogHash) -> SeenHead {
    let head = Head { position: Position(position), hash, ..story.log.head() };
    SeenHead::from(&Verified::sign(head, signer(&story.relay)).unwrap())
}

/// Entries and times between two positions of the story.
fn steps(story: &Story, low: usize, high: usize) -> Vec<(EntryId, LogTime)> {
    (low..high).map(|at| (story.entries[at].id(), story.times[at])).collect()
}

/// The story's end against another hash at a position, which it does not pass through.
fn fork(story: &Story, low: usize, hash: LogHash) -> Fork {
    let high = story.entries.len();
    Fork {
        workspace: story.workspace(),
        low: claim(story, low as u64, hash),
        high: story.head_at(Position(high as u64)),
        passed: story.hashes[low],
        steps: steps(story, low, high),
    }
}

/// A session in which a device shows a head and the log answers with another one.
fn rollback(seen: Option<u64>, answered: u64) -> Rollback {
    let (story, device) = (story(), ana());
    let [hello, challenge, proof, welcome] =
        opening(Party::Device(device.id()), &device.key, seen, None).map(|frame| encode(&frame));
    let Frame::Welcome(welcome) = decode(&welcome).unwrap() else { unreachable!() };
    let said = Transcript::of([&hello, &challenge, &proof]);
    let welcome = Welcome { head: story.head_at(Position(answered)), ..welcome };
    let welcome = encode(&Frame::Welcome(welcome.signed(said, signer(&story.relay))));
    Rollback { frames: [hello, challenge, proof, welcome] }
}

fn proven(story: &Story, signed: (u64, LogHash), against: (u64, LogHash)) -> Proven {
    let head = |(position, hash)| Head { position: Position(position), hash, ..story.log.head() };
    let (workspace, log) = (story.workspace(), story.log.head().log);
    Proven { workspace, log, signed: head(signed), against: head(against) }
}

/// Evidence of each kind with what it proves, or why it proves nothing.
pub(crate) fn samples() -> Vec<(&'static str, Evidence, Result<Proven, NotProven>)> {
    let story = story();
    let end = story.entries.len() as u64;
    let hash = |at: u64| story.hashes[usize::try_from(at).unwrap()];
    let of = |fork: Fork| Evidence::Fork(Box::new(fork));
    let forked = |low: u64| proven(&story, (low, OTHER), (end, hash(end)));
    let good = || fork(&story, 2, OTHER);
    let stranger = crate::samples::relay_identity();
    let by_another = Verified::sign(
        Head { log: LogId::from_bytes(stranger.verifying_key().to_bytes()), ..story.log.head() },
        signer(&stranger),
    );
    let by_another = SeenHead::from(&by_another.unwrap());
    let mut wrong_time = steps(&story, 2, story.entries.len());
    wrong_time[0].1 = LogTime::LAST;
    let mut unsigned = rollback(Some(3), 2);
    unsigned.frames[0].clone_from(&rollback(None, 2).frames[1]);
    let because = Err::<Proven, NotProven>;
    vec![
        ("two heads at one position", of(fork(&story, story.entries.len(), OTHER)), Ok(forked(end))),
        ("two heads apart", of(good()), Ok(forked(2))),
        (
            "less than was shown",
            Evidence::Rollback(rollback(Some(3), 2)),
            Ok(proven(&story, (3, hash(3)), (2, hash(2)))),
        ),
        ("heads of one log", of(fork(&story, 2, hash(2))), because(NotProven::NoContradiction)),
        (
            "a step too few",
            of(Fork { steps: steps(&story, 3, story.entries.len()), ..good() }),
            because(NotProven::NoContradiction),
        ),
        (
            "a step of another time",
            of(Fork { steps: wrong_time, ..good() }),
            because(NotProven::NoContradiction),
        ),
        (
            "the higher head as the lower one",
            of(Fork { low: good().high, high: good().low, ..good() }),
            because(NotProven::NoContradiction),
        ),
        (
            "a head of another workspace",
            of(Fork { workspace: WorkspaceId::ZERO, ..good() }),
            because(NotProven::Unreadable),
        ),
        (
            "a head that nobody signed",
            of(Fork { low: SeenHead { hash: hash(1), ..good().low }, ..good() }),
            because(NotProven::Unreadable),
        ),
        ("heads by two keys", of(Fork { high: by_another, ..good() }), because(NotProven::OtherKey)),
        (
            "as much as was shown",
            Evidence::Rollback(rollback(Some(3), 3)),
            because(NotProven::NoContradiction),
        ),
        (
            "nothing that was shown",
            Evidence::Rollback(rollback(None, 2)),
            because(NotProven::NoContradiction),
        ),
        ("a welcome on another line", Evidence::Rollback(unsigned), because(NotProven::Unreadable)),
    ]
}

#[test]
fn evidence_proves_what_it_says_or_nothing_and_is_read_as_it_was_written() {
    for (name, evidence, verdict) in samples() {
        assert_eq!(evidence.verify(), verdict, "{name}");
        assert_eq!(decode::<Evidence>(&encode(&evidence)), Ok(evidence), "{name}");
    }
}

/// Two heads of one key that contradict each other, with so many entries between them.
fn apart_by(count: usize) -> Evidence {
    let (story, low) = (story(), Position(1));
    let steps = vec![(EntryId::from_bytes([7; 32]), LogTime::START); count];
    let end = steps.iter().fold(OTHER, |hash, (entry, time)| log_hash(hash, *entry, *time));
    let high = claim(&story, low.0 + count as u64, end);
    let low = claim(&story, low.0, story.hashes[1]);
    let workspace = story.workspace();
    Evidence::Fork(Box::new(Fork { workspace, low, high, passed: OTHER, steps }))
}

#[test]
fn evidence_may_be_as_long_as_a_file_of_it_that_others_read() {
    let longest = apart_by(MAX_EVIDENCE_STEPS);
    assert!(longest.verify().is_ok());
    assert!(decode::<Evidence>(&encode(&longest)).is_ok());
    let longer = apart_by(MAX_EVIDENCE_STEPS + 1);
    assert_eq!(longer.verify(), Err(NotProven::Unreadable));
    let limit = MAX_EVIDENCE_STEPS;
    assert_eq!(decode::<Evidence>(&encode(&longer)), Err(DecodeError::TooLarge { what: "steps", limit }));
}

#[test]
fn a_welcome_to_a_head_that_another_log_signed_convicts_nobody() {
    let mut rollback = rollback(Some(3), 2);
    let Frame::Welcome(welcome) = decode(&rollback.frames[3]).unwrap() else { unreachable!() };
    let stranger = crate::samples::relay_identity();
    let log = LogId::from_bytes(stranger.verifying_key().to_bytes());
    let head = Head { log, position: Position(1), ..story().log.head() };
    let head = SeenHead::from(&Verified::sign(head, signer(&stranger)).unwrap());
    let said = Transcript::of(&rollback.frames[..3]);
    let welcome = Welcome { head, ..welcome }.signed(said, signer(&stranger));
    rollback.frames[3] = encode(&Frame::Welcome(welcome));
    assert_eq!(Evidence::Rollback(rollback).verify(), Err(NotProven::OtherKey));
}

#[test]
fn what_is_in_a_proof_beside_the_head_changes_nothing() {
    let (story, device) = (story(), ana());
    let create = Create { token: "t".into(), genesis: story.entries[0].to_signed(), logs: Vec::new() };
    let frames = opening(Party::Device(device.id()), &device.key, Some(1), Some(create));
    let rollback = Rollback { frames: frames.map(|frame| encode(&frame)) };
    assert_eq!(Evidence::Rollback(rollback).verify(), Err(NotProven::NoContradiction));
}
