//! Proofs against a relay, and which of them count: those from before this device joined again, or from where the workspace's
//! relay is no longer, are kept and shown, and stand in nobody's way.

use bowline_core::sync::RelayFault;
use bowline_store::{EvidenceRow, Reader, StoreError, Tx};
use bowline_wire::codec::{Canonical, Reader as CborReader, decode, encode};
use bowline_wire::evidence::{Evidence, Fork};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{Millis, WorkspaceId};
use bowline_wire::log::State;

use crate::workspace::line_failure::LineReason;

/// Name of the value that says how many proofs against a relay were here when this device joined, or when the workspace moved.
const EARLIER_EVIDENCE: &str = "earlier-evidence";

/// The number of two heads that show a fork with the log that this device holds.
const FORK: u8 = 1;

/// The number under which versions before kept that a relay had lost what it had signed for, which proves nothing.
const ROLLBACK: u8 = 2;

/// The number under which versions before kept that a relay showed another log of the workspace, which proves nothing.
const OTHER_LOG: u8 = 3;

/// The number of the proof that a relay's log is not the one that a code was made for.
const NOT_THE_PINNED_LOG: u8 = 4;

/// The number of [`Evidence`], which proves to anybody that a relay has signed two histories.
const PROVEN_FORK: u8 = 5;

/// The number of [`Evidence`], which proves to anybody that a relay has signed less than it was shown it had signed.
const PROVEN_ROLLBACK: u8 = 6;

/// The number of the proof that a log's key says that the log was continued from what is not in it.
const FALSE_SUCCESSOR: u8 = 7;

/// Proofs of one kind that are kept until a person has decided to go on: each line to a relay that lies may bring another, and the
/// first of them are as good as all.
const MOST_OF_A_KIND: usize = 16;

/// Keeps what a lasting fault proves. One that was set aside counts again when it is found once more.
pub(super) fn keep(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    fault: &RelayFault,
    at: Millis,
) -> Result<(), StoreError> {
    let (kind, what) = match fault {
        RelayFault::Fork { proof: Some(proof), .. } => {
            (PROVEN_FORK, Evidence::Fork(proof.clone()).to_bytes())
        }
        RelayFault::Fork { ours, theirs, .. } => (FORK, [encode(ours), encode(theirs)].concat()),
        // Each line brings another, and this kind is signed over all that was said on its line.
        RelayFault::Rollback { proof, .. } => {
            (PROVEN_ROLLBACK, Evidence::Rollback((**proof).clone()).to_bytes())
        }
        RelayFault::NotThePinnedLog => (NOT_THE_PINNED_LOG, Vec::new()),
        RelayFault::FalseSuccessor { ours, position, hash } => {
            let theirs = [&position.0.to_be_bytes()[..], hash.as_bytes()].concat();
            (FALSE_SUCCESSOR, [encode(ours), theirs].concat())
        }
        RelayFault::OtherLog { .. }
        | RelayFault::OtherSuccessor { .. }
        | RelayFault::HalfSuccessor
        | RelayFault::BegunAgain
        | RelayFault::BelowCheckpoint(_)
        | RelayFault::LogLost
        | RelayFault::TimeAhead(_)
        | RelayFault::Nonsense(_)
        | RelayFault::KeepsRefusing
        | RelayFault::OtherRelay
        | RelayFault::BringsNothing => return Ok(()),
    };
    let most = if kind == PROVEN_ROLLBACK { 1 } else { MOST_OF_A_KIND };
    if split(**tx, workspace)?.1.iter().filter(|row| row.kind == kind).count() >= most {
        return Ok(());
    }
    if tx.insert_evidence(workspace, kind, &what, at)? {
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

/// Sets aside every proof that there is, each with what shows it to others: the log that is here may not do so any longer.
pub(super) fn set_aside_whole(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    for row in tx.evidence(workspace)?.into_iter().filter(|row| row.kind == FORK) {
        let shown = bridged(**tx, workspace, &row.what)?.filter(|it| it.verify().is_ok());
        // More entries than are read back in one piece of evidence stay as they are.
        let shown = shown.map(|it| it.to_bytes()).filter(|it| Evidence::from_bytes(it).is_ok());
        if let Some(shown) = shown {
            tx.complete_evidence(workspace, &row, PROVEN_FORK, &shown)?;
        }
    }
    set_aside_all(tx, workspace)
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
        FORK | PROVEN_FORK => LineReason::Fork,
        PROVEN_ROLLBACK => LineReason::Rollback,
        NOT_THE_PINNED_LOG => LineReason::NotThePinnedLog,
        FALSE_SUCCESSOR => LineReason::FalseSuccessor,
        _ => LineReason::Nonsense,
    }
}

/// What shows that a workspace's relay lied.
#[derive(Clone, Debug)]
pub struct Caught {
    /// What it shows.
    pub shows: LineReason,
    /// When this device first held it.
    pub at: Millis,
    /// Whether it keeps this device from sending; a person's decision to trust the relay again sets it aside.
    pub counts: bool,
    /// What anybody can verify; `None` if it convinces this device alone.
    pub evidence: Option<Evidence>,
}

/// Everything a workspace's relay was caught at, oldest first.
pub(crate) fn all(read: Reader<'_>, workspace: WorkspaceId) -> Result<Vec<Caught>, StoreError> {
    let (aside, counting) = split(read, workspace)?;
    let rows = aside.into_iter().map(|row| (row, false)).chain(counting.into_iter().map(|row| (row, true)));
    rows.map(|(row, counts)| {
        let evidence = match row.kind {
            PROVEN_FORK | PROVEN_ROLLBACK => Evidence::from_bytes(&row.what).ok(),
            FORK => bridged(read, workspace, &row.what)?,
            _ => None,
        };
        let evidence = evidence.filter(|evidence| evidence.verify().is_ok());
        Ok(Caught { shows: shows(&row), at: row.at, counts, evidence })
    })
    .collect()
}

/// Two heads with the entries between them, as far as the log here has those.
fn bridged(read: Reader<'_>, workspace: WorkspaceId, heads: &[u8]) -> Result<Option<Evidence>, StoreError> {
    let mut from = CborReader::new(heads);
    let (Ok(one), Ok(other)) = (SeenHead::read(&mut from), SeenHead::read(&mut from)) else {
        return Ok(None);
    };
    let (low, high) = if one.position <= other.position { (one, other) } else { (other, one) };
    let steps = read.steps(workspace, low.position, high.position)?;
    let begun = read.begun(workspace)?.and_then(|bytes| decode::<State>(&bytes).ok());
    // Below the place of a state the steps are missing, and nothing comes of it.
    let by_state = begun.and_then(|state| state.hash_at(low.position));
    let passed = match read.log_hash_at(workspace, low.position)?.or(by_state) {
        _ if low.position == high.position => high.hash,
        Some(passed) => passed,
        None => return Ok(None),
    };
    Ok(Some(Evidence::Fork(Box::new(Fork { workspace, low, high, passed, steps }))))
}

/// Whether there is a proof that counts and shows this.
pub(super) fn counts_that(
    read: Reader<'_>,
    workspace: WorkspaceId,
    shown: LineReason,
) -> Result<bool, StoreError> {
    Ok(split(read, workspace)?.1.iter().any(|row| shows(row) == shown))
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
