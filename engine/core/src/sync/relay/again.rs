//! A relay that was restored from its backup: which log its Welcome leads to, and what that log had before and is sent again.

use std::collections::BTreeSet;

use bowline_wire::entry::SignedEntry;
use bowline_wire::frame::{Reason, Welcome};
use bowline_wire::hash::log_seed;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{EntryId, Incarnation, LogId, Position, RelayId, RosterHash};
use bowline_wire::log::Log;
use bowline_wire::successor::{After, Succession, SuccessionError, Successor};

use crate::sync::context::Context;
use crate::sync::effect::{CutBack, Effect};
use crate::sync::relay::faults::RelayFault;
use crate::sync::replica::Replica;
use crate::sync::shown_log::Cut;

/// How a Welcome goes on.
pub(super) enum Leads {
    /// To the log that is known here, as far as successors say anything.
    On,
    /// To a log of which less is here than was known: the caller cuts it back, and goes on with [`Replica::go_on`].
    Back(Box<CutBack>),
}

impl Replica {
    /// Whether the log of a Welcome continues the one that is known here, and what follows from it.
    pub(super) fn follow_successors(
        &mut self,
        welcome: &Welcome,
        relay: RelayId,
        cx: &Context<'_>,
    ) -> Result<Leads, Box<RelayFault>> {
        let (theirs, said) = (&welcome.head, &welcome.successors);
        if said.is_empty() && self.succession.is_empty() {
            self.begin_log(theirs);
            return Ok(Leads::On);
        }
        // What is followed already was verified, or a person has decided for it.
        let succession = if *said == self.succession.said() {
            self.succession.clone()
        } else {
            Succession::verify(self.workspace, relay.as_bytes(), said)
                .map_err(|why| Box::new(refused(why)))?
        };
        if succession.last().is_some_and(|last| last != theirs.log) {
            return Err(Box::new(RelayFault::Nonsense("successors that do not lead to its log")));
        }
        let is_moved = self.is_moved_to(&succession, relay);
        if self.is_to_be_decided(&succession) && !is_moved {
            return Err(Box::new(RelayFault::BegunAgain));
        }
        let begun = succession.successors().last();
        let is_short = |begun: &Successor| {
            theirs.position < begun.position
                || (theirs.position == begun.position && theirs.hash != begun.hash)
        };
        if begun.is_some_and(is_short) {
            return Err(Box::new(RelayFault::Nonsense("a head from before its log was continued")));
        }
        self.restate_pins(theirs, &succession);
        let here = self.position();
        let known = self.log.as_ref().filter(|_| here > Position::START).map(|log| log.head().log);
        let Some(known) = known else {
            self.take_succession(succession);
            self.begin_log(theirs);
            return Ok(Leads::On);
        };
        if is_moved && succession.begun_again() != self.succession.begun_again() {
            return self.lead_to_move(welcome, succession, known).map(Leads::Back);
        }
        let next = match succession.after(&self.succession, known) {
            After::Same | After::Unrelated => return Ok(Leads::On),
            After::Before => return Err(Box::new(RelayFault::OtherLog { theirs: *theirs })),
            After::Contradicts(_) => return Err(Box::new(RelayFault::OtherSuccessor { theirs: *theirs })),
            After::Continued(next) => *next,
        };
        // What was there is not all here: the log cannot be made anew from there.
        let begun_at = self.log.as_ref().map_or(Position::START, Log::begun_at);
        let known_hash = self.hash_at(next.position, cx);
        if next.position < begun_at && known_hash.is_none_or(|hash| hash == next.hash) {
            return Err(Box::new(RelayFault::BelowCheckpoint(begun_at)));
        }
        if next.position <= here && known_hash != Some(next.hash) {
            return Err(Box::new(self.self_contradiction(&next)));
        }
        if next.position < here {
            let cut = Cut { succession, at: next.position, hash: next.hash, head: *theirs };
            return Ok(Leads::Back(Box::new(CutBack { cut, welcome: Box::new(welcome.clone()) })));
        }
        self.take_succession(succession);
        Ok(Leads::On)
    }

