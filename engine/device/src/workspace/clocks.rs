//! What the clocks of a workspace's line said last, while that is something to know, and how far ahead a person lets the log's time be.

use bowline_core::sync::{Clocks, WrongClock};
use bowline_store::{Reader, Store, StoreError};
use bowline_wire::ids::{Millis, WorkspaceId};

use crate::Error;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::behind;
use crate::workspace::line_failure::LineReason;

/// Name of the value that says what the clocks said.
const CLOCKS: &str = "clocks";

/// Name of the value that says by how many milliseconds the log's time may be further ahead.
const LET_THROUGH: &str = "time-let-through";

/// Notes what the clocks say. Once the log's time is not far ahead any more, nothing is let through.
pub(super) fn note(store: &mut Store, workspace: WorkspaceId, now: &Clocks) -> Result<(), StoreError> {
    let value = now.are_apart().then(|| to_bytes(now));
    let let_through = let_through(store.read(), workspace)?;
    let is_over = let_through > 0 && !now.are_too_far();
    let before = store.read().state(workspace, CLOCKS)?;
    if before.as_deref() == value.as_ref() && !is_over {
        return Ok(());
    }
    store.transaction(|tx| {
        if is_over {
            tx.delete_state(workspace, LET_THROUGH)?;
        }
        match &value {
            Some(value) => tx.put_state(workspace, CLOCKS, value),
            None => tx.delete_state(workspace, CLOCKS),
        }
    })
}

/// What the clocks said when a session last began, if two of them were apart.
pub(super) fn clocks(read: Reader<'_>, workspace: WorkspaceId) -> Result<Option<Clocks>, StoreError> {
    Ok(read.state(workspace, CLOCKS)?.and_then(|bytes| from_bytes(&bytes)))
}

/// By how many milliseconds the log's time may be further ahead than is taken without asking.
pub(super) fn let_through(read: Reader<'_>, workspace: WorkspaceId) -> Result<u64, StoreError> {
    let bytes = read.state(workspace, LET_THROUGH)?;
    Ok(bytes
        .and_then(|bytes| Some(u64::from_be_bytes(bytes.as_slice().try_into().ok()?)))
        .unwrap_or_default())
}

impl Workspaces {
    /// Lets the log's time be as far ahead as it was shown to be. Returns `false` if it was not too far ahead.
    pub(crate) fn accept_time(&self, lent: &mut Lent<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
        self.replica(workspace)?;
        let shown = behind::behind(lent.read(), workspace)?;
        let is_shown = shown.is_some_and(|behind| behind.reason == LineReason::TimeAhead);
        let Some(clocks) = clocks(lent.read(), workspace)?.filter(|_| is_shown) else {
            return Ok(false);
        };
        let ahead = clocks.ahead().to_be_bytes();
        lent.store.transaction(|tx| tx.put_state(workspace, LET_THROUGH, &ahead))?;
        behind::clear(lent.store, workspace)?;
        Ok(true)
    }
}

fn to_bytes(clocks: &Clocks) -> Vec<u8> {
    let wrong = match clocks.looks_wrong {
        WrongClock::Unknown => 0,
        WrongClock::Relay => 1,
        WrongClock::Here => 2,
    };
    let times = [clocks.relay, clocks.log, clocks.here].map(|time| time.0.to_be_bytes());
    [&[wrong][..], times.as_flattened()].concat()
}

fn from_bytes(bytes: &[u8]) -> Option<Clocks> {
    let (wrong, times) = bytes.split_first()?;
    let looks_wrong = match wrong {
        1 => WrongClock::Relay,
        2 => WrongClock::Here,
        _ => WrongClock::Unknown,
    };
    let (times, []) = times.as_chunks::<8>() else { return None };
    let [relay, log, here] = times else { return None };
    let time = |bytes: &[u8; 8]| Millis(u64::from_be_bytes(*bytes));
    Some(Clocks { relay: time(relay), log: time(log), here: time(here), looks_wrong })
}
