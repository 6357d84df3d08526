//! What a frame can make the relay allocate: at most four times the largest frame, whatever is in it.
//!
//! A file of its own with a single test, because the allocator counts for the whole process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test may fail loudly, and its numbers are small"
)]

#[path = "../src/testing/author.rs"]
#[expect(dead_code, reason = "shared with the unit tests, which use more of it")]
mod author;

use author::{Author, View, hello, said};
use bowline_relay::config::{Config, Registration};
use bowline_relay::keys::Identity;
use bowline_relay::storage::memory::Memory;
use bowline_relay::{ConnId, Relay};
use bowline_wire::codec::{Writer, decode, encode};
use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::entry::SignedEntry;
use bowline_wire::frame::{Create, Frame, Proof, Welcome};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{HpkePublicKey, Lane, LogTime, Millis, Moment, Position, Signature, WorkspaceId};
use bowline_wire::limits::{MAX_BODY, MAX_FRAME, MAX_RECIPIENTS, MAX_SEALED_HISTORY};
use bowline_wire::roster::record::Record;
use bowline_wire::signed::Signed;
use peak_alloc::PeakAlloc;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const LIMIT: usize = 4 * MAX_FRAME;
const NOW: Millis = Millis(1_000_000);

struct Scene {
    relay: Relay<Memory>,
    laptop: Author,
    view: View,
    conn: ConnId,
}

fn next_frame(relay: &mut Relay<Memory>) -> Frame {
    decode(&relay.poll_transmit().expect("a frame").1).unwrap()
}

/// A relay with one workspace and an open session of its device.
fn scene() -> Scene {
    let rng = ChaCha20Rng::seed_from_u64(1);
    let config = Config::new(Registration::Open);
    let mut relay = Relay::open(Memory::new(), Identity::from_secret(&[5; 32]), config, Box::new(rng));
    let (mut laptop, conn) = (Author::new(1), ConnId(1));
    let (workspace, genesis) = laptop.genesis(1);
    relay.connect(conn, NOW);
    let hello = hello(&[WRITES_DRAFT]);
    relay.handle_frame(conn, &encode(&hello), NOW);
    let challenge = next_frame(&mut relay);
    let create = Some(Box::new(Create { token: String::new(), genesis: genesis.to_signed() }));
    let proof = Proof { create, ..Proof::unsigned(workspace, laptop.party()) };
    let proof = Frame::Proof(Box::new(laptop.prove_with(said(&hello, &challenge), proof)));
    relay.handle_frame(conn, &encode(&proof), NOW);
    relay.flush(NOW);
    let Frame::Welcome(Welcome { head, .. }) = next_frame(&mut relay) else { panic!() };
    let mut roster = bowline_wire::roster::Roster::new(workspace);
    roster.apply_entry(Moment { position: head.position, time: LogTime::START }, &genesis);
    let view = View { workspace, seen: Some(head), roster: roster.hash(), epoch: roster.epoch().unwrap() };
    Scene { relay, laptop, view, conn }
}

fn append(entries: Vec<SignedEntry>) -> Vec<u8> {
    encode(&Frame::Append { entries })
}

/// The start of a frame of this type with this many fields.
fn open(fields: usize, number: u64) -> Writer {
    let mut writer = Writer::new();
    writer.array(fields + 2).u64(1).u64(number);
    writer
}

/// `head`, then zeros up to the largest frame.
fn filled(head: Writer) -> Vec<u8> {
    let mut bytes = head.into_bytes();
    bytes.resize(MAX_FRAME, 0);
    bytes
}

/// A byte string's head that promises `len` bytes.
fn promised(mut head: Vec<u8>, len: u32) -> Vec<u8> {
    head.push(0x5a);
    head.extend(len.to_be_bytes());
    head
}

fn covering(laptop: &mut Author, view: &View) -> SignedEntry {
    let mut header = laptop.draft(view, EntryType::Snapshot, Lane::Content);
    header.covers = header.seen.map_or(Position::START, |seen| seen.position);
    laptop.write(header, b"snapshot").to_signed()
}

