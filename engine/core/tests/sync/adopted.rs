//! What counts through an adopted entry: what its originals' own authors have signed, and nothing else.

use bowline_core::document::{Document, Incoming, Kind};
use bowline_core::payload::Payload;
use bowline_core::sync::{NotAdopted, Original, Unreadable, originals};
use bowline_wire::adopted::{Adopted, AdoptedError, Original as Verbatim};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DocId, LogTime, Position};
use bowline_wire::limits::PART_LEN;
use bowline_wire::weight::Weight;

use crate::author::{Author, LARGE_WEIGHT, message, opaque_payload};
use crate::relay::FakeRelay;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);
const ADOPTED_AT: Position = Position(50);

/// The Owner, a member, and the relay.
fn scene() -> (Author, Author, FakeRelay) {
    let (mut owner, mut relay) = Author::owner(1);
    let ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    (owner, ben, relay)
}

/// An entry by `by` that adopts these.
fn adopting(by: &mut Author, relay: &FakeRelay, lost: &[Entry], doc: DocId) -> Entry {
    let verbatim = lost.iter().map(|entry| Verbatim::of(entry, LogTime::START).unwrap()).collect();
    let payload = Payload { bytes: Adopted::new(verbatim).encode(), ..opaque_payload(0) };
    let payload = Payload { doc, ..payload };
    by.content_with(relay, &payload.encode(), doc, |header| {
        header.entry_type = EntryType::Adopted;
        header.weight = Weight::of(4 * LARGE_WEIGHT.most());
    })
}

fn opened(
    by: &Author,
    relay: &FakeRelay,
    adopted: &Entry,
    at: Position,
) -> Result<Vec<Original>, NotAdopted> {
    let keys = by.keyring.snapshot();
    let payload = Payload::decode(&bowline_crypto::open(adopted, &keys).unwrap()).unwrap();
    originals(adopted.header(), &payload, at, relay.log().roster(), &keys)
}

/// The lines of the conversation that these come to.
fn lines(adopted: &Entry, originals: &[Original]) -> Vec<String> {
    let incoming: Vec<Incoming<'_>> =
        originals.iter().map(|original| original.incoming(adopted.id(), ADOPTED_AT)).collect();
    let built = Document::assemble(Kind::Conversation, &incoming);
    assert_eq!((built.refused, built.unsettled), (vec![], vec![]));
    built.document.conversation().unwrap().transcript().entries.into_iter().map(|it| it.raw).collect()
}

#[test]
fn an_entry_that_the_log_has_lost_counts_as_its_authors() {
    let (mut owner, mut ben, relay) = scene();
    let lost = ben.content(&relay, &message(ben.id(), DOC, "from ben"));
    let adopted = adopting(&mut owner, &relay, std::slice::from_ref(&lost), DOC);
    let found = opened(&owner, &relay, &adopted, ADOPTED_AT).unwrap();
    assert_eq!(found.iter().map(|it| &it.entry).collect::<Vec<_>>(), [&lost]);
    assert_eq!(found[0].incoming(adopted.id(), ADOPTED_AT).author, ben.id());
    let lines = lines(&adopted, &found);
    assert!(matches!(&lines[..], [line] if line.contains("from ben")), "{lines:?}");
}

#[test]
fn nobody_adopts_words_that_their_author_has_not_signed() {
    let (mut owner, ben, relay) = scene();
    // Under ben's actor, and signed by whoever adopts it.
    let forged = owner.content(&relay, &message(ben.id(), DOC, "I quit. Ben"));
    let adopted = adopting(&mut owner, &relay, &[forged], DOC);
    let found = opened(&owner, &relay, &adopted, ADOPTED_AT).unwrap();
    let incoming = found[0].incoming(adopted.id(), ADOPTED_AT);
    let built = Document::assemble(Kind::Conversation, &[incoming]);
    assert_eq!(built.refused.len(), 1);
    assert_eq!(built.document.heads(), Document::create(Kind::Conversation).heads());
}

#[test]
fn what_is_adopted_is_of_the_document_that_the_entry_names() {
    let (mut owner, mut ben, relay) = scene();
    let lost = ben.content(&relay, &message(ben.id(), DOC, "from ben"));
    let adopted = adopting(&mut owner, &relay, &[lost], DocId::from_bytes([0xee; 16]));
    let rule = AdoptedError::Rule("what is adopted is of one document");
    assert_eq!(opened(&owner, &relay, &adopted, ADOPTED_AT), Err(NotAdopted::Broken(rule)));
}

#[test]
fn what_a_removed_device_says_afterwards_is_not_helped_in() {
    let (mut owner, mut ben, mut relay) = scene();
    let before = Position(relay.len());
    owner.put_removal(&mut relay, &ben, Vec::new());
    let after = Position(relay.len());
    let late = ben.content(&relay, &message(ben.id(), DOC, "let me in"));
    let adopted = adopting(&mut owner, &relay, std::slice::from_ref(&late), DOC);
    assert_eq!(opened(&owner, &relay, &adopted, after), Ok(vec![]));
    assert_eq!(
        opened(&owner, &relay, &adopted, before).map(|found| found.len()),
        Ok(1),
        "as everybody judged it then"
    );
}

#[test]
fn a_payload_in_parts_counts_whole_and_not_without_its_last() {
    let (mut owner, mut ben, relay) = scene();
    let mut bytes = Vec::new();
    for n in 0..PART_LEN as u64 / 32 + 100 {
        bytes.extend_from_slice(&bowline_wire::hash::sha256(&[&n.to_be_bytes()]));
    }
    let payload = Payload { doc: DOC, bytes, ..opaque_payload(0) };
    let parts = ben.parts(&relay, &payload);
    assert!(parts.len() > 1);
    let adopted = adopting_in_parts(&mut owner, &relay, &parts);
    let keys = owner.keyring.snapshot();
    let roster = relay.log().roster();
    let found = originals(&adopted.0, &adopted.1, ADOPTED_AT, roster, &keys).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].entry, &found[0].payload), (parts.last().unwrap(), &payload));
    let without_last = adopting_in_parts(&mut owner, &relay, &parts[..parts.len() - 1]);
    assert_eq!(originals(&without_last.0, &without_last.1, ADOPTED_AT, roster, &keys), Ok(vec![]));
    let without_first = adopting_in_parts(&mut owner, &relay, &parts[1..]);
    let found = originals(&without_first.0, &without_first.1, ADOPTED_AT, roster, &keys);
    assert!(matches!(found, Err(NotAdopted::Unreadable(Unreadable::Parts(_)))), "{found:?}");
}

/// Header and payload of an entry that adopts more than one body holds, as they are once its parts were put together.
fn adopting_in_parts(
    by: &mut Author,
    relay: &FakeRelay,
    lost: &[Entry],
) -> (bowline_wire::header::Header, Payload) {
    let verbatim = lost.iter().map(|entry| Verbatim::of(entry, LogTime::START).unwrap()).collect();
    let payload = Payload { doc: DOC, bytes: Adopted::new(verbatim).encode(), ..opaque_payload(0) };
    let header = adopting(by, relay, &[], DOC).header().clone();
    (header, payload)
}
