//! Who lacks keys of the epoch in force, as far as whoever holds them can tell from the records; and the records by which they are handed on.

use std::collections::BTreeSet;

use bowline_crypto::{HpkeSecret, Keyring};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, EpochId, HpkePublicKey};
use bowline_wire::roster::record::{Record, Rekey, Wrap};
use bowline_wire::roster::{Epoch, Roster};

/// Who lacks keys of the epoch in force. It is gathered as records come; whom the record wraps wrongly that began the epoch is not known any more
/// after a restart.
#[derive(Clone, Debug, Default)]
pub(super) struct Lacking {
    /// Devices to whom the epoch's key was wrapped wrongly, or by nobody.
    newest: BTreeSet<HpkePublicKey>,
    /// Earlier epochs whose keys are here, and that newcomers do not get by what is on the log; given up or not.
    earlier: BTreeSet<EpochId>,
    /// What is sealed under the epoch's key, as long as this device lacks that itself.
    unopened: Unopened,
}

/// Bytes of keys under the key of the epoch in force that are kept for whoever gets that one later: of a hundred epochs, what a thousand
/// devices can hand on. Whoever has many devices could fill memory with them.
const MAX_UNOPENED: usize = 4 << 20;

/// Earlier keys as records seal them under the key of the epoch in force, which may come by a later record.
#[derive(Clone, Debug, Default)]
pub(super) struct Unopened {
    /// In the record that began the epoch; `None` in Genesis.
    history: Option<Vec<u8>>,
    /// Handed on since.
    fills: Vec<Vec<u8>>,
}

impl Unopened {
    pub(super) fn of(history: Vec<u8>) -> Self {
        Self { history: Some(history), fills: Vec::new() }
    }

    pub(super) fn history(&self) -> Option<&[u8]> {
        self.history.as_deref()
    }

    /// Takes keys that somebody hands on, if the epoch's key is in this keyring, and else keeps them until it is. Gives the epochs whose keys
    /// they are; `None` if they wait, or are none.
    pub(super) fn take_fill(
        &mut self,
        sealed: Vec<u8>,
        keyring: Option<&mut Keyring>,
        epochs: &[Epoch],
    ) -> Option<BTreeSet<EpochId>> {
        let Some(keyring) = keyring else {
            if self.fills.iter().map(Vec::len).sum::<usize>() + sealed.len() <= MAX_UNOPENED {
                self.fills.push(sealed);
            }
            return None;
        };
        let taken = keyring.take_fill(&sealed, epochs);
        taken.inspect_err(|why| tracing::warn!(%why, "the keys that somebody hands on are none")).ok()
    }

