//! What earlier restores have done, as it is noted beside databases: a database that is put back knows nothing of it, and a log that went on
//! in two ways is followed by nobody without being asked.

use std::collections::BTreeMap;

use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer};
use bowline_wire::ids::WorkspaceId;
use bowline_wire::limits::MAX_SUCCESSORS;
use bowline_wire::successor::{After, SaidSuccessor, Succession};

use crate::keys::{LogKey, LogSecret};
use crate::storage::{Storage, StorageError, StoredLog};

/// How a log has gone on so far.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The successors by which it came to be signed by its key, first one first.
    pub said: Vec<SaidSuccessor>,
    /// The key that signs since the last of them.
    pub secret: LogSecret,
}

impl Chain {
    pub(super) fn succession(&self, workspace: WorkspaceId) -> Result<Succession, StorageError> {
        Succession::stored(workspace, &self.said).map_err(|why| StorageError::Corrupt(why.to_string()))
    }

    /// Whether a log has gone on from the key that a database has for it.
    fn has_gone_on_from(&self, workspace: WorkspaceId, stored: &StoredLog) -> bool {
        if self.secret.as_bytes() == stored.secret.as_bytes() {
            return false; // as it is noted: there is nothing to verify
        }
        let now = LogKey::from(&stored.secret).id();
        let Ok(known) = Succession::stored(workspace, &stored.successors) else { return false };
        self.succession(workspace).is_ok_and(|succession| {
            let fits = succession.last() == Some(LogKey::from(&self.secret).id());
            fits && matches!(succession.after(&known, now), After::Continued(_))
        })
    }

    /// Whether a database has every place from which this went on since it was as it is.
    fn is_in(
        &self,
        storage: &impl Storage,
        workspace: WorkspaceId,
        stored: &StoredLog,
    ) -> Result<bool, StorageError> {
        for successor in self.succession(workspace)?.successors().skip(stored.successors.len()) {
            if storage.hash_at(workspace, successor.position)? != Some(successor.hash) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether another way goes on from this one, or is this one. Of one that cannot be verified that is not known.
    pub fn is_gone_on_from(&self, workspace: WorkspaceId, other: &Self) -> bool {
        let (Ok(ours), Ok(theirs)) = (self.succession(workspace), other.succession(workspace)) else {
            return false;
        };
        let now = LogKey::from(&self.secret).id();
        matches!(theirs.after(&ours, now), After::Same | After::Continued(_))
    }
}

impl Canonical for Chain {
    fn write(&self, to: &mut Writer) {
        to.array(2).array(self.said.len());
        for said in &self.said {
            to.value(said);
        }
        to.bytes(self.secret.as_bytes());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        let count = from.array_up_to("successors", MAX_SUCCESSORS)?;
        let said = (0..count).map(|_| from.value()).collect::<Result<_, _>>()?;
        Ok(Self { said, secret: LogSecret::from_bytes(from.fixed()?) })
    }
}

/// How the logs of workspaces have gone on, by earlier restores.
///
/// Of one log there may be several ways, of which none goes on from another: the one that was restored last, or that an operator has
/// chosen, stands first.
#[derive(Clone, Debug, Default)]
pub struct Earlier(BTreeMap<WorkspaceId, Vec<Chain>>);

impl Earlier {
    /// Adds a way in which a log has gone on, behind those that are known.
    pub fn add(&mut self, workspace: WorkspaceId, chain: Chain) {
        self.0.entry(workspace).or_default().push(chain);
    }

    /// Keeps how a log goes on, in place of all that it goes on from. What it does not go on from is left behind.
    pub fn note(&mut self, workspace: WorkspaceId, chain: Chain) {
        let ways = self.0.entry(workspace).or_default();
        ways.retain(|before| !before.is_gone_on_from(workspace, &chain));
        ways.insert(0, chain);
    }

    /// How each log goes on.
    pub fn iter(&self) -> impl Iterator<Item = (&WorkspaceId, &Chain)> {
        self.0.iter().filter_map(|(workspace, ways)| Some((workspace, ways.first()?)))
    }

    /// Ways in which logs have gone on that are not theirs any more. Devices that follow one ask their people.
    pub fn left_behind(&self) -> impl Iterator<Item = (&WorkspaceId, &Chain)> {
        self.0.iter().flat_map(|(workspace, ways)| ways.iter().skip(1).map(move |chain| (workspace, chain)))
    }

    /// Whether a log has gone on in a way that is not its own any more.
    pub(super) fn has_left_behind(&self, workspace: WorkspaceId) -> bool {
        self.0.get(&workspace).is_some_and(|ways| ways.len() > 1)
    }

    /// How a log has gone on since its database was as it is; `None` if nothing is known of that, or if it went on from where this
    /// database is not.
    pub(super) fn later_than(
        &self,
        storage: &impl Storage,
        workspace: WorkspaceId,
        stored: &StoredLog,
    ) -> Result<Option<Chain>, StorageError> {
        for chain in self.0.get(&workspace).into_iter().flatten() {
            if chain.has_gone_on_from(workspace, stored) && chain.is_in(storage, workspace, stored)? {
                return Ok(Some(chain.clone()));
            }
        }
        Ok(None)
    }

    /// Whether the log is known to have gone on from the key that a database has for it.
    pub fn has_gone_on_from(&self, workspace: WorkspaceId, stored: &StoredLog) -> bool {
        let ways = self.0.get(&workspace);
        ways.is_some_and(|ways| ways.iter().any(|chain| chain.has_gone_on_from(workspace, stored)))
    }
}