fn rekeying(laptop: &mut Author, view: &View) -> SignedEntry {
    let recipients = (0..MAX_RECIPIENTS as u16).map(|number| {
        let mut bytes = [0; 1216];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        HpkePublicKey::from_slice(&bytes).unwrap()
    });
    let mut rekey = author::rekey(1, recipients);
    rekey.history = vec![0; MAX_SEALED_HISTORY];
    laptop.record(view, &Record::Rekey(rekey)).to_signed()
}

/// Frames that are large in every way there is, for a session that is in.
fn large_frames(laptop: &Author, view: &View) -> Vec<(&'static str, Vec<u8>)> {
    let tiny = SignedEntry::from_parts(Signed::from_parts(vec![], Signature::ZERO), None);
    let mut arrays = open(1, 7);
    arrays.array(u32::MAX as usize);
    let mut author = laptop.clone();
    let contents = (0..1900).map(|_| author.content(view, b"x").to_signed()).collect();
    let mut author = laptop.clone();
    let covers = (0..16).map(|_| covering(&mut author, view)).collect();
    let mut author = laptop.clone();
    let stranger = (0..1900).map(|_| Author::new(9).content(view, b"x").to_signed()).collect();
    vec![
        ("zeros", vec![0; MAX_FRAME]),
        ("an append and zeros", filled(open(1, 7))),
        ("an array that lies", filled(arrays)),
        ("nested arrays", vec![0x81; MAX_FRAME]),
        ("a body that is not there", promised(append(vec![tiny.clone()]), MAX_FRAME as u32)),
        ("a frame that is a byte string", promised(vec![], MAX_FRAME as u32 - 5)),
        ("many entries of nothing", append(vec![tiny; 2048])),
        (
            "one entry with the largest body",
            append(vec![author.content(view, &vec![1; MAX_BODY]).to_signed()]),
        ),
        ("many entries that are accepted", append(contents)),
        ("many entries by a stranger", append(stranger)),
        ("headers that cover much", append(covers)),
        ("the largest rekey", append(vec![rekeying(&mut laptop.clone(), view)])),
        ("more than a frame", vec![0x80; 2 * MAX_FRAME]),
    ]
}

/// Bytes that were live at once, beyond those before, while `work` ran.
fn peak_of(work: impl FnOnce()) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    work();
    ALLOCATOR.peak_usage().saturating_sub(before)
}

fn assert_bounded(scene: &mut Scene, what: &str, bytes: &[u8]) {
    assert!(bytes.len() <= 2 * MAX_FRAME, "{what} is a frame");
    let Scene { relay, conn, .. } = scene;
    let peak = peak_of(|| relay.handle_frame(*conn, bytes, NOW));
    assert!(peak <= LIMIT, "{what}: handling it took {peak} bytes");
    let peak = peak_of(|| relay.flush(NOW));
    assert!(peak <= LIMIT, "{what}: committing it took {peak} bytes");
}

#[test]
fn no_frame_makes_the_relay_allocate_more_than_four_times_the_largest() {
    let Scene { laptop, view, .. } = scene();
    let large = large_frames(&laptop, &view);
    for (what, bytes) in &large {
        assert_bounded(&mut scene(), what, bytes);
    }
    // And the same ones damaged in a few places.
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    for round in 0..40 {
        let (what, mut bytes) = large[round % large.len()].clone();
        for _ in 0..=rng.next_u32() % 4 {
            // Near the front, where the lengths are, as often as anywhere.
            let span = if rng.next_u32() % 2 == 0 { 64 } else { bytes.len() };
            let at = rng.next_u64() as usize % span.min(bytes.len());
            bytes[at] = rng.next_u32() as u8;
        }
        assert_bounded(&mut scene(), &format!("{what}, damaged"), &bytes);
    }
    assert_ne!(view.workspace, WorkspaceId::ZERO);
}
