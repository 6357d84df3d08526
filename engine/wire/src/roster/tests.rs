//! The one rule that is too far away to be reached through records in a test: the number of epochs.

use super::record::{Record, Rekey, Wrap};
use super::*;
use crate::header::{EntryType, Header};
use crate::ids::{Incarnation, Lane, WireDoc};
use crate::limits::{MAX_EPOCHS, MAX_EPOCHS_OF_OTHERS};

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
    assert_eq!(roster.apply(Moment::START, EntryId::ZERO, &header, &genesis), applied);
    roster.epochs.extend((1..MAX_EPOCHS - 1).map(epoch));
    roster.points[0].epoch = roster.epoch().unwrap();
    let mut rekey = |n| {
        roster.rekey_due = true;
        header.roster = roster.hash();
        roster.apply(Moment::START, EntryId::ZERO, &header, &rekey_to(n, std::slice::from_ref(&hpke)))
    };
    assert_eq!(rekey(MAX_EPOCHS - 1), applied);
    assert_eq!(rekey(MAX_EPOCHS), Outcome::Void(Void::Full));
    assert_eq!(roster.epochs.len(), MAX_EPOCHS);
}

#[test]
fn others_than_the_owner_begin_half_of_the_epochs_and_the_owner_goes_on() {
    let (owner, member) = (DeviceId::from_bytes([2; 32]), DeviceId::from_bytes([3; 32]));
    let keys = [[8; 32], [9; 32]].map(HpkePublicKey::x25519);
    let mut roster = Roster::new(WorkspaceId::ZERO);
    let genesis = Record::Genesis {
        nonce: [0; 16],
        device: owner,
        suite: Suite::X25519,
        hpke: keys[0].clone(),
        commitment: numbered(0),
    };
    roster.apply(Moment::START, EntryId::ZERO, &control_header(owner), &genesis);
    let user = UserId::of_first_device(member);
    roster.users.insert(user, User { role: Role::Member, removed: false });
    let device = Device {
        user,
        hpke: keys[1].clone(),
        recovery: false,
        joined_by: None,
        joined_at: 0,
        joined: LogTime::START,
        standing: Standing::Active,
    };
    roster.devices.insert(member, device);
    let mut rekey = |by, n| {
        roster.rekey_due = true;
        let header = Header { roster: roster.hash(), ..control_header(by) };
        roster.apply(Moment::START, EntryId::ZERO, &header, &rekey_to(n, &keys))
    };
    let applied = Outcome::Applied { rekey_void: None };
    // The Owner's count for nobody else.
    assert_eq!(rekey(owner, 1), applied);
    for n in 0..MAX_EPOCHS_OF_OTHERS {
        assert_eq!(rekey(member, 2 + n), applied, "{n}");
    }
    assert_eq!(rekey(member, MAX_EPOCHS - 2), Outcome::Void(Void::Full));
    assert_eq!(rekey(owner, MAX_EPOCHS - 1), applied);
}

fn rekey_to(n: usize, recipients: &[HpkePublicKey]) -> Record {
    let wrap = |_: &HpkePublicKey| Wrap { encapsulated: Vec::new(), ciphertext: Vec::new() };
    let wraps = recipients.iter().map(wrap).collect();
    Record::Rekey(Rekey { commitment: numbered(n), history: Vec::new(), wraps })
}

fn epoch(n: usize) -> Epoch {
    Epoch { id: EpochId::of_before(numbered(n)), commitment: numbered(n) }
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
