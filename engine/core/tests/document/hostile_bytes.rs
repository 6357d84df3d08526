//! Whatever bytes a hostile member seals: nothing panics, and what is refused leaves no trace.

use std::sync::OnceLock;

use crate::support::{Author, Sealed, assemble, frame, open, shown, unframe};
use bowline_core::document::{AgentField, AgentValues, Document, FileContent, FilePath, Json, Kind, Source};
use proptest::prelude::*;

const SOURCES: [Source; 2] = [Source::Changes, Source::Snapshot];

/// Two devices' document with everything in it that there is, and the last entry of device 1, who is hostile.
fn story(kind: Kind) -> (Vec<Sealed>, Sealed, Document) {
    static CONVERSATION: OnceLock<(Vec<Sealed>, Sealed, Document)> = OnceLock::new();
    static AGENT: OnceLock<(Vec<Sealed>, Sealed, Document)> = OnceLock::new();
    static SKILL: OnceLock<(Vec<Sealed>, Sealed, Document)> = OnceLock::new();
    match kind {
        Kind::Skill => SKILL.get_or_init(make_skill).clone(),
        Kind::Agent => AGENT.get_or_init(make_agent).clone(),
        _ => CONVERSATION.get_or_init(make_conversation).clone(),
    }
}

const KINDS: [Kind; 3] = [Kind::Conversation, Kind::Agent, Kind::Skill];

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(&KINDS[..])
}

fn make_agent() -> (Vec<Sealed>, Sealed, Document) {
    let (mut eve, mut ben) = (Author::agent(1), Author::agent(2));
    ben.write("AGENTS.md", "be kind\n").write("to go", "x").edit(|edit| {
        edit.set(AgentField::Name, Some("ben's"));
    });
    let b = ben.seal(2);
    eve.receive(std::slice::from_ref(&b))
        .write("AGENTS.md", "be kind, äh\n")
        .write("new", "y")
        .remove("to go");
    eve.edit(|edit| {
        edit.set_value(AgentValues::Tools, "search", Some(Json::parse("{}").unwrap()));
    });
    eve.unsealed.extend(eve.document.delete(eve.pen).unwrap());
    let e = eve.seal(1);
    (vec![b], e, eve.document)
}

fn make_skill() -> (Vec<Sealed>, Sealed, Document) {
    let path = |path: &str| FilePath::parse(path).unwrap();
    let bytes = |bytes: &[u8]| FileContent::Bytes(bytes.to_vec());
    let (mut eve, mut ben) = (Author::new(1, Kind::Skill), Author::new(2, Kind::Skill));
    ben.skill(|edit| {
        edit.set_name(Some("ben's")).write_file(path("SKILL.md"), FileContent::Text("be kind".to_owned()));
        edit.write_file(path("a.png"), bytes(&[0, 1])).set_executable(path("SKILL.md"), true);
    });
    let b = ben.seal(2);
    eve.receive(std::slice::from_ref(&b)).skill(|edit| {
        edit.write_file(path("a.png"), bytes(&[0, 2])).write_file(path("b.png"), bytes(&[3]));
        edit.write_file(path("SKILL.md"), FileContent::Text("be kinder".to_owned()));
    });
    let e = eve.seal(1);
    (vec![b], e, eve.document)
}

fn make_conversation() -> (Vec<Sealed>, Sealed, Document) {
    let (mut eve, mut ben) = (Author::conversation(1), Author::conversation(2));
    ben.say("one").title("ben's title").say("two");
    let b = ben.seal(2);
    eve.receive(std::slice::from_ref(&b)).say("three").title("eve's title");
    let label = eve.document.conversation_mut(eve.pen).unwrap().set_label("work", true).unwrap();
    let delete = eve.document.delete(eve.pen).unwrap();
    eve.unsealed.extend([label, delete].into_iter().flatten());
    let e = eve.seal(1);
    (vec![b], e, eve.document)
}

/// Everything that must hold after an entry of whatever bytes.
fn check(kind: Kind, others: &[Sealed], hostile: &Sealed) -> Result<(), TestCaseError> {
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
    fn arbitrary_bytes_leave_no_trace(kind in kind(), source in source(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (others, _, _) = story(kind);
        check(kind, &others, &hostile(source, bytes))?;
    }

    #[test]
    fn arbitrary_bytes_in_a_right_frame_leave_no_trace(
        kind in kind(),
        source in source(),
        chunk in 0_u8..5,
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (others, _, _) = story(kind);
        check(kind, &others, &hostile(source, frame(chunk, &body)))?;
    }

    #[test]
    fn mutated_entries_are_refused_or_mean_the_same_to_everybody(
        kind in kind(),
        source in source(),
        mutations in mutations(),
    ) {
        let (others, entry, document) = story(kind);
        let bytes = if source == Source::Snapshot { document.save() } else { entry.bytes };
        check(kind, &others, &hostile(source, mutate(bytes, &mutations)))?;
    }

    #[test]
    fn mutated_changes_in_a_right_frame_are_refused_or_mean_the_same_to_everybody(
        kind in kind(),
        which in any::<prop::sample::Index>(),
        mutations in mutations(),
    ) {
        let (others, entry, _) = story(kind);
        let mut chunks = split(&entry.bytes);
        let which = which.index(chunks.len());
        let (chunk, body) = unframe(&chunks[which]);
        chunks[which] = frame(chunk, &mutate(body, &mutations));
        check(kind, &others, &hostile(Source::Changes, chunks.concat()))?;
        chunks.truncate(which + 1);
        check(kind, &others, &hostile(Source::Changes, chunks.concat()))?;
    }

    #[test]
    fn mutated_documents_in_a_right_frame_are_refused_or_mean_the_same_to_everybody(
        kind in kind(),
        mutations in mutations(),
    ) {
        let (others, _, document) = story(kind);
        let (chunk, body) = unframe(&document.save());
        check(kind, &others, &hostile(Source::Snapshot, frame(chunk, &mutate(body, &mutations))))?;
    }
}

/// Every third bit of a document's body in turn, in a right frame.
#[test]
fn a_document_with_any_one_bit_flipped_is_refused_or_means_the_same_to_everybody() {
    for kind in KINDS {
        let (others, _, document) = story(kind);
        let (chunk, body) = unframe(&document.save());
        flip_bits(kind, &others, Source::Snapshot, chunk, &body);
    }
}

/// Every third bit of a change's body in turn, in a right frame.
#[test]
fn a_change_with_any_one_bit_flipped_is_refused_or_means_the_same_to_everybody() {
    for kind in KINDS {
        let (others, entry, _) = story(kind);
        for bytes in split(&entry.bytes) {
            let (chunk, body) = unframe(&bytes);
            flip_bits(kind, &others, Source::Changes, chunk, &body);
        }
    }
}

fn flip_bits(kind: Kind, others: &[Sealed], source: Source, chunk: u8, body: &[u8]) {
    for bit in (0..body.len() * 8).step_by(3) {
        let mut flipped = body.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        check(kind, others, &hostile(source, frame(chunk, &flipped)))
            .unwrap_or_else(|why| panic!("{kind:?}, bit {bit}: {why}"));
    }
}

/// Concatenated changes, one by one.
fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<_> =
        bytes.windows(4).enumerate().filter(|(_, four)| *four == [0x85, 0x6f, 0x4a, 0x83]).collect();
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([bytes.len()]);
    starts.iter().zip(ends).map(|((start, _), end)| bytes[*start..end].to_vec()).collect()
}
