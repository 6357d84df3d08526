//! Automerge calls on foreign bytes: nothing half done remains, and a panic is an answer.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::Automerge;

use super::change::{ChangeHash, Vetted};
use super::incoming::Reason;

/// Runs `call`, which must leave nothing of ours half changed when it panics: it gets copies, or only reads.
///
/// A last resort. What is known to make Automerge 0.12 panic is refused before it gets here; a build with
/// `panic = "abort"` would turn what is not known into a crash.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Reason> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Reason::Panicked)
}

/// `document` and `changes`, in one batch: 10,000 changes one by one take a hundred times as long. All or nothing.
///
/// Afterwards Automerge must give back exactly the changes it was given. It keeps operations, not changes, and makes
/// the changes anew when it saves; one that is encoded or refers otherwise than its own encoder does comes back with
/// another hash, and the saved document could not be loaded again.
pub(super) fn extended<'a>(
    document: &Automerge,
    changes: impl Iterator<Item = &'a Vetted>,
) -> Result<Automerge, Reason> {
    guarded(|| {
        let mut next = document.clone();
        let before = next.get_heads();
        let mut missing = HashSet::new();
        let mut batch = Vec::new();
        for vetted in changes {
            missing.insert(vetted.hash.to_automerge());
            batch.push(vetted.to_automerge()?);
        }
        next.apply_changes(batch).map_err(|_| Reason::Rejected)?;
        let mut surplus = false;
        for kept in next.get_changes(&before) {
            surplus |= !missing.remove(&kept.hash());
        }
        if surplus || !missing.is_empty() { Err(Reason::Unfaithful) } else { Ok(next) }
    })?
}

/// The current heads, in order.
pub(super) fn heads(document: &Automerge) -> Vec<ChangeHash> {
    let mut heads: Vec<_> = document
        .get_heads()
        .into_iter()
        .map(|automerge::ChangeHash(hash)| ChangeHash::from_bytes(hash))
        .collect();
    heads.sort_unstable();
    heads
}
