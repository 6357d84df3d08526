//! Round trips of arbitrary values, and decoders fed with arbitrary and with slightly wrong bytes.

use std::fmt::Debug;

use bowline_wire::codec::{Canonical, DecodeError, decode, encode};
use bowline_wire::entry::{LoggedEntry, SignedEntry};
use bowline_wire::frame::{Challenge, Create, Frame, Hello, Party, Proof, Reason, Welcome};
use bowline_wire::head::{Head, Seen, SeenHead};
use bowline_wire::header::{Digests, EntryType, Header, Part};
use bowline_wire::ids::*;
use bowline_wire::limits::{MAX_BODY, MAX_PARTS};
use bowline_wire::log::ChainTip;
use bowline_wire::roster::record::{Cut, Join, Lost, Move, Record, Rekey, Ticket, Wrap};
use bowline_wire::signed::{Signable, Signed};
use bowline_wire::weight::Weight;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use crate::samples::said_successor;

macro_rules! id {
    ($id:ident) => {
        any::<[u8; $id::LEN]>().prop_map($id::from_bytes)
    };
}

fn position() -> impl Strategy<Value = Position> {
    prop_oneof![0..100_u64, any::<u64>()].prop_map(Position)
}

fn lane() -> impl Strategy<Value = Lane> {
    prop_oneof![Just(Lane::Control), Just(Lane::Content)]
}

fn seen_head() -> impl Strategy<Value = SeenHead> {
    (id!(LogId), position(), id!(LogHash), id!(Signature))
        .prop_map(|(log, position, hash, signature)| SeenHead { log, position, hash, signature })
}

fn head() -> impl Strategy<Value = Head> {
    (id!(WorkspaceId), id!(LogId), position(), id!(LogHash))
        .prop_map(|(workspace, log, position, hash)| Head { workspace, log, position, hash })
}

fn chain_tip() -> impl Strategy<Value = ChainTip> {
    (any::<u64>(), id!(EntryId), option::of(seen()), position(), any::<u64>(), log_time(), 0..3_u64).prop_map(
        |(seq, id, seen, held, roster, since, log)| ChainTip { seq, id, seen, held, roster, since, log },
    )
}

fn digests() -> impl Strategy<Value = Digests> {
    (id!(SnapshotDigest), id!(SnapshotDigest)).prop_map(|(all, own)| Digests { all, own })
}

fn log_time() -> impl Strategy<Value = LogTime> {
    (0..1_u64 << 48).prop_map(|millis| LogTime::new(millis).unwrap())
}

fn seen() -> impl Strategy<Value = Seen> {
    seen_head().prop_map(Seen::from)
}

/// A header that keeps its own rules.
fn header() -> impl Strategy<Value = Header> {
    let ids =
        (id!(WorkspaceId), id!(DeviceId), id!(Incarnation), id!(EntryId), id!(RosterHash), id!(BodyHash));
    let content_only = (id!(EpochId), id!(Salt), id!(WireDoc), any::<u64>(), digests(), 0..63_u64);
    let numbers =
        (1..=u64::MAX, any::<u64>(), any::<u16>(), 0..MAX_PARTS, 0..=u32::try_from(MAX_BODY).unwrap());
    (ids, content_only, numbers, lane(), seen()).prop_map(|(ids, own, numbers, any_lane, seen)| {
        let (workspace, device, incarnation, prev, roster, body_hash) = ids;
        let (epoch, salt, doc, covers, digests, weight) = own;
        let (seq, held, number, index, body_len) = numbers;
        let entry_type = EntryType::from_number(number % 40);
        let lane = entry_type.lane().unwrap_or(any_lane);
        let content = lane == Lane::Content;
        let covers_all = matches!(entry_type, EntryType::Snapshot | EntryType::Erase | EntryType::Checkpoint);
        let plain = !covers_all && !matches!(entry_type, EntryType::Unknown(_));
        let of_no_document = matches!(
            entry_type,
            EntryType::Roster
                | EntryType::Confirm
                | EntryType::Checkpoint
                | EntryType::Witness
                | EntryType::Erased
        );
        let part = if content && seq > index.into() { Part { index, count: index + 1 } } else { Part::WHOLE };
        Header {
            workspace,
            device,
            incarnation,
            lane,
            seq,
            prev: if seq == 1 { EntryId::ZERO } else { prev },
            seen: Some(seen),
            held: Position(held.min(seen.position.0)),
            roster,
            epoch: if content { epoch } else { EpochId::ZERO },
            entry_type,
            doc: if of_no_document { WireDoc::ZERO } else { doc },
            covers: Position(if plain { 0 } else { covers.min(seen.position.0) }),
            digests: (entry_type == EntryType::Snapshot).then_some(digests),
            weight: if content && part.is_last() { Weight::of(1 << weight) } else { Weight::NONE },
            part,
            salt: if content { salt } else { Salt::ZERO },
            body_len,
            body_hash,
        }
    })
}

