//! Entries whose header, signature or body breaks one rule and keeps every other one: signed, and with the body they name.

use bowline_wire::codec::{Writer, encode};
use bowline_wire::entry::SignedEntry;
use bowline_wire::header::{Digests, EntryType, Header, Part};
use bowline_wire::ids::*;
use bowline_wire::limits::{MAX_BODY, MAX_HEADER, MAX_PARTS};
use bowline_wire::signed::{Signable, Signed};
use bowline_wire::weight::Weight;
use serde_json::{Value, json};

use super::raw::{array, items, long_bytes, other_spellings, signed_as_it_is, signed_over, with_item};
use super::vector;
use crate::samples::{ana, ben, story};
use crate::support::*;

const BODY: &[u8] = b"a body";

/// Places of fields in a header.
const DEVICE: usize = 1;
const LANE: usize = 3;
const SEQ: usize = 4;
const SEEN: usize = 6;
const TYPE: usize = 10;
const DIGESTS: usize = 13;
const WEIGHT_FIELD: usize = 14;
const PART: usize = 15;
const BODY_LEN: usize = 17;

fn good(entry_type: EntryType) -> Header {
    story().draft(&ana(), entry_type)
}

fn broken(name: &str, rule: &str, entry: Vec<u8>) -> Value {
    let workspace = story().workspace().to_string();
    vector(name, rule, "malformed", json!({ "workspace": workspace, "entry": hex::encode(entry) }))
}

/// An entry that is good but for what `spoil` does to its header.
fn spoilt(name: &str, rule: &str, entry_type: EntryType, spoil: impl FnOnce(&mut Header)) -> Value {
    let mut header = good(entry_type);
    spoil(&mut header);
    broken(name, rule, signed_as_it_is(&ana(), header, BODY))
}

fn content(name: &str, rule: &str, spoil: impl FnOnce(&mut Header)) -> Value {
    spoilt(name, rule, EntryType::Changes, spoil)
}

/// The header of a good entry, with the body's length and hash.
fn good_bytes() -> Vec<u8> {
    story().content_by(&ana()).signed_header().bytes().to_vec()
}

/// An entry over the header of a good one with other bytes in the place of one field.
fn respelt(name: &str, rule: &str, at: usize, item: &[u8]) -> Value {
    let header = with_item(&good_bytes(), at, item);
    broken(name, rule, signed_over(&ana(), story().workspace(), header, Some(b"sealed")))
}

pub(super) fn vectors() -> Value {
    [own_rules(), parts_and_weights(), unused_fields(), numbers(), spellings(), around_the_header()]
        .concat()
        .into()
}

fn own_rules() -> Vec<Value> {
    let into_control = |header: &mut Header| {
        (header.lane, header.epoch, header.salt) = (Lane::Control, EpochId::ZERO, Salt::ZERO);
        header.weight = Weight::NONE;
    };
    let into_content = |header: &mut Header| {
        (header.lane, header.epoch, header.weight) = (Lane::Content, EpochId::from_bytes([1; 16]), WEIGHT);
    };
    let witness = EntryType::Witness;
    vec![
        content("changes in the control lane", "TypeLane", into_control),
        spoilt(
            "an unnamed type below 16 in the control lane",
            "TypeLane",
            EntryType::Unknown(15),
            into_control,
        ),
        spoilt("a witness in the content lane", "TypeLane", witness, into_content),
        spoilt("an unnamed type of 31 in the content lane", "TypeLane", EntryType::Unknown(31), into_content),
        content("seq 0", "SeqFromOne", |header| {
            (header.seq, header.prev) = (0, EntryId::from_bytes([1; 32]));
        }),
        content("seq 2 without a predecessor", "PrevZeros", |header| header.seq = 2),
        content("seq 1 with a predecessor", "PrevZeros", |header| header.prev = EntryId::from_bytes([1; 32])),
        content("content that has seen nothing", "ContentSeen", |header| {
            (header.seen, header.held) = (None, Position::START);
        }),
        content("held beyond what was seen", "HeldSeen", |header| header.held = header.held.next()),
        spoilt("held without anything seen", "HeldSeen", witness, |header| {
            (header.seen, header.held) = (None, Position(1));
        }),
        content("content without an epoch", "EpochLane", |header| header.epoch = EpochId::ZERO),
        spoilt("control with an epoch", "EpochLane", witness, |header| {
            header.epoch = EpochId::from_bytes([1; 16]);
        }),
        spoilt("control with a salt", "SaltLane", witness, |header| header.salt = Salt::from_bytes([1; 16])),
        spoilt("a snapshot of more than was seen", "CoversSeen", EntryType::Snapshot, |header| {
            header.covers = header.seen.unwrap().position.next();
        }),
        spoilt("an erase of more than was seen", "CoversSeen", EntryType::Erase, |header| {
            header.covers = header.seen.unwrap().position.next();
        }),
    ]
}

