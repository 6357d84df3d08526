//! Content on the log that this device cannot show: whose words it is, since when, and who has said to hold it.

use std::collections::{BTreeMap, BTreeSet};

use bowline_store::{EntryRow, EntryState, EntryWithBody, Reader};
use bowline_wire::ids::{DeviceId, EntryId, EpochId, Lane, LogTime, Position, UserId, WireDoc, WorkspaceId};
use bowline_wire::limits::MAX_GIVEN_UP;
use bowline_wire::log::Log;
use bowline_wire::roster::record::Lost;

use crate::rows::{entry_of, kind_of};
use crate::workspace::Workspaces;
use crate::workspace::again::was_accepted;
use crate::workspace::quarantine::QuarantineReason;
use crate::workspace::status::members;
use crate::{AuditedDocument, Error};

/// What an entry of the log lacks on this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lacks {
    /// The relay does not give the body.
    Body,
    /// The key of its epoch is not here.
    Key,
}

/// Content of one document by one device that is on the log and not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotHere {
    /// The document's id on the wire.
    pub wire: WireDoc,
    /// That document as this device knows it.
    pub document: Option<AuditedDocument>,
    /// The device that wrote it.
    pub author: DeviceId,
    /// Whose device that is.
    pub user: Option<UserId>,
    /// What is missing.
    pub lacks: Lacks,
    /// The entries, in log order.
    pub entries: Vec<EntryId>,
    /// Their epochs, where the keys of these are missing.
    pub epochs: BTreeSet<EpochId>,
    /// The first of the entries came on the log at this time.
    pub since: LogTime,
    /// Other devices in the workspace that may still have one of the bodies or keys, recovery phrases aside. A body may be with those who wrote
    /// it, or have said to hold everything up to there. A key may be with everybody: who was in while its epoch was in force was to get it, who came
    /// later may have been given it by a history or a Fill, and nobody says who has which.
    pub holders: BTreeSet<DeviceId>,
}

impl NotHere {
    /// The records' contents that give all of these up: few enough in each. Epochs are given up as wholes.
    pub fn to_give_up(these: &[Self]) -> Vec<Lost> {
        let bodies = these.iter().filter(|it| it.lacks == Lacks::Body);
        let entries: BTreeSet<EntryId> = bodies.flat_map(|it| it.entries.iter().copied()).collect();
        let epochs: BTreeSet<EpochId> = these.iter().flat_map(|it| it.epochs.iter().copied()).collect();
        let entries: Vec<EntryId> = entries.into_iter().collect();
        let epochs: Vec<EpochId> = epochs.into_iter().collect();
        // Epochs first: the complaint that lets them be given up may be answered any time.
        let epochs = epochs.chunks(MAX_GIVEN_UP).map(|it| Lost { epochs: it.to_vec(), entries: Vec::new() });
        let entries =
            entries.chunks(MAX_GIVEN_UP).map(|it| Lost { epochs: Vec::new(), entries: it.to_vec() });
        epochs.chain(entries).collect()
    }

    /// What of `now` was among what somebody has been shown.
    pub fn still(shown: &[Self], now: Vec<Self>) -> Vec<Self> {
        let entries: BTreeSet<EntryId> = shown.iter().flat_map(|it| it.entries.iter().copied()).collect();
        let epochs: BTreeSet<EpochId> = shown.iter().flat_map(|it| it.epochs.iter().copied()).collect();
        let mut still = now;
        for it in &mut still {
            it.entries.retain(|id| entries.contains(id));
            it.epochs.retain(|id| epochs.contains(id));
        }
        still.retain(|it| !it.entries.is_empty());
        still
    }
}

