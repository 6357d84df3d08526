//! To whom keys are wrapped: the i-th wrap in a record is for the i-th of those who were in at the roster that the record builds on, and
//! at the time of that. Whoever wraps to fewer closes the codes first that have been over since.
//!
//! That roster need not be the head, and what has happened since changes nothing about it: everybody who reads the record later finds the
//! same recipients.

use std::collections::BTreeSet;

use super::record::Record;
use super::{Device, Roster, Standing, TicketStage, TicketState};
use crate::ids::{DeviceId, HpkePublicKey, Moment, RosterHash};

impl Roster {
    /// To whom a rekey has to be wrapped that builds on the roster as it is now: all active devices, and tickets that are open and were not
    /// over at the last record, ascending.
    pub fn recipients(&self) -> BTreeSet<HpkePublicKey> {
        let is_open =
            |ticket: &&TicketState| ticket.stage == TicketStage::Open && !ticket.is_over(self.time());
        let mut keys = self.device_keys();
        keys.extend(self.tickets.values().filter(is_open).map(|ticket| ticket.hpke.clone()));
        keys
    }

    /// The keys of all active devices, ascending: to whom a Rewrap has to be made that builds on the roster as it is now.
    pub fn device_keys(&self) -> BTreeSet<HpkePublicKey> {
        let active = self.devices.values().filter(|device| device.is_active());
        active.map(|device| device.hpke.clone()).collect()
    }

    /// For whom the wraps are in a record that builds on the roster of this hash, ascending; `None` if that roster is not known, or
    /// there are none in such a record.
    pub fn recipients_of(&self, roster: &RosterHash, record: &Record) -> Option<BTreeSet<HpkePublicKey>> {
        let (number, point) = self.point(roster)?;
        let at = At { number, moment: point.at };
        Some(match record {
            Record::Rekey(_) => self.in_at(at, |_, _| true),
            Record::RemoveDevice { device, .. } => self.in_at(at, |id, _| id != device),
            Record::RemoveMember { user, .. } => self.in_at(at, |_, device| device.user != *user),
            Record::Rewrap { .. } => self.devices_at(at).map(|(_, device)| device.hpke.clone()).collect(),
            Record::Invite(ticket) | Record::Link(ticket) => BTreeSet::from([ticket.hpke.clone()]),
            _ => return None,
        })
    }

    fn devices_at(&self, at: At) -> impl Iterator<Item = (&DeviceId, &Device)> {
        self.devices.iter().filter(move |(_, device)| was_active(device, at))
    }

    /// The keys of devices that were active then, and of tickets that were open; without devices that do not stay, and without the tickets
    /// of these.
    fn in_at(&self, at: At, stays: impl Fn(&DeviceId, &Device) -> bool) -> BTreeSet<HpkePublicKey> {
        let stays = |id: &DeviceId| self.devices.get(id).is_some_and(|device| stays(id, device));
        let devices = self.devices_at(at).filter(|(id, _)| stays(id));
        let tickets = self.tickets.values().filter(|ticket| was_open(ticket, at) && stays(&ticket.maker));
        let keys = devices.map(|(_, device)| &device.hpke).chain(tickets.map(|ticket| &ticket.hpke));
        keys.cloned().collect()
    }
}

/// Directly after an applied record: its number, counted from 0, and where it stands.
#[derive(Clone, Copy)]
struct At {
    number: usize,
    moment: Moment,
}

fn was_active(device: &Device, at: At) -> bool {
    let has_gone = match &device.standing {
        Standing::Active => false,
        Standing::Removed { position, .. } => *position <= at.moment.position,
    };
    device.joined_at <= at.number && !has_gone
}

fn was_open(ticket: &TicketState, at: At) -> bool {
    let has_ended = ticket.ended.is_some_and(|ended| ended <= at.moment.position);
    ticket.made_at <= at.number && !has_ended && !ticket.is_over(at.moment.time)
}