fn parts_and_weights() -> Vec<Value> {
    let part = |index, count| Part { index, count };
    let chained =
        |header: &mut Header, seq: u64| (header.seq, header.prev) = (seq, EntryId::from_bytes([1; 32]));
    vec![
        content("a part beyond its count", "PartIndex", |header| {
            chained(header, 2);
            (header.part, header.weight) = (part(1, 1), Weight::NONE);
        }),
        content("no parts at all", "PartIndex", |header| {
            (header.part, header.weight) = (part(0, 0), Weight::NONE);
        }),
        content("more parts than a payload has", "PartCount", |header| {
            (header.part, header.weight) = (part(0, MAX_PARTS + 1), Weight::NONE);
        }),
        content("a second part as the first of its chain", "PartSeq", |header| header.part = part(1, 2)),
        spoilt("a roster record in parts", "PartLane", EntryType::Roster, |header| header.part = part(0, 2)),
        spoilt("control of an unnamed type in parts", "PartLane", EntryType::Unknown(30), |header| {
            header.part = part(0, 2);
        }),
        content("content without a weight", "WeightPlace", |header| header.weight = Weight::NONE),
        content("a first part with a weight", "WeightPlace", |header| header.part = part(0, 2)),
        content("a last part without a weight", "WeightPlace", |header| {
            chained(header, 2);
            (header.part, header.weight) = (part(1, 2), Weight::NONE);
        }),
        spoilt("an erase with a weight", "WeightPlace", EntryType::Erase, |header| header.weight = WEIGHT),
    ]
}

fn unused_fields() -> Vec<Value> {
    let [all, own] = ["all", "own"].map(|name| SnapshotDigest::from_bytes(seed(name)));
    let digested = move |header: &mut Header| header.digests = Some(Digests { all, own });
    let nameless = |header: &mut Header| header.doc = WireDoc::ZERO;
    let named = |header: &mut Header| header.doc = WireDoc::from_bytes([1; 16]);
    let rule = "UnusedField";
    vec![
        content("changes that cover something", rule, |header| header.covers = Position(1)),
        content("changes with digests", rule, digested),
        content("changes of no document", rule, nameless),
        spoilt("a snapshot of no document", rule, EntryType::Snapshot, nameless),
        spoilt("a roster record that covers something", rule, EntryType::Roster, |header| {
            header.covers = Position(1);
        }),
        spoilt("a roster record with digests", rule, EntryType::Roster, digested),
        spoilt("a roster record of a document", rule, EntryType::Roster, |header| {
            header.doc = WireDoc::from_bytes([1; 16]);
        }),
        spoilt("an erase with digests", rule, EntryType::Erase, digested),
        spoilt("an erase of no document", rule, EntryType::Erase, nameless),
        spoilt("a receipt of no document", rule, EntryType::Receipt, nameless),
        spoilt("a secret of no document", rule, EntryType::Secret, nameless),
        spoilt("a receipt that covers something", rule, EntryType::Receipt, |header| {
            header.covers = Position(1);
        }),
        spoilt("a checkpoint of a document", rule, EntryType::Checkpoint, named),
        spoilt("a witness of a document", rule, EntryType::Witness, named),
        spoilt("a witness that covers something", rule, EntryType::Witness, |header| {
            header.covers = Position(1);
        }),
        spoilt("an erased of a document", rule, EntryType::Erased, named),
        spoilt("an unnamed type with digests", rule, EntryType::Unknown(500), digested),
    ]
}

fn uint(number: u64) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u64(number);
    writer.into_bytes()
}

fn numbers() -> Vec<Value> {
    let too_long = uint(MAX_BODY as u64 + 1);
    vec![
        respelt("a header of version 1", "Number", 0, &uint(1)),
        respelt("a header of version 3", "Number", 0, &uint(3)),
        respelt("a lane without a name", "Number", LANE, &uint(2)),
        respelt("a weight of 64", "Number", WEIGHT_FIELD, &uint(64)),
        respelt("a type of more than 16 bits", "Shape", TYPE, &uint(1 << 16)),
        respelt(
            "a part number of more than 32 bits",
            "Shape",
            PART,
            &[&[0x82], &uint(1 << 32)[..], &[1]].concat(),
        ),
        respelt("a body of more than MAX_BODY bytes", "Limit", BODY_LEN, &too_long),
        respelt("a body length of more than 32 bits", "Shape", BODY_LEN, &uint(1 << 32)),
    ]
}

