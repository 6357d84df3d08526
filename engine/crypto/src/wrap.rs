//! Epoch keys sealed to one recipient: HPKE (RFC 9180) base mode with
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

use bowline_wire::ids::{Commitment, HpkePublicKey, WorkspaceId};
use bowline_wire::roster::record::Wrap;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::derive::Label;
use crate::epoch::EpochKey;
use crate::keys::HpkeSecret;

/// The number of the one suite this version knows.
pub const SUITE: u16 = 1;

/// Why an epoch key could not be wrapped or a wrap not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WrapError {
    /// Incompatible peer: made with a suite this version does not know. An update is needed.
    #[error("the key is wrapped with suite {suite}, which this version does not know: update needed")]
    UpdateNeeded {
        /// The suite's number.
        suite: u16,
    },
    /// Misuse: the wrap is for someone else.
    #[error("the key is wrapped for another recipient")]
    NotForUs,
    /// Misbehaving peer: the recipient's public key is of low order, so that anyone could open what is wrapped to it.
    #[error("nothing can be wrapped safely to this recipient's public key")]
    UnusableRecipient,
    /// Misbehaving peer: whoever made the record wrapped nothing that opens.
    #[error("the wrapped key does not open: the record's author made it wrongly")]
    Unopenable,
    /// Misbehaving peer: whoever made the record wrapped another key than the one it commits to. Seal nothing with it.
    #[error("the wrapped key is not the one committed to: the record's author wrapped a wrong one")]
    WrongKey,
}

/// `info` binds a wrap to where it belongs. With the commitment in it, a repeated ephemeral key (a virtual machine
/// resumed twice) meets another HPKE key and nonce as soon as there is another epoch key to wrap.
pub(crate) fn info(workspace: WorkspaceId, recipient: HpkePublicKey, commitment: Commitment) -> Vec<u8> {
    [Label::WRAP.as_bytes(), workspace.as_bytes(), recipient.as_bytes(), commitment.as_bytes()].concat()
}

/// Wraps `key` so that only `recipient`, in this workspace, can open it.
pub(crate) fn seal_wrap(
    key: &EpochKey,
    workspace: WorkspaceId,
    recipient: HpkePublicKey,
    mut rng: &mut dyn CryptoRng,
) -> Result<Wrap, WrapError> {
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(recipient.as_bytes())
        .map_err(|_| WrapError::UnusableRecipient)?;
    let info = info(workspace, recipient, key.commitment());
    let (encapsulated, ciphertext) =
        hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            &info,
            key.as_bytes(),
            &[],
            &mut rng,
        )
        .map_err(|_| WrapError::UnusableRecipient)?;
    Ok(Wrap { recipient, suite: SUITE, encapsulated: encapsulated.to_bytes().to_vec(), ciphertext })
}

/// Opens a wrap in `workspace` that is said to hold the key behind `commitment`, and checks that it does.
pub fn open_wrap(
    wrap: &Wrap,
    workspace: WorkspaceId,
    commitment: Commitment,
    secret: &HpkeSecret,
) -> Result<EpochKey, WrapError> {
    if wrap.recipient != secret.public() {
        return Err(WrapError::NotForUs);
    }
    if wrap.suite != SUITE {
        return Err(WrapError::UpdateNeeded { suite: wrap.suite });
    }
    let info = info(workspace, wrap.recipient, commitment);
    open_x25519(secret, &info, &wrap.encapsulated, &wrap.ciphertext, commitment)
}

/// Opens what is wrapped to an X25519 key.
pub(crate) fn open_x25519(
    secret: &HpkeSecret,
    info: &[u8],
    encapsulated: &[u8],
    ciphertext: &[u8],
    commitment: Commitment,
) -> Result<EpochKey, WrapError> {
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated)
        .map_err(|_| WrapError::Unopenable)?;
    let plaintext = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret.private_key(),
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
