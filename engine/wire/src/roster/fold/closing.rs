//! Tickets that are closed before anybody has come in by them.

use std::collections::BTreeMap;

use crate::ids::{DeviceId, Position};
use crate::roster::{Device, Permits, Roster, TicketStage, TicketState};

/// Closes all open tickets that are meant.
pub(super) fn close_open(roster: &mut Roster, position: Position, is_meant: impl Fn(&TicketState) -> bool) {
    let open = roster.tickets.values_mut().filter(|ticket| ticket.stage == TicketStage::Open);
    for ticket in open.filter(|ticket| is_meant(ticket)) {
        close_unused(ticket, position, (&roster.devices, &mut roster.permits));
    }
}

/// Closes a ticket by which nobody has come in. Somebody may have seen its code, and so whoever made it may begin an epoch.
pub(super) fn close_unused(
    ticket: &mut TicketState,
    position: Position,
    (devices, permits): (&BTreeMap<DeviceId, Device>, &mut Permits),
) {
    ticket.end(TicketStage::Closed, position);
    permits.closed_tickets.extend(devices.get(&ticket.maker).map(|maker| maker.user));
}
