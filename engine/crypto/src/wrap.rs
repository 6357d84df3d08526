//! Epoch keys sealed to one recipient: HPKE (RFC 9180) base mode by the suite of the recipient's key, with HKDF-SHA256 and
//! AES-256-GCM.
//!
//! The randomness of a wrap follows from the key inside, so that whoever holds that key makes the same bytes. It is as secret as the key
//! and no one else's: whoever knows it could open the wrap, and has the key already.

use std::convert::Infallible;

use bowline_wire::ids::{Commitment, HpkePublicKey, Suite, WorkspaceId};
use bowline_wire::roster::record::Wrap;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::{TryCryptoRng, TryRng};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::derive::{Label, hkdf};
use crate::epoch::EpochKey;
use crate::keys::HpkeSecret;

/// Why an epoch key could not be wrapped or a wrap not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WrapError {
    /// Misuse: the wrap is for someone else.
    #[error("the key is wrapped for another recipient")]
    NotForUs,
    /// Misbehaving peer: the recipient's public key is of low order, so that anyone could open what is wrapped to it, or not a key.
    #[error("nothing can be wrapped safely to this recipient's public key")]
    UnusableRecipient,
    /// Misbehaving peer: whoever made the record wrapped nothing that opens.
    #[error("the wrapped key does not open: the record's author made it wrongly")]
    Unopenable,
    /// Misbehaving peer: whoever made the record wrapped another key than the one it commits to. Seal nothing with it.
    #[error("the wrapped key is not the one committed to: the record's author wrapped a wrong one")]
    WrongKey,
}

/// What randomness a suite draws for a wrap, and nothing else: `hpke` takes a generator, since its deterministic call is its own.
struct Drawn<'s> {
    left: &'s [u8],
}

impl TryRng for Drawn<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("an encapsulation draws bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("an encapsulation draws bytes")
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        let Some((drawn, left)) = self.left.split_at_checked(to.len()) else {
            unreachable!("an encapsulation draws more than its suite says");
        };
        to.copy_from_slice(drawn);
        self.left = left;
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}

/// `info` binds a wrap to where it belongs.
pub(crate) fn info(workspace: WorkspaceId, recipient: &HpkePublicKey, commitment: Commitment) -> Vec<u8> {
    [Label::WRAP.as_bytes(), workspace.as_bytes(), recipient.as_bytes(), commitment.as_bytes()].concat()
}

/// The randomness of the wrap of `key` to `recipient`.
fn seed<const N: usize>(
    key: &EpochKey,
    workspace: WorkspaceId,
    recipient: &HpkePublicKey,
) -> Zeroizing<[u8; N]> {
    let suite = recipient.suite().number().to_be_bytes();
    let info = [Label::WRAP_SEED.as_bytes(), workspace.as_bytes(), &suite, recipient.as_bytes()];
    hkdf(key.as_bytes(), &[], &info)
}

/// Wraps `key` so that only `recipient`, in this workspace, can open it: in the one way in which it can be wrapped.
pub(crate) fn seal_wrap(
    key: &EpochKey,
    workspace: WorkspaceId,
    recipient: &HpkePublicKey,
) -> Result<Wrap, WrapError> {
    match recipient.suite() {
        // The ikm of RFC 9180's DeriveKeyPair, for the ephemeral key.
        Suite::X25519 => {
            seal_by::<X25519HkdfSha256>(key, workspace, recipient, &*seed::<32>(key, workspace, recipient))
        }
        // X-Wing's `eseed`.
        Suite::XWing => seal_by::<XWing>(key, workspace, recipient, &*seed::<64>(key, workspace, recipient)),
    }
}

fn seal_by<K: Kem>(
    key: &EpochKey,
    workspace: WorkspaceId,
    recipient: &HpkePublicKey,
    seed: &[u8],
) -> Result<Wrap, WrapError> {
    let public = K::PublicKey::from_bytes(recipient.as_bytes()).map_err(|_| WrapError::UnusableRecipient)?;
    let mut drawn = Drawn { left: seed };
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, K>(
        &OpModeS::Base,
        &public,
        &info(workspace, recipient, key.commitment()),
        key.as_bytes(),
        &[],
        &mut drawn,
    )
    .map_err(|_| WrapError::UnusableRecipient)?;
    assert!(drawn.left.is_empty(), "an encapsulation draws less than its suite says");
    Ok(Wrap { encapsulated: encapsulated.to_bytes().to_vec(), ciphertext })
}

/// The wrap that gives nobody anything.
pub(crate) fn nothing() -> Wrap {
    Wrap { encapsulated: Vec::new(), ciphertext: Vec::new() }
}

/// The wrap of `key` to `recipient`; an empty one if nothing can be wrapped to it, since it must not be able to prevent a rekey.
pub(crate) fn wrap_or_nothing(key: &EpochKey, workspace: WorkspaceId, recipient: &HpkePublicKey) -> Wrap {
    seal_wrap(key, workspace, recipient).unwrap_or_else(|_| nothing())
}

/// Opens a wrap to `recipient` in `workspace` that is said to hold the key behind `commitment`, and checks that it does.
pub fn open_wrap(
    wrap: &Wrap,
    recipient: &HpkePublicKey,
    workspace: WorkspaceId,
    commitment: Commitment,
    secret: &HpkeSecret,
) -> Result<EpochKey, WrapError> {
    let suite = recipient.suite();
    if *recipient != secret.public(suite) {
        return Err(WrapError::NotForUs);
    }
    let info = info(workspace, recipient, commitment);
    let (encapsulated, ciphertext) = (wrap.encapsulated.as_slice(), wrap.ciphertext.as_slice());
    match suite {
        Suite::X25519 => {
            open_by::<X25519HkdfSha256>(&secret.x25519_key(), &info, encapsulated, ciphertext, commitment)
        }
        Suite::XWing => open_by::<XWing>(&secret.xwing_key(), &info, encapsulated, ciphertext, commitment),
    }
}

/// Opens what is wrapped to a private key.
pub(crate) fn open_by<K: Kem>(
    private: &K::PrivateKey,
    info: &[u8],
    encapsulated: &[u8],
    ciphertext: &[u8],
    commitment: Commitment,
) -> Result<EpochKey, WrapError> {
    let encapsulated = K::EncappedKey::from_bytes(encapsulated).map_err(|_| WrapError::Unopenable)?;
    let plaintext = hpke::single_shot_open::<AesGcm256, HkdfSha256, K>(
        &OpModeR::Base,
        private,
        &encapsulated,
        info,
        ciphertext,
        &[],
    )
    .map(Zeroizing::new)
    .map_err(|_| WrapError::Unopenable)?;
    let key = EpochKey::from_bytes(plaintext.as_slice().try_into().map_err(|_| WrapError::Unopenable)?);
    if key.commitment() == commitment { Ok(key) } else { Err(WrapError::WrongKey) }
}

#[cfg(test)]
mod tests;
