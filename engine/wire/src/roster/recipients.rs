//! To whom keys are wrapped: the i-th wrap in a record is for the i-th of those who were in at the roster that the record builds on.
//!
//! That roster need not be the head, and what has happened since changes nothing about it: everybody who reads the record later finds the
//! same recipients.

use std::collections::BTreeSet;

use super::record::Record;
use super::{Device, Roster, Standing, TicketStage, TicketState};
use crate::ids::{DeviceId, HpkePublicKey, Position, RosterHash};

impl Roster {
    /// To whom a rekey has to be wrapped that builds on the roster as it is now: all active devices and open tickets, ascending.
    pub fn recipients(&self) -> BTreeSet<HpkePublicKey> {
        let devices = self.devices.values().filter(|device| device.is_active()).map(|device| &device.hpke);
        let open = self.tickets.values().filter(|ticket| ticket.stage == TicketStage::Open);
        devices.chain(open.map(|ticket| &ticket.hpke)).cloned().collect()
    }

    /// For whom the wraps are in a record that builds on the roster of this hash, ascending; `None` if that roster is not known, or
    /// there are none in such a record.
    pub fn recipients_of(&self, roster: &RosterHash, record: &Record) -> Option<BTreeSet<HpkePublicKey>> {
        let (number, point) = self.point(roster)?;
        let at = At { number, position: point.at.position };
        Some(match record {
            Record::Rekey(_) => self.in_at(at, |_, _| true),
            Record::RemoveDevice { device, .. } => self.in_at(at, |id, _| id != device),
            Record::RemoveMember { user, .. } => self.in_at(at, |_, device| device.user != *user),
            Record::Invite(ticket) | Record::Link(ticket) => BTreeSet::from([ticket.hpke.clone()]),
            _ => return None,
        })
    }

    /// The keys of devices that were active then, and of tickets that were open; without devices that do not stay, and without the tickets
    /// of these.
    fn in_at(&self, at: At, stays: impl Fn(&DeviceId, &Device) -> bool) -> BTreeSet<HpkePublicKey> {
        let stays = |id: &DeviceId| self.devices.get(id).is_some_and(|device| stays(id, device));
        let devices = self.devices.iter().filter(|(id, device)| was_active(device, at) && stays(id));
        let tickets = self.tickets.values().filter(|ticket| was_open(ticket, at) && stays(&ticket.maker));
        let keys = devices.map(|(_, device)| &device.hpke).chain(tickets.map(|ticket| &ticket.hpke));
        keys.cloned().collect()
    }
}

/// Directly after an applied record: its number, counted from 0, and where it stands.
#[derive(Clone, Copy)]
struct At {
    number: usize,
    position: Position,
}

fn was_active(device: &Device, at: At) -> bool {
    let has_gone = match &device.standing {
        Standing::Active => false,
        Standing::Removed { position, .. } => *position <= at.position,
    };
    device.joined_at <= at.number && !has_gone
}

fn was_open(ticket: &TicketState, at: At) -> bool {
    ticket.made_at <= at.number && ticket.ended.is_none_or(|ended| ended > at.position)
}
