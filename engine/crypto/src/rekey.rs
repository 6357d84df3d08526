//! Starting an epoch and learning about one: both are a [`Rekey`] record, which wraps the newest key to each recipient and
//! carries the earlier ones sealed under it.

mod handing_on;

use std::collections::BTreeSet;
use std::sync::Arc;

use bowline_wire::ids::{Commitment, HpkePublicKey, Suite, WorkspaceId};
use bowline_wire::limits::{MAX_EPOCHS, MAX_RECIPIENTS};
use bowline_wire::roster::Epoch;
use bowline_wire::roster::record::{Rekey, Wrap};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::aead::{OneTimeKey, TAG_LEN};
use crate::epoch::{EPOCH_KEY_LEN, EpochKey, NewEpoch};
use crate::keyring::{Keyring, KeyringError};
use crate::keys::HpkeSecret;
use crate::wrap::{WrapError, open_wrap, seal_wrap, wrap_or_nothing};

/// Why no new epoch can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RekeyError {
    /// Misuse: more active devices and open tickets than the roster can hold.
    #[error("a rekey for {recipients} recipients: {MAX_RECIPIENTS} is the most")]
    TooManyRecipients {
        /// How many recipients there are.
        recipients: usize,
    },
    /// The workspace has used up its epochs; the people in it have to make another one.
    #[error("this workspace has had {MAX_EPOCHS} epochs and cannot begin another")]
    TooManyEpochs,
}

/// What an accepted rekey carried besides the new key. Either way the new key is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum History {
    /// The earlier keys came along, as far as whoever began the epoch had them.
    Intact,
    /// Misbehaving peer: what came along is not, or not only, the earlier keys. What this device has of them it keeps; newcomers lack
    /// the rest until somebody hands it on.
    Damaged(KeyringError),
}

/// Earlier keys as they were handed over, each of them the one that the roster commits to.
struct Handed {
    /// In roster order; `None` where there was none, or a wrong one.
    keys: Vec<Option<Arc<EpochKey>>>,
    history: History,
}

impl Keyring {
    /// Wraps the newest key for an invite or link.
    pub fn wrap_newest(&self, recipient: &HpkePublicKey) -> Result<Wrap, WrapError> {
        seal_wrap(self.newest_key(), self.workspace(), recipient)
    }

    /// To whom of its `recipients` a rekey that has begun the newest epoch wraps something else than everybody who holds that key would: its
    /// author has made these wraps wrongly, or on purpose.
    pub fn wrapped_otherwise(
        &self,
        rekey: &Rekey,
        recipients: &BTreeSet<HpkePublicKey>,
    ) -> Vec<HpkePublicKey> {
        let differ = recipients.iter().zip(&rekey.wraps).filter(|(to, wrap)| !self.is_as_made(to, wrap));
        differ.map(|(to, _)| to.clone()).collect()
    }

    /// Whether a wrap of the newest key is what everybody who holds that would make for this recipient.
    fn is_as_made(&self, to: &HpkePublicKey, wrap: &Wrap) -> bool {
        *wrap == wrap_or_nothing(self.newest_key(), self.workspace(), to)
    }

    /// Starts an epoch: a record with a new key. The keyring does not change: the new key comes into force, for its maker as for everyone
    /// else, by [`Keyring::accept`] once the roster has applied the record.
    ///
    /// The maker may lack keys, even the newest: else whoever spoils one epoch for everybody would end the workspace. The new key is derived
    /// from the newest that is here, and the history has holes where one is missing.
    ///
    /// A recipient whose public key is unusable gets an empty wrap: it must not be able to prevent the rekey that
    /// removes it, nor any other.
    pub fn rekey(&self, new: &NewEpoch<'_>, rng: &mut dyn CryptoRng) -> Result<Rekey, RekeyError> {
        let mut recipients = new.recipients.to_vec();
        recipients.sort_unstable();
        recipients.dedup();
        if recipients.len() > MAX_RECIPIENTS {
            return Err(RekeyError::TooManyRecipients { recipients: recipients.len() });
        }
        if new.epochs.len() >= MAX_EPOCHS {
            return Err(RekeyError::TooManyEpochs);
        }
        let mut random = Zeroizing::new([0; 32]);
        rng.fill_bytes(random.as_mut());
        let earlier: Vec<_> = new.epochs.iter().map(|epoch| self.key_for(epoch.commitment)).collect();
        let earlier: Vec<_> = earlier.iter().map(Option::as_deref).collect();
        let new = NewEpoch { recipients: &recipients, ..*new };
        let next = self.newest_key().next(self.workspace(), &new, &earlier, &random);
        let history = seal_history(self.workspace(), &next, &earlier);
        Ok(Rekey { commitment: next.commitment(), history, wraps: self.wraps(&next, &recipients) })
    }

