//! Automerge calls on foreign bytes: nothing half done remains, and a panic is an answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::incoming::Reason;

/// Runs `call`, which must leave nothing of ours half changed when it panics: it gets copies, or only reads.
///
/// A last resort. What is known to make Automerge 0.12 panic is refused before it gets here; a build with
/// `panic = "abort"` would turn what is not known into a crash.
pub(in crate::document) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Reason> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Reason::Panicked)
}
