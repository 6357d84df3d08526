//! The epoch keys of one workspace, from the first to the newest, each checked against the roster's commitment.

mod stored;

use std::sync::Arc;

use bowline_wire::codec::DecodeError;
use bowline_wire::ids::{Commitment, DocId, EpochId, SnapshotDigest, WireDoc, WorkspaceId};
use bowline_wire::roster::Epoch;
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

/// A key and what the roster says of it.
#[derive(Clone)]
struct Held {
    epoch: Epoch,
    key: Arc<EpochKey>,
}

/// An epoch before the newest that a key is held of.
#[derive(Clone)]
struct Earlier {
    epoch: Epoch,
    /// `None` where whoever handed the keys over lacked this one, or gave a wrong one.
    key: Option<Arc<EpochKey>>,
}

/// What a [`Keyring`] and its snapshots share. Cloning it copies references, never keys.
#[derive(Clone)]
struct Epochs {
    workspace: WorkspaceId,
    /// `None` as long as the first epoch's key is missing.
    document_key: Option<Arc<DocumentKey>>,
    /// All epochs before the newest that a key is held of, oldest first.
    earlier: Vec<Earlier>,
    newest: Held,
    /// Keys of epochs that the log has lost: what was sealed in them is still read, and nothing else.
    apart: Vec<Held>,
}

impl Earlier {
    fn held(self) -> Option<Held> {
        Some(Held { epoch: self.epoch, key: self.key? })
    }
}

impl Epochs {
    /// All keys with what the roster says of them, oldest first.
    fn held(&self) -> impl DoubleEndedIterator<Item = (Epoch, &Arc<EpochKey>)> {
        let earlier = self.earlier.iter().filter_map(|it| Some((it.epoch, it.key.as_ref()?)));
        earlier.chain([(self.newest.epoch, &self.newest.key)])
    }

    fn apart(&self) -> impl Iterator<Item = (Epoch, &Arc<EpochKey>)> {
        self.apart.iter().map(|it| (it.epoch, &it.key))
    }
}

/// The epoch keys of one workspace that are here, the newest of them always. Earlier ones may be missing, where somebody handed on
/// less than there was. A clone shares the keys and goes its own way from there.
#[derive(Clone)]
pub struct Keyring(Arc<Epochs>);

opaque_debug!(Keyring);

impl Keyring {
    /// The keyring of a workspace whose first epoch has this id and this key.
    pub fn genesis(workspace: WorkspaceId, id: EpochId, first: EpochKey) -> Self {
        let newest = Held { epoch: Epoch { id, commitment: first.commitment() }, key: Arc::new(first) };
        Self::of(workspace, Vec::new(), newest, Vec::new())
    }

    fn of(workspace: WorkspaceId, earlier: Vec<Earlier>, newest: Held, apart: Vec<Held>) -> Self {
        let first = earlier.first().map_or(Some(&newest.key), |first| first.key.as_ref());
        let document_key = first.map(|first| Arc::new(first.document_key(workspace)));
        Self(Arc::new(Epochs { workspace, document_key, earlier, newest, apart }))
    }

    /// A keyring of these keys, of which each that is there has to match its place in `epochs`: the roster's, all in order up to that of
    /// `newest`.
    pub(crate) fn from_keys(
        workspace: WorkspaceId,
        earlier: Vec<Option<Arc<EpochKey>>>,
        newest: Arc<EpochKey>,
        epochs: &[Epoch],
    ) -> Result<Self, KeyringError> {
        let (last, before) = epochs.split_last().ok_or(KeyringError::EpochUnknown)?;
        if earlier.len() != before.len() {
            return Err(KeyringError::HistoryIncomplete { found: earlier.len(), expected: before.len() });
        }
        let newest_first = [(epochs.len(), last, Some(&newest))].into_iter();
        let others = (1..).zip(before).zip(&earlier).map(|((n, it), key)| (n, it, key.as_ref()));
        for (number, epoch, key) in newest_first.chain(others) {
            if key.is_some_and(|key| key.commitment() != epoch.commitment) {
                return Err(KeyringError::WrongKey { epoch: number });
            }
        }
        let earlier = before.iter().zip(earlier).map(|(epoch, key)| Earlier { epoch: *epoch, key }).collect();
        Ok(Self::of(workspace, earlier, Held { epoch: *last, key: newest }, Vec::new()))
    }

    /// Adds the key of the epoch that follows, which has to be the one that the roster commits to.
    pub fn add(&mut self, key: EpochKey, epoch: Epoch) -> Result<(), KeyringError> {
        if key.commitment() != epoch.commitment {
            return Err(KeyringError::WrongKey { epoch: self.0.earlier.len() + 2 });
        }
        let epochs = Arc::make_mut(&mut self.0);
        let newest = Held { epoch, key: Arc::new(key) };
        let Held { epoch, key } = std::mem::replace(&mut epochs.newest, newest);
        epochs.earlier.push(Earlier { epoch, key: Some(key) });
        Ok(())
    }

