//! How a log goes on after its relay was restored from a backup: the log and the relay's identity name the log that continues it, and
//! from where. Everything up to there stays what it was. Of a log that its relay has lost altogether the identity alone says from
//! where another one goes on: from the beginning, and a person decides whether to follow.

use thiserror::Error;

use crate::codec::{Canonical, DecodeError, Reader, Writer, encode};
use crate::hash::log_seed;
use crate::ids::{LogHash, LogId, Position, Signature, WorkspaceId};
use crate::limits::MAX_SUCCESSORS;
use crate::signed::{Signable, Signed, Verified, VerifyError, signed_alone, verify_signature};

/// The statement that a log is continued by another one. It counts under two signatures: that of [`Successor::old`], and that of
/// the relay's identity under [`Successor::RELAY_DOMAIN`]. One that [begins again](Successor::beginning) counts under the second alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successor {
    /// The workspace whose log this is about.
    pub workspace: WorkspaceId,
    /// The log that is continued.
    pub old: LogId,
    /// The position up to which the old log is the new one's beginning.
    pub position: Position,
    /// The log hash there.
    pub hash: LogHash,
    /// The log that goes on from there.
    pub new: LogId,
}

impl Successor {
    /// Domain of the signature by the relay's identity.
    pub const RELAY_DOMAIN: &'static [u8] = b"bowline/successor/relay/1";

    /// The statement that nothing is left of a log at its relay, its key included, and that `new` goes on from its very beginning.
    pub fn beginning(workspace: WorkspaceId, old: LogId, new: LogId) -> Self {
        Self { workspace, old, position: Position::START, hash: log_seed(workspace, old), new }
    }
}

impl Canonical for Successor {
    fn write(&self, to: &mut Writer) {
        to.array(5).value(&self.workspace).value(&self.old).value(&self.position);
        to.value(&self.hash).value(&self.new);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        Ok(Self {
            workspace: from.value()?,
            old: from.value()?,
            position: from.value()?,
            hash: from.value()?,
            new: from.value()?,
        })
    }
}

impl Signable for Successor {
    const DOMAIN: &'static [u8] = b"bowline/successor/1";
    const LIMIT: usize = 160;
    signed_alone!();
    fn signer(&self) -> [u8; 32] {
        *self.old.as_bytes()
    }
}

/// A successor as it travels and is stored, where the workspace is known from the context. Nothing of it can be read before it was
/// verified, as a link of a [`Succession`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaidSuccessor {
    old: LogId,
    position: Position,
    hash: LogHash,
    new: LogId,
    by_log: Signature,
    by_relay: Signature,
}

impl SaidSuccessor {
    /// Signs `successor` with the key of the log that it continues and with the relay's identity. Each gets the message to sign.
    ///
    /// # Errors
    /// If one of the two signs with another key than that: our bug.
    pub fn sign(
        successor: Successor,
        by_log: impl FnOnce(&[u8]) -> Signature,
        relay: &[u8; 32],
        by_relay: impl FnOnce(&[u8]) -> Signature,
    ) -> Result<Self, VerifyError> {
        let Successor { workspace, old, position, hash, new } = successor;
        let by_log = *Verified::sign(successor, by_log)?.signature();
        let by_relay =
            by_relay(&crate::signed::signing_message(Successor::RELAY_DOMAIN, &encode(&successor)));
        let said = Self { old, position, hash, new, by_log, by_relay };
        said.verify_relay(workspace, relay)?;
        Ok(said)
    }

    /// Signs with the relay's identity alone that `new` begins the log of `old` again, whose key is lost.
    ///
    /// # Errors
    /// If another key signs than `relay`: our bug.
    pub fn sign_beginning(
        (workspace, old, new): (WorkspaceId, LogId, LogId),
        relay: &[u8; 32],
        by_relay: impl FnOnce(&[u8]) -> Signature,
    ) -> Result<Self, VerifyError> {
        let successor = Successor::beginning(workspace, old, new);
        let Successor { position, hash, .. } = successor;
        let by_relay =
            by_relay(&crate::signed::signing_message(Successor::RELAY_DOMAIN, &encode(&successor)));
        let said = Self { old, position, hash, new, by_log: Signature::ZERO, by_relay };
        said.verify_relay(workspace, relay)?;
        Ok(said)
    }

