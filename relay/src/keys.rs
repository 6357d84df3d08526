//! The relay's own keys: its identity, and one signing key per log.

use std::fmt;

use bowline_wire::frame::{Challenge, Transcript, Welcome, Word};
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::ids::{LineKey, LogId, LogTime, Millis, RelayId, Signature, WorkspaceId};
use bowline_wire::signed::{Verified, VerifyError};
use bowline_wire::successor::{SaidSuccessor, Successor};
use ed25519_dalek::{Signer, SigningKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// The relay's long-lived Ed25519 identity, which signs every challenge: a proof made for one relay is worth nothing at
/// another, and the key of its certificate may change under it. Wiped when dropped, never printed.
pub struct Identity(SigningKey);

impl Identity {
    /// A new identity.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(generate(rng))
    }

    /// The identity of this Ed25519 seed (RFC 8032 §5.1.5).
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The identity's seed, for storing.
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Says that the log of `key` goes on under another one.
    ///
    /// # Errors
    /// If the successor is of another log: our bug.
    pub fn sign_successor(&self, successor: Successor, key: &LogKey) -> Result<SaidSuccessor, VerifyError> {
        let by_log = |message: &[u8]| sign(&key.0, message);
        SaidSuccessor::sign(successor, by_log, self.public().as_bytes(), |message| sign(&self.0, message))
    }

    /// Says that the log `new` begins a lost one again, of which this relay has nothing any more.
    ///
    /// # Errors
    /// Never, but for our bug.
    pub fn sign_beginning(
        &self,
        workspace: WorkspaceId,
        lost: LogId,
        new: LogId,
    ) -> Result<SaidSuccessor, VerifyError> {
        let logs = (workspace, lost, new);
        SaidSuccessor::sign_beginning(logs, self.public().as_bytes(), |message| sign(&self.0, message))
    }

    /// The identity's public key, which challenges name.
    pub fn public(&self) -> RelayId {
        RelayId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Signs a challenge of this relay's for a line on which `said` was said.
    pub fn challenge(
        &self,
        said: Transcript,
        version: u64,
        nonce: [u8; 32],
        line: Option<LineKey>,
        time: Millis,
    ) -> Challenge {
        let relay = self.public();
        let challenge = Challenge { version, nonce, relay, line, time, signature: Signature::ZERO };
        challenge.signed(said, |message| sign(&self.0, message))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(***)")
    }
}

/// The Ed25519 key of the relay's own certificate, which its address pins. It may be made anew: devices follow the identity,
/// which signs it. Wiped when dropped, never printed.
pub struct CertificateKey(SigningKey);

impl CertificateKey {
    /// A new key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(generate(rng))
    }

    /// The key of this Ed25519 seed (RFC 8032 §5.1.5).
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The seed, for storing and for making the certificate.
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key, which a line with TLS proves.
    pub fn public(&self) -> LineKey {
        LineKey::from_bytes(self.0.verifying_key().to_bytes())
    }
}

impl fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateKey(***)")
    }
}

/// The Ed25519 seed of a log's signing key, as the storage keeps it. Wiped when dropped, never printed. Whoever has it
/// can sign another history of that log.
#[derive(Clone)]
pub struct LogSecret(Zeroizing<[u8; 32]>);

impl LogSecret {
    /// The seed that was stored as these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The seed's bytes, for storing.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for LogSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSecret(***)")
    }
}

/// A log's signing key; its public half is the log's id. Wiped when dropped, never printed.
pub struct LogKey(SigningKey);

impl LogKey {
    /// A new log's key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(generate(rng))
    }

    /// The log that this key signs for.
    pub fn id(&self) -> LogId {
        LogId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// The key's seed, for storing.
    pub fn secret(&self) -> LogSecret {
        LogSecret::from_bytes(self.0.to_bytes())
    }

    /// Signs a welcome to this log for a line on which `said` was said.
    pub fn welcome(
        &self,
        said: Transcript,
        head: SeenHead,
        time: LogTime,
        capabilities: Vec<String>,
        successors: Vec<SaidSuccessor>,
    ) -> Welcome {
        let welcome = Welcome { head, time, capabilities, successors, signature: Signature::ZERO };
        welcome.signed(said, |message| sign(&self.0, message))
    }

    /// Signs a head.
    ///
    /// # Errors
    /// If the head is of another log: our bug.
    pub fn sign(&self, head: Head) -> Result<SeenHead, VerifyError> {
        let signed = Verified::sign(head, |message| sign(&self.0, message))?;
        Ok(SeenHead::from(&signed))
    }
}

impl From<&LogSecret> for LogKey {
    fn from(secret: &LogSecret) -> Self {
        Self(SigningKey::from_bytes(secret.as_bytes()))
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogKey(***)")
    }
}

fn generate(rng: &mut dyn CryptoRng) -> SigningKey {
    let mut secret = Zeroizing::new([0; 32]);
    rng.fill_bytes(secret.as_mut());
    SigningKey::from_bytes(&secret)
}

fn sign(key: &SigningKey, message: &[u8]) -> Signature {
    Signature::from_bytes(key.sign(message).to_bytes())
}

#[cfg(test)]
mod tests {
    use bowline_wire::ids::{LogHash, Position};

    use super::*;

    fn head(log: LogId) -> Head {
        Head { workspace: WorkspaceId::ZERO, log, position: Position(7), hash: LogHash::ZERO }
    }

    #[test]
    fn a_log_key_signs_heads_that_verify_under_its_id() {
        let key = LogKey::from(&LogSecret::from_bytes([3; 32]));
        let signed = key.sign(head(key.id())).unwrap();
        assert_eq!(signed.verify(WorkspaceId::ZERO).unwrap().value(), &head(key.id()));
        assert!(signed.verify(WorkspaceId::from_bytes([1; 32])).is_err());
    }

    #[test]
    fn a_log_key_does_not_sign_for_another_log() {
        let key = LogKey::from(&LogSecret::from_bytes([3; 32]));
        assert!(key.sign(head(LogId::from_bytes([4; 32]))).is_err());
    }

    #[test]
    fn a_stored_key_is_the_same_key_again() {
        let key = LogKey::generate(&mut crate::testing::rng(1));
        assert_eq!(LogKey::from(&key.secret()).id(), key.id());
        let identity = Identity::generate(&mut crate::testing::rng(2));
        assert_eq!(Identity::from_secret(&identity.secret()).public(), identity.public());
    }

    #[test]
    fn keys_do_not_print() {
        let secret = LogSecret::from_bytes([0xab; 32]);
        let (identity, certificate) =
            (Identity::from_secret(&[0xab; 32]), CertificateKey::from_secret(&[0xab; 32]));
        let printed = format!("{secret:?} {:?} {identity:?} {certificate:?}", LogKey::from(&secret));
        assert_eq!(printed, "LogSecret(***) LogKey(***) Identity(***) CertificateKey(***)");
    }
}
