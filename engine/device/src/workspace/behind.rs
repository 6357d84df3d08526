//! A relay that shows less of the log than it has signed for, says that it has lost a part, shows another log, or one of a time that is
//! far from having come. All but the first are proof of nothing to anybody: a relay may be restored, any key signs a log, and either clock
//! may be wrong. So they stand in the way only as long as it is so.

use bowline_store::{Reader, Store, StoreError, Tx};
use bowline_wire::ids::{Millis, Position, WorkspaceId};

use crate::workspace::line_failure::LineReason;

/// Name of the value that says since when the relay shows something else than the log known here, and what.
const BEHIND: &str = "behind";

/// Number of a relay that shows an older state of the log.
const OLDER: u8 = 1;

/// What a relay can show or say instead, by the numbers that are kept. An unknown number is read as the first.
const SHOWN: [(u8, LineReason); 8] = [
    (OLDER, LineReason::Rollback),
    (2, LineReason::OtherLog),
    (3, LineReason::LogLost),
    (4, LineReason::OtherSuccessor),
    (5, LineReason::HalfSuccessor),
    (6, LineReason::TimeAhead),
    (7, LineReason::BegunAgain),
    (8, LineReason::BelowCheckpoint),
];

/// What the relay shows instead of the log that is known here. Nothing is sent to it meanwhile, and everything goes on once it
/// shows that log again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// [`LineReason::Rollback`], [`LineReason::LogLost`], [`LineReason::OtherLog`], [`LineReason::OtherSuccessor`],
    /// [`LineReason::HalfSuccessor`], [`LineReason::BegunAgain`], [`LineReason::BelowCheckpoint`] or [`LineReason::TimeAhead`].
    pub reason: LineReason,
    /// Since when, by this device's clock.
    pub since: Millis,
    /// The last position that it shows; of another log none counts, of one that is partly lost none is known, and of one whose time
    /// has not come nothing is in doubt.
    pub shown: Position,
}

impl Behind {
    fn to_bytes(self) -> Vec<u8> {
        let number =
            SHOWN.iter().find(|(_, reason)| *reason == self.reason).map_or(OLDER, |(number, _)| *number);
        [&[number][..], &self.since.0.to_be_bytes(), &self.shown.0.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first()?;
        let (since, shown) = rest.split_first_chunk::<8>()?;
        let known = SHOWN.iter().find(|(known, _)| known == number);
        let reason = known.map_or(LineReason::Rollback, |(_, reason)| *reason);
        let shown = Position(u64::from_be_bytes(shown.try_into().ok()?));
        Some(Self { reason, since: Millis(u64::from_be_bytes(*since)), shown })
    }
}

/// What the relay shows instead of the log, if it did when it was last asked.
pub(super) fn behind(read: Reader<'_>, workspace: WorkspaceId) -> Result<Option<Behind>, StoreError> {
    Ok(read.state(workspace, BEHIND)?.and_then(|bytes| Behind::from_bytes(&bytes)))
}

/// Notes what the relay shows; true if it was not so before.
pub(super) fn note(store: &mut Store, workspace: WorkspaceId, now: Behind) -> Result<bool, StoreError> {
    let before = behind(store.read(), workspace)?;
    let is_same = |before: Behind| before.reason == now.reason && before.shown == now.shown;
    if before.is_some_and(is_same) {
        return Ok(false);
    }
    store.transaction(|tx| tx.put_state(workspace, BEHIND, &now.to_bytes()))?;
    Ok(before.is_none())
}

/// What a relay has shown is not what it is measured by any more.
pub(super) fn forget(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    tx.delete_state(workspace, BEHIND)
}

/// The relay shows the log again.
pub(super) fn clear(store: &mut Store, workspace: WorkspaceId) -> Result<(), StoreError> {
    if behind(store.read(), workspace)?.is_some() {
        store.transaction(|tx: &Tx<'_>| tx.delete_state(workspace, BEHIND))?;
    }
    Ok(())
}
