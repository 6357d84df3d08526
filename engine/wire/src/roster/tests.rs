//! The one rule that is too far away to be reached through records in a test: the number of epochs.

use super::record::{Record, Rekey, Wrap};
use super::*;
use crate::header::{EntryType, Header};
use crate::ids::{Incarnation, Lane, WireDoc};
use crate::limits::MAX_EPOCHS;

#[test]
fn a_workspace_has_so_many_epochs_and_no_more() {
    let (device, hpke) = (DeviceId::from_bytes([2; 32]), HpkePublicKey::x25519([9; 32]));
    let mut roster = Roster::new(WorkspaceId::ZERO);
    let mut header = control_header(device);
    let genesis = Record::Genesis {
        nonce: [0; 16],
        device,
        suite: Suite::X25519,
        hpke: hpke.clone(),
        commitment: numbered(0),
    };
    let applied = Outcome::Applied { rekey_void: None };
    assert_eq!(roster.apply(Position(1), EntryId::ZERO, &header, &genesis), applied);
    roster.commitments.extend((1..MAX_EPOCHS - 1).map(numbered));
    let mut rekey = |n| {
        roster.rekey_due = true;
        header.roster = roster.hash();
        let rekey = Rekey {
            commitment: numbered(n),
            history: Vec::new(),
            wraps: vec![Wrap { recipient: hpke.clone(), encapsulated: Vec::new(), ciphertext: Vec::new() }],
        };
        roster.apply(Position(2), EntryId::ZERO, &header, &Record::Rekey(rekey))
    };
    assert_eq!(rekey(MAX_EPOCHS - 1), applied);
    assert_eq!(rekey(MAX_EPOCHS), Outcome::Void(Void::Full));
    assert_eq!(roster.commitments.len(), MAX_EPOCHS);
}

fn numbered(n: usize) -> Commitment {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(n as u64 + 1).to_be_bytes());
    Commitment::from_bytes(bytes)
}

fn control_header(device: DeviceId) -> Header {
    Header {
        workspace: WorkspaceId::ZERO,
        device,
        incarnation: Incarnation::ZERO,
        lane: Lane::Control,
        seq: 1,
        prev: EntryId::ZERO,
        seen: None,
        held: Position::START,
        roster: RosterHash::ZERO,
        epoch: EpochId::ZERO,
        entry_type: EntryType::Roster,
        doc: WireDoc::ZERO,
        covers: Position::START,
        digests: None,
        weight: crate::weight::Weight::NONE,
        part: crate::header::Part::WHOLE,
        salt: crate::ids::Salt::ZERO,
        body_len: 0,
        body_hash: crate::ids::BodyHash::ZERO,
    }
}
