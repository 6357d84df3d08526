//! What the sync machine needs from outside while it works: keys, time, randomness, and earlier log hashes.

use bowline_crypto::DeviceKeys;
use bowline_wire::ids::{LogHash, Millis, Position};
use rand_core::CryptoRng;

/// What the caller hands in with each call.
pub struct Context<'a> {
    /// This device's keys.
    pub keys: &'a DeviceKeys,
    /// The caller's clock.
    pub now: Millis,
    /// The caller's randomness.
    pub random: &'a mut dyn CryptoRng,
    /// The log hash at an earlier position, as the caller stored it from [`crate::sync::Ingested`].
    pub hash_at: &'a dyn Fn(Position) -> Option<LogHash>,
}

impl Context<'_> {
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill_bytes(&mut bytes);
        bytes
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("now", &self.now).finish_non_exhaustive()
    }
}
