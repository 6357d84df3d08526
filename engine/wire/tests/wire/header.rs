//! The header: its numbers, its own rules each broken alone, and what the body's seal binds.

use bowline_wire::codec::DecodeError;
use bowline_wire::head::Seen;
use bowline_wire::header::{Digests, EntryType, HEADER_FIELDS, Header, Part};
use bowline_wire::ids::*;
use bowline_wire::limits::{MAX_BODY, MAX_HEADER, MAX_PARTS, MAX_PAYLOAD, PART_LEN};
use bowline_wire::signed::Signable;
use bowline_wire::weight::Weight;

use crate::samples::{ana, headers, story};
use crate::support::WEIGHT;

const DIGESTS: Digests =
    Digests { all: SnapshotDigest::from_bytes([1; 32]), own: SnapshotDigest::from_bytes([2; 32]) };

/// The header, read from its bytes.
fn read(header: &Header) -> Result<Header, DecodeError> {
    Header::from_bytes(header.workspace, &header.to_bytes())
}

fn good(entry_type: EntryType) -> Header {
    story().draft(&ana(), entry_type)
}

/// The rule that a header breaks which is good but for what `spoil` does.
fn broken(entry_type: EntryType, spoil: impl FnOnce(&mut Header)) -> &'static str {
    let mut header = good(entry_type);
    assert_eq!(read(&header).as_ref(), Ok(&header), "good to begin with");
    spoil(&mut header);
    match read(&header) {
        Err(DecodeError::Rule(rule)) => rule,
        other => panic!("no rule was broken: {other:?}"),
    }
}

fn content(spoil: impl FnOnce(&mut Header)) -> &'static str {
    broken(EntryType::Changes, spoil)
}

#[test]
fn a_header_of_every_type_is_read_as_it_was_written() {
    for (name, header) in headers() {
        assert_eq!(read(&header), Ok(header), "{name}");
    }
}

#[test]
fn types_keep_to_their_lane() {
    let rule = "type belongs to the other lane";
    let into_control = |header: &mut Header| {
        (header.lane, header.epoch, header.salt) = (Lane::Control, EpochId::ZERO, Salt::ZERO);
        header.weight = Weight::NONE;
    };
    let into_content = |header: &mut Header| {
        (header.lane, header.epoch, header.weight) = (Lane::Content, EpochId::from_bytes([1; 16]), WEIGHT);
    };
    for entry_type in [EntryType::Changes, EntryType::Snapshot, EntryType::Adopted, EntryType::Unknown(15)] {
        assert_eq!(broken(entry_type, into_control), rule, "{entry_type:?}");
    }
    let control = [EntryType::Roster, EntryType::Erase, EntryType::Witness, EntryType::Unknown(31)];
    for entry_type in control {
        assert_eq!(broken(entry_type, into_content), rule, "{entry_type:?}");
    }
    let mut either = good(EntryType::Unknown(32));
    assert_eq!(either.lane, Lane::Control);
    into_content(&mut either);
    assert!(read(&either).is_ok());
}

#[test]
fn the_first_of_a_chain_and_only_the_first_has_no_predecessor() {
    let rule = "prev is zeros exactly for seq 1";
    assert_eq!(content(|header| header.seq = 2), rule);
    assert_eq!(content(|header| header.prev = EntryId::from_bytes([1; 32])), rule);
    let zeroth = |header: &mut Header| (header.seq, header.prev) = (0, EntryId::from_bytes([1; 32]));
    assert_eq!(content(zeroth), "seq counts from 1");
}

#[test]
fn content_has_seen_a_head() {
    let blind = |header: &mut Header| (header.seen, header.held) = (None, Position::START);
    assert_eq!(content(blind), "content has seen a head");
    let mut control = good(EntryType::Witness);
    blind(&mut control);
    assert!(read(&control).is_ok(), "which control entries need one is the log's to say");
}

#[test]
fn nothing_is_held_that_was_not_seen() {
    assert_eq!(content(|header| header.held = header.held.next()), "held does not pass seen");
}

#[test]
fn content_names_an_epoch_and_control_does_not() {
    let rule = "epoch is zeros exactly in the control lane";
    assert_eq!(content(|header| header.epoch = EpochId::ZERO), rule);
    assert_eq!(broken(EntryType::Witness, |header| header.epoch = EpochId::from_bytes([1; 16])), rule);
}

#[test]
fn control_has_no_salt() {
    let salted = |header: &mut Header| header.salt = Salt::from_bytes([1; 16]);
    assert_eq!(broken(EntryType::Witness, salted), "salt is zeros in the control lane");
}

