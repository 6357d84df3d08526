//! The secrets by which somebody is known: a device's two keys, and the secret behind an invite or link.

use bowline_wire::entry::{Entry, EntryError};
use bowline_wire::frame::{Create, Party, Proof, Transcript, Word};
use bowline_wire::head::SeenHead;
use bowline_wire::header::Header;
use bowline_wire::holding::{Holding, SaidHolding};
use bowline_wire::ids::{DeviceId, HpkePublicKey, Signature, TicketKey, WorkspaceId};
use bowline_wire::roster::record::Join;
use bowline_wire::signed::{Verified, signing_message};
use ed25519_dalek::{Signer, SigningKey};
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, Serializable};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::derive::{Label, hkdf};

/// Bytes of [`DeviceKeys::to_bytes`].
pub const DEVICE_KEYS_LEN: usize = 64;

/// Bytes of [`TicketSecret::to_bytes`].
pub const TICKET_SECRET_LEN: usize = 32;

/// The private half of an [`HpkePublicKey`]: opens wraps.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct HpkeSecret([u8; 32]);

opaque_debug!(HpkeSecret);

impl HpkeSecret {
    /// The X25519 key; `hpke` clamps it (RFC 7748 section 5).
    pub(crate) fn private_key(&self) -> <X25519HkdfSha256 as Kem>::PrivateKey {
        let Ok(key) = Deserializable::from_bytes(&self.0) else {
            unreachable!("any 32 bytes are an X25519 private key");
        };
        key
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What others wrap keys to.
    pub fn public(&self) -> HpkePublicKey {
        HpkePublicKey::from_bytes(X25519HkdfSha256::sk_to_pk(&self.private_key()).to_bytes().into())
    }
}

/// What a device is: an Ed25519 key that signs and is its id, and an X25519 key that opens wraps.
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
        let (mut signing, mut hpke) = (Zeroizing::new([0; 32]), HpkeSecret([0; 32]));
        for (to, from) in signing.iter_mut().chain(&mut hpke.0).zip(bytes) {
            *to = *from;
        }
        Self { signing: SigningKey::from_bytes(&signing), hpke }
    }

    /// The secret's bytes, Ed25519 seed and then X25519 key: for `device.key`, and nowhere else.
    pub fn to_bytes(&self) -> Zeroizing<[u8; DEVICE_KEYS_LEN]> {
        let mut bytes = Zeroizing::new([0; DEVICE_KEYS_LEN]);
        for (to, from) in bytes.iter_mut().zip(self.signing.as_bytes().iter().chain(&self.hpke.0)) {
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

    /// What others wrap keys to.
    pub fn hpke_public(&self) -> HpkePublicKey {
        self.hpke.public()
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
        HpkeSecret(*hkdf(&self.0, &[], &[Label::TICKET_HPKE.as_bytes()]))
    }

    /// The ticket's name in the roster, and the key its proofs verify under.
    pub fn ticket_key(&self) -> TicketKey {
        TicketKey::from_bytes(self.signing().verifying_key().to_bytes())
    }

    /// What rekeys wrap to while the ticket is open.
    pub fn hpke_public(&self) -> HpkePublicKey {
        self.hpke().public()
    }

    /// Signs a proof of the ticket's for a line on which `said` was said.
    pub fn prove(&self, said: Transcript, workspace: WorkspaceId, head: Option<SeenHead>) -> Proof {
        let proof = Proof { head, ..Proof::unsigned(workspace, Party::Ticket(self.ticket_key())) };
        proof.signed(said, |message| Signature::from_bytes(self.signing().sign(message).to_bytes()))
    }

    /// The [`Join::proof`] of `device`, with which the ticket's holder says that it is this device that joins.
    pub fn prove_join(
        &self,
        workspace: WorkspaceId,
        device: DeviceId,
        hpke: HpkePublicKey,
        recovery: bool,
    ) -> Signature {
        let message = Join::proof_message(workspace, device, hpke, recovery);
        sign(&self.signing(), Join::PROOF_DOMAIN, &message)
    }
}

fn sign(key: &SigningKey, domain: &[u8], message: &[u8]) -> Signature {
    Signature::from_bytes(key.sign(&signing_message(domain, message)).to_bytes())
}

#[cfg(test)]
mod tests;
