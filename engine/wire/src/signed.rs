//! Signatures: [`Signed`] bytes that nobody can read until they are [`Verified`].
//!
//! One predicate everywhere: strict Ed25519 verification (RFC 8032 with canonical encodings and no small-order keys).
//! Batch verification accepts more and is never used.

use ed25519_dalek::VerifyingKey;
use thiserror::Error;

use crate::codec::DecodeError;
use crate::ids::{Signature, WorkspaceId};

/// A value that travels with its author's signature over what it is part of and its bytes.
pub trait Signable: Sized {
    /// ASCII prefix of everything signed as this type, so that a signature means one thing only.
    const DOMAIN: &'static [u8];
    /// Bytes of the longest encoding.
    const LIMIT: usize;
    /// What the value is part of: under the signature, before the bytes, and not among them, because both ends know it.
    type Within: Within;
    /// The Ed25519 public key that has to have signed.
    fn signer(&self) -> [u8; 32];
    /// What this value is part of.
    fn within(&self) -> Self::Within;
    /// The value's one encoding.
    fn to_bytes(&self) -> Vec<u8>;
    /// Reads the one encoding of a value.
    fn from_bytes(within: Self::Within, bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// What a signed value is part of.
pub trait Within: Copy {
    /// What is signed of it, of one length for each type.
    fn bytes(&self) -> &[u8];
}

/// Nothing: the value says itself what it is about.
impl Within for () {
    fn bytes(&self) -> &[u8] {
        &[]
    }
}

impl Within for WorkspaceId {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Implements the encoding of a [`Signable`] that is part of nothing by its canonical one.
macro_rules! signed_alone {
    () => {
        type Within = ();
        fn within(&self) {}
        fn to_bytes(&self) -> Vec<u8> {
            $crate::codec::encode(self)
        }
        fn from_bytes((): (), bytes: &[u8]) -> Result<Self, $crate::codec::DecodeError> {
            $crate::codec::decode(bytes)
        }
    };
}
pub(crate) use signed_alone;

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
    pub fn verify_within(self, within: T::Within) -> Result<Verified<T>, VerifyError> {
        if self.bytes.len() > T::LIMIT {
            return Err(DecodeError::TooLarge { what: "signed value", limit: T::LIMIT }.into());
        }
        let value = T::from_bytes(within, &self.bytes)?;
        let message = message_of::<T>(within, &self.bytes);
        verify_message(&value.signer(), &message, &self.signature)?;
        Ok(Verified { value, bytes: self.bytes, signature: self.signature })
    }

    /// For forwarding and storing as is.
    pub(crate) fn parts(&self) -> (&[u8], &Signature) {
        (&self.bytes, &self.signature)
    }
}

impl<T: Signable<Within = ()>> Signed<T> {
    /// Decodes, and checks the signature of the signer whom the value names.
    pub fn verify(self) -> Result<Verified<T>, VerifyError> {
        self.verify_within(())
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
        let (within, bytes) = (value.within(), value.to_bytes());
        let signature = sign(&message_of::<T>(within, &bytes));
        Signed::from_parts(bytes, signature).verify_within(within)
    }

    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The exact bytes that the signature covers, after the domain and what the value is part of.
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

impl<T> Verified<T> {
    /// A value whose signature was checked in a form that nothing writes any more.
    pub(crate) fn of_before(value: T, bytes: Vec<u8>, signature: Signature) -> Self {
        Self { value, bytes, signature }
    }
}

/// What an Ed25519 key signs: the domain, a zero byte, the bytes.
pub fn signing_message(domain: &[u8], bytes: &[u8]) -> Vec<u8> {
    [domain, &[0], bytes].concat()
}

/// What is signed of a value: its domain, a zero byte, what it is part of, its bytes.
fn message_of<T: Signable>(within: T::Within, bytes: &[u8]) -> Vec<u8> {
    [T::DOMAIN, &[0], within.bytes(), bytes].concat()
}

/// The one strict predicate, for signatures that are not over a [`Signable`].
pub fn verify_signature(
    signer: &[u8; 32],
    domain: &[u8],
    bytes: &[u8],
    signature: &Signature,
) -> Result<(), VerifyError> {
    verify_message(signer, &signing_message(domain, bytes), signature)
}

fn verify_message(signer: &[u8; 32], message: &[u8], signature: &Signature) -> Result<(), VerifyError> {
    let key = VerifyingKey::from_bytes(signer).map_err(|_| VerifyError::BadSignature)?;
    let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
    key.verify_strict(message, &signature).map_err(|_| VerifyError::BadSignature)
}
