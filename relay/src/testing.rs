//! What this crate's tests share: authors of entries, a bench with a relay on it, a storage that fails when told.

pub(crate) mod author;
pub(crate) mod bench;
pub(crate) mod flaky;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// Randomness that is the same in every run.
pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}