    /// Whether a log was begun again, and nobody whom this device believes has said that this is the log: neither the person here nor,
    /// for a newcomer, whoever made the code. A recovery phrase knows no log that could be lost, nor anybody to ask: the person with the words has
    /// said which relay it is.
    fn is_to_be_decided(&self, succession: &Succession) -> bool {
        let begun = succession.begun_again();
        if begun.is_none() || begun == self.succession.begun_again() {
            return false;
        }
        let is_since =
            |log| succession.successors().skip_while(|it| Some(*it) != begun).any(|it| it.new == log);
        self.position() > Position::START || self.pins.as_ref().is_some_and(|pins| !is_since(pins.log))
    }

    /// Whether this log, begun again at this relay, is where the Owner has moved the workspace, by the last record that says so here. That is
    /// the decision that a person would have to make, and it holds for everybody.
    fn is_moved_to(&self, succession: &Succession, relay: RelayId) -> bool {
        let last = self.log.as_ref().and_then(|log| log.roster().moves().last());
        let begun = succession.begun_again();
        last.zip(begun).is_some_and(|(last, begun)| last.relay == relay && last.log == begun.new)
    }

    /// The log is begun again where the Owner has moved it: all of it is sent there, as far as it is not there yet.
    fn lead_to_move(
        &self,
        welcome: &Welcome,
        succession: Succession,
        known: LogId,
    ) -> Result<Box<CutBack>, Box<RelayFault>> {
        // What has gone below the state cannot be sent there, nor the log be made anew here: a person sees it.
        if self.log.as_ref().is_some_and(|log| log.begun_at() > Position::START) {
            return Err(Box::new(RelayFault::BegunAgain));
        }
        let first = self.succession.first().unwrap_or(known);
        if succession.first() != Some(first) {
            return Err(Box::new(RelayFault::OtherLog { theirs: welcome.head }));
        }
        let (at, hash) = (Position::START, log_seed(self.workspace, first));
        let cut = Cut { succession, at, hash, head: welcome.head };
        Ok(Box::new(CutBack { cut, welcome: Box::new(welcome.clone()) }))
    }

    /// The log's key says that the log goes on from something else than it had signed for.
    fn self_contradiction(&self, said: &Successor) -> RelayFault {
        let Successor { position, hash, .. } = *said;
        self.head.map_or(RelayFault::Nonsense("a successor that is not of this log"), |ours| {
            RelayFault::FalseSuccessor { ours, position, hash }
        })
    }

    fn take_succession(&mut self, succession: Succession) {
        // What a log promised beyond the place where it was continued is lost, and held against nobody.
        let is_lost = |promised: &SeenHead| {
            succession.end_of(promised.log).is_some_and(|end| promised.position > end.position)
        };
        self.promised = self.promised.filter(|promised| !is_lost(promised));
        self.decided = self.decided.filter(|decided| !is_lost(decided));
        self.log = self.log.take().map(|log| log.with_succession(&succession));
        self.effects.push_back(Effect::Followed(succession.said()));
        self.succession = succession;
    }

    /// Nothing of the log is here: it begins with the workspace's first one.
    fn begin_log(&mut self, theirs: &SeenHead) {
        if self.position() == Position::START && self.pins.as_ref().is_none_or(|pins| pins.log == theirs.log)
        {
            self.log = Some(Log::begun(self.workspace, theirs.log, &self.succession));
        }
    }

    /// What a code says about a log that was continued since holds for the log that goes on: up to where that was continued, since what
    /// was behind it is lost.
    fn restate_pins(&mut self, theirs: &SeenHead, succession: &Succession) {
        let Some(pins) = &mut self.pins else { return };
        let Some(end) = succession.end_of(pins.log) else { return };
        if pins.position > end.position {
            (pins.position, pins.hash) = (end.position, end.hash);
        }
        pins.log = theirs.log;
    }

    /// Goes on with a Welcome for which the log had to be cut back: the caller has stored what is left of it, made this replica of what
    /// is stored, and gives it the line of the one before.
    pub fn go_on(&mut self, before: Self, cut: CutBack, cx: &Context<'_>) {
        self.session = before.session;
        self.time_let_through = before.time_let_through;
        self.handle_welcome(*cut.welcome, cx);
    }