fn spellings() -> Vec<Value> {
    let header = good_bytes();
    let respell = |(what, rule, bytes): (&str, &str, Vec<u8>)| {
        let entry = signed_over(&ana(), story().workspace(), bytes, Some(b"sealed"));
        broken(&format!("a header spelt otherwise: {what}"), rule, entry)
    };
    let mut vectors: Vec<_> = other_spellings(&header).into_iter().map(respell).collect();
    let (device, seen) = (ana().id(), items(&header)[SEEN].clone());
    let device = device.as_bytes().as_slice();
    let seen_items = items(&seen);
    vectors.extend([
        respelt("a device with its length in two bytes", "Canonical", DEVICE, &long_bytes(device)),
        respelt("a device in pieces", "Canonical", DEVICE, &[&[0x5f, 0x58, 0x20], device, &[0xff]].concat()),
        respelt("a device of 31 bytes", "Shape", DEVICE, &[&[0x58, 31], &device[1..]].concat()),
        respelt("a device as text", "Shape", DEVICE, &[&[0x78, 0x20], &[b'a'; 32][..]].concat()),
        respelt("a seq as bytes", "Shape", SEQ, &[0x41, 1]),
        respelt("a seq as a float", "Canonical", SEQ, &[0xf9, 0x3c, 0]),
        respelt("a seq with its number in eight bytes", "Canonical", SEQ, &[0x1b, 0, 0, 0, 0, 0, 0, 0, 1]),
        respelt("a big number as seq", "Canonical", SEQ, &[0xc2, 0x41, 1]),
        respelt("undefined for null", "Canonical", DIGESTS, &[0xf7]),
        respelt("false for null", "Shape", DIGESTS, &[0xf4]),
        respelt("a seen of four", "Shape", SEEN, &array(&[seen_items.clone(), vec![vec![0]]].concat())),
        respelt("a seen without a signature", "Shape", SEEN, &array(&seen_items[..2])),
        respelt("a part of three", "Shape", PART, &[0x83, 0, 1, 1]),
        respelt("a part without a length", "Canonical", PART, &[0x9f, 0, 1, 0xff]),
    ]);
    vectors
}

/// What is wrong beside the header, or between it and what stands beside it.
fn around_the_header() -> Vec<Value> {
    let (story, ana) = (story(), ana());
    let entry = story.content_by(&ana);
    let (header, signature) = (entry.signed_header().bytes().to_vec(), *entry.signed_header().signature());
    let beside = |header: &[u8], signature, body: Option<&[u8]>| {
        encode(&SignedEntry::from_parts(
            Signed::from_parts(header.to_vec(), signature),
            body.map(<[u8]>::to_vec),
        ))
    };
    let good = beside(&header, signature, Some(b"sealed"));
    let stolen = Header { device: ben().id(), ..entry.header().clone() }.to_bytes();
    let signed_for = |workspace| signed_over(&ana, workspace, header.clone(), Some(b"sealed"));
    let padded = [header.clone(), vec![0; MAX_HEADER + 1 - header.len()]].concat();
    let mut vectors = vec![
        broken("a header signed by another device", "Signature", beside(&stolen, signature, Some(b"sealed"))),
        broken(
            "an entry of another workspace",
            "Signature",
            signed_for(WorkspaceId::from_bytes(seed("elsewhere"))),
        ),
        broken("a signature of zeros", "Signature", beside(&header, Signature::ZERO, Some(b"sealed"))),
        broken("a body of another hash", "Body", beside(&header, signature, Some(b"SEALED"))),
        broken("a body cut short", "Body", beside(&header, signature, Some(b"seale"))),
        broken("a body with something behind it", "Body", beside(&header, signature, Some(b"sealed\0"))),
        broken("an empty body in place of one", "Body", beside(&header, signature, Some(b""))),
        broken("a length that is not the body's", "Body", {
            let header = Header { body_len: 7, ..entry.header().clone() };
            signed_over(&ana, story.workspace(), header.to_bytes(), Some(b"sealed"))
        }),
        broken("a header of more than MAX_HEADER bytes", "Limit", {
            signed_over(&ana, story.workspace(), padded, Some(b"sealed"))
        }),
        broken("a signature of 63 bytes", "Shape", {
            with_item(&good, 1, &[&[0x58, 63], &signature.as_bytes()[1..]].concat())
        }),
        broken("a body as text", "Shape", with_item(&good, 2, b"\x66sealed")),
        broken("an entry of four", "Shape", array(&[items(&good), vec![vec![0xf6]]].concat())),
        broken("an entry without a place for its body", "Shape", array(&items(&good)[..2])),
        broken("an entry with a byte behind it", "Canonical", [&good[..], &[0]].concat()),
        broken("an entry without a length", "Canonical", [&[0x9f], &good[1..], &[0xff]].concat()),
        broken(
            "a body with its length in a byte of its own",
            "Canonical",
            with_item(&good, 2, b"\x58\x06sealed"),
        ),
    ];
    let small = DeviceId::from_bytes({
        let mut identity = [0; 32];
        identity[0] = 1;
        identity
    });
    // R the identity and S zero: with the identity for a key, the equation holds for every message.
    let signature = Signature::from_bytes(std::array::from_fn(|at| u8::from(at == 0)));
    let header = Header { device: small, ..entry.header().clone() }.to_bytes();
    vectors.push(broken(
        "a device whose key is of small order",
        "Signature",
        beside(&header, signature, Some(b"sealed")),
    ));
    vectors
}
