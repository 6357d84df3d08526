//! The secrets by which somebody is known: a device's keys, and the secret behind an invite or link.

use bowline_wire::entry::{Entry, EntryError};
use bowline_wire::frame::{Create, Lookup, Party, Proof, Transcript, Word};
use bowline_wire::head::SeenHead;
use bowline_wire::header::Header;
use bowline_wire::holding::{Holding, SaidHolding};
use bowline_wire::ids::{DeviceId, HpkePublicKey, Signature, Suite, TicketKey, WorkspaceId};
use bowline_wire::roster::Admits;
use bowline_wire::roster::record::Join;
use bowline_wire::signed::{Verified, signing_message};
use ed25519_dalek::{Signer, SigningKey};
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, Kem, Serializable};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::derive::{Label, hkdf};

/// Bytes of [`DeviceKeys::to_bytes`].
pub const DEVICE_KEYS_LEN: usize = 64;

/// Bytes of [`TicketSecret::to_bytes`].
pub const TICKET_SECRET_LEN: usize = 32;

/// The private halves of somebody's [`HpkePublicKey`]s, one of each suite: opens wraps.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct HpkeSecret {
    x25519: [u8; 32],
    xwing: [u8; 32],
}

opaque_debug!(HpkeSecret);

impl HpkeSecret {
    /// The X25519 key; `hpke` clamps it (RFC 7748 section 5).
    pub(crate) fn x25519_key(&self) -> <X25519HkdfSha256 as Kem>::PrivateKey {
        private_key::<X25519HkdfSha256>(&self.x25519)
    }

    /// The X-Wing key, which its draft keeps as a seed.
    pub(crate) fn xwing_key(&self) -> <XWing as Kem>::PrivateKey {
        private_key::<XWing>(&self.xwing)
    }

    pub(crate) fn x25519(&self) -> &[u8; 32] {
        &self.x25519
    }

    #[cfg(test)]
    pub(crate) fn xwing(&self) -> &[u8; 32] {
        &self.xwing
    }

    /// What others wrap keys to by this suite.
    pub fn public(&self, suite: Suite) -> HpkePublicKey {
        match suite {
            Suite::X25519 => public_key::<X25519HkdfSha256>(&self.x25519_key()),
            Suite::XWing => public_key::<XWing>(&self.xwing_key()),
        }
    }
}

fn private_key<K: Kem>(bytes: &[u8; 32]) -> K::PrivateKey {
    let Ok(key) = Deserializable::from_bytes(bytes) else {
        unreachable!("any 32 bytes are a private key of either suite");
    };
    key
}

fn public_key<K: Kem>(private: &K::PrivateKey) -> HpkePublicKey {
    let Some(key) = HpkePublicKey::from_slice(&K::sk_to_pk(private).to_bytes()) else {
        unreachable!("keys have the lengths of their suites");
    };
    key
}

/// What a device is: an Ed25519 key that signs and is its id, and the keys that open wraps.
#[derive(ZeroizeOnDrop)]
pub struct DeviceKeys {
    signing: SigningKey,
    hpke: HpkeSecret,
}

opaque_debug!(DeviceKeys);

