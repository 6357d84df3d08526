//! Who lacks keys of the epoch in force, as far as whoever holds them can tell from the records; and the records by which they are handed on.

use std::collections::BTreeSet;

use bowline_crypto::{HpkeSecret, Keyring};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, EpochId, HpkePublicKey};
use bowline_wire::roster::Roster;
use bowline_wire::roster::record::{Record, Rekey, Wrap};

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
    /// Takes what this device lacks itself of keys that were handed on; `None` if an epoch begins with them, or there are none. Whether the
    /// keyring has changed comes along.
    pub(super) fn take(
        keys: KeysIn,
        roster: &Roster,
        (keyring, device): (&mut Keyring, &HpkeSecret),
    ) -> Option<(Self, bool)> {
        let epochs = roster.epochs();
        let holds = epochs.last().is_some_and(|newest| keyring.holds(newest.id));
        match keys {
            KeysIn::Begun(_) => None,
            KeysIn::Rewrap { wraps, devices } => {
                // A wrap for others, or a wrong one, is nothing to this device: another record may bring the key.
                let took = !holds && keyring.take_rewrapped(&wraps, &devices, device, epochs).is_ok();
                Some((Self::Rewrap { wraps, devices }, took))
            }
            KeysIn::Fill(_) if !holds => None,
            KeysIn::Fill(sealed) => {
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
    }
}

/// The keys in a roster record.
pub(super) enum KeysIn {
    /// An epoch begins.
    Begun(Begun),
    /// The newest epoch's key, for devices.
    Rewrap {
        /// Each for one of the devices.
        wraps: Vec<Wrap>,
        /// The keys of the devices, ascending.
        devices: BTreeSet<HpkePublicKey>,
    },
    /// Keys of earlier epochs, sealed under the newest.
    Fill(Vec<u8>),
}

/// The rekey in a roster entry, and to whom its wraps are.
pub(super) struct Begun {
    pub(super) rekey: Rekey,
    pub(super) recipients: BTreeSet<HpkePublicKey>,
}

impl KeysIn {
    /// What is in an entry, if it has keys for everybody who is in; `roster` is as it was when the entry came, or later.
    pub(super) fn entry(entry: &Entry, roster: &Roster) -> Option<Self> {
        let header = entry.header();
        let record = Record::parse(entry.body().filter(|_| header.entry_type == EntryType::Roster)?).ok()?;
        let recipients = roster.recipients_of(&header.roster, &record);
        Some(match record {
            Record::Rekey(rekey)
            | Record::RemoveDevice { rekey, .. }
            | Record::RemoveMember { rekey, .. } => Self::Begun(Begun { rekey, recipients: recipients? }),
            Record::Rewrap { wraps, .. } => Self::Rewrap { wraps, devices: recipients? },
            Record::Fill { sealed, .. } => Self::Fill(sealed),
            _ => return None,
        })
    }
}
