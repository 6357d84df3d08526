//! A bug that a test has to be able to see: bodies that are not sealed. It takes the feature `planted-bugs`, which only
//! the crate of tests asks for, and a call that only a test makes. Without the feature [`seals_nothing`] is constant.

#[cfg(feature = "planted-bugs")]
static SEAL_NOTHING: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Plants the bug: from now on, bodies in this process are payloads as they are, not compressed, not encrypted and opened
/// without a check. A test that finds no plaintext at the relay proves something only if it finds some then.
#[cfg(feature = "planted-bugs")]
pub fn seal_nothing() {
    SEAL_NOTHING.store(true, std::sync::atomic::Ordering::Relaxed);
}

/// Whether the bug was planted.
#[cfg(feature = "planted-bugs")]
pub(crate) fn seals_nothing() -> bool {
    SEAL_NOTHING.load(std::sync::atomic::Ordering::Relaxed)
}

/// Always false in what is shipped.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn seals_nothing() -> bool {
    false
}