impl DeviceKeys {
    /// A new device.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; DEVICE_KEYS_LEN]);
        rng.fill_bytes(bytes.as_mut());
        Self::from_bytes(&bytes)
    }

    /// The device whose [`DeviceKeys::to_bytes`] these are. Any bytes are some device.
    pub fn from_bytes(bytes: &[u8; DEVICE_KEYS_LEN]) -> Self {
        // From both secrets, since whoever breaks X25519 has the second one from its public key.
        let xwing = *hkdf(bytes, &[], &[Label::DEVICE_XWING.as_bytes()]);
        let (mut signing, mut hpke) = (Zeroizing::new([0; 32]), HpkeSecret { x25519: [0; 32], xwing });
        for (to, from) in signing.iter_mut().chain(&mut hpke.x25519).zip(bytes) {
            *to = *from;
        }
        Self { signing: SigningKey::from_bytes(&signing), hpke }
    }

    /// The secret's bytes, Ed25519 seed and then X25519 key: for `device.key`, and nowhere else.
    pub fn to_bytes(&self) -> Zeroizing<[u8; DEVICE_KEYS_LEN]> {
        let mut bytes = Zeroizing::new([0; DEVICE_KEYS_LEN]);
        for (to, from) in bytes.iter_mut().zip(self.signing.as_bytes().iter().chain(&self.hpke.x25519)) {
            *to = *from;
        }
        bytes
    }

    /// The public half of the signing key.
    pub fn id(&self) -> DeviceId {
        DeviceId::from_bytes(self.signing.verifying_key().to_bytes())
    }

    /// Opens what others wrap to this device.
    pub fn hpke(&self) -> &HpkeSecret {
        &self.hpke
    }

    /// What others wrap keys to in a workspace of this suite.
    pub fn hpke_public(&self, suite: Suite) -> HpkePublicKey {
        self.hpke.public(suite)
    }

    /// Signs a finished header. Fills in nothing; fails if the header names another device, breaks a rule of its own, or
    /// names another body: the caller's mistake in each case.
    pub fn sign_header(&self, header: Header, body: Vec<u8>) -> Result<Entry, EntryError> {
        let header =
            Verified::sign(header, |message| Signature::from_bytes(self.signing.sign(message).to_bytes()))?;
        Entry::new(header, Some(body))
    }

    /// Signs this device's word on what it holds; `None` if it is another device's.
    pub fn sign_holding(&self, holding: Holding) -> Option<SaidHolding> {
        let sign = |message: &[u8]| Signature::from_bytes(self.signing.sign(message).to_bytes());
        Verified::sign(holding, sign).ok().as_ref().map(SaidHolding::from)
    }

    /// Signs this device's question where it is, for a line on which `said` was said.
    pub fn look_up(&self, said: Transcript) -> Lookup {
        let sign = |message: &[u8]| Signature::from_bytes(self.signing.sign(message).to_bytes());
        Lookup::unsigned(self.id()).signed(said, sign)
    }

    /// Signs a proof of this device's for a line on which `said` was said.
    pub fn prove(
        &self,
        said: Transcript,
        workspace: WorkspaceId,
        head: Option<SeenHead>,
        create: Option<Box<Create>>,
    ) -> Proof {
        let proof = Proof { head, create, ..Proof::unsigned(workspace, Party::Device(self.id())) };
        proof.signed(said, |message| Signature::from_bytes(self.signing.sign(message).to_bytes()))
    }
}

/// What an invite or link code carries. Whoever holds it may join once.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TicketSecret([u8; TICKET_SECRET_LEN]);

opaque_debug!(TicketSecret);

impl TicketSecret {
    /// A new secret, for a new invite or link.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut secret = Self([0; TICKET_SECRET_LEN]);
        rng.fill_bytes(&mut secret.0);
        secret
    }

    /// The secret with these bytes, as a code carries them.
    pub fn from_bytes(bytes: &[u8; TICKET_SECRET_LEN]) -> Self {
        Self(*bytes)
    }

    /// The secret's bytes: for a code, and for the newcomer's key file until the join is through.
    pub fn to_bytes(&self) -> Zeroizing<[u8; TICKET_SECRET_LEN]> {
        Zeroizing::new(self.0)
    }

    fn signing(&self) -> SigningKey {
        SigningKey::from_bytes(&hkdf(&self.0, &[], &[Label::TICKET_SIGNING.as_bytes()]))
    }

    /// Opens wraps to this ticket.
    pub fn hpke(&self) -> HpkeSecret {
        HpkeSecret {
            x25519: *hkdf(&self.0, &[], &[Label::TICKET_HPKE.as_bytes()]),
            xwing: *hkdf(&self.0, &[], &[Label::TICKET_XWING.as_bytes()]),
        }
    }

    /// The ticket's name in the roster, and the key its proofs verify under.
    pub fn ticket_key(&self) -> TicketKey {
        TicketKey::from_bytes(self.signing().verifying_key().to_bytes())
    }

    /// What rekeys wrap to while the ticket is open, in a workspace of this suite.
    pub fn hpke_public(&self, suite: Suite) -> HpkePublicKey {
        self.hpke().public(suite)
    }

    /// Signs a proof of the ticket's for a line on which `said` was said.
    pub fn prove(&self, said: Transcript, workspace: WorkspaceId, head: Option<SeenHead>) -> Proof {
        let proof = Proof { head, ..Proof::unsigned(workspace, Party::Ticket(self.ticket_key())) };
        proof.signed(said, |message| Signature::from_bytes(self.signing().sign(message).to_bytes()))
    }

    /// The [`Join::proof`] of `device`, with which the ticket's holder says that it is this device that joins, as what
    /// the ticket's record says.
    pub fn prove_join(
        &self,
        workspace: WorkspaceId,
        device: DeviceId,
        hpke: &HpkePublicKey,
        admits: Admits,
    ) -> Signature {
        let message = Join::proof_message(workspace, device, hpke, admits);
        sign(&self.signing(), Join::PROOF_DOMAIN, &message)
    }
}

fn sign(key: &SigningKey, domain: &[u8], message: &[u8]) -> Signature {
    Signature::from_bytes(key.sign(&signing_message(domain, message)).to_bytes())
}

#[cfg(test)]
mod tests;
