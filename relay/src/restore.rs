//! Going on after a restore: each log gets another key, and says from where it goes on under that. The old key may have signed for
//! entries that the backup does not have, and for others in their place if the relay served in between; it signs nothing any more.

mod agreed;
mod earlier;

use bowline_wire::draft::DRAFT;
use bowline_wire::head::Head;
use bowline_wire::ids::{LogId, Position, WorkspaceId};
use bowline_wire::limits::MAX_SUCCESSORS;
use bowline_wire::successor::Successor;
use rand_core::CryptoRng;
use thiserror::Error;

use self::agreed::agreed;
pub use self::earlier::{Chain, Earlier};
use crate::keys::{Identity, LogKey};
use crate::storage::{Continued, Storage, StorageError};
use crate::workspace::Workspace;

/// Why one log is left as it is, while the others go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WhyLeft {
    /// The log cannot be read to its end.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The log was continued so often that no device follows it any further.
    #[error("it was restored {MAX_SUCCESSORS} times, and no device follows it any further")]
    TooOften,
}

/// A log that does not go on: it is served to nobody, and what is noted of earlier restores of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftLog {
    /// The workspace whose log it is.
    pub workspace: WorkspaceId,
    /// Why it does not go on.
    pub why: WhyLeft,
}

/// A log that goes on under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoredLog {
    /// The workspace whose log it is.
    pub workspace: WorkspaceId,
    /// The last entry that the backup has of it.
    pub position: Position,
    /// The place from which the log goes on: devices read again what is behind it, and send what is missing.
    pub place: Position,
    /// The log that signs from now on.
    pub log: LogId,
    /// Whether an earlier restore let it go on in a way that this does not go on from, as from further than the backup has: devices
    /// that know of that do not follow this.
    pub contradicts: bool,
}

/// How logs are going to go on.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    logs: Vec<Continued>,
    restored: Vec<RestoredLog>,
    left: Vec<LeftLog>,
    noted: Earlier,
}

impl Plan {
    /// Lets these workspaces' logs go on, from where devices can follow. What is known of earlier restores is gone on from in turn, so
    /// that a backup may be restored a second time; of several ways the first that the storage has the place of. Logs that this version
    /// does not serve stay as they are, and so does one that cannot go on.
    pub fn make(
        storage: &impl Storage,
        identity: &Identity,
        workspaces: &[WorkspaceId],
        earlier: &Earlier,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, StorageError> {
        let mut plan = Self { noted: earlier.clone(), ..Self::default() };
        for &workspace in workspaces {
            match plan.add(storage, identity, workspace, rng) {
                Ok(None) => {}
                Ok(Some(why)) => plan.left.push(LeftLog { workspace, why }),
                Err(StorageError::Corrupt(what)) => {
                    plan.left.push(LeftLog { workspace, why: WhyLeft::Damaged(what) });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(plan)
    }

    /// Lets one log go on, or says why it is left.
    fn add(
        &mut self,
        storage: &impl Storage,
        identity: &Identity,
        workspace: WorkspaceId,
        rng: &mut dyn CryptoRng,
    ) -> Result<Option<WhyLeft>, StorageError> {
        let Some(stored) = storage.log(workspace)?.filter(|stored| stored.draft == DRAFT) else {
            return Ok(None);
        };
        let (position, known) = (stored.position, stored.successors.len());
        let later = self.noted.later_than(storage, workspace, &stored)?;
        let before = Chain { said: stored.successors.clone(), secret: stored.secret.clone() };
        let mut chain = later.unwrap_or(before);
        let is_followed = chain.said.len() == known;
        if chain.said.len() >= MAX_SUCCESSORS {
            return Ok(Some(WhyLeft::TooOften));
        }
        let loaded = Workspace::of(stored, storage, workspace)?;
        let succession = chain.succession(workspace)?;
        // Everything passes through it that the present key has ever signed.
        let first = Position::START.next();
        let begun = succession.successors().last().map_or(first, |last| last.position.max(first));
        // What another database has signed under a later key is not known here.
        let place = if is_followed { agreed(&loaded, begun) } else { begun };
        // Below it entries are gone, by words that stand up to there, here or at the relay as it was after the backup: from further down
        // nobody who has begun from its state could read the log again.
        let stood = loaded.log().checkpoints().stood();
        let place = place.max(stood.map_or(Position::START, |stood| stood.since));
        let hash = storage.hash_at(workspace, place)?.ok_or_else(|| damaged("a log has gaps"))?;
        let (old, new) = (LogKey::from(&chain.secret), LogKey::generate(rng));
        let successor = Successor { workspace, old: old.id(), position: place, hash, new: new.id() };
        let said = identity.sign_successor(successor, &old);
        chain.said.push(said.map_err(|_| damaged("the signing key does not fit the log"))?);
        chain.secret = new.secret();
        let successors = chain.said.iter().skip(known).copied().collect();
        // From there the log of the database goes on, whoever let it.
        let from = succession.successors().nth(known).map_or(place, |next| next.position);
        let tips = loaded.log().tips().map(|(key, tip)| (*key, *tip, tip.continued_from(known as u64, from)));
        let tips =
            tips.filter(|(_, before, after)| before != after).map(|(key, _, tip)| (key, tip)).collect();
        self.logs.push(Continued { workspace, secret: chain.secret.clone(), successors, tips });
        self.noted.note(workspace, chain);
        let contradicts = self.noted.has_left_behind(workspace);
        self.restored.push(RestoredLog { workspace, position, place, log: new.id(), contradicts });
        Ok(None)
    }

    /// What has to be known to the next restore, should the database be put back once more. To be kept before [`Plan::carry_out`].
    pub fn noted(&self) -> &Earlier {
        &self.noted
    }

    /// The logs that do not go on.
    pub fn left(&self) -> &[LeftLog] {
        &self.left
    }

    /// Lets the logs go on, all that can or none. Those that are left are served to nobody: whoever knows a later state of one would
    /// hear it contradicted.
    pub fn carry_out(self, storage: &mut impl Storage) -> Result<Vec<RestoredLog>, StorageError> {
        for LeftLog { workspace, .. } in &self.left {
            close(storage, *workspace)?;
        }
        storage.continue_logs(&self.logs)?;
        Ok(self.restored)
    }
}

/// Marks a log as one that has lost a part. One of which not even the end can be read, or whose key is another's, is served to nobody
/// as it is.
fn close(storage: &mut impl Storage, workspace: WorkspaceId) -> Result<(), StorageError> {
    let stored = match storage.log(workspace) {
        Ok(Some(stored)) => stored,
        Ok(None) | Err(StorageError::Corrupt(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let key = LogKey::from(&stored.secret);
    let end = Head { workspace, log: key.id(), position: stored.position, hash: stored.hash };
    key.sign(end).map_or(Ok(()), |end| storage.note_lost(workspace, &end))
}

fn damaged(what: &str) -> StorageError {
    StorageError::Corrupt(what.to_owned())
}
