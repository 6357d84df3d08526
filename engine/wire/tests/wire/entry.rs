//! Entries: a header, its author's signature, and the body it names or none.

use bowline_wire::codec::{DecodeError, decode, encode};
use bowline_wire::entry::{Entry, EntryError, LoggedEntry, SignedEntry};
use bowline_wire::frame::Frame;
use bowline_wire::hash;
use bowline_wire::head::SeenHead;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::limits::{MAX_BODY, MAX_FRAME, MAX_HEADER};
use bowline_wire::signed::{Signable, Signed, VerifyError};

use crate::samples::{ana, ben, entries, story};
use crate::support::Author;

fn with_body(entry: &Entry, body: Option<&[u8]>) -> Result<Entry, EntryError> {
    SignedEntry::from_parts(entry.signed_header().to_signed(), body.map(<[u8]>::to_vec))
        .verify(entry.header().workspace)
}

#[test]
fn entries_travel_unchanged() {
    for (name, entry) in entries() {
        let bytes = encode(&entry.to_signed());
        let received = decode::<SignedEntry>(&bytes).unwrap().verify(story().workspace());
        assert_eq!(received, Ok(entry.clone()), "{name}");
        assert_eq!(entry.id(), hash::entry_id(story().workspace(), entry.signed_header().bytes()));
        assert_eq!(entry.to_signed().id(story().workspace()), entry.id());
        assert_eq!(entry.additional_data(), entry.header().additional_data(), "{name}");
    }
}

#[test]
fn a_body_is_the_one_that_the_header_names() {
    let entry = story().content_by(&ana());
    assert_eq!(with_body(&entry, entry.body()), Ok(entry.clone()));
    for other in [&b"SEALED"[..], b"seale", b"sealed\0", b""] {
        assert_eq!(with_body(&entry, Some(other)), Err(EntryError::BodyMismatch));
    }
}

#[test]
fn a_length_that_is_not_the_bodys_is_refused_even_if_the_hash_is() {
    let entry = story().content_by(&ana());
    let header = Header { body_len: 7, ..entry.header().clone() };
    let header = bowline_wire::signed::Verified::sign(header, crate::support::signer(&ana().key)).unwrap();
    assert_eq!(Entry::new(header, Some(b"sealed".to_vec())), Err(EntryError::BodyMismatch));
}

#[test]
fn an_erased_body_leaves_the_header_standing() {
    let entry = story().content_by(&ana());
    let bare = with_body(&entry, None).unwrap();
    assert_eq!((bare.id(), bare.header(), bare.body()), (entry.id(), entry.header(), None));
}

#[test]
fn an_entry_is_signed_by_its_own_author() {
    let entry = story().content_by(&ana());
    let stolen = Header { device: ben().id(), ..entry.header().clone() };
    let signed = Signed::<Header>::from_parts(stolen.to_bytes(), *entry.signed_header().signature());
    let refused = SignedEntry::from_parts(signed, None).verify(story().workspace());
    assert_eq!(refused, Err(EntryError::Header(VerifyError::BadSignature)));
}

#[test]
fn what_is_too_long_is_not_read() {
    let entry = story().content_by(&ana());
    let signature = *entry.signed_header().signature();
    let long_header = Signed::from_parts(vec![0; MAX_HEADER + 1], signature);
    let bytes = encode(&SignedEntry::from_parts(long_header, None));
    let too_large = |what, limit| Err(DecodeError::TooLarge { what, limit });
    assert_eq!(decode::<SignedEntry>(&bytes), too_large("header", MAX_HEADER));
    let long_body = SignedEntry::from_parts(entry.signed_header().to_signed(), Some(vec![0; MAX_BODY + 1]));
    assert_eq!(decode::<SignedEntry>(&encode(&long_body)), too_large("body", MAX_BODY));
}

#[test]
fn the_largest_entry_fits_a_frame() {
    let (story, ana) = (story(), ana());
    let header = story.draft(&ana, EntryType::Snapshot);
    let entry = ana.sign(header, &vec![1; MAX_BODY]).to_signed();
    let head: SeenHead = story.head_at(story.position());
    let logged = LoggedEntry { time: LogTime::LAST, entry: entry.clone() };
    let frames = [
        Frame::Append { entries: vec![entry.clone()] },
        Frame::Entries { first: Position(u64::MAX), entries: vec![logged], head },
    ];
    for frame in frames {
        let bytes = encode(&frame);
        assert!(bytes.len() <= MAX_FRAME);
        assert_eq!(decode::<Frame>(&bytes), Ok(frame));
    }
}

/// An entry with the longest position and time.
fn positioned(entry: &SignedEntry) -> Vec<u8> {
    encode(&(Position(u64::MAX), LoggedEntry { time: LogTime::LAST, entry: entry.clone() }))
}

#[test]
fn the_length_for_cutting_batches_is_never_too_short() {
    for (name, entry) in entries() {
        let signed = entry.to_signed();
        let positioned = positioned(&signed).len();
        assert!(signed.wire_len() >= positioned, "{name}");
        assert!(signed.wire_len() <= positioned + 32, "{name}");
    }
    let bare = Author::new("x");
    let longest = bare.sign(story().draft(&bare, EntryType::Changes), &vec![0; MAX_BODY]).to_signed();
    assert!(longest.wire_len() >= positioned(&longest).len());
}