impl Workspaces {
    /// What of a workspace's content is on the log and not here, and is for the Owner to give up: in log order of what is first of each
    /// document, author and lack.
    pub(crate) fn not_here(
        &self,
        read: Reader<'_>,
        own: DeviceId,
        workspace: WorkspaceId,
    ) -> Result<Vec<NotHere>, Error> {
        let Some(log) = self.log(workspace)? else {
            return Ok(Vec::new());
        };
        let roster = log.roster();
        let mut lacking: Vec<(EntryRow, Lacks)> = Vec::new();
        let withheld = read.entries_in_state(workspace, EntryState::Withheld)?;
        lacking.extend(withheld.into_iter().map(|row| (row, Lacks::Body)));
        let aside = read.entries_in_state(workspace, EntryState::Quarantined)?;
        lacking.extend(aside.into_iter().filter(lacks_key).map(|row| (row, Lacks::Key)));
        lacking.retain(|(row, _)| is_on_the_log(row));
        lacking.sort_by_key(|(row, _)| row.place.map(|place| place.pos));
        let holding = holding(read, own, log)?;
        let mut found: Vec<NotHere> = Vec::new();
        let mut known: BTreeMap<(WireDoc, DeviceId, Lacks), usize> = BTreeMap::new();
        for (row, lacks) in lacking {
            let (Some(wire), Some(place), author) = (row.wire, row.place, row.chain.device) else { continue };
            let epoch = entry_of(EntryWithBody { entry: row.clone(), body: None })?.header().epoch;
            if lacks == Lacks::Key && !self.lacks_key_of(workspace, &epoch)? {
                continue;
            }
            let at = *known.entry((wire, author, lacks)).or_insert(found.len());
            if at == found.len() {
                found.push(NotHere {
                    wire,
                    document: document(read, &row)?,
                    author,
                    user: roster.device(&author).map(|device| device.user),
                    lacks,
                    entries: Vec::new(),
                    epochs: BTreeSet::new(),
                    since: place.time,
                    holders: BTreeSet::new(),
                });
            }
            let Some(it) = found.get_mut(at) else { continue };
            it.entries.push(row.id);
            let holds = |(device, up_to): &(DeviceId, Position)| match lacks {
                Lacks::Body => *device == author || *up_to >= place.pos,
                Lacks::Key => true,
            };
            it.holders.extend(holding.iter().filter(|held| holds(held)).map(|(device, _)| *device));
            if lacks == Lacks::Key {
                it.epochs.insert(epoch);
            }
        }
        Ok(found)
    }

    /// Whether the key of an epoch of the log's is missing here, and the epoch is not given up.
    pub(super) fn lacks_key_of(&self, workspace: WorkspaceId, epoch: &EpochId) -> Result<bool, Error> {
        let Some(roster) = self.log(workspace)?.map(Log::roster) else {
            return Ok(false);
        };
        let keyring = self.linked.get(&workspace).and_then(|linked| linked.replica.keyring());
        let is_known = roster.epochs().iter().any(|known| known.id == *epoch);
        let is_here = keyring.is_some_and(|keyring| keyring.holds(*epoch));
        Ok(is_known && !is_here && !roster.given_up().has_epoch(epoch))
    }
}

fn is_on_the_log(row: &EntryRow) -> bool {
    row.place.is_some() && !row.is_off_the_log() && was_accepted(row)
}

/// Whether the relay has not given the body of an entry that is on the log.
pub(super) fn lacks_body(row: &EntryRow) -> bool {
    row.state == EntryState::Withheld && is_on_the_log(row)
}

fn lacks_key(row: &EntryRow) -> bool {
    let number = QuarantineReason::NoKey.number();
    row.chain.lane == Lane::Content && row.reason.as_ref().is_some_and(|it| it.number == number)
}

/// The other devices in the workspace, and up to where each has said to hold everything.
fn holding(read: Reader<'_>, own: DeviceId, log: &Log) -> Result<Vec<(DeviceId, Position)>, Error> {
    let members = members(read, log)?.into_iter();
    let others = members.filter(|it| it.active && !it.recovery && it.device != own);
    Ok(others.map(|it| (it.device, it.seen)).collect())
}

fn document(read: Reader<'_>, row: &EntryRow) -> Result<Option<AuditedDocument>, Error> {
    let Some(wire) = row.wire else { return Ok(None) };
    let found = read.find_on_wire(row.ws, wire)?;
    let shown = |row: bowline_store::DocRow| -> Result<AuditedDocument, Error> {
        Ok(AuditedDocument { id: row.id, kind: kind_of(&row)?, title: row.summary.title })
    };
    found.map(shown).transpose()
}
