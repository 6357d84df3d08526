//! Who lacks keys of the epoch in force, as far as whoever holds them can tell from the records; and the records by which they are handed on.

use std::collections::BTreeSet;

use bowline_crypto::Keyring;
use bowline_wire::ids::{EpochId, HpkePublicKey};
use bowline_wire::roster::Roster;
use bowline_wire::roster::record::Record;

use super::Replica;
use super::keys::HandedOn;

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

impl Replica {
    /// A record that hands keys on which are here, to devices and newcomers that lack them; `None` if nobody does, or this device has said
    /// what it could.
    pub fn handed_on(&self) -> Option<Record> {
        let (keyring, log) = self.keyring.as_ref().zip(self.log.as_ref())?;
        let roster = log.roster();
        let epoch = roster.epoch().filter(|epoch| *epoch == keyring.newest_epoch())?;
        if !roster.rewrapped().contains(&self.device) {
            let mut lacking = self.lacking.newest.clone();
            if roster.rewrapped().is_empty() {
                lacking.extend(behind(roster));
            }
            let devices = roster.device_keys();
            if devices.iter().any(|to| lacking.contains(to)) {
                return Some(Record::Rewrap { epoch, wraps: keyring.rewrap(&devices, &lacking) });
            }
        }
        if roster.filled().contains(&self.device) {
            return None;
        }
        let sealed = keyring.fill(&self.lacking.earlier, roster.epochs())?;
        Some(Record::Fill { epoch, sealed })
    }
}
