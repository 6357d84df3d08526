//! Starting an epoch and learning about one: both are a [`Rekey`] record, which wraps the newest key to each recipient and
//! carries the earlier ones sealed under it.

use std::sync::Arc;

use bowline_wire::ids::{Commitment, HpkePublicKey, WorkspaceId};
use bowline_wire::limits::{MAX_EPOCHS, MAX_RECIPIENTS};
use bowline_wire::roster::record::{Rekey, Wrap};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::aead::TAG_LEN;
use crate::epoch::{EPOCH_KEY_LEN, EpochKey};
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
    /// All earlier keys came along, for newcomers.
    Intact,
    /// Misbehaving peer: what came along is not the earlier keys. This device has them and goes on; newcomers cannot until
    /// someone rekeys again.
    Damaged(KeyringError),
}

impl Keyring {
    /// Wraps the newest key for an invite or link.
    pub fn wrap_newest(&self, recipient: &HpkePublicKey) -> Result<Wrap, WrapError> {
        seal_wrap(self.newest_key(), self.workspace(), recipient)
    }

    /// Whom a rekey that has begun the newest epoch wraps something else to than everybody who holds that key would: its author
    /// has made these wraps wrongly, or on purpose.
    pub fn wrapped_otherwise(&self, rekey: &Rekey) -> Vec<HpkePublicKey> {
        let as_made = |to| wrap_or_nothing(self.newest_key(), self.workspace(), to);
        let differ = rekey.wraps.iter().filter(|wrap| **wrap != as_made(&wrap.recipient));
        differ.map(|wrap| wrap.recipient.clone()).collect()
    }

    /// Starts an epoch for exactly `recipients`: a record with a new key. The keyring does not change: the new key comes
    /// into force, for its maker as for everyone else, by [`Keyring::accept`] once the roster has applied the record.
    ///
    /// A recipient whose public key is unusable gets an empty wrap: it must not be able to prevent the rekey that
    /// removes it, nor any other.
    pub fn rekey(&self, recipients: &[HpkePublicKey], rng: &mut dyn CryptoRng) -> Result<Rekey, RekeyError> {
        let mut recipients = recipients.to_vec();
        recipients.sort_unstable();
        recipients.dedup();
        if recipients.len() > MAX_RECIPIENTS {
            return Err(RekeyError::TooManyRecipients { recipients: recipients.len() });
        }
        if self.keys().count() >= MAX_EPOCHS {
            return Err(RekeyError::TooManyEpochs);
        }
        let mut random = Zeroizing::new([0; 32]);
        rng.fill_bytes(random.as_mut());
        let next = self.newest_key().next(self.workspace(), &recipients, &random);
        let history = seal_history(self.workspace(), &next, &self.keys().collect::<Vec<_>>());
        Ok(Rekey { commitment: next.commitment(), history, wraps: self.wraps(&next, &recipients) })
    }

    fn wraps(&self, key: &EpochKey, recipients: &[HpkePublicKey]) -> Vec<Wrap> {
        recipients.iter().map(|to| wrap_or_nothing(key, self.workspace(), to)).collect()
    }

    /// Takes the key of an epoch that the roster has just begun with `rekey`. `commitments` are the roster's, of all
    /// epochs in order, up to and including this one.
    ///
    /// Keys this device missed, because an earlier wrap to it was bad, come from the history as well. Keys of epochs that are not among
    /// them stay for reading alone: the log that had begun those was continued without them.
    pub fn accept(
        &mut self,
        rekey: &Rekey,
        secret: &HpkeSecret,
        commitments: &[Commitment],
    ) -> Result<History, KeyringError> {
        let newest = match self.key_apart(rekey.commitment) {
            // Nothing is wrapped to who came in after this epoch had begun, and the log begins it again as it was.
            Some(key) => key,
            None => Arc::new(open_own_wrap(self.workspace(), rekey, secret)?),
        };
        match assemble(self.workspace(), Arc::clone(&newest), Some(&rekey.history), commitments) {
            Ok(mut keyring) => {
                keyring.read_also(self);
                *self = keyring;
                Ok(History::Intact)
            }
            Err(damage) => match commitments.split_last() {
                Some((last, earlier)) if self.commitments().eq(earlier.iter().copied()) => {
                    self.push(newest, *last)?;
                    Ok(History::Damaged(damage))
                }
                _ => Err(damage),
            },
        }
    }

    /// A newcomer's keyring: the newest key, from the ticket's wrap or the last rekey's, and the `history` in the record
    /// that began its epoch, `None` if that is Genesis. `commitments` are the roster's, of all epochs in order.
    pub fn from_newest(
        workspace: WorkspaceId,
        newest: EpochKey,
        history: Option<&[u8]>,
        commitments: &[Commitment],
    ) -> Result<Self, KeyringError> {
        assemble(workspace, Arc::new(newest), history, commitments)
    }
}

fn open_own_wrap(
    workspace: WorkspaceId,
    rekey: &Rekey,
    secret: &HpkeSecret,
) -> Result<EpochKey, KeyringError> {
    let own = secret.publics();
    let wrap = rekey.wraps.iter().find(|wrap| own.contains(&wrap.recipient)).ok_or(KeyringError::NoWrap)?;
    Ok(open_wrap(wrap, workspace, rekey.commitment, secret)?)
}

fn assemble(
    workspace: WorkspaceId,
    newest: Arc<EpochKey>,
    history: Option<&[u8]>,
    commitments: &[Commitment],
) -> Result<Keyring, KeyringError> {
    // The newest first: under a wrong key the history would not open either, and the blame would be misplaced.
    if commitments.last() != Some(&newest.commitment()) {
        return Err(KeyringError::WrongKey { epoch: commitments.len() });
    }
    let earlier = match history {
        Some(sealed) => open_history(workspace, &newest, sealed)?,
        None => Vec::new(),
    };
    Keyring::from_keys(workspace, earlier, newest, commitments)
}

/// All earlier keys, oldest first, under a key that is derived from `newest` and seals nothing else.
fn seal_history(workspace: WorkspaceId, newest: &EpochKey, earlier: &[&EpochKey]) -> Vec<u8> {
    // Reserved at once: growing would leave copies of keys behind.
    let mut history = Vec::with_capacity(earlier.len() * EPOCH_KEY_LEN + TAG_LEN);
    for key in earlier {
        history.extend_from_slice(key.as_bytes());
    }
    newest.history_key(workspace).seal(&[], &mut history);
    history
}

pub(crate) fn open_history(
    workspace: WorkspaceId,
    newest: &EpochKey,
    sealed: &[u8],
) -> Result<Vec<Arc<EpochKey>>, KeyringError> {
    let mut keys = Zeroizing::new(sealed.to_vec());
    newest.history_key(workspace).open(&[], &mut keys).map_err(|_| KeyringError::HistoryUnopenable)?;
    keys_in(&keys).ok_or(KeyringError::HistoryUnopenable)
}

/// Epoch keys that stand one after the other; `None` if there is more or less than whole ones.
pub(crate) fn keys_in(bytes: &[u8]) -> Option<Vec<Arc<EpochKey>>> {
    let (keys, []) = bytes.as_chunks::<EPOCH_KEY_LEN>() else { return None };
    Some(keys.iter().map(|key| Arc::new(EpochKey::from_bytes(*key))).collect())
}

#[cfg(test)]
mod tests;
