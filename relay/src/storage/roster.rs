//! Who is in a stored log, and what of it decides who comes in.

use bowline_wire::bodies::{WithoutBody, without_body};
use bowline_wire::entry::LoggedEntry;
use bowline_wire::frame::Party;
use bowline_wire::ids::{LogTime, Moment, Position, WorkspaceId};
use bowline_wire::limits::{MAX_ENTRIES_PER_FRAME, MAX_FRAME};
use bowline_wire::roster::{Roster, TicketStage};

use crate::storage::{Budget, Standing, Storage, StorageError};

/// Roster records read at once.
const AT_ONCE: Budget = Budget { entries: MAX_ENTRIES_PER_FRAME, bytes: MAX_FRAME };

/// Every roster record of a log, in order, read a page at a time; nothing more after an error.
pub(crate) fn records(
    storage: &impl Storage,
    workspace: WorkspaceId,
) -> impl Iterator<Item = Result<(Position, LoggedEntry), StorageError>> {
    let (mut page, mut after, mut is_more) = (Vec::new().into_iter(), Position::START, true);
    std::iter::from_fn(move || {
        if page.len() == 0 && std::mem::take(&mut is_more) {
            match storage.read_roster(workspace, after, AT_ONCE) {
                Ok(read) => (page, is_more) = (read.entries.into_iter(), read.more),
                Err(error) => return Some(Err(error)),
            }
        }
        let (position, logged) = page.next()?;
        after = position;
        Some(Ok((position, logged)))
    })
}

/// Who is in a workspace, by every roster record of its log. Verifies the signature of each.
pub(crate) fn fold(storage: &impl Storage, workspace: WorkspaceId) -> Result<Roster, StorageError> {
    let mut roster = Roster::new(workspace);
    for record in records(storage, workspace) {
        let (position, logged) = record?;
        let entry = logged.entry.verify(workspace).map_err(|why| StorageError::Corrupt(why.to_string()))?;
        // Without it a removal may be missing, and whoever was removed would come in.
        if without_body(&entry, roster.given_up()) == Some(WithoutBody::NotTheLog) {
            return Err(StorageError::Corrupt("a roster record has lost its body".to_owned()));
        }
        roster.apply_entry(Moment { position, time: logged.time }, &entry);
    }
    Ok(roster)
}

/// How a party stands in a roster; `None` if it is in no record.
pub(crate) fn standing(roster: &Roster, party: &Party) -> Option<Standing> {
    match party {
        Party::Device(device) => {
            let device = roster.device(device)?;
            Some(match (device.is_active(), device.recovery) {
                (true, false) => Standing::Active,
                (true, true) => Standing::Recovery,
                (false, _) => Standing::Removed,
            })
        }
        Party::Ticket(ticket) => {
            let ticket = roster.ticket(ticket)?;
            Some(match ticket.stage {
                TicketStage::Open => Standing::Open { expires: ticket.over_after().0 },
                TicketStage::Used(_) => Standing::Used,
                TicketStage::Closed => Standing::Closed,
            })
        }
    }
}

/// How everybody stands in `after` who stood otherwise, or nowhere, in `before`.
pub(crate) fn changed(before: &Roster, after: &Roster) -> Vec<(Party, Standing)> {
    let devices = after.devices().map(|(device, _)| Party::Device(*device));
    let parties = devices.chain(after.tickets().map(|(ticket, _)| Party::Ticket(*ticket)));
    let now = parties.filter_map(|party| Some((party, standing(after, &party)?)));
    now.filter(|(party, now)| standing(before, party) != Some(*now)).collect()
}

/// The log's time at a position; `None` if nothing durable stands there.
pub(crate) fn time_of(
    storage: &impl Storage,
    workspace: WorkspaceId,
    position: Position,
) -> Result<Option<LogTime>, StorageError> {
    let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
    let page = storage.read(workspace, Position(before), Budget { entries: 1, bytes: 0 })?;
    Ok(page.entries.first().filter(|(at, _)| *at == position).map(|(_, logged)| logged.time))
}