    fn wraps(&self, key: &EpochKey, recipients: &[HpkePublicKey]) -> Vec<Wrap> {
        recipients.iter().map(|to| wrap_or_nothing(key, self.workspace(), to)).collect()
    }

    /// Takes the key of an epoch that the roster has just begun with `rekey`, whose wraps are to these `recipients`. `epochs` are the roster's,
    /// all in order, up to and including this one.
    ///
    /// Keys this device missed, because an earlier wrap to it was bad, come from the history as well. Keys of epochs that are not among
    /// `epochs` stay for reading alone: the log that had begun those was continued without them.
    pub fn accept(
        &mut self,
        rekey: &Rekey,
        recipients: &BTreeSet<HpkePublicKey>,
        secret: &HpkeSecret,
        epochs: &[Epoch],
    ) -> Result<History, KeyringError> {
        let to = (self.workspace(), recipients);
        let newest = match self.key_for(rekey.commitment) {
            // Nothing is wrapped to who came in after this epoch had begun, and the log begins it again as it was; or it has an earlier one's key.
            Some(key) => key,
            None => Arc::new(open_own_wrap(&rekey.wraps, to, rekey.commitment, secret)?),
        };
        self.take(newest, Some(&rekey.history), epochs)
    }

    /// Takes the key of the newest of `epochs`, and what the `history` of the record that began it brings of earlier ones.
    pub fn take_newest(
        &mut self,
        newest: EpochKey,
        history: Option<&[u8]>,
        epochs: &[Epoch],
    ) -> Result<History, KeyringError> {
        self.take(Arc::new(newest), history, epochs)
    }

    fn take(
        &mut self,
        newest: Arc<EpochKey>,
        history: Option<&[u8]>,
        epochs: &[Epoch],
    ) -> Result<History, KeyringError> {
        let Handed { keys, history } = handed(self.workspace(), &newest, history, epochs)?;
        self.put(keys, newest, epochs)?;
        Ok(history)
    }

    /// Goes on with these keys, and with those that are here where one is missing.
    fn put(
        &mut self,
        mut keys: Vec<Option<Arc<EpochKey>>>,
        newest: Arc<EpochKey>,
        epochs: &[Epoch],
    ) -> Result<(), KeyringError> {
        for (key, epoch) in keys.iter_mut().zip(epochs).filter(|(key, _)| key.is_none()) {
            *key = self.key_for(epoch.commitment);
        }
        let mut keyring = Self::from_keys(self.workspace(), keys, newest, epochs)?;
        keyring.read_also(self);
        *self = keyring;
        Ok(())
    }

    /// A newcomer's keyring: the newest key, from the ticket's wrap or the last rekey's, and the `history` in the record
    /// that began its epoch, `None` if that is Genesis. `epochs` are the roster's, all in order.
    pub fn from_newest(
        workspace: WorkspaceId,
        newest: EpochKey,
        history: Option<&[u8]>,
        epochs: &[Epoch],
    ) -> Result<(Self, History), KeyringError> {
        let newest = Arc::new(newest);
        let Handed { keys, history } = handed(workspace, &newest, history, epochs)?;
        Ok((Self::from_keys(workspace, keys, newest, epochs)?, history))
    }
}