#[test]
fn nothing_is_covered_that_was_not_seen() {
    let beyond = |header: &mut Header| header.covers = header.seen.unwrap().position.next();
    assert_eq!(broken(EntryType::Snapshot, beyond), "covers do not pass seen");
    assert_eq!(broken(EntryType::Erase, beyond), "covers do not pass seen");
    let mut fine = good(EntryType::Snapshot);
    fine.covers = fine.seen.unwrap().position;
    assert!(read(&fine).is_ok());
}

#[test]
fn the_weight_is_declared_where_a_payload_ends_and_nowhere_else() {
    let rule = "weight is in the last part of content and nowhere else";
    assert_eq!(content(|header| header.weight = Weight::NONE), rule);
    assert_eq!(broken(EntryType::Erase, |header| header.weight = WEIGHT), rule);
    assert_eq!(content(|header| header.part = Part { index: 0, count: 2 }), rule);
    let mut first = good(EntryType::Changes);
    (first.part, first.weight) = (Part { index: 0, count: 2 }, Weight::NONE);
    assert!(read(&first).is_ok());
    let mut heaviest = good(EntryType::Unknown(9));
    heaviest.weight = Weight::MAX;
    assert!(read(&heaviest).is_ok());
}

#[test]
fn parts_are_numbered_within_their_count() {
    let rule = "part index is below its count";
    assert_eq!(content(|header| header.part = Part { index: 1, count: 1 }), rule);
    assert_eq!(content(|header| header.part = Part { index: 0, count: 0 }), rule);
    let many = Part { index: 0, count: MAX_PARTS + 1 };
    assert_eq!(content(|header| header.part = many), "too many parts");
    let mut last = good(EntryType::Changes);
    last.part = Part { index: MAX_PARTS - 1, count: MAX_PARTS };
    (last.seq, last.prev) = (MAX_PARTS.into(), EntryId::from_bytes([1; 32]));
    assert!(read(&last).is_ok());
    last.seq -= 1;
    let rule = DecodeError::Rule("seq counts the parts before it");
    assert_eq!(read(&last), Err(rule), "there is no number for the first one");
}

#[test]
fn only_content_is_in_parts() {
    let in_two = |header: &mut Header| {
        (header.part, header.weight) = (Part { index: 0, count: 2 }, Weight::NONE);
    };
    for entry_type in [EntryType::Roster, EntryType::Erase, EntryType::Unknown(30)] {
        assert_eq!(broken(entry_type, in_two), "only content is in parts", "{entry_type:?}");
    }
    for entry_type in [EntryType::Changes, EntryType::Snapshot, EntryType::Unknown(9)] {
        let mut header = good(entry_type);
        in_two(&mut header);
        assert!(read(&header).is_ok(), "{entry_type:?}");
    }
}

#[test]
fn a_payload_of_any_size_fits_its_parts() {
    let parts = MAX_PARTS as usize;
    assert!((parts - 1) * PART_LEN < MAX_PAYLOAD && MAX_PAYLOAD <= parts * PART_LEN);
    assert!([0, 1].map(|index| Part { index, count: 2 }.is_last()) == [false, true] && Part::WHOLE.is_last());
}

#[test]
fn bodies_keep_to_their_limit() {
    let too_long = u32::try_from(MAX_BODY + 1).unwrap();
    assert_eq!(content(|header| header.body_len = too_long), "body is too long");
    let mut longest = good(EntryType::Changes);
    longest.body_len = too_long - 1;
    assert!(read(&longest).is_ok());
}

#[test]
fn a_field_that_a_type_does_not_use_is_empty() {
    let rule = "a field that this type does not use is not zeros";
    let doc = WireDoc::from_bytes([1; 16]);
    assert_eq!(content(|header| header.covers = Position(1)), rule);
    assert_eq!(content(|header| header.digests = Some(DIGESTS)), rule);
    assert_eq!(content(|header| header.doc = WireDoc::ZERO), rule);
    assert_eq!(broken(EntryType::Snapshot, |header| header.doc = WireDoc::ZERO), rule);
    assert_eq!(broken(EntryType::Roster, |header| header.covers = Position(1)), rule);
    assert_eq!(broken(EntryType::Roster, |header| header.digests = Some(DIGESTS)), rule);
    assert_eq!(broken(EntryType::Erase, |header| header.digests = Some(DIGESTS)), rule);
    assert_eq!(broken(EntryType::Roster, |header| header.doc = doc), rule);
    assert_eq!(broken(EntryType::Confirm, |header| header.doc = doc), rule);
    assert_eq!(broken(EntryType::Confirm, |header| header.covers = Position(1)), rule);
    assert_eq!(broken(EntryType::Confirm, |header| header.digests = Some(DIGESTS)), rule);
    assert_eq!(broken(EntryType::Adopted, |header| header.doc = WireDoc::ZERO), rule);
    assert_eq!(broken(EntryType::Adopted, |header| header.covers = Position(1)), rule);
    assert_eq!(broken(EntryType::Adopted, |header| header.digests = Some(DIGESTS)), rule);
}

