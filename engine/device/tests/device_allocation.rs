//! What members can make a whole device allocate with entries that are small on the line. Alone in its file, because the
//! counters are the process's; what SQLite allocates is not among them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]

#[path = "../../core/tests/sync/author.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod author;
#[path = "../../core/tests/sync/letting_go.rs"]
#[allow(dead_code, reason = "other tests use it")]
mod letting_go;
#[path = "../../core/tests/sync/opening.rs"]
mod opening;
#[path = "../../core/tests/sync/relay.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod relay;
#[path = "device/rig.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod rig;

use bowline_core::document::{ActorId, AgentEdit, Document, FilePath, Kind, Pen, Summary, weight_of};
use bowline_core::payload::Payload;
use bowline_device::QuarantineReason;
use bowline_wire::ids::{DocId, Millis};
use bowline_wire::limits::{MAX_FRAME, MAX_PAYLOAD};
use bowline_wire::weight::Weight;

use author::{Author, payload_of};
use relay::FakeRelay;
use rig::Rig;

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// What a device may need beside what it needs anyway, whatever members write.
const BOUND: usize = 150 << 20;

/// Entries of the attack: opened together, they are 256 MiB.
const ENTRIES: usize = 16;

fn peak_during(work: impl FnOnce()) -> usize {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    work();
    HEAP.peak_usage().saturating_sub(before)
}

/// A device, and a relay with entries that are a kilobyte on the line and 16 MiB once opened. The first one's position.
fn small_on_the_line() -> (Rig, FakeRelay, u64) {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut mallory = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    let payload = |n: usize| Payload {
        doc: DocId::from_bytes([u8::try_from(n).unwrap(); 16]),
        kind: Kind::Conversation.number(),
        time: Millis(1),
        heads: Vec::new(),
        bytes: vec![0; MAX_PAYLOAD - 200],
        summary: Summary::default(),
        deleted_at: None,
        marks: None,
    };
    let first = relay.len() + 1;
    for n in 0..ENTRIES {
        let entry = mallory.content(&relay, &payload(n + 1));
        relay.put(entry.to_signed());
    }
    (rig, relay, first)
}

/// Characters in each of the entries that add up.
const CHARACTERS: usize = 60_000;

/// Entries of the attack on one document, each within every limit of an entry: 2.4 million operations.
const EDITS: u8 = 40;

/// A device, and a relay where a member tried to make one document too heavy to load.
fn a_document_that_grows_and_grows() -> (Rig, FakeRelay) {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut mallory = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    for n in 1..=EDITS {
        let pen = Pen { actor: ActorId::for_device(mallory.id(), [n; 8]), now: Millis(1_000) };
        let mut document = Document::create(Kind::Agent);
        let mut edit = AgentEdit::default();
        edit.write_file(FilePath::parse(&format!("f{n}")).unwrap(), &"a".repeat(CHARACTERS));
        let bytes: Vec<u8> = document.agent_mut(pen).unwrap().edit(&edit).unwrap().concat();
        let weight = Weight::of(weight_of(bytes.len(), CHARACTERS as u64 + 1));
        let payload = payload_of(&document, DocId::from_bytes([0xd1; 16]), bytes);
        let entry =
            mallory.content_with(&relay, &payload.encode(), payload.doc, |header| header.weight = weight);
        relay.put(entry.to_signed());
    }
    (rig, relay)
}

#[test]
fn entries_within_every_limit_do_not_add_up_to_a_document_that_nobody_can_load() {
    let (mut rig, mut relay) = a_document_that_grows_and_grows();
    let peak = peak_during(|| rig.sync(&mut relay));
    assert!(peak < BOUND, "taking in: {} MiB", peak >> 20);
    let now = rig.now;
    let peak = peak_during(|| while rig.device.index_one(now).unwrap() {});
    assert!(peak < BOUND, "looking at it: {} MiB", peak >> 20);
    let status = rig.status();
    let refused: Vec<_> = status.quarantined.iter().map(|it| it.reason).collect();
    assert_eq!(refused.len(), 24, "a quarter of a document is 16 of them");
    assert_eq!(refused[0], QuarantineReason::DocumentFull, "and after it nothing in its chain counts");
}

#[test]
fn frames_of_entries_that_are_large_once_opened_are_taken_in_and_looked_at_within_the_bound() {
    let (mut rig, relay, first) = small_on_the_line();
    // A body is a 64th of what it opens to at the least, so that three are a frame.
    for at in (first..=relay.len()).step_by(3) {
        let frame = relay.frame(at, (at + 2).min(relay.len()));
        assert!(bowline_wire::codec::encode(&frame).len() < MAX_FRAME);
        let peak = peak_during(|| rig.receive(&frame));
        assert!(peak < BOUND, "taking in: {} MiB", peak >> 20);
    }
    let now = rig.now;
    let peak = peak_during(|| while rig.device.index_one(now).unwrap() {});
    assert!(peak < BOUND, "looking at it: {} MiB", peak >> 20);
    assert_eq!(rig.status().quarantined.len(), ENTRIES, "looked at, and no document");
    assert!(rig.device.store().read().attempts().unwrap().is_empty());
}
