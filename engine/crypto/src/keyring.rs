//! The epoch keys of one workspace, from the first to the newest, each checked against the roster's commitment.

mod stored;

use std::collections::BTreeSet;
use std::sync::Arc;

use bowline_wire::codec::DecodeError;
use bowline_wire::ids::{Commitment, DocId, EpochId, SnapshotDigest, WireDoc, WorkspaceId};
use thiserror::Error;

use crate::epoch::{DocumentKey, EpochKey};
use crate::wrap::WrapError;

/// Why keys do not make a keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// Misbehaving peer: the key is not the one that the roster's record of this epoch commits to. Stop, and say so:
    /// nothing may be sealed or uploaded with it.
    #[error("the key of epoch {epoch} is wrong: it does not match the commitment in the roster")]
    WrongKey {
        /// The epoch's number, counted from 1.
        epoch: usize,
    },
    /// Misbehaving peer: the earlier keys do not open under the newest.
    #[error("the earlier epoch keys cannot be opened: the author of the newest epoch sealed them wrongly")]
    HistoryUnopenable,
    /// Misbehaving peer: another number of earlier keys than there were epochs.
    #[error("{found} earlier epoch keys were handed over, but there were {expected} epochs")]
    HistoryIncomplete {
        /// Keys in the history.
        found: usize,
        /// Epochs before the newest.
        expected: usize,
    },
    /// Misbehaving peer: two epochs that headers could not tell apart.
    #[error("epoch {epoch} has the same id as an earlier one")]
    EpochRepeated {
        /// The number of the later of the two, counted from 1.
        epoch: usize,
    },
    /// Misuse: the roster names fewer epochs than there are keys, or none.
    #[error("there are more keys than epochs in the roster")]
    EpochUnknown,
    /// Misbehaving peer: a rekey that leaves this recipient out.
    #[error("the new epoch key is not wrapped for this recipient")]
    NoWrap,
    /// The newest key's wrap does not open; the error says whose fault that is.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// Environment: the stored keyring is damaged, or another device's.
    #[error("the stored keyring does not open with this device's keys")]
    NotThisDevice,
    /// Environment: the stored keyring is damaged.
    #[error("the stored keyring is damaged")]
    Stored(#[source] DecodeError),
}

#[derive(Clone)]
struct Epoch {
    commitment: Commitment,
    key: Arc<EpochKey>,
}

/// What a [`Keyring`] and its snapshots share. Cloning it copies references, never keys.
#[derive(Clone)]
struct Epochs {
    workspace: WorkspaceId,
    document_key: Arc<DocumentKey>,
    /// All epochs but the newest, oldest first.
    earlier: Vec<Epoch>,
    newest: Epoch,
    /// Keys of epochs that the log has lost: what was sealed in them is still read, and nothing else.
    apart: Vec<Epoch>,
}

impl Epochs {
    fn iter(&self) -> impl DoubleEndedIterator<Item = &Epoch> {
        self.earlier.iter().chain([&self.newest])
    }
}

/// All epoch keys of one workspace. Without gaps: entries of any epoch so far can be opened. A clone shares the keys and
/// goes its own way from there.
#[derive(Clone)]
pub struct Keyring(Arc<Epochs>);

opaque_debug!(Keyring);

impl Keyring {
    /// The keyring of a workspace that begins with `first`.
    pub fn genesis(workspace: WorkspaceId, first: EpochKey) -> Self {
        let document_key = Arc::new(first.document_key(workspace));
        let newest = Epoch { commitment: first.commitment(), key: Arc::new(first) };
        Self(Arc::new(Epochs { workspace, document_key, earlier: Vec::new(), newest, apart: Vec::new() }))
    }

    /// A keyring from all its keys, oldest first and the newest apart, each of which has to match its place in
    /// `commitments`: the roster's, of all epochs in order.
    pub(crate) fn from_keys(
        workspace: WorkspaceId,
        earlier: Vec<Arc<EpochKey>>,
        newest: Arc<EpochKey>,
        commitments: &[Commitment],
    ) -> Result<Self, KeyringError> {
        let expected = commitments.len().checked_sub(1).ok_or(KeyringError::EpochUnknown)?;
        if earlier.len() != expected {
            return Err(KeyringError::HistoryIncomplete { found: earlier.len(), expected });
        }
        let mut ids = BTreeSet::new();
        let mut epochs = Vec::with_capacity(commitments.len());
        for (key, commitment) in earlier.into_iter().chain([newest]).zip(commitments) {
            let epoch = epochs.len() + 1;
            if key.commitment() != *commitment {
                return Err(KeyringError::WrongKey { epoch });
            }
            if !ids.insert(commitment.epoch_id()) {
                return Err(KeyringError::EpochRepeated { epoch });
            }
            epochs.push(Epoch { commitment: *commitment, key });
        }
        let newest = epochs.pop().ok_or(KeyringError::EpochUnknown)?;
        let first = epochs.first().unwrap_or(&newest);
        let document_key = Arc::new(first.key.document_key(workspace));
        Ok(Self(Arc::new(Epochs { workspace, document_key, earlier: epochs, newest, apart: Vec::new() })))
    }

