//! Everything an untrusted party must not see: device keys, the epoch keyring, sealing and opening of bodies, key
//! wraps. No I/O, clock or randomness of its own; small enough to audit in an afternoon.
//!
//! | module | holds |
//! |---|---|
//! | [`keys`] | a device's two secrets, and the secret of an invite or link |
//! | [`phrase`] | a person's recovery phrase, and the keys that follow from it |
//! | [`epoch`] | one epoch's content key and all that is derived from it |
//! | [`keyring`] | the epoch keys of one workspace, first to newest |
//! | [`rekey`] | starting an epoch, and learning about one |
//! | `rest` | small secrets in this device's own database |
//! | [`wrap`] | epoch keys sealed to one recipient with HPKE |
//! | [`seal`](mod@seal) | bodies: payload in, ciphertext out, and back |
//! | [`payload`] | what is inside a body: compression and padding |

/// Key types print their name and nothing else.
macro_rules! opaque_debug {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

mod aead;
mod derive;
pub mod epoch;
pub mod keyring;
pub mod keys;
pub mod payload;
pub mod phrase;
mod planted;
pub mod rekey;
mod rest;
pub mod seal;
pub mod wrap;

#[cfg(test)]
mod broken;
#[cfg(test)]
mod testing;

pub use epoch::{EpochKey, NewEpoch};
pub use keyring::{KeySnapshot, Keyring, KeyringError};
pub use keys::{DeviceKeys, HpkeSecret, TicketSecret};
pub use payload::SealError;
pub use phrase::{MAX_PHRASE_LINKS, PhraseError, RecoveryPhrase};
#[cfg(feature = "planted-bugs")]
pub use planted::seal_nothing;
pub use rekey::{History, RekeyError, open_own_wrap};
#[cfg(feature = "planted-bugs")]
pub use seal::seal_tampered;
pub use seal::{OpenError, open, seal};
pub use wrap::{WrapError, open_wrap};