    /// The statement that a lost log is begun again, if this is one: in the place of the log's signature there is none.
    fn as_beginning(&self, workspace: WorkspaceId) -> Option<Successor> {
        let said = self.value(workspace);
        let is_beginning =
            self.by_log == Signature::ZERO && said == Successor::beginning(workspace, said.old, said.new);
        is_beginning.then_some(said)
    }

    fn value(&self, workspace: WorkspaceId) -> Successor {
        let Self { old, position, hash, new, .. } = *self;
        Successor { workspace, old, position, hash, new }
    }

    fn verify_log(&self, workspace: WorkspaceId) -> Result<Successor, VerifyError> {
        let signed: Signed<Successor> = Signed::from_parts(encode(&self.value(workspace)), self.by_log);
        Ok(*signed.verify()?.value())
    }

    fn verify_relay(&self, workspace: WorkspaceId, relay: &[u8; 32]) -> Result<(), VerifyError> {
        verify_signature(relay, Successor::RELAY_DOMAIN, &encode(&self.value(workspace)), &self.by_relay)
    }
}

impl Canonical for SaidSuccessor {
    fn write(&self, to: &mut Writer) {
        to.array(6).value(&self.old).value(&self.position).value(&self.hash).value(&self.new);
        to.value(&self.by_log).value(&self.by_relay);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(6)?;
        Ok(Self {
            old: from.value()?,
            position: from.value()?,
            hash: from.value()?,
            new: from.value()?,
            by_log: from.value()?,
            by_relay: from.value()?,
        })
    }
}

/// Why a list of successors says nothing of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SuccessionError {
    /// A log is continued by its own key alone: the relay's identity has not signed.
    #[error("the relay's identity did not sign that the log is continued")]
    NotByRelay,
    /// A log is continued by the relay's identity alone: the log's key has not signed.
    #[error("the log's own key did not sign that it is continued")]
    NotByLog,
    /// Neither key has signed: anybody can write such a thing.
    #[error("nobody signed that the log is continued")]
    Unsigned,
    /// A successor does not follow the one before it, goes back behind it, or leads to a log that was there before.
    #[error("the successors are not a chain")]
    NotAChain,
    /// There are more than [`MAX_SUCCESSORS`].
    #[error("the log was continued too often")]
    TooMany,
}

/// The logs by which a workspace's log was continued: consecutive successors, both signatures of each verified, whose positions never
/// go down. Empty for a log that is its workspace's first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Succession {
    links: Vec<(Successor, SaidSuccessor)>,
}

impl Succession {
    /// Verifies what a relay of this identity says of a workspace's log.
    pub fn verify(
        workspace: WorkspaceId,
        relay: &[u8; 32],
        said: &[SaidSuccessor],
    ) -> Result<Self, SuccessionError> {
        let link = |said: &SaidSuccessor| {
            let by_log = said.as_beginning(workspace).map_or_else(|| said.verify_log(workspace), Ok);
            let by_relay = said.verify_relay(workspace, relay);
            match (by_log, by_relay) {
                (Ok(successor), Ok(())) => Ok((successor, *said)),
                (Ok(_), Err(_)) if said.by_log == Signature::ZERO => Err(SuccessionError::Unsigned),
                (Ok(_), Err(_)) => Err(SuccessionError::NotByRelay),
                (Err(_), Ok(())) => Err(SuccessionError::NotByLog),
                (Err(_), Err(_)) => Err(SuccessionError::Unsigned),
            }
        };
        Self::chain(said, link)
    }

    /// What was verified before it was stored. The signature by the relay's identity is not looked at again: another identity may have
    /// taken its place since.
    pub fn stored(workspace: WorkspaceId, said: &[SaidSuccessor]) -> Result<Self, SuccessionError> {
        let link = |said: &SaidSuccessor| {
            let by_log = said.as_beginning(workspace).map_or_else(|| said.verify_log(workspace), Ok);
            by_log.map(|it| (it, *said)).map_err(|_| SuccessionError::NotByLog)
        };
        Self::chain(said, link)
    }

