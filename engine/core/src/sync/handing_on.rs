//! Who lacks keys of the epoch in force, as far as whoever holds them can tell from the records; and the records by which they are handed on.

use std::collections::BTreeSet;

use bowline_crypto::{HpkeSecret, Keyring};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, EpochId, HpkePublicKey};
use bowline_wire::roster::Roster;
use bowline_wire::roster::record::{Record, Wrap};

/// Who lacks keys of the epoch in force. It is gathered as records come; after a restart, only who came in behind the epoch is known again.
#[derive(Clone, Debug, Default)]
pub(super) struct Lacking {
    /// Devices to whom the epoch's key was wrapped wrongly, or by nobody.
    newest: BTreeSet<HpkePublicKey>,
    /// Earlier epochs whose keys are here, and that newcomers do not get by what is on the log.
    earlier: BTreeSet<EpochId>,
}

impl Lacking {
    /// What the record that began the newest of the roster's epochs leaves out.
    pub(super) fn of(
        keyring: &Keyring,
        roster: &Roster,
        (wrongly, history): (BTreeSet<HpkePublicKey>, &[u8]),
    ) -> Self {
        let is_device = |to: &HpkePublicKey| roster.devices().any(|(_, it)| it.is_active() && it.hpke == *to);
        let newest = wrongly.into_iter().filter(is_device).collect();
        Self { newest, earlier: keyring.lacking_in(history, roster.epochs()) }
    }

    /// A record by which `device` hands on what it holds and others lack; `None` if nobody does, or if it has handed on what it could.
    pub(super) fn record(&self, keyring: &Keyring, roster: &Roster, device: &DeviceId) -> Option<Record> {
        let epoch = roster.epoch().filter(|epoch| *epoch == keyring.newest_epoch())?;
        if !roster.rewrapped().contains(device) {
            let mut lacking = self.newest.clone();
            if roster.rewrapped().is_empty() {
                lacking.extend(behind(roster));
            }
            let devices = roster.device_keys();
            if devices.iter().any(|to| lacking.contains(to)) {
                return Some(Record::Rewrap { epoch, wraps: keyring.rewrap(&devices, &lacking) });
            }
        }
        if roster.filled().contains(device) {
            return None;
        }
        let sealed = keyring.fill(&self.earlier, roster.epochs())?;
        Some(Record::Fill { epoch, sealed })
    }

    /// What somebody hands on of the epoch in force, whose key is here, is lacking no more; as far as it is right.
    pub(super) fn note(&mut self, keyring: &Keyring, roster: &Roster, handed_on: &HandedOn) {
        match handed_on {
            HandedOn::Rewrap { wraps, devices } => {
                // From the second one on, who is still behind was found to be.
                if roster.rewrapped().len() <= 1 {
                    self.newest.extend(behind(roster));
                }
                for reached in keyring.reached_by(wraps, devices) {
                    self.newest.remove(&reached);
                }
            }
            HandedOn::Fill { brought } => self.earlier.retain(|epoch| !brought.contains(epoch)),
        }
    }
}

/// Keys of devices that were in when the epoch in force began, and that the record which began it does not reach.
fn behind(roster: &Roster) -> impl Iterator<Item = HpkePublicKey> + '_ {
    let active =
        roster.behind().iter().filter_map(|id| roster.device(id)).filter(|device| device.is_active());
    active.map(|device| device.hpke.clone())
}

/// What an applied record hands on of the keys of the epoch in force, once a device has taken of it what it lacks itself.
pub(super) enum HandedOn {
    /// The epoch's key, to devices.
    Rewrap {
        /// Each for one of the devices.
        wraps: Vec<Wrap>,
        /// The keys of the devices, ascending.
        devices: BTreeSet<HpkePublicKey>,
    },
    /// Keys of earlier epochs.
    Fill {
        /// The epochs whose keys it brings.
        brought: BTreeSet<EpochId>,
    },
}

impl HandedOn {
    /// What is in an entry, if it hands keys on. Whether the keyring has changed by it comes along.
    pub(super) fn by(
        entry: &Entry,
        roster: &Roster,
        (keyring, device): (&mut Keyring, &HpkeSecret),
    ) -> Option<(Self, bool)> {
        let epochs = roster.epochs();
        let holds = epochs.last().is_some_and(|newest| keyring.holds(newest.id));
        if let Some((wraps, devices)) = rewrap(entry, roster) {
            // A wrap for others, or a wrong one, is nothing to this device: another record may bring the key.
            let took = !holds && keyring.take_rewrapped(&wraps, &devices, device, epochs).is_ok();
            return Some((Self::Rewrap { wraps, devices }, took));
        }
        let sealed = fill(entry).filter(|_| holds)?;
        let had = keyring.clone();
        match keyring.take_fill(&sealed, epochs) {
            Ok(brought) => {
                let is_new = brought.iter().any(|epoch| !had.holds(*epoch));
                Some((Self::Fill { brought }, is_new))
            }
            Err(why) => {
                tracing::warn!(%why, "the keys that somebody hands on are none");
                None
            }
        }
    }
}

/// The wraps in a Rewrap, and the keys that they are for.
pub(super) fn rewrap(entry: &Entry, roster: &Roster) -> Option<(Vec<Wrap>, BTreeSet<HpkePublicKey>)> {
    let record = roster_record(entry)?;
    let devices = roster.recipients_of(&entry.header().roster, &record)?;
    if let Record::Rewrap { wraps, .. } = record { Some((wraps, devices)) } else { None }
}

/// The sealed keys in a Fill.
pub(super) fn fill(entry: &Entry) -> Option<Vec<u8>> {
    if let Record::Fill { sealed, .. } = roster_record(entry)? { Some(sealed) } else { None }
}

/// The record in a roster entry.
pub(super) fn roster_record(entry: &Entry) -> Option<Record> {
    let is_one = entry.header().entry_type == EntryType::Roster;
    Record::parse(entry.body().filter(|_| is_one)?).ok()
}
