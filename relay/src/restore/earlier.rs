//! What earlier restores have done, as it is noted beside databases: a database that is put back knows nothing of it, and a log that went on
//! in two ways is followed by nobody without being asked.

use std::collections::BTreeMap;

use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer};
use bowline_wire::ids::{Position, WorkspaceId};
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

    /// The position through which everything passes that the present key has ever signed: the place from which it signs, or where the
    /// workspace begins.
    pub(super) fn begun(&self, workspace: WorkspaceId) -> Result<Position, StorageError> {
        let succession = self.succession(workspace)?;
        let last = succession.successors().last();
        Ok(last.map_or(Position::START.next(), |successor| successor.position))
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
#[derive(Clone, Debug, Default)]
pub struct Earlier(BTreeMap<WorkspaceId, Chain>);

impl Earlier {
    /// Keeps how a log goes on, in place of what was known of it.
    pub fn note(&mut self, workspace: WorkspaceId, chain: Chain) {
        self.0.insert(workspace, chain);
    }

    /// All that is known.
    pub fn iter(&self) -> impl Iterator<Item = (&WorkspaceId, &Chain)> {
        self.0.iter()
    }

    /// How a log has gone on since its database was as it is; `None` if nothing is known of that, or if it went on from where this
    /// database is not.
    pub(super) fn later_than(
        &self,
        storage: &impl Storage,
        workspace: WorkspaceId,
        stored: &StoredLog,
    ) -> Result<Option<Chain>, StorageError> {
        let Some(chain) = self.0.get(&workspace).filter(|_| self.has_gone_on_from(workspace, stored)) else {
            return Ok(None);
        };
        for successor in chain.succession(workspace)?.successors().skip(stored.successors.len()) {
            if storage.hash_at(workspace, successor.position)? != Some(successor.hash) {
                return Ok(None);
            }
        }
        Ok(Some(chain.clone()))
    }

    /// Whether the log is known to have gone on from the key that a database has for it.
    pub fn has_gone_on_from(&self, workspace: WorkspaceId, stored: &StoredLog) -> bool {
        let Some(chain) = self.0.get(&workspace) else { return false };
        if chain.secret.as_bytes() == stored.secret.as_bytes() {
            return false; // as it is noted: there is nothing to verify
        }
        let now = LogKey::from(&stored.secret).id();
        let Ok(known) = Succession::stored(workspace, &stored.successors) else { return false };
        chain.succession(workspace).is_ok_and(|succession| {
            let fits = succession.last() == Some(LogKey::from(&chain.secret).id());
            fits && matches!(succession.after(&known, now), After::Continued(_))
        })
    }
}