fn suite() -> impl Strategy<Value = Suite> {
    prop_oneof![Just(Suite::X25519), Just(Suite::XWing)]
}

fn hpke() -> impl Strategy<Value = HpkePublicKey> {
    suite().prop_flat_map(|suite| {
        let bytes = vec(any::<u8>(), suite.key_len());
        bytes.prop_map(|bytes| HpkePublicKey::from_slice(&bytes).unwrap())
    })
}

fn wrap() -> impl Strategy<Value = Wrap> {
    (vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..60))
        .prop_map(|(encapsulated, ciphertext)| Wrap { encapsulated, ciphertext })
}

fn rekey() -> impl Strategy<Value = Rekey> {
    (id!(Commitment), vec(any::<u8>(), 0..100), vec(wrap(), 0..4))
        .prop_map(|(commitment, history, wraps)| Rekey { commitment, history, wraps })
}

fn cut() -> impl Strategy<Value = Vec<Cut>> {
    let chain = (id!(DeviceId), id!(Incarnation), lane());
    btree_map(chain, (1..=u64::MAX, id!(EntryId)), 0..4).prop_map(|cuts| {
        let cut = |((device, incarnation, lane), (seq, id))| Cut { device, incarnation, lane, seq, id };
        cuts.into_iter().map(cut).collect()
    })
}

fn ticket() -> impl Strategy<Value = Ticket> {
    let says = (any::<u64>(), any::<bool>());
    (id!(TicketKey), hpke(), says, wrap()).prop_map(|(key, hpke, (expires, recovery), wrap)| Ticket {
        key,
        hpke,
        expires,
        recovery,
        wrap,
    })
}

fn join() -> impl Strategy<Value = Join> {
    (id!(TicketKey), hpke(), any::<bool>(), id!(Signature)).prop_map(|(ticket, hpke, recovery, proof)| Join {
        ticket,
        hpke,
        recovery,
        proof,
    })
}

/// Ids of epochs and of entries, ascending, of which there is one at least.
fn given_up() -> impl Strategy<Value = (Vec<EpochId>, Vec<EntryId>)> {
    let (epochs, entries) = (btree_set(any::<[u8; 16]>(), 0..4), btree_set(any::<[u8; 32]>(), 1..4));
    (epochs, entries, any::<bool>()).prop_filter_map("nothing", |(epochs, entries, both)| {
        let epochs: Vec<EpochId> = epochs.into_iter().map(EpochId::from_bytes).collect();
        let entries: Vec<EntryId> = entries.into_iter().map(EntryId::from_bytes).collect();
        if both { Some((epochs, entries)) } else { (!epochs.is_empty()).then_some((epochs, Vec::new())) }
    })
}

