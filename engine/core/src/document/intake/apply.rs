//! Checked changes on their way into Automerge, and what it has then.

use std::collections::HashSet;

use automerge::Automerge;

use super::change::Vetted;
use super::guard::guarded;
use super::hash::ChangeHash;
use super::incoming::Reason;

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
pub(in crate::document) fn heads(document: &Automerge) -> Vec<ChangeHash> {
    let mut heads: Vec<_> = document
        .get_heads()
        .into_iter()
        .map(|automerge::ChangeHash(hash)| ChangeHash::from_bytes(hash))
        .collect();
    heads.sort_unstable();
    heads
}
