//! A body opens under exactly the header it was sealed under, and says otherwise whose fault it is.

use bowline_wire::codec::{decode, encode};
use bowline_wire::header::{EntryType, HEADER_FIELDS, Part};
use bowline_wire::ids::{
    BodyHash, EntryId, Incarnation, LogHash, Position, RosterHash, Salt, Signature, SnapshotDigest, Suite,
    WireDoc, WorkspaceId,
};
use bowline_wire::limits::{MAX_BODY, MAX_PAYLOAD, PART_LEN};
use bowline_wire::roster::Epoch;
use bowline_wire::roster::record::Rekey;
use bowline_wire::weight::Weight;
use proptest::prelude::*;

use super::*;
use crate::keyring::Keyring;
use crate::keys::{DeviceKeys, TicketSecret};
use crate::payload::padme;
use crate::rekey::History;
use crate::testing::{
    Repeating, WORKSPACE, device, epoch, epoch_key, header, keyring, new_epoch, rng, vector_path,
};
use crate::wrap::open_wrap;

const RANDOM: [u8; 32] = [0x5a; 32];

/// Signs by whoever the header names, of the two devices these tests know; length and hash of the body as they are.
fn entry(mut header: Header, body: Vec<u8>) -> Entry {
    header.body_len = u32::try_from(body.len()).unwrap();
    header.body_hash = hash::body_hash(&body);
    let author = [device(), other_device()].into_iter().find(|keys| keys.id() == header.device).unwrap();
    author.sign_header(header, body).unwrap()
}

fn other_device() -> DeviceKeys {
    DeviceKeys::generate(&mut rng(2))
}

fn sealed(payload: &[u8]) -> (Header, Vec<u8>) {
    seal(&keyring(2).snapshot(), header(&keyring(2)), payload, RANDOM).unwrap()
}

