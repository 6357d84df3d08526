//! Proofs against a relay, and which of them count: those from before this device joined again, or from where the workspace's
//! relay is no longer, are kept and shown, and stand in nobody's way.

use bowline_store::{EvidenceRow, Reader, StoreError, Tx};
use bowline_wire::ids::{Millis, WorkspaceId};

use crate::workspace::line_failure::LineReason;

/// Name of the value that says how many proofs against a relay were here when this device joined, or when the workspace moved.
const EARLIER_EVIDENCE: &str = "earlier-evidence";

/// The number of the proof that a relay has signed two histories.
pub(super) const FORK: u8 = 1;

/// The number under which versions before kept that a relay had lost what it had signed for, which proves nothing.
const ROLLBACK: u8 = 2;

/// The number under which versions before kept that a relay showed another log of the workspace, which proves nothing.
const OTHER_LOG: u8 = 3;

/// The number of the proof that a relay's log is not the one that a code was made for.
pub(super) const NOT_THE_PINNED_LOG: u8 = 4;

/// The number of the proof that a log's key says that the log was continued from what is not in it.
pub(super) const FALSE_SUCCESSOR: u8 = 5;

/// Keeps a proof. One that was set aside counts again when it is found once more.
pub(super) fn keep(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    kind: u8,
    what: &[u8],
    at: Millis,
) -> Result<(), StoreError> {
    if tx.insert_evidence(workspace, kind, what, at)? {
        Ok(())
    } else {
        tx.delete_state(workspace, EARLIER_EVIDENCE)
    }
}

/// Sets aside every proof that there is: a person has decided anew to use the workspace's relay.
pub(super) fn set_aside_all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    let number = tx.evidence(workspace)?.len() as u64;
    if number == 0 { Ok(()) } else { tx.put_state(workspace, EARLIER_EVIDENCE, &number.to_be_bytes()) }
}

/// Sets aside every proof that there is, if all of them are about who answers at an address: the key that signs the log has
/// signed nothing wrong.
pub(super) fn set_aside_of_address(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    let (_, counting) = split(**tx, workspace)?;
    let is_of_address = |row: &EvidenceRow| row.kind == NOT_THE_PINNED_LOG;
    if counting.iter().all(is_of_address) { set_aside_all(tx, workspace) } else { Ok(()) }
}

/// What a proof shows.
pub(super) fn shows(row: &EvidenceRow) -> LineReason {
    match row.kind {
        FORK => LineReason::Fork,
        NOT_THE_PINNED_LOG => LineReason::NotThePinnedLog,
        FALSE_SUCCESSOR => LineReason::FalseSuccessor,
        _ => LineReason::Nonsense,
    }
}

/// Whether there are proofs that count.
pub(super) fn counts(read: Reader<'_>, workspace: WorkspaceId) -> Result<bool, StoreError> {
    Ok(!split(read, workspace)?.1.is_empty())
}

/// The proofs that were set aside, and those that count.
pub(super) fn split(
    read: Reader<'_>,
    workspace: WorkspaceId,
) -> Result<(Vec<EvidenceRow>, Vec<EvidenceRow>), StoreError> {
    let mut earlier = read.evidence(workspace)?;
    let number = read.state(workspace, EARLIER_EVIDENCE)?;
    let number = number.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_slice().try_into().ok()?)));
    let aside = usize::try_from(number.unwrap_or_default()).unwrap_or(usize::MAX).min(earlier.len());
    let mut counting = earlier.split_off(aside);
    let is_proof = |row: &EvidenceRow| !matches!(row.kind, ROLLBACK | OTHER_LOG);
    earlier.retain(is_proof);
    counting.retain(is_proof);
    Ok((earlier, counting))
}
