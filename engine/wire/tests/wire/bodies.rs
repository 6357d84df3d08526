//! Bodies apart from their entries: what a missing one means, and which bytes are an entry's body.

use bowline_wire::bodies::{BodyName, Supplied, WithoutBody, verify_given, without_body};
use bowline_wire::codec::encode;
use bowline_wire::entry::{Entry, EntryError, SignedEntry};
use bowline_wire::header::Header;
use bowline_wire::ids::{EntryId, Lane, Position, Signature};
use bowline_wire::limits::MAX_BODY;
use bowline_wire::signed::{Signable, Signed, Verified, VerifyError};

use crate::samples::{ana, entries, story};
use crate::support::{APPLIED, lost, signer};

fn given(entry: &Entry, body: Option<&[u8]>) -> Result<Entry, EntryError> {
    let header = entry.signed_header().to_signed();
    verify_given(SignedEntry::from_parts(header, body.map(<[u8]>::to_vec)), entry.header().workspace)
}

#[test]
fn only_contents_can_be_waited_for_and_only_those_may_be_missing_that_are_given_up() {
    let mut story = story();
    let before = story.roster().given_up().clone();
    // By its id and by its epoch, so that it does not matter which.
    let ids: Vec<EntryId> = entries().iter().map(|(_, entry)| entry.id()).collect();
    for (record, outcome) in [
        (story.complaint(), APPLIED),
        (lost(&[], &ids), APPLIED),
        (lost(&[story.roster().epoch().unwrap()], &ids), APPLIED),
    ] {
        assert_eq!(story.record(&ana(), &record), outcome);
    }
    let after = story.roster().given_up();
    for (name, entry) in entries() {
        let expected = match entry.header().lane {
            Lane::Control => (WithoutBody::NotTheLog, WithoutBody::NotTheLog),
            Lane::Content => (WithoutBody::Withheld, WithoutBody::GivenUp),
        };
        let bare = given(&entry, None).unwrap();
        assert_eq!((without_body(&entry, &before), without_body(&entry, after)), (None, None), "{name}");
        let of_bare = (without_body(&bare, &before).unwrap(), without_body(&bare, after).unwrap());
        assert_eq!(of_bare, expected, "{name}");
    }
}

#[test]
fn whoever_alters_a_body_withholds_it() {
    let entry = story().content_by(&ana());
    assert_eq!(given(&entry, entry.body()), Ok(entry.clone()));
    let bare = given(&entry, None).unwrap();
    assert_eq!((bare.id(), bare.body()), (entry.id(), None));
    for other in [&b"SEALED"[..], b"seale", b"sealed\0", b""] {
        assert_eq!(given(&entry, Some(other)), Ok(bare.clone()));
    }
}

#[test]
fn a_header_that_its_author_did_not_sign_is_refused_with_or_without_a_body() {
    let entry = story().content_by(&ana());
    let forged = || Signed::<Header>::from_parts(entry.header().to_bytes(), Signature::from_bytes([7; 64]));
    for body in [None, entry.body()] {
        let given = SignedEntry::from_parts(forged(), body.map(<[u8]>::to_vec));
        let refused = verify_given(given, story().workspace());
        assert_eq!(refused, Err(EntryError::Header(VerifyError::BadSignature)));
    }
}

#[test]
fn a_name_holds_length_and_hash() {
    let entry = story().content_by(&ana());
    let body = entry.body().unwrap();
    assert!(BodyName::of(&entry).names(body));
    assert!(!BodyName::of(&entry).names(b"SEALED"));
    let longer = Header { body_len: 7, ..entry.header().clone() };
    let longer = Verified::sign(longer, signer(&ana().key)).unwrap();
    assert!(!BodyName::of(&Entry::new(longer, None).unwrap()).names(body), "only the length is another");
}

#[test]
fn the_length_for_cutting_frames_is_never_too_short() {
    for len in [0, 1, 23, 24, 255, 256, 65_535, 65_536, MAX_BODY] {
        let supplied = Supplied { position: Position(u64::MAX), body: vec![0; len] };
        let written = encode(&supplied).len();
        assert!((written..=written + 8).contains(&Supplied::wire_len(len)), "{len}: {written}");
    }
}
