//! Signatures: [`Signed`] bytes that nobody can read until they are [`Verified`].
//!
//! One predicate everywhere: strict Ed25519 verification (RFC 8032 with canonical encodings and no small-order keys).
//! Batch verification accepts more and is never used.

use ed25519_dalek::VerifyingKey;
use thiserror::Error;

use crate::codec::{Canonical, DecodeError, decode, encode};
use crate::ids::Signature;

/// A value that travels with its author's signature over its canonical bytes.
pub trait Signable: Canonical {
    /// ASCII prefix of everything signed as this type, so that a signature means one thing only.
    const DOMAIN: &'static [u8];
    /// Bytes of the longest canonical encoding.
    const LIMIT: usize;
    /// The Ed25519 public key that has to have signed.
    fn signer(&self) -> [u8; 32];
}

/// Why signed bytes were not accepted. The fault is the sender's, or whoever altered them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The bytes are not the canonical encoding of the value.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The signature is not the named signer's over these bytes.
    #[error("the signature does not verify")]
    BadSignature,
}

/// Bytes and a signature, both as received. Nothing can be read from them before [`Signed::verify`].
#[derive(Clone, PartialEq, Eq)]
pub struct Signed<T> {
    bytes: Vec<u8>,
    signature: Signature,
    _value: std::marker::PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl<T: Signable> Signed<T> {
    /// Bytes as received.
    pub fn from_parts(bytes: Vec<u8>, signature: Signature) -> Self {
        Self { bytes, signature, _value: std::marker::PhantomData }
    }

    /// Decodes, and checks the signature of the signer whom the value names.
    pub fn verify(self) -> Result<Verified<T>, VerifyError> {
        if self.bytes.len() > T::LIMIT {
            return Err(DecodeError::TooLarge { what: "signed value", limit: T::LIMIT }.into());
        }
        let value: T = decode(&self.bytes)?;
        verify_signature(&value.signer(), T::DOMAIN, &self.bytes, &self.signature)?;
        Ok(Verified { value, bytes: self.bytes, signature: self.signature })
    }

    /// For forwarding and storing as is.
    pub(crate) fn parts(&self) -> (&[u8], &Signature) {
        (&self.bytes, &self.signature)
    }
}

/// A value whose signature has been checked, with the exact bytes that were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    bytes: Vec<u8>,
    signature: Signature,
}

impl<T: Signable> Verified<T> {
    /// Signs `value` with `sign`, which gets the message to sign, and checks the result: whoever signs with the wrong
    /// key learns it here.
    pub fn sign(value: T, sign: impl FnOnce(&[u8]) -> Signature) -> Result<Self, VerifyError> {
        let bytes = encode(&value);
        let signature = sign(&signing_message(T::DOMAIN, &bytes));
        Signed::from_parts(bytes, signature).verify()
    }

    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The exact bytes that the signature covers, after the domain.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Back to what travels.
    pub fn to_signed(&self) -> Signed<T> {
        Signed::from_parts(self.bytes.clone(), self.signature)
    }
}

/// What an Ed25519 key signs: the domain, a zero byte, the bytes.
pub fn signing_message(domain: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(domain.len() + 1 + bytes.len());
    message.extend_from_slice(domain);
    message.push(0);
    message.extend_from_slice(bytes);
    message
}

/// The one strict predicate, for signatures that are not over a [`Signable`].
pub fn verify_signature(
    signer: &[u8; 32],
    domain: &[u8],
    bytes: &[u8],
    signature: &Signature,
) -> Result<(), VerifyError> {
    let key = VerifyingKey::from_bytes(signer).map_err(|_| VerifyError::BadSignature)?;
    let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
    key.verify_strict(&signing_message(domain, bytes), &signature).map_err(|_| VerifyError::BadSignature)
}