fn record() -> impl Strategy<Value = Record> {
    let genesis = (any::<[u8; 16]>(), id!(DeviceId), suite(), hpke(), id!(Commitment));
    prop_oneof![
        genesis.prop_map(|(nonce, device, suite, hpke, commitment)| Record::Genesis {
            nonce,
            device,
            suite,
            hpke,
            commitment
        }),
        ticket().prop_map(Record::Invite),
        id!(TicketKey).prop_map(Record::CloseInvite),
        ticket().prop_map(Record::Link),
        id!(TicketKey).prop_map(Record::CloseLink),
        join().prop_map(Record::Join),
        (id!(DeviceId), cut(), rekey()).prop_map(|(device, cut, rekey)| Record::RemoveDevice {
            device,
            cut,
            rekey
        }),
        (id!(UserId), cut(), rekey()).prop_map(|(user, cut, rekey)| Record::RemoveMember {
            user,
            cut,
            rekey
        }),
        (any::<bool>(), cut()).prop_map(|(whole_user, cut)| Record::Leave { whole_user, cut }),
        rekey().prop_map(Record::Rekey),
        any::<[u8; 16]>().prop_map(|id| Record::Complaint { epoch: EpochId::from_bytes(id) }),
        (any::<[u8; 16]>(), vec(wrap(), 0..4))
            .prop_map(|(id, wraps)| Record::Rewrap { epoch: EpochId::from_bytes(id), wraps }),
        (any::<[u8; 16]>(), vec(any::<u8>(), 0..100))
            .prop_map(|(id, sealed)| Record::Fill { epoch: EpochId::from_bytes(id), sealed }),
        id!(UserId).prop_map(|user| Record::HandOver { user }),
        Just(Record::TakeOver),
        id!(UserId).prop_map(|user| Record::Allow { user }),
        given_up().prop_map(|(epochs, entries)| Record::Lost(Lost { epochs, entries })),
        (any::<u64>(), "[a-z]{0,20}", id!(RelayId), id!(LogId)).prop_map(
            |(generation, address, relay, log)| { Record::Move(Move { generation, address, relay, log }) }
        ),
    ]
}

fn signed_entry() -> impl Strategy<Value = SignedEntry> {
    (header(), id!(Signature), option::of(vec(any::<u8>(), 0..100))).prop_map(|(header, signature, body)| {
        SignedEntry::from_parts(Signed::from_parts(header.to_bytes(), signature), body)
    })
}

fn logged() -> impl Strategy<Value = LoggedEntry> {
    (log_time(), signed_entry()).prop_map(|(time, entry)| LoggedEntry { time, entry })
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![id!(DeviceId).prop_map(Party::Device), id!(TicketKey).prop_map(Party::Ticket)]
}

fn names() -> impl Strategy<Value = Vec<String>> {
    btree_set("[a-z]{0,8}", 0..5).prop_map(|names| names.into_iter().collect())
}

fn frame() -> impl Strategy<Value = Frame> {
    let reason = || any::<u16>().prop_map(Reason::from_number);
    let entries = || vec(signed_entry(), 0..3);
    let create = ("[a-z]{0,20}", signed_entry())
        .prop_map(|(token, genesis)| Box::new(Create { token, genesis, logs: Vec::new() }));
    let versions = || btree_set(any::<u64>(), 0..3).prop_map(|versions| versions.into_iter().collect());
    let challenge = (
        any::<u64>(),
        any::<[u8; 32]>(),
        id!(RelayId),
        option::of(id!(LineKey)),
        any::<u64>(),
        id!(Signature),
    )
        .prop_map(|(version, nonce, relay, line, time, signature)| Challenge {
            version,
            nonce,
            relay,
            line,
            time: Millis(time),
            signature,
        });
    prop_oneof![
        (any::<[u8; 32]>(), versions(), names()).prop_map(|(nonce, versions, capabilities)| {
            Frame::Hello(Hello { nonce, versions, capabilities })
        }),
        challenge.prop_map(Frame::Challenge),
        (id!(WorkspaceId), party(), option::of(seen_head()), option::of(create), id!(Signature)).prop_map(
            |(workspace, party, head, create, signature)| {
                Frame::Proof(Box::new(Proof { workspace, party, head, create, signature }))
            }
        ),
        (seen_head(), log_time(), names(), vec(Just(said_successor()), 0..3), id!(Signature)).prop_map(
            |(head, time, capabilities, successors, signature)| {
                Frame::Welcome(Welcome { head, time, capabilities, successors, signature })
            }
        ),
        position().prop_map(|after| Frame::Subscribe { after }),
        (position(), vec(logged(), 0..3), seen_head()).prop_map(|(first, entries, head)| Frame::Entries {
            first,
            entries,
            head
        }),
        entries().prop_map(|entries| Frame::Append { entries }),
        (vec((id!(EntryId), position()), 0..5), seen_head())
            .prop_map(|(entries, head)| Frame::Appended { entries, head }),
        (id!(EntryId), reason(), option::of(signed_entry().prop_map(Box::new)), ".{0,20}")
            .prop_map(|(entry, reason, proof, text)| Frame::Refused { entry, reason, proof, text }),
        seen_head().prop_map(Frame::Head),
        (vec((position(), logged()), 0..3), any::<bool>())
            .prop_map(|(entries, more)| Frame::Records { entries, more }),
        Just(Frame::Ping),
        (reason(), ".{0,20}").prop_map(|(reason, text)| Frame::Goodbye { reason, text }),
    ]
}

