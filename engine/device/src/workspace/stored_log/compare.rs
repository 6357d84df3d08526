//! What two people compare to know that they see the same: the hash of the roster and that of the log, at one position; and what this
//! device remembers of having compared.

use bowline_store::{Reader, Store};
use bowline_wire::codec::{Canonical, DecodeError, Reader as CborReader, Writer, decode, encode};
use bowline_wire::ids::{LogHash, LogTime, Millis, Position, RosterHash, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::{Roster, Standing};

use super::StoredLog;
use crate::Error;
use crate::rows::roster_records;
use crate::workspace::log_state::{begun_state, hash_at};
use crate::workspace::workspaces::state;

/// What two people compare: both see the same up to a position if their hashes there are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparable {
    /// Up to where.
    pub position: Position,
    /// The log's time there.
    pub time: LogTime,
    /// The hash over all that makes the roster there.
    pub roster: RosterHash,
    /// The hash over all entries up to there.
    pub log: LogHash,
    /// How many people are in the workspace there.
    pub people: usize,
    /// How many devices are.
    pub devices: usize,
}

/// What this device remembers of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// When, by this device's clock.
    pub at: Millis,
    /// Up to where.
    pub position: Position,
    /// What has become of the roster since.
    pub roster: Since,
    /// Whether the log passes through what was compared of it; `None` if only the roster was compared, or if the log's hash there is not known
    /// any more, because it was begun from a later state.
    pub log: Option<bool>,
}

/// What has become of a roster since it was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The roster is the one that was compared.
    Same,
    /// The roster goes on from the one that was compared.
    Changed {
        /// How many records were applied since.
        records: usize,
        /// How many devices have come in since.
        came: usize,
        /// How many have gone since.
        went: usize,
    },
    /// The roster that was compared is not a part of the one here.
    Gone,
}

impl StoredLog<'_> {
    /// What can be compared at a position, or where the log is now; `None` if it does not reach that far here.
    pub fn comparable(&self, at: Option<Position>) -> Result<Option<Comparable>, Error> {
        let Some(log) = self.log()? else {
            return Ok(None);
        };
        let head = log.head();
        let position = at.unwrap_or(head.position);
        let is_here = Position::START < position && position <= head.position;
        let hash = if is_here { hash_at(self.read, self.workspace, (log, position))? } else { None };
        let Some((hash, time)) = hash.zip(self.time_at(log, position)?) else {
            return Ok(None);
        };
        let roster = self.roster_at(log, position)?;
        let active = || roster.devices().filter(|(_, device)| device.is_active());
        let people: std::collections::BTreeSet<_> = active().map(|(_, device)| device.user).collect();
        Ok(Some(Comparable {
            position,
            time,
            roster: roster.hash(),
            log: hash,
            people: people.len(),
            devices: active().count(),
        }))
    }

    /// The log's time at a position, as far as it is known.
    fn time_at(&self, log: &Log, position: Position) -> Result<Option<LogTime>, Error> {
        if position == log.head().position {
            return Ok(Some(log.time()));
        }
        if position == log.begun_at() {
            return Ok(begun_state(self.read, self.workspace)?.map(|state| state.time));
        }
        Ok(self.read.author_at(self.workspace, position)?.map(|(time, _)| time))
    }

    fn roster_at(&self, log: &Log, position: Position) -> Result<Roster, Error> {
        if log.roster().points().last().is_some_and(|last| last.at.position <= position) {
            return Ok(log.roster().clone());
        }
        let records = roster_records(self.read, self.workspace)?;
        let records =
            records.iter().filter(|(at, _)| at.position <= position).map(|(at, entry)| (*at, entry));
        Ok(Roster::replay(self.workspace, records))
    }

    /// What this device remembers of the last comparison; `None` if there was none.
    pub fn compared(&self) -> Result<Option<Compared>, Error> {
        let Some(stored) = stored(self.read, self.workspace)? else {
            return Ok(None);
        };
        let log = self.log()?;
        let roster = log.map_or(Since::Gone, |log| since(log.roster(), stored.roster));
        let log = match stored.log {
            Some(compared) => self.passes_through(log, (stored.position, compared))?,
            None => None,
        };
        Ok(Some(Compared { at: stored.at, position: stored.position, roster, log }))
    }

    /// Whether the log has this hash at a position; `None` if that is not known any more.
    fn passes_through(
        &self,
        log: Option<&Log>,
        (position, compared): (Position, LogHash),
    ) -> Result<Option<bool>, Error> {
        let Some(log) = log else { return Ok(Some(false)) };
        let hash = hash_at(self.read, self.workspace, (log, position))?;
        let is_known = hash.is_some() || position > log.begun_at();
        Ok(is_known.then_some(hash == Some(compared)))
    }
}

/// What has become of a roster since it had this hash.
fn since(roster: &Roster, compared: RosterHash) -> Since {
    let Some((index, point)) = roster.point(&compared) else {
        return Since::Gone;
    };
    let records = roster.points().len() - index - 1;
    if records == 0 {
        return Since::Same;
    }
    let came = roster.devices().filter(|(_, device)| device.joined_at > index).count();
    let has_gone_since = |standing: &Standing| match standing {
        Standing::Removed { position, .. } => *position > point.at.position,
        Standing::Active => false,
    };
    let went = roster.devices().filter(|(_, device)| has_gone_since(&device.standing)).count();
    Since::Changed { records, came, went }
}

/// Remembers that two people have found the same here: the roster, and with `with_log` the log.
pub(crate) fn remember(
    store: &mut Store,
    workspace: WorkspaceId,
    compared: &Comparable,
    with_log: bool,
    now: Millis,
) -> Result<(), Error> {
    let stored = StoredComparison {
        at: now,
        position: compared.position,
        roster: compared.roster,
        log: with_log.then_some(compared.log),
    };
    Ok(store.transaction(|tx| tx.put_state(workspace, state::COMPARED, &encode(&stored)))?)
}

/// Something unreadable counts for as much as nothing: the comparison is made again.
fn stored(read: Reader<'_>, workspace: WorkspaceId) -> Result<Option<StoredComparison>, Error> {
    Ok(read.state(workspace, state::COMPARED)?.and_then(|bytes| decode(&bytes).ok()))
}

/// A comparison at rest.
struct StoredComparison {
    at: Millis,
    position: Position,
    roster: RosterHash,
    log: Option<LogHash>,
}

impl Canonical for StoredComparison {
    fn write(&self, to: &mut Writer) {
        to.array(4).u64(self.at.0).value(&self.position).value(&self.roster);
        to.option(self.log.as_ref(), |to, log| {
            to.value(log);
        });
    }
    fn read(from: &mut CborReader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        Ok(Self {
            at: Millis(from.u64()?),
            position: from.value()?,
            roster: from.value()?,
            log: from.option(CborReader::value)?,
        })
    }
}
