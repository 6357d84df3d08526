//! Decisions as they are stored.

use proptest::prelude::*;

use bowline_wire::ids::{EpochId, LogId, RelayId};

use super::*;

fn decisions() -> Vec<Decision> {
    let open = |kind| Decision::Open {
        kind,
        secret: TicketSecret::from_bytes(&[0x5e; 32]),
        expires: Millis(1 << 40),
    };
    vec![
        open(CodeKind::Invite),
        open(CodeKind::Link),
        Decision::Close(CodeKind::Invite, TicketKey::from_bytes([1; 32])),
        Decision::Close(CodeKind::Link, TicketKey::from_bytes([2; 32])),
        Decision::RemoveDevice(DeviceId::from_bytes([3; 32])),
        Decision::RemoveMember(UserId::from_bytes([4; 16])),
        Decision::Leave { whole_user: false },
        Decision::Leave { whole_user: true },
        Decision::HandOver(UserId::from_bytes([5; 16])),
        Decision::TakeOver,
        Decision::Allow(UserId::from_bytes([8; 16])),
        Decision::GiveUp(Lost {
            epochs: vec![EpochId::from_bytes([1; 16])],
            entries: vec![EntryId::from_bytes([2; 32]), EntryId::from_bytes([3; 32])],
        }),
        Decision::Move(Move {
            generation: 1,
            address: "wss://relay.example".to_owned(),
            relay: RelayId::from_bytes([6; 32]),
            log: LogId::from_bytes([7; 32]),
        }),
    ]
}

fn intents() -> Vec<Intent> {
    let entries = [None, Some(EntryId::from_bytes([9; 32]))];
    entries
        .into_iter()
        .flat_map(|entry| decisions().into_iter().map(move |decision| Intent { decision, entry }))
        .collect()
}

/// Everything in a decision, its secret included.
fn parts(decision: &Decision) -> String {
    let secret = match decision {
        Decision::Open { secret, .. } => Some(secret.to_bytes()),
        _ => None,
    };
    format!("{decision:?} {secret:?}")
}

#[test]
fn a_decision_is_read_back_as_it_was_made() {
    for intent in intents() {
        let read = Intent::from_bytes(&intent.to_bytes()).unwrap();
        assert_eq!(read.entry, intent.entry);
        assert_eq!(parts(&read.decision), parts(&intent.decision));
    }
}

#[test]
fn two_decisions_never_have_the_same_bytes() {
    let all: Vec<_> = intents().iter().map(Intent::to_bytes).collect();
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
}

#[test]
fn what_keeps_somebody_from_reading_stops_sealing_and_nothing_else_does() {
    let stops: Vec<bool> = decisions().iter().map(Decision::stops_sealing).collect();
    let all = decisions().len();
    assert_eq!(stops, [&[false; 4][..], &[true; 4], &vec![false; all - 8]].concat());
}

#[test]
fn a_decision_does_not_print_its_secret() {
    for intent in intents() {
        let printed = format!("{intent:?} {intent:#?}");
        assert!(!printed.contains("5e5e") && !printed.contains("94, 94") && !printed.contains("94,\n"));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(intent) = Intent::from_bytes(&bytes) {
            prop_assert_eq!(&intent.to_bytes()[..], &bytes[..]);
        }
    }

    #[test]
    fn a_changed_byte_is_never_read_as_the_same(which in 0..22_usize, at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let all = intents();
        let mut bytes = all[which].to_bytes().to_vec();
        let at = at.index(bytes.len());
        let changed = std::mem::replace(&mut bytes[at], to) != to;
        if let Ok(intent) = Intent::from_bytes(&bytes) {
            prop_assert_eq!(&intent.to_bytes()[..], &bytes[..]);
            prop_assert_eq!(intent.to_bytes() != all[which].to_bytes(), changed);
        }
    }
}
