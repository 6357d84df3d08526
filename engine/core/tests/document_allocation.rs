//! How much memory one hostile entry can make a device take: never more than four times the limit of a payload. The tests
//! take turns, because the counters are of the whole process.

// Tests may fail by panicking, helpers outside of `#[test]` functions included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "document/support.rs"]
mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId as RawActor, Automerge, ROOT, ReadDoc};
use bowline_core::document::limits::{CHANGES_MAX, CONTENT_MAX, OPS_MAX};
use bowline_core::document::{Document, Kind, Reason, Source};
use bowline_wire::limits::MAX_PAYLOAD;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use support::{Author, Sealed, assemble, frame, leb128, open, pen, unframe};

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Held by each test from its first line to its last.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

const LIMIT: usize = 4 * MAX_PAYLOAD;
const CONVERSATION: Kind = Kind::Conversation;

/// Takes in an entry by both ways and answers why it was refused; neither way may go over the limit.
fn take_in(source: Source, bytes: Vec<u8>, what: &str) -> Option<Reason> {
    take_in_on(&Document::create(CONVERSATION), source, bytes, what)
}

/// The same with an entry that builds on what a document has.
fn take_in_on(base: &Document, source: Source, bytes: Vec<u8>, what: &str) -> Option<Reason> {
    let sealed = [Sealed::new(1, 1, source, bytes)];
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let assembled = assemble(base.kind(), &sealed);
    let peak = HEAP.peak_usage().saturating_sub(before);
    assert!(peak <= LIMIT, "{what}: assembling took {peak} bytes");
    let mut document = base.clone();
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    drop(document.apply(&open(&sealed)));
    let peak = HEAP.peak_usage().saturating_sub(before);
    assert!(peak <= LIMIT, "{what}: applying took {peak} bytes");
    assembled.refused.into_iter().next().map(|refused| refused.reason)
}

/// A chunk's body up to its first column list, its column lists, and what comes after the columns.
struct Taken {
    kind: u8,
    prefix: Vec<u8>,
    lists: Vec<Vec<(u64, Vec<u8>)>>,
    suffix: Vec<u8>,
}

impl Taken {
    fn apart(chunk: &[u8]) -> Self {
        let (kind, body) = unframe(chunk);
        let mut at = 0;
        let prefix_end = if kind == 0 {
            for _ in 0..number(&body, &mut at) {
                at += usize::try_from(number(&body, &mut at)).unwrap();
            }
            let heads = usize::try_from(number(&body, &mut at)).unwrap();
            at + heads * 32
        } else {
            let deps = usize::try_from(number(&body, &mut at)).unwrap();
            at += deps * 32;
            at += usize::try_from(number(&body, &mut at)).unwrap();
            for _ in 0..4 {
                number(&body, &mut at); // seq, first operation, time, length of the (empty) message
            }
            for _ in 0..number(&body, &mut at) {
                at += usize::try_from(number(&body, &mut at)).unwrap();
            }
            at
        };
        at = prefix_end;
        let lists = if kind == 0 { 2 } else { 1 };
        let mut specs: Vec<Vec<(u64, u64)>> = Vec::new();
        for _ in 0..lists {
            let count = number(&body, &mut at);
            specs.push((0..count).map(|_| (number(&body, &mut at), number(&body, &mut at))).collect());
        }
        let mut fill = |(spec, length): (u64, u64)| {
            let end = at + usize::try_from(length).unwrap();
            let bytes = body[at..end].to_vec();
            at = end;
            (spec, bytes)
        };
        let lists: Vec<Vec<_>> =
            specs.into_iter().map(|list| list.into_iter().map(&mut fill).collect()).collect();
        Self { kind, prefix: body[..prefix_end].to_vec(), lists, suffix: body[at..].to_vec() }
    }

    fn together(&self) -> Vec<u8> {
        let mut body = self.prefix.clone();
        for list in &self.lists {
            body.extend(leb128(list.len() as u64));
            for (spec, bytes) in list {
                body.extend([leb128(*spec), leb128(bytes.len() as u64)].concat());
            }
        }
        body.extend(self.lists.iter().flatten().flat_map(|(_, bytes)| bytes));
        body.extend(&self.suffix);
        frame(self.kind, &body)
    }
}