    /// Keeps the newest keys for reading alone as far as they are not those of `epochs`, the roster's, all in order: the log
    /// that had begun those epochs goes on without them. Whether there were any. The first key that is held always stays.
    pub fn set_apart_epochs_beyond(&mut self, epochs: &[Epoch]) -> bool {
        let shared = self.epochs().zip(epochs).take_while(|(ours, theirs)| ours == *theirs).count();
        let first_held = self.0.earlier.iter().take_while(|it| it.key.is_none()).count();
        let mut keep = shared.max(first_held + 1);
        if keep > self.0.earlier.len() {
            return false;
        }
        // What is kept ends with a key.
        while self.0.earlier.get(keep - 1).is_some_and(|it| it.key.is_none()) {
            keep -= 1;
        }
        let epochs = Arc::make_mut(&mut self.0);
        let mut lost: Vec<Held> =
            epochs.earlier.split_off(keep).into_iter().filter_map(Earlier::held).collect();
        if let Some(newest) = epochs.earlier.pop().and_then(Earlier::held) {
            lost.push(std::mem::replace(&mut epochs.newest, newest));
        }
        epochs.apart.append(&mut lost);
        true
    }

    /// Reads what another keyring of this workspace reads as well: in epochs that the log has lost. Nothing else is done with their
    /// keys.
    pub fn read_also(&mut self, lost: &Self) {
        let is_new = |it: &(Epoch, &Arc<EpochKey>)| self.held_or_apart().all(|(held, _)| held.id != it.0.id);
        let new = lost.held_or_apart().filter(is_new);
        let new: Vec<Held> = new.map(|(epoch, key)| Held { epoch, key: Arc::clone(key) }).collect();
        Arc::make_mut(&mut self.0).apart.extend(new);
    }

    fn held_or_apart(&self) -> impl Iterator<Item = (Epoch, &Arc<EpochKey>)> {
        self.0.held().chain(self.0.apart())
    }

    /// The key behind a commitment, whichever epoch it came with: the log may begin one again that it had lost, or another with its key.
    pub(crate) fn key_for(&self, commitment: Commitment) -> Option<Arc<EpochKey>> {
        let mut keys = self.held_or_apart();
        keys.find(|(held, _)| held.commitment == commitment).map(|(_, key)| Arc::clone(key))
    }

    /// Whether the key of an epoch of the roster is here and in use.
    pub fn holds(&self, epoch: EpochId) -> bool {
        self.0.held().any(|(held, _)| held.id == epoch)
    }

    /// Whether documents can be named, for which the first epoch's key is needed. Without it nothing is sealed.
    pub fn names_documents(&self) -> bool {
        self.0.document_key.is_some()
    }

    /// The workspace whose keys these are.
    pub fn workspace(&self) -> WorkspaceId {
        self.0.workspace
    }

    /// All epochs up to the newest that a key is held of, first to newest: to compare with the roster's.
    pub fn epochs(&self) -> impl Iterator<Item = Epoch> {
        self.0.earlier.iter().map(|it| it.epoch).chain([self.0.newest.epoch])
    }

    /// The newest epoch that a key is held of: the one to seal under, if the roster says the same.
    pub fn newest_epoch(&self) -> EpochId {
        self.0.newest.epoch.id
    }

    /// What the relay sees of a document; `None` as long as the first epoch's key is missing.
    pub fn wire_doc(&self, doc: DocId) -> Option<WireDoc> {
        Some(self.0.document_key.as_ref()?.wire_doc(doc))
    }

    /// The keys as they are now, to seal and open with on any thread. Cheap; later additions do not reach it.
    pub fn snapshot(&self) -> KeySnapshot {
        KeySnapshot(Arc::clone(&self.0))
    }

    pub(crate) fn newest_key(&self) -> &EpochKey {
        &self.0.newest.key
    }

    pub(crate) fn newest_shared(&self) -> Arc<EpochKey> {
        Arc::clone(&self.0.newest.key)
    }

    /// The keys of all epochs up to the newest held, the first one's first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Option<&EpochKey>> {
        self.0.earlier.iter().map(|epoch| epoch.key.as_deref()).chain([Some(self.newest_key())])
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
        self.0.newest.epoch.id
    }

    /// What the relay sees of a document; `None` as long as the first epoch's key is missing.
    pub fn wire_doc(&self, doc: DocId) -> Option<WireDoc> {
        Some(self.0.document_key.as_ref()?.wire_doc(doc))
    }

    /// What snapshots and confirms say of a set of changes of a document, given by their hashes in ascending order: with the key
    /// that names documents, so that nobody who is not in the workspace can tell which changes they are. `None` as long as that key is
    /// missing.
    pub fn changes_digest<'h>(
        &self,
        doc: DocId,
        sorted: impl Iterator<Item = &'h [u8; 32]>,
    ) -> Option<SnapshotDigest> {
        Some(self.0.document_key.as_ref()?.digest(doc, sorted))
    }

    pub(crate) fn newest_key(&self) -> &EpochKey {
        &self.0.newest.key
    }

    /// The key of an epoch. It is looked for among the newest first, since most entries are of those.
    pub(crate) fn key(&self, epoch: EpochId) -> Option<&EpochKey> {
        let mut held = self.0.held().rev().chain(self.0.apart());
        held.find(|(held, _)| held.id == epoch).map(|(_, key)| key.as_ref())
    }
}

#[cfg(test)]
mod tests;