/// Opens the wrap that is for `secret`, of these of the key behind `commitment`: the i-th is for the i-th of the recipients.
pub fn open_own_wrap(
    wraps: &[Wrap],
    (workspace, recipients): (WorkspaceId, &BTreeSet<HpkePublicKey>),
    commitment: Commitment,
    secret: &HpkeSecret,
) -> Result<EpochKey, KeyringError> {
    // A key of X-Wing's takes longer to make than all the rest.
    let is_named = |suite: &Suite| recipients.iter().any(|to| to.suite() == *suite);
    let own: Vec<_> = Suite::ALL.into_iter().filter(is_named).map(|suite| secret.public(suite)).collect();
    let mut wraps = recipients.iter().zip(wraps);
    let (to, wrap) = wraps.find(|(to, _)| own.contains(to)).ok_or(KeyringError::NoWrap)?;
    Ok(open_wrap(wrap, to, workspace, commitment, secret)?)
}

/// The earlier keys in `history`, each compared with its commitment. An error only if `newest` itself is wrong: whatever else is, has to
/// leave the device that key.
fn handed(
    workspace: WorkspaceId,
    newest: &EpochKey,
    history: Option<&[u8]>,
    epochs: &[Epoch],
) -> Result<Handed, KeyringError> {
    // The newest first: under a wrong key the history would not open either, and the blame would be misplaced.
    let (last, before) = epochs.split_last().ok_or(KeyringError::EpochUnknown)?;
    if newest.commitment() != last.commitment || newest.is_hole() {
        return Err(KeyringError::WrongKey { epoch: epochs.len() });
    }
    let nothing = |damage| Handed { keys: vec![None; before.len()], history: History::Damaged(damage) };
    let mut keys = match history.map(|sealed| open_history(workspace, newest, sealed)) {
        None => Vec::new(),
        Some(Ok(keys)) => keys,
        Some(Err(damage)) => return Ok(nothing(damage)),
    };
    if keys.len() != before.len() {
        return Ok(nothing(KeyringError::HistoryIncomplete { found: keys.len(), expected: before.len() }));
    }
    let mut history = History::Intact;
    for ((number, key), epoch) in (1..).zip(&mut keys).zip(before) {
        if key.as_ref().is_some_and(|key| key.commitment() != epoch.commitment) {
            *key = None;
            history = History::Damaged(KeyringError::WrongKey { epoch: number });
        }
    }
    Ok(Handed { keys, history })
}

/// All earlier keys, oldest first and zeros for each that is missing, under a key that is derived from `newest` and seals nothing else.
fn seal_history(workspace: WorkspaceId, newest: &EpochKey, earlier: &[Option<&EpochKey>]) -> Vec<u8> {
    let mut history = in_a_row(earlier);
    newest.history_key(workspace).seal(&[], &mut history);
    history
}

/// Keys one after the other, zeros for one that is missing, with room for what sealing adds.
fn in_a_row(keys: &[Option<&EpochKey>]) -> Vec<u8> {
    // Reserved at once: growing would leave copies of keys behind.
    let mut row = Vec::with_capacity(keys.len() * EPOCH_KEY_LEN + TAG_LEN);
    for key in keys {
        row.extend_from_slice(key.map_or(&[0; EPOCH_KEY_LEN], |key| key.as_bytes()));
    }
    row
}

pub(crate) fn open_history(
    workspace: WorkspaceId,
    newest: &EpochKey,
    sealed: &[u8],
) -> Result<Vec<Option<Arc<EpochKey>>>, KeyringError> {
    open_row(newest.history_key(workspace), sealed)
}

/// Keys that were sealed one after the other.
fn open_row(key: OneTimeKey, sealed: &[u8]) -> Result<Vec<Option<Arc<EpochKey>>>, KeyringError> {
    let mut keys = Zeroizing::new(sealed.to_vec());
    key.open(&[], &mut keys).map_err(|_| KeyringError::HistoryUnopenable)?;
    keys_in(&keys).ok_or(KeyringError::HistoryUnopenable)
}

/// Epoch keys that stand one after the other, zeros for one that is missing; `None` if there is more or less than whole ones.
pub(crate) fn keys_in(bytes: &[u8]) -> Option<Vec<Option<Arc<EpochKey>>>> {
    let (keys, []) = bytes.as_chunks::<EPOCH_KEY_LEN>() else { return None };
    let keys = keys.iter().map(|key| EpochKey::from_bytes(*key));
    Some(keys.map(|key| if key.is_hole() { None } else { Some(Arc::new(key)) }).collect())
}

#[cfg(test)]
mod tests;