fn number(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

/// Run-length columns of a few bytes that claim to be very large, each in several shapes.
fn bombs() -> Vec<Vec<u8>> {
    let mut bombs = Vec::new();
    for rows in [1_u64 << 20, 1 << 31, 1 << 40, (1 << 62) - 1] {
        // The sixth byte onwards keeps the run length from being read as negative.
        let run = signed_leb128(rows);
        for value in [0, 1, 6 | (1 << 20 << 4), u64::from(u32::MAX), 1 << 40, u64::MAX] {
            bombs.push([run.clone(), leb128(value)].concat());
        }
        bombs.push([&run[..], &[4], b"text"].concat());
        bombs.push([vec![0], leb128(rows)].concat());
        bombs.push(leb128(rows));
    }
    for value in [1_u64 << 31, u64::from(u32::MAX), 1 << 40, u64::MAX] {
        bombs.push([vec![1], leb128(value)].concat());
    }
    bombs
}

fn signed_leb128(number: u64) -> Vec<u8> {
    let mut bytes = leb128(number);
    if bytes.last().unwrap() & 0x40 != 0 {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push(0);
    }
    bytes
}

fn conversation() -> Author {
    let mut ana = Author::conversation(1);
    ana.say("one").title("two").say("three").title("four");
    ana
}

#[test]
fn the_chunks_taken_apart_and_put_together_are_the_chunks() {
    let _turn = turn();
    let ana = conversation();
    for chunk in ana.unsealed.iter().chain([&ana.document.save()]) {
        assert_eq!(Taken::apart(chunk).together(), *chunk);
    }
}

#[test]
fn columns_that_claim_to_be_huge_are_not_unrolled() {
    let _turn = turn();
    let ana = conversation();
    let title = &ana.unsealed[3];
    for (chunk, source) in [(title, Source::Changes), (&ana.document.save(), Source::Snapshot)] {
        let columns: Vec<usize> = Taken::apart(chunk).lists.iter().map(Vec::len).collect();
        for (list, count) in columns.into_iter().enumerate() {
            for column in 0..count {
                for bomb in bombs() {
                    let mut taken = Taken::apart(chunk);
                    let spec = taken.lists[list][column].0;
                    taken.lists[list][column].1.clone_from(&bomb);
                    let refused =
                        take_in(source, taken.together(), &format!("{source:?} {spec:#x} {bomb:?}"));
                    assert!(refused.is_some(), "{source:?} {spec:#x} {bomb:?}");
                }
            }
        }
    }
}

#[test]
fn counts_that_claim_to_be_huge_reserve_nothing() {
    let _turn = turn();
    let ana = conversation();
    for (chunk, source) in [(&ana.unsealed[3], Source::Changes), (&ana.document.save(), Source::Snapshot)] {
        let (kind, body) = unframe(chunk);
        for at in 0..body.len().min(200) {
            for claim in [1_u64 << 24, 1 << 32, 1 << 48, u64::MAX] {
                let hostile = [&body[..at], &leb128(claim), &body[at + 1..]].concat();
                take_in(source, frame(kind, &hostile), &format!("{source:?} {claim} at {at}"));
            }
        }
    }
}

#[test]
fn random_bytes_of_every_size_take_no_more() {
    let _turn = turn();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for size in [0, 1, 100, 10_000, 1 << 20, CONTENT_MAX - 20, CONTENT_MAX + 1] {
        let mut bytes = vec![0; size];
        random.fill_bytes(&mut bytes);
        for source in [Source::Changes, Source::Snapshot] {
            take_in(source, bytes.clone(), "random");
            for kind in [0, 1] {
                take_in(source, frame(kind, &bytes), "random in a right frame");
            }
        }
    }
}

#[test]
fn mutated_entries_take_no_more() {
    let _turn = turn();
    let ana = conversation();
    let mut random = ChaCha8Rng::seed_from_u64(8);
    for (chunk, source) in [(&ana.unsealed[3], Source::Changes), (&ana.document.save(), Source::Snapshot)] {
        let (kind, body) = unframe(chunk);
        for _ in 0..1500 {
            let mut mutated = body.clone();
            for _ in 0..=random.next_u32() % 3 {
                let at = random.next_u32() as usize % mutated.len();
                mutated[at] = random.next_u32().to_le_bytes()[0];
            }
            take_in(source, frame(kind, &mutated), "mutated");
        }
    }
}

/// The most that a few bytes may legitimately stand for: as many changes, and as many operations, as one entry may hold.
#[test]
fn entries_right_at_their_limits_take_no_more() {
    let _turn = turn();
    let mut many = Automerge::load(&Document::create(CONVERSATION).save()).unwrap();
    many.set_actor(RawActor::from(*pen(1).actor.as_bytes()));
    for turn in 0..CHANGES_MAX - 1 {
        many.transact_with(|()| CommitOptions::default(), |tx| tx.put(ROOT, "pinned", turn % 2 == 0))
            .unwrap();
    }
    let snapshot = many.save_nocompress();
    assert!(snapshot.len() < CONTENT_MAX / 16);
    assert_eq!(take_in(Source::Snapshot, snapshot, "changes at their limit"), None);
    many.transact_with(|()| CommitOptions::default(), |tx| tx.put(ROOT, "pinned", 7)).unwrap();
    assert_eq!(
        take_in(Source::Snapshot, many.save_nocompress(), "beyond it"),
        Some(Reason::TooMany("changes"))
    );

    let mut wide = Automerge::load(&Document::create(CONVERSATION).save()).unwrap();
    wide.set_actor(RawActor::from(*pen(1).actor.as_bytes()));
    let put_all = |tx: &mut automerge::transaction::Transaction<'_>| {
        (0..OPS_MAX).try_for_each(|turn| tx.put(ROOT, format!("{turn:x}"), ()))
    };
    wide.transact_with(|()| CommitOptions::default(), put_all).unwrap();
    let change = wide.get_last_local_change().unwrap().raw_bytes().to_vec();
    assert_eq!(take_in(Source::Changes, change, "operations at their limit"), None);
    assert_eq!(wide.get_heads().len(), 1);
}

