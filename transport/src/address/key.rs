//! The key of a relay's certificate, as its address pins it.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use thiserror::Error;

/// The Ed25519 public key of a relay's certificate: the pin in its address, and what its identity signs in every challenge. Text is 43 characters of base64url without padding (RFC 4648, section 5).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelayKey([u8; 32]);

/// The text is not that of a relay's key. Whoever copied it can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a relay's key is 43 letters, digits, - and _")]
pub struct RelayKeyError;

impl RelayKey {
    /// Takes the key as it stands in a certificate.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key as it stands in a challenge or certificate.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for RelayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for RelayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelayKey({self})")
    }
}

impl FromStr for RelayKey {
    type Err = RelayKeyError;

    fn from_str(text: &str) -> Result<Self, RelayKeyError> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| RelayKeyError)?;
        bytes.try_into().map(Self).map_err(|_| RelayKeyError)
    }
}