    /// Adds the key of the epoch that follows, which has to be the one that `commitment` commits to.
    pub fn add(&mut self, key: EpochKey, commitment: Commitment) -> Result<(), KeyringError> {
        self.push(Arc::new(key), commitment)
    }

    pub(crate) fn push(&mut self, key: Arc<EpochKey>, commitment: Commitment) -> Result<(), KeyringError> {
        let epoch = self.0.earlier.len() + 2;
        if key.commitment() != commitment {
            return Err(KeyringError::WrongKey { epoch });
        }
        if self.0.iter().any(|earlier| earlier.commitment.epoch_id() == commitment.epoch_id()) {
            return Err(KeyringError::EpochRepeated { epoch });
        }
        let epochs = Arc::make_mut(&mut self.0);
        let before = std::mem::replace(&mut epochs.newest, Epoch { commitment, key });
        epochs.earlier.push(before);
        Ok(())
    }

    /// Keeps the newest keys for reading alone as far as they are not those of `commitments`, the roster's of all epochs in order: the log
    /// that had begun those epochs goes on without them. Whether there were any. The first key always stays.
    pub fn set_apart_epochs_beyond(&mut self, commitments: &[Commitment]) -> bool {
        let shared = self.commitments().zip(commitments).take_while(|(ours, theirs)| ours == *theirs).count();
        let keep = shared.max(1);
        if keep > self.0.earlier.len() {
            return false;
        }
        let epochs = Arc::make_mut(&mut self.0);
        let mut lost = epochs.earlier.split_off(keep);
        if let Some(newest) = epochs.earlier.pop() {
            lost.push(std::mem::replace(&mut epochs.newest, newest));
        }
        epochs.apart.append(&mut lost);
        true
    }

    /// Reads what another keyring of this workspace reads as well: in epochs that the log has lost. Nothing else is done with their
    /// keys.
    pub fn read_also(&mut self, lost: &Self) {
        let is_new = |epoch: &&Epoch| {
            self.0.iter().chain(&self.0.apart).all(|held| held.commitment != epoch.commitment)
        };
        let new: Vec<Epoch> = lost.0.iter().chain(&lost.0.apart).filter(is_new).cloned().collect();
        Arc::make_mut(&mut self.0).apart.extend(new);
    }

    /// A key that was kept for reading alone, whose epoch the log may begin again.
    pub(crate) fn key_apart(&self, commitment: Commitment) -> Option<Arc<EpochKey>> {
        let lost = self.0.apart.iter().find(|lost| lost.commitment == commitment);
        lost.map(|lost| Arc::clone(&lost.key))
    }

    /// The workspace whose keys these are.
    pub fn workspace(&self) -> WorkspaceId {
        self.0.workspace
    }

    /// The commitments to all keys held, first to newest: to compare with the roster's.
    pub fn commitments(&self) -> impl Iterator<Item = Commitment> {
        self.0.iter().map(|epoch| epoch.commitment)
    }

    /// The epoch to seal under, if the roster says the same.
    pub fn newest_epoch(&self) -> EpochId {
        self.0.newest.commitment.epoch_id()
    }

    /// What the relay sees of a document.
    pub fn wire_doc(&self, doc: DocId) -> WireDoc {
        self.0.document_key.wire_doc(doc)
    }

    /// The keys as they are now, to seal and open with on any thread. Cheap; later additions do not reach it.
    pub fn snapshot(&self) -> KeySnapshot {
        KeySnapshot(Arc::clone(&self.0))
    }

    pub(crate) fn newest_key(&self) -> &EpochKey {
        &self.0.newest.key
    }

    /// All keys, the first epoch's first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &EpochKey> {
        self.0.iter().map(|epoch| epoch.key.as_ref())
    }
}

/// A [`Keyring`] as it was at one moment.
#[derive(Clone)]
pub struct KeySnapshot(Arc<Epochs>);

opaque_debug!(KeySnapshot);

impl KeySnapshot {
    /// The workspace whose keys these are.
    pub fn workspace(&self) -> WorkspaceId {
        self.0.workspace
    }

    /// The epoch to seal under, if the roster says the same.
    pub fn newest_epoch(&self) -> EpochId {
        self.0.newest.commitment.epoch_id()
    }

    /// What the relay sees of a document.
    pub fn wire_doc(&self, doc: DocId) -> WireDoc {
        self.0.document_key.wire_doc(doc)
    }

    /// What snapshots and confirms say of a set of changes of a document, given by their hashes in ascending order: with the key
    /// that names documents, so that nobody who is not in the workspace can tell which changes they are.
    pub fn changes_digest<'h>(
        &self,
        doc: DocId,
        sorted: impl Iterator<Item = &'h [u8; 32]>,
    ) -> SnapshotDigest {
        self.0.document_key.digest(doc, sorted)
    }

    pub(crate) fn newest_key(&self) -> &EpochKey {
        &self.0.newest.key
    }

    /// The key of an epoch. It is looked for among the newest first, since most entries are of those.
    pub(crate) fn key(&self, epoch: EpochId) -> Option<&EpochKey> {
        let mut held = self.0.iter().rev().chain(&self.0.apart);
        held.find(|held| held.commitment.epoch_id() == epoch).map(|held| held.key.as_ref())
    }
}

#[cfg(test)]
mod tests;