    /// Takes what waited, now that the epoch's key is in this keyring; gives the epochs whose keys it brings.
    pub(super) fn take_fills(&mut self, keyring: &mut Keyring, epochs: &[Epoch]) -> BTreeSet<EpochId> {
        let waited = std::mem::take(&mut self.fills).into_iter();
        waited.filter_map(|fill| self.take_fill(fill, Some(&mut *keyring), epochs)).flatten().collect()
    }
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
        let (earlier, unopened) = (keyring.lacking_in(history, roster.epochs()), Unopened::default());
        Self { newest, earlier, unopened }
    }

    /// For a device that starts again: what the records say since the epoch in force began. Whom that one's record wraps wrongly is not worked out
    /// again: that takes a wrap for everybody.
    pub(super) fn since<'e>(
        records: impl IntoIterator<Item = &'e Entry>,
        roster: &Roster,
        keyring: &Keyring,
    ) -> Self {
        let holds = roster.epoch().is_some_and(|newest| keyring.holds(newest));
        let mut lacking = Self::default();
        for entry in records {
            match KeysIn::entry(entry, roster) {
                Some(KeysIn::Begun(_)) if roster.epoch() != Some(EpochId::begun_by(entry.id())) => {}
                Some(KeysIn::Begun(begun)) if holds => {
                    lacking = Self::of(keyring, roster, (behind(roster).collect(), &begun.rekey.history));
                }
                Some(KeysIn::Begun(begun)) => lacking = Self::unopened(begun.rekey.history),
                Some(KeysIn::Rewrap { wraps, devices }) if holds => {
                    lacking.note_reached(keyring, &wraps, &devices);
                }
                Some(KeysIn::Fill(sealed)) => {
                    let mut keyring = keyring.clone();
                    let keyring = holds.then_some(&mut keyring);
                    let brought = lacking.unopened.take_fill(sealed, keyring, roster.epochs());
                    lacking.earlier.retain(|epoch| !brought.as_ref().is_some_and(|it| it.contains(epoch)));
                }
                Some(KeysIn::Rewrap { .. }) | None => {}
            }
        }
        lacking
    }

    /// As long as this device lacks the key of an epoch that has begun with this history.
    pub(super) fn unopened(history: Vec<u8>) -> Self {
        Self { unopened: Unopened::of(history), ..Self::default() }
    }

    /// Takes the epoch's key from wraps that somebody has made since, and what is sealed under it; whether that is here now.
    fn take_rewrapped(
        &mut self,
        rewrapped: (&[Wrap], &BTreeSet<HpkePublicKey>),
        epochs: &[Epoch],
        (keyring, device): (&mut Keyring, &HpkeSecret),
    ) -> bool {
        let history = self.unopened.history();
        // A wrap for others, or a wrong one, is nothing to this device: another record may bring the key.
        if keyring.take_rewrapped(rewrapped, device, history, epochs).is_err() {
            return false;
        }
        let mut unopened = std::mem::take(&mut self.unopened);
        self.earlier =
            unopened.history().map(|history| keyring.lacking_in(history, epochs)).unwrap_or_default();
        let brought = unopened.take_fills(keyring, epochs);
        self.earlier.retain(|epoch| !brought.contains(epoch));
        true
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
        let wanted = self.earlier.iter().filter(|epoch| is_wanted(roster, epoch)).copied().collect();
        let sealed = keyring.fill(&wanted, roster.epochs())?;
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
                self.note_reached(keyring, wraps, devices);
            }
            HandedOn::Fill { brought } => self.earlier.retain(|epoch| !brought.contains(epoch)),
        }
    }

    /// Whoever is reached by wraps that are as everybody makes them who holds the key lacks it no more.
    fn note_reached(&mut self, keyring: &Keyring, wraps: &[Wrap], devices: &BTreeSet<HpkePublicKey>) {
        // To be compared, all of them are made again.
        if self.newest.is_empty() {
            return;
        }
        for reached in keyring.reached_by(wraps, devices) {
            self.newest.remove(&reached);
        }
    }
}

/// Whether anybody has a use for an earlier epoch's key: for content that counts, or for the names of documents, which come from the first one.
fn is_wanted(roster: &Roster, epoch: &EpochId) -> bool {
    let is_first = roster.epochs().first().is_some_and(|first| first.id == *epoch);
    is_first || !roster.given_up().has_epoch(epoch)
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
    /// Takes what this device lacks itself of keys that were handed on; `None` if an epoch begins with them, or there are none, or none that can be
    /// opened yet. Whether the keyring has changed comes along.
    pub(super) fn take(
        keys: KeysIn,
        roster: &Roster,
        lacking: &mut Lacking,
        (keyring, device): (&mut Keyring, &HpkeSecret),
    ) -> Option<(Self, bool)> {
        let epochs = roster.epochs();
        let holds = epochs.last().is_some_and(|newest| keyring.holds(newest.id));
        match keys {
            KeysIn::Begun(_) => None,
            KeysIn::Rewrap { wraps, devices } => {
                let took = !holds && lacking.take_rewrapped((&wraps, &devices), epochs, (keyring, device));
                Some((Self::Rewrap { wraps, devices }, took))
            }
            KeysIn::Fill(sealed) => {
                let had = keyring.clone();
                let keyring = holds.then_some(keyring);
                let brought = lacking.unopened.take_fill(sealed, keyring, epochs)?;
                let is_new = brought.iter().any(|epoch| !had.holds(*epoch));
                Some((Self::Fill { brought }, is_new))
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

impl Begun {
    /// To whom it wraps otherwise than everybody would who holds its key, as this keyring does: its author has made these wraps wrongly, or on
    /// purpose.
    pub(super) fn wrapped_otherwise(&self, keyring: &Keyring) -> BTreeSet<HpkePublicKey> {
        keyring.wrapped_otherwise(&self.rekey, &self.recipients).into_iter().collect()
    }
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
