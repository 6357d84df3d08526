//! Heads that the relay signs: whether they are of the log that is known here, which the log has to come to pass through, and which prove that
//! there are two histories.

use std::cmp::Ordering;

use bowline_wire::entry::LoggedEntry;
use bowline_wire::evidence::Fork;
use bowline_wire::hash;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LogHash, Position, WorkspaceId};

use super::faults::RelayFault;
use crate::sync::context::Context;
use crate::sync::replica::Replica;

impl Replica {
    /// The hash of the log as it is known here.
    pub(in crate::sync) fn hash_at(&self, position: Position, cx: &Context<'_>) -> Option<LogHash> {
        let log = self.log.as_ref()?;
        let head = log.head();
        match position.cmp(&head.position) {
            Ordering::Equal => Some(head.hash),
            Ordering::Less => log.hash_below(position).or_else(|| (cx.hash_at)(position)),
            Ordering::Greater => None,
        }
    }

    pub(super) fn handle_head(&mut self, head: SeenHead, cx: &Context<'_>) {
        let Some(quiet) = self.session.note_head() else {
            return;
        };
        if !self.agrees(&head, cx) {
            return;
        }
        self.note_promise(&head);
        // The relay is ahead and has sent nothing since it was asked: its last frame was lost on the way.
        if head.position > self.position() && quiet {
            self.ask_on(cx.now);
        }
    }

    /// Whether a signed head agrees with the log as it is known here; if not, that is a fault.
    pub(in crate::sync) fn agrees(&mut self, theirs: &SeenHead, cx: &Context<'_>) -> bool {
        if head_of_other_log(self, theirs) || theirs.verify(self.workspace).is_err() {
            self.fault(RelayFault::Nonsense("a head that is not of this log"));
            return false;
        }
        if let Some(fault) = self.contradiction(theirs, cx) {
            self.fault(fault);
            return false;
        }
        true
    }

    /// Remembers a head that agrees, if it is beyond what is here: signing for it was a promise.
    pub(in crate::sync) fn note_promise(&mut self, theirs: &SeenHead) {
        let known = self.promised.map_or(self.position(), |promised| promised.position);
        if theirs.position > known {
            self.promised = Some(*theirs);
        }
    }

    /// The proof that two heads of this log cannot both be true, if `theirs` is one of two such.
    pub(super) fn contradiction(&self, theirs: &SeenHead, cx: &Context<'_>) -> Option<RelayFault> {
        let here = self.hash_at(theirs.position, cx);
        if let (Some(ours), Some(hash)) = (self.head, here)
            && hash != theirs.hash
        {
            return Some(RelayFault::fork(self.workspace, ours, *theirs));
        }
        let signed = self.beyond().find(|it| it.position == theirs.position && it.hash != theirs.hash)?;
        Some(self.given_up(signed).unwrap_or_else(|| RelayFault::fork(self.workspace, signed, *theirs)))
    }

    /// The log does not pass through a head that an earlier log's key has signed: what that key has said of the log that continues it is
    /// not so. `None` if it is this log's head.
    pub(in crate::sync) fn given_up(&self, ours: SeenHead) -> Option<RelayFault> {
        let end = self.succession.end_of(ours.log)?;
        Some(RelayFault::FalseSuccessor { ours, position: end.position, hash: end.hash })
    }

    /// The furthest head that is known of this log. Once the relay was caught, none that the log here has not passed: one that something
    /// else contradicts would have an honest relay, back with the good log, believe that it had lost something.
    pub(super) fn furthest_head(&self) -> Option<SeenHead> {
        let beyond = self.beyond().max_by_key(|head| head.position);
        beyond.filter(|_| !self.distrusted).or(self.head)
    }

    /// The heads beyond ours through which the log has to pass.
    pub(in crate::sync) fn beyond(&self) -> impl Iterator<Item = SeenHead> {
        self.promised.into_iter().chain(self.decided)
    }
}

/// The positions that entries come to behind a place of the log, with the log hash at each.
pub(in crate::sync) fn passed_by(
    workspace: WorkspaceId,
    behind: (Position, LogHash),
    entries: &[LoggedEntry],
) -> Vec<(Position, LogHash)> {
    let step = |(at, hash): &mut (Position, LogHash), logged: &LoggedEntry| {
        (*at, *hash) = (at.next(), hash::log_hash(*hash, logged.entry.id(workspace), logged.time));
        Some((*at, *hash))
    };
    entries.iter().scan(behind, step).collect()
}

/// The proof that entries, which lead up to `theirs` by way of what they have `passed`, go past `ours` with another hash.
pub(in crate::sync) fn missed_by(
    workspace: WorkspaceId,
    ours: SeenHead,
    theirs: SeenHead,
    (entries, passed): (&[LoggedEntry], &[(Position, LogHash)]),
) -> Option<RelayFault> {
    let at = passed.iter().position(|(position, _)| *position == ours.position)?;
    let passed = passed.get(at).map(|(_, hash)| *hash).filter(|hash| *hash != ours.hash)?;
    let steps = entries.iter().skip(at + 1).map(|it| (it.entry.id(workspace), it.time)).collect();
    let proof = Fork { workspace, low: ours, high: theirs, passed, steps };
    Some(RelayFault::Fork { ours, theirs, proof: Some(Box::new(proof)) })
}

fn head_of_other_log(replica: &Replica, theirs: &SeenHead) -> bool {
    replica.log.as_ref().is_some_and(|log| log.head().log != theirs.log)
}