    /// How many entries of the log from before it was continued are to be sent again.
    pub fn to_send_again(&self) -> usize {
        self.feed.left()
    }

    /// Whether the caller is to hand in the next of the entries that are sent again.
    pub fn wants_feed(&self) -> bool {
        self.may_append() && self.feed.wants_more()
    }

    /// Takes the next of the entries that are sent again, in the old order; none if there are no more.
    pub fn feed(&mut self, entries: Vec<bowline_wire::entry::Entry>, cx: &Context<'_>) {
        self.feed.hand_in(entries);
        self.send_outbox(cx.now);
    }

    /// Gives up entries that were to be sent again: the caller cannot read them.
    pub fn forget_again(&mut self, entries: &BTreeSet<EntryId>) {
        self.feed.drop_all(entries);
    }

    /// Keeps the keys of epochs that the log had begun and does not have any more for reading alone, once everything was sent again.
    /// Whether there were any: then the keys have to be stored.
    pub fn set_lost_keys_apart(&mut self) -> bool {
        let epochs = self.log.as_ref().map(|log| log.roster().epochs());
        let keys = epochs.zip(self.keyring.as_mut());
        keys.is_some_and(|(epochs, keyring)| keyring.set_apart_epochs_beyond(epochs))
    }

    /// Whether an entry of ours builds on a roster that was lost when the log was continued, and did not come again: it never will, since
    /// all that this device knew of it was sent again.
    pub(super) fn names_lost_roster(&self, entry: EntryId, reason: Reason) -> bool {
        let is_known =
            |roster: &RosterHash| self.log.as_ref().is_some_and(|log| log.roster().point(roster).is_some());
        reason == Reason::RosterUnknown
            && !self.succession.is_empty()
            && self.feed.is_done()
            && self.outbox.find(entry).is_some_and(|entry| !is_known(&entry.header().roster))
    }

    /// An entry that is sent again was refused.
    pub(super) fn refused_again(
        &mut self,
        entry: EntryId,
        reason: Reason,
        proof: Option<SignedEntry>,
        cx: &mut Context<'_>,
    ) {
        if reason.is_transient() && !self.feed.waits_in_vain(entry, reason) {
            if !self.feed.postpone(entry, cx.now) {
                return;
            }
            self.session.note_brought();
            self.note_held_up(reason);
            return;
        }
        let Some(chain) = self.feed.find(entry).map(|entry| entry.header().chain()) else {
            return;
        };
        if reason == Reason::SeqTaken && !self.proves_other_life(entry, proof) {
            return self.fault(RelayFault::Nonsense("a number taken by an entry that it does not show"));
        }
        let dead = self.feed.take_chain(entry, &chain);
        let is_own = chain.device == self.device;
        if is_own && chain.incarnation == self.incarnation {
            self.incarnation = Incarnation::from_bytes(cx.bytes());
            self.effects.push_back(Effect::NewIncarnation(self.incarnation));
        }
        // From the end, as with what is refused the first time.
        let offered = if is_own { self.outbox.take_chain(&chain) } else { Vec::new() };
        for entry in offered.iter().rev().map(bowline_wire::entry::Entry::id) {
            self.effects.push_back(Effect::Refused { entry, reason });
        }
        for entry in dead.iter().rev().map(bowline_wire::entry::Entry::id) {
            tracing::warn!(?entry, ?reason, "an entry that was on the log is not taken again");
            self.effects.push_back(Effect::NotTakenAgain { entry, reason });
        }
        self.send_outbox(cx.now);
    }
}

fn refused(error: SuccessionError) -> RelayFault {
    match error {
        SuccessionError::NotByLog | SuccessionError::NotByRelay => RelayFault::HalfSuccessor,
        SuccessionError::Unsigned | SuccessionError::NotAChain | SuccessionError::TooMany => {
            RelayFault::Nonsense("successors that do not follow one another")
        }
    }
}
