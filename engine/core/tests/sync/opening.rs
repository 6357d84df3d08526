//! The relay's half of a handshake: whatever a test has it say is signed for the line that it is said on.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bowline_wire::codec::encode;
use bowline_wire::frame::{Challenge, Frame, Transcript, Welcome, Word};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LineKey, LogId, LogTime, Millis, RelayId, Signature};
use ed25519_dalek::{Signer, SigningKey};

thread_local! {
    /// The keys of all logs that relays of this test have made.
    static LOGS: RefCell<BTreeMap<LogId, [u8; 32]>> = const { RefCell::new(BTreeMap::new()) };
}

/// The identity that all of them have.
pub(crate) fn identity() -> SigningKey {
    SigningKey::from_bytes(&[8; 32])
}

/// What the challenge says is the key of the certificate.
pub(crate) const LINE: LineKey = LineKey::from_bytes([9; 32]);

/// Makes it known that this key signs for the log that it is.
pub(crate) fn note_log(key: &SigningKey) -> LogId {
    let id = LogId::from_bytes(key.verifying_key().to_bytes());
    LOGS.with_borrow_mut(|logs| logs.insert(id, key.to_bytes()));
    id
}

/// A challenge as it is before it is signed for a line.
pub(crate) fn challenge() -> Frame {
    let relay = RelayId::from_bytes(identity().verifying_key().to_bytes());
    let (time, signature) = (Millis(1), Signature::ZERO);
    Frame::Challenge(Challenge { version: 1, nonce: [7; 32], relay, line: Some(LINE), time, signature })
}

/// A welcome as it is before it is signed for a line.
pub(crate) fn welcome(head: SeenHead, capabilities: &[&str]) -> Frame {
    let capabilities = capabilities.iter().map(|&name| name.to_owned()).collect();
    let (time, signature) = (LogTime::START, Signature::ZERO);
    Frame::Welcome(Welcome { head, time, capabilities, successors: Vec::new(), signature })
}

/// What was said on one line.
#[derive(Clone)]
pub(crate) struct Opening(Transcript);

impl Default for Opening {
    fn default() -> Self {
        Self(Transcript::START)
    }
}

impl Opening {
    /// The device has said this.
    pub(crate) fn hears(&mut self, frame: &Frame) {
        match frame {
            Frame::Hello(_) => self.0 = Transcript::START.then(&encode(frame)),
            Frame::Proof(_) => self.0 = self.0.then(&encode(frame)),
            _ => {}
        }
    }

    /// What the relay says, signed by identity or log where such a signature belongs.
    pub(crate) fn signs(&mut self, frame: Frame) -> Frame {
        let by = |key: &SigningKey, message: &[u8]| Signature::from_bytes(key.sign(message).to_bytes());
        match frame {
            Frame::Challenge(challenge) => {
                let frame = Frame::Challenge(challenge.signed(self.0, |message| by(&identity(), message)));
                self.0 = self.0.then(&encode(&frame));
                frame
            }
            Frame::Welcome(welcome) => {
                let key = LOGS.with_borrow(|logs| logs.get(&welcome.head.log).copied());
                let key = SigningKey::from_bytes(&key.unwrap_or_default());
                Frame::Welcome(welcome.signed(self.0, |message| by(&key, message)))
            }
            other => other,
        }
    }
}