    fn chain(
        said: &[SaidSuccessor],
        link: impl Fn(&SaidSuccessor) -> Result<(Successor, SaidSuccessor), SuccessionError>,
    ) -> Result<Self, SuccessionError> {
        if said.len() > MAX_SUCCESSORS {
            return Err(SuccessionError::TooMany);
        }
        let links: Vec<_> = said.iter().map(link).collect::<Result<_, _>>()?;
        let follows = |pair: &[(Successor, SaidSuccessor)]| match pair {
            [(before, _), (after, _)] => before.new == after.old && before.position <= after.position,
            _ => true,
        };
        let is_new = |(at, (link, _)): (usize, &(Successor, SaidSuccessor))| {
            links.iter().take(at + 1).all(|(earlier, _)| earlier.old != link.new)
        };
        // Nothing stands before a beginning but another one: of a log that had been continued, all that signed it are named.
        let begins_late = links.windows(2).any(|pair| match pair {
            [before, after] => !is_beginning(before) && is_beginning(after),
            _ => false,
        });
        if !begins_late && links.windows(2).all(follows) && links.iter().enumerate().all(is_new) {
            Ok(Self { links })
        } else {
            Err(SuccessionError::NotAChain)
        }
    }

    /// The successors, first one first.
    pub fn successors(&self) -> impl ExactSizeIterator<Item = &Successor> {
        self.links.iter().map(|(successor, _)| successor)
    }

    /// The successors as they travel, first one first.
    pub fn said(&self) -> Vec<SaidSuccessor> {
        self.links.iter().map(|(_, said)| *said).collect()
    }

    /// What says that the log was begun again, if it was, the last time: then the log before it has not signed that, and it is for a person, or for
    /// whoever gave a code to a newcomer, to say that this is the log.
    pub fn begun_again(&self) -> Option<&Successor> {
        self.links.iter().take_while(|link| is_beginning(link)).last().map(|(begun, _)| begun)
    }

    /// Whether the log is its workspace's first.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// The workspace's first log; `None` if no log was continued.
    pub fn first(&self) -> Option<LogId> {
        self.links.first().map(|(successor, _)| successor.old)
    }

    /// The log that signs now; `None` if no log was continued.
    pub fn last(&self) -> Option<LogId> {
        self.links.last().map(|(successor, _)| successor.new)
    }

    /// Where this log was continued, if it was.
    pub fn end_of(&self, log: LogId) -> Option<&Successor> {
        self.successors().find(|successor| successor.old == log)
    }

    /// How this goes on from what is known: `now` is the log that signed last, and `known` what led to it.
    pub fn after(&self, known: &Self, now: LogId) -> After<'_> {
        let mut theirs = self.links.iter();
        for (ours, _) in &known.links {
            match theirs.next() {
                Some((same, _)) if same == ours => {}
                Some((other, _)) if other.old == ours.old => return After::Contradicts(other),
                Some(_) => return After::Unrelated,
                None => return After::Before,
            }
        }
        match theirs.as_slice() {
            [] if self.is_empty() || self.last() == Some(now) => After::Same,
            [(next, _), ..] if next.old == now => After::Continued(next),
            _ => After::Unrelated,
        }
    }
}

/// Whether a link says that a lost log is begun again.
fn is_beginning((successor, said): &(Successor, SaidSuccessor)) -> bool {
    said.as_beginning(successor.workspace).is_some()
}

/// What a succession says to somebody who knows another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After<'s> {
    /// Nothing new.
    Same,
    /// The log that is known was continued since, first by this successor.
    Continued(&'s Successor),
    /// This is what was so before the log was continued.
    Before,
    /// One log is continued by two: once as is known, and once by this successor.
    Contradicts(&'s Successor),
    /// This is about other logs.
    Unrelated,
}