/// As many characters as one entry may write, and as many as one may remove: what takes most memory for its bytes.
#[test]
fn texts_right_at_the_limit_of_operations_take_no_more() {
    let _turn = turn();
    let mut raw = Automerge::load(&Document::create(Kind::Agent).save()).unwrap();
    raw.set_actor(RawActor::from(*pen(1).actor.as_bytes()));
    let change = |raw: &mut Automerge, edit: &dyn Fn(&mut automerge::transaction::Transaction<'_>)| {
        raw.transact_with::<_, _, (), _>(
            |()| CommitOptions::default(),
            |tx| {
                edit(tx);
                Ok(())
            },
        )
        .unwrap();
        raw.get_last_local_change().unwrap().raw_bytes().to_vec()
    };
    let files = |tx: &automerge::transaction::Transaction<'_>| tx.get(ROOT, "files").unwrap().unwrap().1;
    let text = |tx: &automerge::transaction::Transaction<'_>| tx.get(files(tx), "a").unwrap().unwrap().1;
    // With the eight operations of the first change, and the one that makes the text, as many as a snapshot may hold.
    let written = change(&mut raw, &|tx| {
        let text = tx.put_object(files(tx), "a", automerge::ObjType::Text).unwrap();
        tx.splice_text(&text, 0, 0, &"x".repeat(OPS_MAX - 9)).unwrap();
    });
    let base = Document::create(Kind::Agent);
    assert_eq!(take_in_on(&base, Source::Changes, written.clone(), "written"), None);
    assert_eq!(take_in_on(&base, Source::Snapshot, raw.save_nocompress(), "written, saved"), None);
    let base = assemble(Kind::Agent, &[Sealed::new(1, 1, Source::Changes, written)]).document;
    let more = change(&mut raw, &|tx| tx.splice_text(text(tx), 0, 0, &"x".repeat(9)).unwrap());
    let mut base = base;
    base.apply(&open(&[Sealed::new(2, 1, Source::Changes, more)])).unwrap();
    let length = isize::try_from(OPS_MAX).unwrap();
    let removed = change(&mut raw, &|tx| tx.splice_text(text(tx), 0, length, "").unwrap());
    assert_eq!(take_in_on(&base, Source::Changes, removed, "removed"), None);
    let saved = raw.save_nocompress();
    assert_eq!(take_in_on(&base, Source::Snapshot, saved, "beyond"), Some(Reason::TooMany("operations")));
}

/// A payload full of one line, as large as they come.
#[test]
fn payloads_right_at_their_limit_take_no_more() {
    let _turn = turn();
    let mut ana = Author::conversation(1);
    for turn in 0..4 {
        let line = format!(r#"{{"id":"{turn}","x":"{}"}}"#, "x".repeat(CONTENT_MAX / 4 - 220));
        let change = ana.document.conversation_mut(ana.pen).unwrap().append_raw(&line).unwrap().unwrap();
        ana.unsealed.push(change);
    }
    let changes = ana.unsealed.concat();
    assert!((CONTENT_MAX - 1000..=CONTENT_MAX).contains(&changes.len()), "{}", changes.len());
    assert_eq!(take_in(Source::Changes, changes, "changes"), None);
    assert_eq!(take_in(Source::Snapshot, ana.document.save(), "snapshot"), None);
}