/// There and back; and with one byte of it changed, dropped or added, either refused or again the one encoding of
/// what was read.
fn survives<T: Canonical + PartialEq + Debug>(value: &T, at: usize, change: u8) {
    survives_as(value, at, change, encode, decode);
}

fn survives_as<T: PartialEq + Debug>(
    value: &T,
    at: usize,
    change: u8,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) {
    let bytes = encode(value);
    assert_eq!(decode(&bytes).as_ref(), Ok(value));
    let at = at % bytes.len();
    let (mut changed, mut longer) = (bytes.clone(), bytes.clone());
    changed[at] ^= change;
    longer.insert(at, change);
    for bytes in [&changed, &longer, &bytes[..at].to_vec()] {
        if let Ok(read) = decode(bytes) {
            assert_eq!(encode(&read), *bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn headers_survive(value in header(), at: usize, change: u8) {
        let workspace = value.workspace;
        survives_as(&value, at, change, Header::to_bytes, |bytes| Header::from_bytes(workspace, bytes));
    }

    #[test]
    fn signed_entries_survive(value in signed_entry(), at: usize, change: u8) {
        survives(&value, at, change);
    }

    #[test]
    fn records_survive(value in record(), at: usize, change: u8) {
        survives(&value, at, change);
        prop_assert_eq!(Record::parse(&value.to_body()), Ok(value));
    }

    #[test]
    fn frames_survive(value in frame(), at: usize, change: u8) {
        survives(&value, at, change);
    }

    #[test]
    fn small_things_survive(
        head in head(), seen in seen_head(), tip in chain_tip(), party in party(), at: usize, change: u8,
    ) {
        survives(&head, at, change);
        survives(&seen, at, change);
        survives(&tip, at, change);
        survives(&party, at, change);
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_canonical(bytes in vec(any::<u8>(), 0..200)) {
        fn read<T: Canonical>(bytes: &[u8]) {
            if let Ok(read) = decode::<T>(bytes) {
                assert_eq!(encode(&read), bytes);
            }
        }
        if let Ok(header) = Header::from_bytes(WorkspaceId::ZERO, &bytes) {
            assert_eq!(header.to_bytes(), bytes);
        }
        read::<SignedEntry>(&bytes);
        read::<Record>(&bytes);
        read::<Frame>(&bytes);
        read::<Head>(&bytes);
        read::<SeenHead>(&bytes);
        read::<ChainTip>(&bytes);
        read::<Cut>(&bytes);
        read::<Rekey>(&bytes);
        read::<Party>(&bytes);
        let _ = Record::parse(&bytes);
    }

    /// Arbitrary fields behind a plausible beginning get further in than arbitrary bytes.
    #[test]
    fn arbitrary_fields_are_refused_or_canonical(len in 0..20_u8, number in 0..16_u8, rest in vec(any::<u8>(), 0..100)) {
        let frame = [&[0x80 | len, 1, number], rest.as_slice()].concat();
        if let Ok(read) = decode::<Frame>(&frame) {
            prop_assert_eq!(encode(&read), frame);
        }
        let record = [&[0x80 | len, number], rest.as_slice()].concat();
        if let Ok(read) = decode::<Record>(&record) {
            prop_assert_eq!(encode(&read), record.clone());
        }
        let _ = Record::parse(&record);
    }
}