#[test]
fn another_version_is_not_read() {
    let mut bytes = good(EntryType::Changes).to_bytes();
    assert_eq!(bytes[..2], [0x93, 2]);
    bytes[1] = 1;
    let unknown = DecodeError::UnknownNumber { what: "header version", number: 1 };
    assert_eq!(Header::from_bytes(story().workspace(), &bytes), Err(unknown));
}

#[test]
fn the_longest_header_fits_its_limit() {
    let mut header = good(EntryType::Snapshot);
    let signature = Signature::from_bytes([1; 64]);
    header.seen = Some(Seen { position: Position(u64::MAX), hash: LogHash::from_bytes([1; 32]), signature });
    (header.held, header.covers) = (Position(u64::MAX), Position(u64::MAX));
    (header.digests, header.weight) = (Some(DIGESTS), Weight::MAX);
    (header.seq, header.prev) = (u64::MAX, EntryId::from_bytes([1; 32]));
    header.part = Part { index: MAX_PARTS - 1, count: MAX_PARTS };
    header.body_len = u32::try_from(MAX_BODY).unwrap();
    assert_eq!(read(&header).as_ref(), Ok(&header));
    assert_eq!(header.to_bytes().len(), 416);
    assert!(header.to_bytes().len() <= MAX_HEADER);
}

#[test]
fn a_header_belongs_to_one_workspace_that_it_does_not_name() {
    let header = good(EntryType::Changes);
    let workspace = *header.workspace.as_bytes();
    assert!(!header.to_bytes().windows(workspace.len()).any(|bytes| bytes == workspace));
    let elsewhere = WorkspaceId::from_bytes([9; 32]);
    let there = Header::from_bytes(elsewhere, &header.to_bytes()).unwrap();
    assert_eq!(there, Header { workspace: elsewhere, ..header.clone() });
    let signed = ana().sign(header, b"sealed").signed_header().to_signed();
    assert!(signed.clone().verify_within(story().workspace()).is_ok());
    assert!(signed.verify_within(elsewhere).is_err(), "the signature is over the workspace as well");
}

#[test]
fn every_type_has_its_number_and_every_number_a_type() {
    for number in 0..=u16::MAX {
        assert_eq!(EntryType::from_number(number).number(), number);
    }
    for (name, named) in EntryType::NAMED {
        assert_eq!(EntryType::from_number(named.number()), named, "{name}");
    }
}

#[test]
fn only_understood_types_are_acted_on() {
    for (_, entry_type) in EntryType::NAMED {
        let understood = matches!(entry_type, EntryType::Changes | EntryType::Snapshot | EntryType::Roster);
        assert_eq!(entry_type.is_understood(), understood, "{entry_type:?}");
    }
    assert!(!EntryType::Unknown(500).is_understood());
}

#[test]
fn the_seal_binds_every_field_but_those_that_depend_on_it() {
    let header = good(EntryType::Changes);
    let bound = header.additional_data();
    let free = |spoil: &dyn Fn(&mut Header)| {
        let mut other = header.clone();
        spoil(&mut other);
        assert_ne!(other, header);
        other.additional_data() == bound
    };
    assert!(free(&|header| header.salt = Salt::from_bytes([9; 16])));
    assert!(free(&|header| header.body_len += 1));
    assert!(free(&|header| header.body_hash = BodyHash::from_bytes([9; 32])));
    let bound_fields: [&dyn Fn(&mut Header); 15] = [
        &|header| header.device = DeviceId::from_bytes([9; 32]),
        &|header| header.incarnation = Incarnation::from_bytes([9; 8]),
        &|header| header.lane = Lane::Control,
        &|header| header.seq += 1,
        &|header| header.prev = EntryId::from_bytes([9; 32]),
        &|header| header.seen = None,
        &|header| header.held = Position::START,
        &|header| header.roster = RosterHash::from_bytes([9; 32]),
        &|header| header.epoch = EpochId::from_bytes([9; 16]),
        &|header| header.entry_type = EntryType::Snapshot,
        &|header| header.doc = WireDoc::from_bytes([9; 16]),
        &|header| header.covers = Position(1),
        &|header| header.digests = Some(DIGESTS),
        &|header| header.weight = Weight::MAX,
        &|header| header.part = Part { index: 1, count: 2 },
    ];
    // The version is bound as well, and there is one.
    assert_eq!(bound_fields.len() + 1 + 3, HEADER_FIELDS.len());
    for (i, spoil) in bound_fields.iter().enumerate() {
        assert!(!free(*spoil), "field {i}");
    }
}

#[test]
fn a_header_is_signed_by_its_device() {
    let header = good(EntryType::Changes);
    assert_eq!(header.signer(), *ana().id().as_bytes());
    assert_eq!(header.chain(), ana().chain(Lane::Content));
}
