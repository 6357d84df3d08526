//! Keys survive being stored, sign under the right domains, and never show themselves.

use bowline_wire::entry::EntryError;
use bowline_wire::ids::{Suite, UserId, WorkspaceId};
use bowline_wire::roster::TicketKind;
use bowline_wire::signed::{VerifyError, verify_signature};

use super::*;
use crate::epoch::{DocumentKey, EpochKey};
use crate::seal::seal;
use crate::testing::{WORKSPACE, epoch_key, header, keyring, rng};

/// A line on which something was said.
fn said() -> Transcript {
    Transcript::START.then(b"hello").then(b"challenge")
}

#[test]
fn a_device_is_the_same_after_being_stored() {
    let device = DeviceKeys::generate(&mut rng(5));
    let stored = device.to_bytes();
    let again = DeviceKeys::from_bytes(&stored);
    assert_eq!(again.id(), device.id());
    for suite in Suite::ALL {
        assert_eq!(again.hpke_public(suite), device.hpke_public(suite));
    }
    assert_eq!(again.to_bytes(), stored);
    assert_ne!(stored[..32], stored[32..], "the two secrets are drawn apart");
}

#[test]
fn the_hpke_public_key_is_x25519_of_the_secret() {
    let stored = DeviceKeys::generate(&mut rng(5)).to_bytes();
    let secret: [u8; 32] = stored[32..].try_into().unwrap();
    let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(secret));
    assert_eq!(DeviceKeys::from_bytes(&stored).hpke_public(Suite::X25519).as_bytes(), public.as_bytes());
}

#[test]
fn the_xwing_key_follows_from_both_secrets_and_shares_nothing_with_the_x25519_key() {
    let keys = |signing, x25519| {
        let mut bytes = [0; DEVICE_KEYS_LEN];
        bytes[..32].fill(signing);
        bytes[32..].fill(x25519);
        DeviceKeys::from_bytes(&bytes)
    };
    let public = |signing, x25519| keys(signing, x25519).hpke_public(Suite::XWing);
    assert_eq!(public(1, 2), public(1, 2));
    assert_ne!(public(1, 2), public(1, 3));
    assert_ne!(public(1, 2), public(3, 2), "who breaks X25519 has only the second secret");
    let x25519 = keys(1, 2).hpke_public(Suite::X25519);
    assert_ne!(public(1, 2).as_bytes()[1184..], *x25519.as_bytes());
}

#[test]
fn a_signed_header_is_an_entry_with_exactly_these_fields() {
    let (header, body) = seal(&keyring(1).snapshot(), header(&keyring(1)), b"text", [0; 32]).unwrap();
    let entry = crate::testing::device().sign_header(header.clone(), body.clone()).unwrap();
    assert_eq!((entry.header(), entry.body()), (&header, Some(&body[..])));
    entry.to_signed().verify(entry.header().workspace).unwrap();
}

#[test]
fn a_device_signs_no_other_device_s_header_and_no_other_body() {
    let (header, body) = seal(&keyring(1).snapshot(), header(&keyring(1)), b"text", [0; 32]).unwrap();
    let other = DeviceKeys::generate(&mut rng(99));
    let refused = other.sign_header(header.clone(), body).unwrap_err();
    assert_eq!(refused, EntryError::Header(VerifyError::BadSignature));
    let refused = crate::testing::device().sign_header(header, b"another body".to_vec()).unwrap_err();
    assert_eq!(refused, EntryError::BodyMismatch);
}

#[test]
fn a_proof_is_a_devices_for_one_workspace_on_one_line() {
    let device = DeviceKeys::generate(&mut rng(5));
    let proof = device.prove(said(), WORKSPACE, None, None);
    assert_eq!(proof.party, Party::Device(device.id()));
    proof.verify(said()).unwrap();
    proof.verify(said().then(b"more")).unwrap_err();
    Proof { workspace: WorkspaceId::ZERO, ..proof }.verify(said()).unwrap_err();
}

#[test]
fn a_ticket_is_the_same_from_its_code() {
    let ticket = TicketSecret::generate(&mut rng(6));
    let again = TicketSecret::from_bytes(&ticket.to_bytes());
    assert_eq!(again.ticket_key(), ticket.ticket_key());
    for suite in Suite::ALL {
        assert_eq!(again.hpke_public(suite), ticket.hpke_public(suite));
    }
    assert_ne!(ticket.ticket_key(), TicketSecret::generate(&mut rng(7)).ticket_key());
    assert_ne!(ticket.ticket_key().as_bytes()[..], *ticket.hpke_public(Suite::X25519).as_bytes());
}

#[test]
fn a_proof_by_a_ticket_is_the_tickets() {
    let ticket = TicketSecret::generate(&mut rng(6));
    let proof = ticket.prove(said(), WORKSPACE, None);
    assert_eq!(proof.party, Party::Ticket(ticket.ticket_key()));
    proof.verify(said()).unwrap();
}

#[test]
fn a_join_proof_is_for_one_device_with_one_key_in_one_workspace() {
    let ticket = TicketSecret::generate(&mut rng(6));
    let device = DeviceKeys::generate(&mut rng(5));
    let other = DeviceKeys::generate(&mut rng(8));
    let (id, hpke) = (device.id(), &device.hpke_public(Suite::XWing));
    let admits = Admits { kind: TicketKind::Link(UserId::of_first_device(id)), recovery: false };
    let proof = ticket.prove_join(WORKSPACE, id, hpke, admits);
    let verify = |message: Vec<u8>| {
        verify_signature(ticket.ticket_key().as_bytes(), Join::PROOF_DOMAIN, &message, &proof)
    };
    verify(Join::proof_message(WORKSPACE, id, hpke, admits)).unwrap();
    for changed in [
        Join::proof_message(WorkspaceId::ZERO, id, hpke, admits),
        Join::proof_message(WORKSPACE, other.id(), hpke, admits),
        Join::proof_message(WORKSPACE, id, &other.hpke_public(Suite::XWing), admits),
        Join::proof_message(WORKSPACE, id, hpke, Admits { recovery: true, ..admits }),
        Join::proof_message(WORKSPACE, id, hpke, Admits { kind: TicketKind::Invite, ..admits }),
    ] {
        verify(changed).unwrap_err();
    }
}

#[test]
fn keys_print_their_name_and_nothing_else() {
    let device = DeviceKeys::generate(&mut rng(5));
    let ticket = TicketSecret::generate(&mut rng(6));
    let shown = [
        format!("{device:?} {device:#?}"),
        format!("{:?} {:#?}", device.hpke(), device.hpke()),
        format!("{ticket:?} {ticket:#?}"),
        format!("{:?} {:#?}", epoch_key(1), epoch_key(1)),
        format!("{:?} {:#?}", keyring(2), keyring(2)),
        format!("{:?} {:#?}", keyring(2).snapshot(), keyring(2).snapshot()),
    ];
    assert_eq!(
        shown,
        ["DeviceKeys", "HpkeSecret", "TicketSecret", "EpochKey", "Keyring", "KeySnapshot"]
            .map(|name| format!("{name} {name}"))
    );
}

#[test]
fn keys_are_wiped_when_dropped() {
    // A compile-time check: this does not build if one of them loses the property.
    fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<DeviceKeys>();
    wiped::<HpkeSecret>();
    wiped::<TicketSecret>();
    wiped::<EpochKey>();
    wiped::<DocumentKey>();
    wiped::<crate::aead::OneTimeKey>();
    wiped::<SigningKey>();
    wiped::<aes_gcm::Aes256Gcm>();
    wiped::<x25519_dalek::StaticSecret>();
}
