//! Words of the handshake that are signed over all that was said on the line before them.

use crate::codec::Writer;
use crate::hash::sha256;
use crate::ids::Signature;
use crate::signed::{VerifyError, signing_message, verify_signature};

/// What was said on a line so far: `SHA-256("bowline/transcript/1" ‖ what was said before ‖ frame)`, from 32 zeros, over each whole
/// frame of the handshake in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transcript([u8; 32]);

impl Transcript {
    /// A line on which nothing was said.
    pub const START: Self = Self([0; 32]);

    /// A line on which these frames were said, in this order.
    pub fn of(frames: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        frames.into_iter().fold(Self::START, |said, frame| said.then(frame.as_ref()))
    }

    /// What was said once this frame was, too.
    #[must_use]
    pub fn then(self, frame: &[u8]) -> Self {
        Self(sha256(&[b"bowline/transcript/1", &self.0, frame]))
    }

    /// The hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A word of the handshake under a signature over what was said before it and its own fields.
pub trait Word: Sized {
    /// ASCII prefix of what is signed, so that a signature means one thing only.
    const DOMAIN: &'static [u8];
    /// How many fields are under the signature.
    const FIELDS: usize;

    /// The Ed25519 public key that has to have signed.
    fn signer(&self) -> &[u8; 32];
    /// The signature, as it came.
    fn signature(&self) -> &Signature;
    /// The same word with this signature.
    #[must_use]
    fn sign_with(self, signature: Signature) -> Self;
    /// Writes the fields under the signature.
    fn write_fields(&self, to: &mut Writer);

    /// Writes the word as its frame holds it: the fields, and the signature.
    fn write_to(&self, to: &mut Writer) {
        self.write_fields(to);
        to.value(self.signature());
    }

    /// The word, signed for a line on which `said` was said; the signature that it has is replaced.
    #[must_use]
    fn signed(self, said: Transcript, sign: impl FnOnce(&[u8]) -> Signature) -> Self {
        let signature = sign(&signing_message(Self::DOMAIN, &self.bytes_after(said)));
        self.sign_with(signature)
    }

    /// Checks the signature for a line on which `said` was said.
    fn verify(&self, said: Transcript) -> Result<(), VerifyError> {
        verify_signature(self.signer(), Self::DOMAIN, &self.bytes_after(said), self.signature())
    }

    /// What is signed behind the domain: the transcript and the fields, as one array.
    fn bytes_after(&self, said: Transcript) -> Vec<u8> {
        let mut to = Writer::new();
        to.array(Self::FIELDS + 1).bytes(said.as_bytes());
        self.write_fields(&mut to);
        to.into_bytes()
    }
}