/// A change to one header field.
type Change = (&'static str, fn(&mut Header));

/// One change of every field that the author's word covers; the names are those of [`HEADER_FIELDS`].
const CHANGES: [Change; 18] = [
    ("device", |h| h.device = other_device().id()),
    ("incarnation", |h| {
        h.incarnation = Incarnation::from_bytes([0xee; 8]);
    }),
    ("seq", |h| h.seq += 1),
    ("prev", |h| h.prev = EntryId::from_bytes([0xee; 32])),
    ("seen", |h| h.seen.as_mut().unwrap().position = Position(91)),
    ("seen", |h| {
        h.seen.as_mut().unwrap().hash = LogHash::from_bytes([0xee; 32]);
    }),
    ("seen", |h| {
        h.seen.as_mut().unwrap().signature = Signature::from_bytes([0xee; 64]);
    }),
    ("held", |h| h.held = Position(81)),
    ("roster", |h| h.roster = RosterHash::from_bytes([0xee; 32])),
    ("epoch", |h| h.epoch = epoch(1).id),
    ("type", |h| {
        (h.entry_type, h.digests) = (EntryType::Unknown(9), None);
    }),
    ("doc", |h| h.doc = WireDoc::from_bytes([0xee; 16])),
    ("covers", |h| h.covers = Position(71)),
    ("digests", |h| h.digests = None),
    ("digests", |h| {
        h.digests.as_mut().unwrap().all = SnapshotDigest::from_bytes([0xee; 32]);
    }),
    ("digests", |h| {
        h.digests.as_mut().unwrap().own = SnapshotDigest::from_bytes([0xee; 32]);
    }),
    ("weight", |h| h.weight = Weight::of(3000)),
    ("part", |h| h.part = Part { index: 2, count: 3 }),
];

#[test]
fn the_changes_cover_every_field_under_the_seal() {
    // Version has one value only, a control lane is refused before any key is used, and three fields follow from the body.
    let without = ["version", "lane", "salt", "body_len", "body_hash"];
    let expected: Vec<_> =
        HEADER_FIELDS.iter().map(|field| field.0).filter(|name| !without.contains(name)).collect();
    let mut covered: Vec<_> = CHANGES.iter().map(|change| change.0).collect();
    covered.dedup();
    assert_eq!(covered, expected);
}

#[test]
fn what_was_sealed_opens() {
    let (header, body) = sealed(b"some text");
    assert_eq!(open(&entry(header, body), &keyring(2).snapshot()).unwrap(), b"some text");
}

#[test]
fn sealing_fills_in_what_follows_from_the_body_and_nothing_else() {
    let asked = header(&keyring(2));
    let (header, body) = sealed(b"some text");
    assert_eq!(header.body_len as usize, body.len());
    assert_eq!(header.body_hash, hash::body_hash(&body));
    assert!(!header.salt.is_zero());
    let unchanged = Header { salt: Salt::ZERO, body_len: 0, body_hash: BodyHash::ZERO, ..header.clone() };
    assert_eq!(unchanged, asked);
    // Whatever these three held before.
    let filled = seal(&keyring(2).snapshot(), header.clone(), b"some text", RANDOM).unwrap();
    assert_eq!(filled, (header, body));
}

#[test]
fn nothing_opens_after_any_header_field_was_changed() {
    // Keys of the other workspace as well, so that it is the seal that refuses and not the check before it.
    let elsewhere = {
        let mut keyring = Keyring::genesis(WorkspaceId::from_bytes([0xee; 32]), epoch(1).id, epoch_key(1));
        keyring.add(epoch_key(2), epoch(2)).unwrap();
        keyring.snapshot()
    };
    for (field, change) in CHANGES {
        let (mut header, body) = sealed(b"some text");
        change(&mut header);
        let keys = if field == "workspace" { &elsewhere } else { &keyring(2).snapshot() };
        assert_eq!(open(&entry(header, body), keys), Err(OpenError::NotAuthentic), "{field}");
    }
}

#[test]
fn every_header_field_is_under_the_tag_and_not_only_in_the_key() {
    // Workspace, document and epoch go into the key too. Opened by hand with the right key, each change still shows.
    for (field, change) in CHANGES {
        let (header, body) = sealed(b"some text");
        let mut changed = header.clone();
        change(&mut changed);
        let open_by_hand = |header_for_tag: &Header| {
            let key = epoch_key(2).body_key(header.workspace, header.doc, header.salt);
            key.open(&header_for_tag.additional_data(), &mut body.clone())
        };
        assert!(open_by_hand(&header).is_ok());
        assert!(open_by_hand(&changed).is_err(), "{field}");
    }
}

#[test]
fn nothing_opens_with_another_salt_or_another_body() {
    let keys = keyring(2).snapshot();
    let (header, body) = sealed(b"some text");
    let other = Header { salt: Salt::from_bytes([0xee; 16]), ..header.clone() };
    assert_eq!(open(&entry(other, body.clone()), &keys), Err(OpenError::NotAuthentic));

    let (_, other_body) = seal(&keys, header.clone(), b"some text", [9; 32]).unwrap();
    assert_eq!(open(&entry(header.clone(), other_body), &keys), Err(OpenError::NotAuthentic));
    for at in 0..body.len() {
        let mut altered = body.clone();
        altered[at] ^= 0x80;
        assert_eq!(open(&entry(header.clone(), altered), &keys), Err(OpenError::NotAuthentic));
        assert_eq!(open(&entry(header.clone(), body[..at].to_vec()), &keys), Err(OpenError::NotAuthentic));
    }
}

#[test]
fn a_missing_key_is_told_apart_from_bad_bytes() {
    let (header, body) = sealed(b"some text");
    let missing = OpenError::NoKey(header.epoch);
    assert_eq!(open(&entry(header.clone(), body.clone()), &keyring(1).snapshot()), Err(missing));
    assert!(open(&entry(header, body), &keyring(3).snapshot()).is_ok(), "later epochs do not get in the way");
}

#[test]
fn an_erased_body_is_told_apart_from_bad_bytes() {
    let (header, body) = sealed(b"some text");
    let erased = Entry::new(entry(header, body).signed_header().clone(), None).unwrap();
    assert_eq!(open(&erased, &keyring(2).snapshot()), Err(OpenError::NoBody));
}

#[test]
fn entries_of_another_workspace_or_lane_are_the_caller_s_mistake() {
    let elsewhere =
        Keyring::genesis(WorkspaceId::from_bytes([0xee; 32]), epoch(1).id, epoch_key(1)).snapshot();
    let (header, body) = sealed(b"some text");
    assert_eq!(open(&entry(header.clone(), body), &elsewhere), Err(OpenError::WrongWorkspace));
    assert_eq!(seal(&elsewhere, header.clone(), b"", RANDOM), Err(SealError::WrongWorkspace));

    let control = Header {
        lane: Lane::Control,
        entry_type: EntryType::Checkpoint,
        doc: WireDoc::ZERO,
        epoch: EpochId::ZERO,
        salt: Salt::ZERO,
        part: Part::WHOLE,
        digests: None,
        weight: Weight::NONE,
        ..header
    };
    let keys = keyring(2).snapshot();
    assert_eq!(seal(&keys, control.clone(), b"", RANDOM), Err(SealError::ControlLane));
    assert_eq!(open(&entry(control, b"plain".to_vec()), &keys), Err(OpenError::ControlLane));
}

#[test]
fn nothing_is_sealed_under_an_epoch_that_someone_removed_could_read() {
    let asked = header(&keyring(1));
    let refused = seal(&keyring(2).snapshot(), asked, b"", RANDOM).unwrap_err();
    let (asked, newest) = (keyring(1).newest_epoch(), keyring(2).newest_epoch());
    assert_eq!(refused, SealError::NotNewestEpoch { asked, newest });
}

#[test]
fn repeated_randomness_repeats_a_salt_only_for_the_very_same_entry() {
    let salt_of = |header: Header, payload: &[u8], random| {
        let mut keyring = Keyring::genesis(header.workspace, epoch(1).id, epoch_key(1));
        if header.epoch != keyring.newest_epoch() {
            keyring.add(epoch_key(2), epoch(2)).unwrap();
        }
        seal(&keyring.snapshot(), header, payload, random).unwrap().0.salt
    };
    let salt = salt_of(header(&keyring(2)), b"text", RANDOM);
    assert_eq!(salt_of(header(&keyring(2)), b"text", RANDOM), salt);
    assert_ne!(salt_of(header(&keyring(2)), b"test", RANDOM), salt);
    assert_ne!(salt_of(header(&keyring(2)), b"text", [0; 32]), salt);
    for (field, change) in CHANGES {
        let mut changed = header(&keyring(2));
        change(&mut changed);
        assert_ne!(salt_of(changed, b"text", RANDOM), salt, "{field}");
    }
}

#[test]
fn salts_tell_nothing_to_those_without_the_key() {
    let salt = |number| epoch_key(number).salt(WORKSPACE, &RANDOM, b"header", b"text");
    assert_ne!(salt(1), salt(2), "keyed by the epoch");
}

#[test]
fn too_large_is_refused_before_anything_is_sealed() {
    let keys = keyring(2).snapshot();
    for (part, limit) in [(Part::WHOLE, MAX_PAYLOAD), (Part { index: 0, count: 2 }, PART_LEN)] {
        let weight = if part.is_last() { Weight::MAX } else { Weight::NONE };
        let header = Header { part, weight, ..header(&keyring(2)) };
        let refused = seal(&keys, header.clone(), &vec![0; limit + 1], RANDOM).unwrap_err();
        assert_eq!(refused, SealError::TooLarge { len: limit + 1, limit });
        let (header, body) = seal(&keys, header, &vec![0; limit], RANDOM).unwrap();
        assert!(body.len() < MAX_BODY);
        assert_eq!(open(&entry(header, body), &keys).unwrap().len(), limit);
    }
}

/// A body by an author who has the keys and follows the format but not the rules.
fn hostile(mut plaintext: Vec<u8>) -> Entry {
    let header = Header { salt: Salt::from_bytes([1; 16]), ..header(&keyring(2)) };
    let key = epoch_key(2).body_key(header.workspace, header.doc, header.salt);
    key.seal(&header.additional_data(), &mut plaintext);
    entry(header, plaintext)
}

#[test]
fn what_is_sealed_properly_but_is_no_payload_is_the_author_s_fault() {
    let keys = keyring(2).snapshot();
    assert_eq!(open(&hostile(vec![0, 0, 0, 0, 1, 7]), &keys).unwrap(), [7]);
    for (plaintext, error) in [
        (vec![], PayloadError::Truncated),
        (vec![0, 0, 0, 0, 2, 7], PayloadError::Truncated),
        (vec![0, 0, 0, 0, 1, 7, 0], PayloadError::Padding),
        (vec![9, 0, 0, 0, 1, 7], PayloadError::UnknownCodec(9)),
        (vec![1, 0, 0, 0, 1, 7], PayloadError::Compression),
    ] {
        assert_eq!(open(&hostile(plaintext), &keys), Err(OpenError::Payload(error)));
    }
    // What opens to 64 times its length, and to a byte more.
    let zeros = |len: usize| crate::payload::encode(&vec![0; len], MAX_PAYLOAD).unwrap();
    let most = 64 * 2_048;
    assert_eq!(zeros(most).len(), 2_048);
    assert_eq!(open(&hostile(zeros(most)), &keys).unwrap(), vec![0; most]);
    let mut beyond = zeros(most + 1);
    assert!(beyond.len() > 2_048);
    beyond.truncate(2_048);
    assert_eq!(open(&hostile(beyond), &keys), Err(OpenError::Payload(PayloadError::Padding)));
    // One part of two that unfolds to more than a part may hold.
    let bomb = crate::payload::encode(&vec![0; PART_LEN + 1], MAX_PAYLOAD).unwrap();
    let too_large = PayloadError::TooLarge { len: PART_LEN as u64 + 1, limit: PART_LEN };
    assert_eq!(open(&hostile(bomb), &keys), Err(OpenError::Payload(too_large)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_payload_opens_as_it_was_sealed(payload: Vec<u8>, random: [u8; 32]) {
        let keys = keyring(2).snapshot();
        let (header, body) = seal(&keys, header(&keyring(2)), &payload, random).unwrap();
        prop_assert_eq!(open(&entry(header, body), &keys).unwrap(), payload);
    }

    #[test]
    fn arbitrary_bodies_do_not_open(body: Vec<u8>) {
        let refused = open(&entry(header(&keyring(2)), body), &keyring(2).snapshot());
        prop_assert_eq!(refused, Err(OpenError::NotAuthentic));
    }

    #[test]
    fn arbitrary_plaintexts_by_a_member_never_panic(plaintext: Vec<u8>) {
        let _ = open(&hostile(plaintext), &keyring(2).snapshot());
    }
}

/// Everything this crate composes, from fixed secrets: a change of any of it is a change of format.
fn composition() -> serde_json::Value {
    let (keys, device) = (keyring(2), device());
    let ticket = TicketSecret::from_bytes(&[0x77; 32]);
    let doc = bowline_wire::ids::DocId::from_bytes([0x33; 16]);
    // Too short to compress, so that another version of zstd does not make another body.
    let (header, body) = seal(&keys.snapshot(), header(&keys), b"some text", RANDOM).unwrap();
    let epochs: Vec<_> = keys.epochs().collect();
    let rekeyed = |suite| {
        let recipients = [device.hpke_public(suite)];
        let rekey = keys.rekey(&new_epoch(&recipients, &epochs), &mut Repeating(&[0x44; 32])).unwrap();
        hex::encode(encode(&rekey))
    };
    serde_json::json!({
        "about": "Our own formats; written by the test with BOWLINE_BLESS=1.",
        "workspace": WORKSPACE.to_string(),
        "first_epoch_key": hex::encode(epoch_key(1).as_bytes()),
        "commitment": hex::encode(epoch_key(1).commitment().as_bytes()),
        "doc": hex::encode(doc.as_bytes()),
        "wire_doc": hex::encode(keys.wire_doc(doc).unwrap().as_bytes()),
        "device_keys": hex::encode(*device.to_bytes()),
        "device": hex::encode(device.id().as_bytes()),
        "device_hpke": hex::encode(device.hpke_public(Suite::X25519).as_bytes()),
        "device_xwing": hex::encode(device.hpke_public(Suite::XWing).as_bytes()),
        "ticket_secret": hex::encode(*ticket.to_bytes()),
        "ticket_key": hex::encode(ticket.ticket_key().as_bytes()),
        "ticket_hpke": hex::encode(ticket.hpke_public(Suite::X25519).as_bytes()),
        "ticket_xwing": hex::encode(ticket.hpke_public(Suite::XWing).as_bytes()),
        "additional_data": hex::encode(header.additional_data()),
        "payload": hex::encode(b"some text"),
        "random": hex::encode(RANDOM),
        "salt": hex::encode(header.salt.as_bytes()),
        "body": hex::encode(body),
        "rekey_random": hex::encode([0x44; 32]),
        "rekey_roster": hex::encode(new_epoch(&[], &[]).roster.as_bytes()),
        "rekey": rekeyed(Suite::X25519),
        "rekey_xwing": rekeyed(Suite::XWing),
    })
}

#[test]
fn our_own_formats_are_as_committed() {
    let path = vector_path("composition.json");
    let actual = serde_json::to_string_pretty(&composition()).unwrap() + "\n";
    if std::env::var_os("BOWLINE_BLESS").is_some() {
        std::fs::write(&path, &actual).unwrap();
    }
    assert_eq!(actual, std::fs::read_to_string(&path).unwrap(), "BOWLINE_BLESS=1 rewrites it");
}

#[test]
fn the_committed_rekey_and_a_compressed_body_still_open() {
    let text = std::fs::read_to_string(vector_path("composition.json")).unwrap();
    let committed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let field = |name: &str| hex::decode(committed[name].as_str().unwrap()).unwrap();
    for (name, suite) in [("rekey", Suite::X25519), ("rekey_xwing", Suite::XWing)] {
        let rekey: Rekey = decode(&field(name)).unwrap();
        let to = device().hpke_public(suite);
        let key = open_wrap(&rekey.wraps[0], &to, WORKSPACE, rekey.commitment, device().hpke()).unwrap();
        let begun = Epoch { id: EpochId::ZERO, commitment: rekey.commitment };
        let epochs: Vec<_> = keyring(2).epochs().chain([begun]).collect();
        let (_, history) = Keyring::from_newest(WORKSPACE, key, Some(&rekey.history), &epochs).unwrap();
        assert_eq!(history, History::Intact);
    }

    // As zstd 1.5.7 compressed it: later versions may compress otherwise, but have to open this.
    let frame = hex::decode("28b52ffd60e8028d000050303132333435363738390100db5b1524").unwrap();
    let mut plaintext = [&[1, 0, 0, 0, u8::try_from(frame.len()).unwrap()][..], &frame].concat();
    plaintext.resize(padme(plaintext.len()), 0);
    assert_eq!(open(&hostile(plaintext), &keyring(2).snapshot()).unwrap(), b"0123456789".repeat(100));
}
