//! Devices that sign, and what they let others in by.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use bowline_core::document::ActorId;
use bowline_wire::entry::Entry;
use bowline_wire::hash::{self, sha256};
use bowline_wire::header::Header;
use bowline_wire::ids::*;
use bowline_wire::roster::record::{Record, Rekey, Ticket, Wrap};
use bowline_wire::signed::Verified;
use ed25519_dalek::{Signer, SigningKey};

/// 32 bytes that look random and depend on `name` only.
pub fn seed(name: &str) -> [u8; 32] {
    sha256(&[b"bowline tests: ", name.as_bytes()])
}

pub fn signer(key: &SigningKey) -> impl Fn(&[u8]) -> Signature + '_ {
    |message| Signature::from_bytes(key.sign(message).to_bytes())
}

/// A device that can sign.
#[derive(Clone)]
pub struct Author {
    pub name: String,
    pub key: SigningKey,
}

impl Author {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), key: SigningKey::from_bytes(&seed(name)) }
    }

    pub fn id(&self) -> DeviceId {
        DeviceId::from_bytes(self.key.verifying_key().to_bytes())
    }

    /// The user that begins with this device.
    pub fn user(&self) -> UserId {
        UserId::of_first_device(self.id())
    }

    pub fn actor(&self) -> ActorId {
        ActorId::for_device(self.id(), [7; 8])
    }

    pub fn hpke(&self) -> HpkePublicKey {
        HpkePublicKey::x25519(seed(&format!("{} hpke", self.name)))
    }

    pub fn genesis(&self) -> Record {
        Record::Genesis {
            nonce: [5; 16],
            device: self.id(),
            suite: self.hpke().suite(),
            hpke: self.hpke(),
            commitment: Commitment::from_bytes(seed("first epoch")),
        }
    }

    /// Fits the header to `body` and signs it.
    pub fn sign(&self, mut header: Header, body: &[u8]) -> Entry {
        header.body_len = u32::try_from(body.len()).unwrap();
        header.body_hash = hash::body_hash(body);
        let header = Verified::sign(header, signer(&self.key)).unwrap();
        Entry::new(header, Some(body.to_vec())).unwrap()
    }
}

/// Keys for nobody.
pub fn no_rekey() -> Rekey {
    rekey("nobody", 0)
}

/// The secret in a code.
pub fn secret(name: &str) -> SigningKey {
    SigningKey::from_bytes(&seed(&format!("{name}'s code")))
}

pub fn ticket(name: &str, expires: Millis) -> Ticket {
    let key = TicketKey::from_bytes(secret(name).verifying_key().to_bytes());
    let hpke = HpkePublicKey::x25519(seed(&format!("{name}'s code hpke")));
    Ticket { key, hpke, expires: expires.0, recovery: false, wrap: wrap() }
}

fn wrap() -> Wrap {
    Wrap { encapsulated: vec![7; 32], ciphertext: vec![9; 48] }
}

pub fn rekey(name: &str, wraps: usize) -> Rekey {
    Rekey { commitment: Commitment::from_bytes(seed(name)), history: vec![3; 48], wraps: vec![wrap(); wraps] }
}
