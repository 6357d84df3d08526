//! Whatever bytes a hostile member seals: nothing panics, and what is refused leaves no trace.

use std::sync::OnceLock;

use crate::support::{Author, Sealed, assemble, frame, open, shown, unframe};
use bowline_core::document::{Document, Kind, Source};
use proptest::prelude::*;

const SOURCES: [Source; 3] = [Source::Changes, Source::Adopted, Source::Snapshot];

/// Two devices' conversation with everything in it that there is, and the last entry of device 1, who is hostile.
fn conversation() -> (Vec<Sealed>, Sealed, Document) {
    static ONCE: OnceLock<(Vec<Sealed>, Sealed, Document)> = OnceLock::new();
    ONCE.get_or_init(make_conversation).clone()
}

fn make_conversation() -> (Vec<Sealed>, Sealed, Document) {
    let (mut eve, mut ben) = (Author::conversation(1), Author::conversation(2));
    ben.say("one").title("ben's title").say("two");
    let b = ben.seal(2);
    eve.receive(std::slice::from_ref(&b)).say("three").title("eve's title");
    let label = eve.document.conversation_mut(eve.pen).unwrap().set_label("work", true).unwrap();
    let delete = eve.document.conversation_mut(eve.pen).unwrap().delete().unwrap();
    eve.unsealed.extend([label, delete].into_iter().flatten());
    let e = eve.seal(1);
    (vec![b], e, eve.document)
}

/// Everything that must hold after an entry of whatever bytes.
fn check(others: &[Sealed], hostile: &Sealed) -> Result<(), TestCaseError> {
    let kind = Kind::Conversation;
    let without = assemble(kind, others);
    let all: Vec<_> = others.iter().cloned().chain([hostile.clone()]).collect();
    let with = assemble(kind, &all);
    if with.refused.is_empty() {
        let loaded = Document::load(kind, &with.document.save());
        prop_assert!(loaded.is_ok(), "what is accepted can be stored");
        prop_assert_eq!(shown(&loaded.unwrap()), shown(&with.document));
    } else {
        prop_assert_eq!(shown(&with.document), shown(&without.document));
    }
    let backwards: Vec<_> = all.iter().rev().cloned().collect();
    prop_assert_eq!(shown(&assemble(kind, &backwards).document), shown(&with.document));
    let mut document = without.document;
    if let Ok(applied) = document.apply(&open(std::slice::from_ref(hostile))) {
        prop_assert_eq!(shown(&document), shown(&with.document));
        prop_assert_eq!(applied.refused, with.refused);
    }
    document.summary();
    Ok(())
}

fn hostile(source: Source, bytes: Vec<u8>) -> Sealed {
    Sealed::new(9, 1, source, bytes)
}

fn source() -> impl Strategy<Value = Source> {
    prop::sample::select(&SOURCES[..])
}

/// One or several bytes changed, put in or taken out.
#[derive(Clone, Debug)]
enum Mutation {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Copy(prop::sample::Index, prop::sample::Index, usize),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let at = any::<prop::sample::Index>;
    let one = prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        2 => (at(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        2 => (at(), 1_usize..9).prop_map(|(at, count)| Mutation::Remove(at, count)),
        1 => (at(), at(), 1_usize..40).prop_map(|(from, to, count)| Mutation::Copy(from, to, count)),
    ];
    prop::collection::vec(one, 1..4)
}

fn mutate(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match mutation {
            Mutation::Set(at, byte) => bytes[at.index(length)] = *byte,
            Mutation::Insert(at, some) => {
                let at = at.index(length);
                bytes.splice(at..at, some.iter().copied());
            }
            Mutation::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..(at + count).min(length));
            }
            Mutation::Copy(from, to, count) => {
                let (from, to) = (from.index(length), to.index(length));
                let some = bytes[from..(from + count).min(length)].to_vec();
                bytes.splice(to..to, some);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_leave_no_trace(source in source(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (others, _, _) = conversation();
        check(&others, &hostile(source, bytes))?;
    }

    #[test]
    fn arbitrary_bytes_in_a_right_frame_leave_no_trace(
        source in source(),
        kind in 0_u8..5,
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (others, _, _) = conversation();
        check(&others, &hostile(source, frame(kind, &body)))?;
    }

    #[test]
    fn mutated_entries_are_refused_or_mean_the_same_to_everybody(
        source in source(),
        mutations in mutations(),
    ) {
        let (others, entry, document) = conversation();
        let bytes = if source == Source::Snapshot { document.save() } else { entry.bytes };
        check(&others, &hostile(source, mutate(bytes, &mutations)))?;
    }

    #[test]
    fn mutated_changes_in_a_right_frame_are_refused_or_mean_the_same_to_everybody(
        which in any::<prop::sample::Index>(),
        mutations in mutations(),
    ) {
        let (others, entry, _) = conversation();
        let mut chunks = split(&entry.bytes);
        let which = which.index(chunks.len());
        let (kind, body) = unframe(&chunks[which]);
        chunks[which] = frame(kind, &mutate(body, &mutations));
        check(&others, &hostile(Source::Changes, chunks.concat()))?;
        chunks.truncate(which + 1);
        check(&others, &hostile(Source::Changes, chunks.concat()))?;
    }

    #[test]
    fn mutated_documents_in_a_right_frame_are_refused_or_mean_the_same_to_everybody(mutations in mutations()) {
        let (others, _, document) = conversation();
        let (kind, body) = unframe(&document.save());
        check(&others, &hostile(Source::Snapshot, frame(kind, &mutate(body, &mutations))))?;
    }
}

/// Every third bit of a document's body in turn, in a right frame.
#[test]
fn a_document_with_any_one_bit_flipped_is_refused_or_means_the_same_to_everybody() {
    let (others, _, document) = conversation();
    let (kind, body) = unframe(&document.save());
    for bit in (0..body.len() * 8).step_by(3) {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        check(&others, &hostile(Source::Snapshot, frame(kind, &flipped)))
            .unwrap_or_else(|why| panic!("bit {bit}: {why}"));
    }
}

/// Every third bit of a change's body in turn, in a right frame.
#[test]
fn a_change_with_any_one_bit_flipped_is_refused_or_means_the_same_to_everybody() {
    let (others, entry, _) = conversation();
    for chunk in split(&entry.bytes) {
        let (kind, body) = unframe(&chunk);
        for bit in (0..body.len() * 8).step_by(3) {
            let mut flipped = body.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let entry = hostile(Source::Changes, frame(kind, &flipped));
            check(&others, &entry).unwrap_or_else(|why| panic!("bit {bit}: {why}"));
        }
    }
}

/// Concatenated changes, one by one.
fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<_> =
        bytes.windows(4).enumerate().filter(|(_, four)| *four == [0x85, 0x6f, 0x4a, 0x83]).collect();
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([bytes.len()]);
    starts.iter().zip(ends).map(|((start, _), end)| bytes[*start..end].to_vec()).collect()
}
