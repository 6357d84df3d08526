//! Suites: how epoch keys are wrapped to somebody, and the public keys that they are wrapped to.

use std::fmt;
use std::sync::Arc;

use crate::codec::{Canonical, DecodeError, Reader, Writer};

/// How epoch keys are wrapped: a KEM, with HKDF-SHA256 and AES-256-GCM (RFC 9180). The later one is the stronger one, of which a
/// workspace states the least that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// DHKEM(X25519, HKDF-SHA256).
    X25519,
    /// X-Wing: ML-KEM-768 and X25519 together, so that both have to fall.
    XWing,
}

impl Suite {
    /// Every suite, the weakest first.
    pub const ALL: [Self; 2] = [Self::X25519, Self::XWing];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::X25519 => 1,
            Self::XWing => 2,
        }
    }

    /// The suite with this number; `None` if no suite here has it: an update is needed.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.number() == number)
    }

    /// Bytes of a public key. No two suites share a length, so that a key says its suite.
    pub const fn key_len(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::XWing => 1216,
        }
    }
}

impl Canonical for Suite {
    fn write(&self, to: &mut Writer) {
        to.u64(self.number().into());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = from.u16()?;
        Self::from_number(number).ok_or(DecodeError::UnknownNumber { what: "suite", number: number.into() })
    }
}

/// A public key for HPKE, of one suite. The order is by suite and then by bytes; cloning copies a reference.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HpkePublicKey {
    suite: Suite,
    bytes: Arc<[u8]>,
}

impl HpkePublicKey {
    /// An X25519 key. Any 32 bytes are one.
    pub fn x25519(bytes: [u8; 32]) -> Self {
        Self { suite: Suite::X25519, bytes: Arc::from(bytes) }
    }

    /// The key that these bytes are, by their length; `None` if no suite has keys of this length. That something can be wrapped to it
    /// is not said.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let suite = Suite::ALL.into_iter().find(|suite| suite.key_len() == bytes.len())?;
        Some(Self { suite, bytes: Arc::from(bytes) })
    }

    /// The suite by which keys are wrapped to it.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The bytes, in the order they are sent and stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for HpkePublicKey {
    /// The first four bytes are enough to tell keys apart in a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HpkePublicKey({:?} ", self.suite)?;
        self.bytes.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

impl Canonical for HpkePublicKey {
    fn write(&self, to: &mut Writer) {
        to.bytes(&self.bytes);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = from.bytes("HPKE key", Suite::XWing.key_len())?;
        Self::from_slice(bytes).ok_or_else(|| from.malformed())
    }
}
