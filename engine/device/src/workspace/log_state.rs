//! What is stored of a log beside its entries, and is not worked out again when it is opened: the ends of chains, sums, what was said of checkpoints,
//! and the state from which it was begun.

use bowline_core::sync::Ingested;
use bowline_store::{Reader, Tx};
use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::Entry;
use bowline_wire::ids::{LogHash, LogId, Moment, Position, WorkspaceId};
use bowline_wire::log::{Checkpoints, Log, State, StateFault};
use bowline_wire::roster::Roster;
use bowline_wire::successor::Succession;

use crate::{Damage, Error};

/// Name of the value that says what was said of checkpoints on the log.
const CHECKPOINTS: &str = "checkpoints";

/// Stores what of a log follows from its entries and is not worked out again when it is opened.
pub(super) fn put_log_state(tx: &Tx<'_>, workspace: WorkspaceId, ingested: &Ingested) -> Result<(), Error> {
    for (chain, tip) in &ingested.tips {
        tx.put_chain(workspace, chain, &encode(tip))?;
    }
    for written in &ingested.weighed {
        tx.put_weight(workspace, written)?;
    }
    ingested.checkpoints.as_ref().map_or(Ok(()), |said| put_checkpoints(tx, workspace, said))
}

/// Stores all of that, in the place of what was stored before.
pub(super) fn put_whole_log_state(tx: &Tx<'_>, workspace: WorkspaceId, log: &Log) -> Result<(), Error> {
    tx.forget_log_state(workspace)?;
    for (chain, tip) in log.tips() {
        tx.put_chain(workspace, chain, &encode(tip))?;
    }
    for written in log.weights().iter() {
        tx.put_weight(workspace, &written)?;
    }
    put_checkpoints(tx, workspace, log.checkpoints())
}

/// What was said of checkpoints, as it is stored.
pub(super) fn checkpoints(read: Reader<'_>, workspace: WorkspaceId) -> Result<Checkpoints, Error> {
    let stored = read.state(workspace, CHECKPOINTS)?;
    let unreadable = |_| Error::Damaged(Damage::Checkpoints);
    stored.map_or(Ok(Checkpoints::default()), |bytes| decode(&bytes).map_err(unreadable))
}

/// Stores what was said of checkpoints.
pub(super) fn put_checkpoints(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    checkpoints: &Checkpoints,
) -> Result<(), Error> {
    Ok(tx.put_state(workspace, CHECKPOINTS, &encode(checkpoints))?)
}

/// The state from which a workspace's log was begun; `None` if it has come from its first entry on.
pub(super) fn begun_state(read: Reader<'_>, workspace: WorkspaceId) -> Result<Option<State>, Error> {
    let Some(bytes) = read.begun(workspace)? else { return Ok(None) };
    decode(&bytes).map(Some).map_err(|_| Error::Damaged(Damage::LogState))
}

/// Bytes of a state up to behind its place: the head of an array, and a number.
const STATE_HEAD: usize = 10;

/// The place of that state; the beginning, if there is none.
pub(crate) fn begun_place(read: Reader<'_>, workspace: WorkspaceId) -> Result<Position, Error> {
    let Some(bytes) = read.begun_up_to(workspace, STATE_HEAD)? else { return Ok(Position::START) };
    State::place_of(&bytes).map_err(|_| Error::Damaged(Damage::LogState))
}

/// The log's hash at a place, as far as it is known here.
pub(super) fn hash_at(
    read: Reader<'_>,
    workspace: WorkspaceId,
    (log, at): (&Log, Position),
) -> Result<Option<LogHash>, Error> {
    match log.hash_below(at) {
        Some(hash) => Ok(Some(hash)),
        None => Ok(read.log_hash_at(workspace, at)?),
    }
}

/// The log at the place of a state, by all records up to there.
pub(super) fn begin(
    state: &State,
    workspace: WorkspaceId,
    ids: (LogId, &Succession),
    records: &[(Moment, Entry)],
) -> Result<Log, StateFault> {
    let records = records.iter().take_while(|(at, _)| at.position <= state.at);
    state.begin(workspace, ids, Roster::new(workspace), records.map(|(at, entry)| (*at, entry)))
}
