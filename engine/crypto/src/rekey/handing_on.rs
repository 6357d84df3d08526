//! Keys that devices hand on once an epoch has begun: its own to those whom the record that began it does not reach, and earlier ones that
//! its history lacks.

use std::collections::BTreeSet;
use std::sync::Arc;

use bowline_wire::ids::{EpochId, HpkePublicKey};
use bowline_wire::limits::MAX_SEALED_FILL;
use bowline_wire::roster::Epoch;
use bowline_wire::roster::record::Wrap;

use super::{handed, in_a_row, open_own_wrap, open_row};
use crate::epoch::{EpochKey, SALT_LEN};
use crate::keyring::{Keyring, KeyringError};
use crate::keys::HpkeSecret;
use crate::wrap::{nothing, wrap_or_nothing};

impl Keyring {
    /// A wrap of the newest key for each of `devices`, ascending, that is among `lacking`, and an empty one for each other.
    pub fn rewrap(&self, devices: &BTreeSet<HpkePublicKey>, lacking: &BTreeSet<HpkePublicKey>) -> Vec<Wrap> {
        let wrap = |to| wrap_or_nothing(self.newest_key(), self.workspace(), to);
        devices.iter().map(|to| if lacking.contains(to) { wrap(to) } else { nothing() }).collect()
    }

    /// Whom of `devices` these wraps give the newest key: each wrap that is what everybody who holds that key would make.
    pub fn reached_by(&self, wraps: &[Wrap], devices: &BTreeSet<HpkePublicKey>) -> BTreeSet<HpkePublicKey> {
        let good = devices.iter().zip(wraps).filter(|(to, wrap)| self.is_as_made(to, wrap));
        good.map(|(to, _)| to.clone()).collect()
    }

    /// Takes the key of the newest of `epochs` that somebody has wrapped to this device afterwards: the i-th wrap is for the i-th of `devices`. With
    /// it come the earlier keys in the `history` of the record that began the epoch, as far as that is known here.
    pub fn take_rewrapped(
        &mut self,
        (wraps, devices): (&[Wrap], &BTreeSet<HpkePublicKey>),
        secret: &HpkeSecret,
        history: Option<&[u8]>,
        epochs: &[Epoch],
    ) -> Result<(), KeyringError> {
        let newest = epochs.last().ok_or(KeyringError::EpochUnknown)?;
        let key = open_own_wrap(wraps, (self.workspace(), devices), newest.commitment, secret)?;
        self.take(Arc::new(key), history, epochs).map(drop)
    }

    /// Epochs before the newest whose keys are here and that a `history` under the newest key lacks, or has wrong ones of.
    pub fn lacking_in(&self, history: &[u8], epochs: &[Epoch]) -> BTreeSet<EpochId> {
        let Ok(handed) = handed(self.workspace(), self.newest_key(), Some(history), epochs) else {
            return BTreeSet::new();
        };
        let lacking = epochs.iter().zip(handed.keys).filter(|(_, key)| key.is_none());
        let ids = lacking.filter(|(epoch, _)| self.key_for(epoch.commitment).is_some());
        ids.map(|(epoch, _)| epoch.id).collect()
    }

    /// The keys of `lacking`, sealed for everybody who holds the newest of `epochs`; `None` if none of them is here.
    pub fn fill(&self, lacking: &BTreeSet<EpochId>, epochs: &[Epoch]) -> Option<Vec<u8>> {
        let (_, before) = epochs.split_last()?;
        let wanted =
            before.iter().map(|epoch| Some(epoch.commitment).filter(|_| lacking.contains(&epoch.id)));
        let keys: Vec<Option<Arc<EpochKey>>> = wanted.map(|it| self.key_for(it?)).collect();
        if keys.iter().all(Option::is_none) {
            return None;
        }
        let mut sealed = in_a_row(&keys.iter().map(Option::as_deref).collect::<Vec<_>>());
        let salt = self.newest_key().fill_salt(self.workspace(), &sealed);
        self.newest_key().fill_key(self.workspace(), &salt).seal(&[], &mut sealed);
        Some([&salt[..], &sealed].concat())
    }

    /// Takes what somebody hands on of the keys before the newest, as far as it is what the roster commits to; gives the epochs whose
    /// keys it brings.
    pub fn take_fill(&mut self, sealed: &[u8], epochs: &[Epoch]) -> Result<BTreeSet<EpochId>, KeyringError> {
        let (newest, before) = epochs.split_last().ok_or(KeyringError::EpochUnknown)?;
        let (salt, sealed) = sealed.split_first_chunk::<SALT_LEN>().ok_or(KeyringError::HistoryUnopenable)?;
        if newest.id != self.newest_epoch() || sealed.len() > MAX_SEALED_FILL {
            return Err(KeyringError::EpochUnknown);
        }
        let mut handed = open_row(self.newest_key().fill_key(self.workspace(), salt), sealed)?;
        if handed.len() != before.len() {
            let (found, expected) = (handed.len(), before.len());
            return Err(KeyringError::HistoryIncomplete { found, expected });
        }
        let mut brought = BTreeSet::new();
        for (epoch, key) in before.iter().zip(&mut handed) {
            key.take_if(|key| key.commitment() != epoch.commitment);
            brought.extend(key.as_ref().map(|_| epoch.id));
        }
        self.put(handed, self.newest_shared(), epochs)?;
        Ok(brought)
    }
}

#[cfg(test)]
mod tests;
