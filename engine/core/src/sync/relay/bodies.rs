//! Bodies on the line: when this device asks for those that were withheld, what it takes of the answers, and when it supplies what
//! the relay has lost.

use bowline_wire::bodies::{Bodiless, Supplied, verify_given};
use bowline_wire::entry::LoggedEntry;
use bowline_wire::frame::Frame;
use bowline_wire::ids::{Millis, Position};

use crate::sync::context::Context;
use crate::sync::effect::Effect;
use crate::sync::relay::faults::RelayFault;
use crate::sync::relay::session::LinkState;
use crate::sync::replica::Replica;
use crate::sync::state::Phase;

impl Replica {
    /// Behind which position the caller is to look for entries whose bodies are withheld, to give the first of them to
    /// [`Replica::fetch`]; `None` unless it is time to ask for some.
    pub fn fetches_after(&self, now: Millis) -> Option<Position> {
        self.bodies.asks_after(now).filter(|_| self.may_fetch())
    }

    /// Asks for the bodies of these entries, in log order and no more than a frame takes: the first ones behind what
    /// [`Replica::fetches_after`] said, none if there is none.
    pub fn fetch(&mut self, lacking: Vec<Bodiless>, now: Millis) {
        let positions = self.bodies.ask(lacking, now);
        if !positions.is_empty() {
            self.send(Frame::Fetch { positions });
        }
    }

    /// Bodies have come and are stored, or were given up; the first entry that still lacks its own stands here.
    pub fn note_withheld_from(&mut self, first: Option<Position>, cx: &Context<'_>) {
        self.withheld_from = first;
        self.renew_holding(cx);
    }

    /// Asks for what is withheld anew, if that was not just done: what it decides on is to be as the relay has it now. As long as
    /// [`Replica::is_fetching`], more may come; a relay that does not answer ends that soon.
    pub fn ask_anew(&mut self, now: Millis) {
        self.bodies.begin_anew(now);
    }

    /// Whether bodies that were withheld may be about to come on this line: not once each was asked for and nothing came of it.
    pub fn is_fetching(&self) -> bool {
        self.may_fetch() && self.bodies.are_coming()
    }

    fn may_fetch(&self) -> bool {
        self.session.is_up_as_device() && self.link() == LinkState::Live
    }

    /// When the caller has to look for bodies to ask for, or the relay is to be supplied.
    pub(in crate::sync) fn bodies_due_at(&self) -> Option<Millis> {
        let fetch = self.bodies.due_at().filter(|_| self.may_fetch());
        let supply = self.bodies.supply_due_at().filter(|_| self.may_supply());
        fetch.into_iter().chain(supply).min()
    }

    /// The relay supplies bodies. What is not an answer, or not the body, brings nothing.
    pub(in crate::sync) fn handle_supply(&mut self, bodies: Vec<Supplied>, cx: &Context<'_>) {
        if self.link() == LinkState::Down {
            return; // late, on a line that is over
        }
        if !self.session.is_up_as_device() {
            return self.fault(RelayFault::Nonsense("bodies that nobody asked for"));
        }
        let came = self.bodies.take(bodies, cx.now);
        if !came.is_empty() {
            self.effects.push_back(Effect::Bodies(came));
        }
    }

    /// Entries come again that are here already: the body of one that was asked for may come along.
    pub(in crate::sync) fn take_bodies_of(&mut self, first: Position, again: Vec<LoggedEntry>) {
        if self.bodies.await_nothing() {
            return;
        }
        let mut came = Vec::new();
        let mut position = first;
        for LoggedEntry { entry, .. } in again {
            if self.bodies.awaits(position, entry.id(self.workspace))
                && let Ok(entry) = verify_given(entry, self.workspace)
                && let Some(body) = entry.body()
            {
                came.push(Supplied { position, body: body.to_vec() });
            }
            position = position.next();
        }
        if !came.is_empty() {
            self.bodies.note_came(&came);
            self.effects.push_back(Effect::Bodies(came));
        }
    }

    /// The relay has lost bodies, and asks for them.
    pub(in crate::sync) fn handle_wanted(&mut self, positions: Vec<Position>, cx: &Context<'_>) {
        if self.link() == LinkState::Down {
            return; // late, on a line that is over
        }
        if !self.session.is_greeting_device() && !self.session.is_up_as_device() {
            return self.fault(RelayFault::Nonsense("a question for bodies to whom there are none"));
        }
        if self.bodies.want(positions) {
            self.session.note_brought();
        }
        self.supply_wanted(cx.now);
    }

    /// Has the caller supply what the relay wants, if it is time.
    pub(in crate::sync) fn supply_wanted(&mut self, now: Millis) {
        if !self.may_supply() {
            return;
        }
        let wanted = self.bodies.take_wanted(now);
        if !wanted.is_empty() {
            self.effects.push_back(Effect::Supply(wanted));
        }
    }

    fn may_supply(&self) -> bool {
        self.session.is_up_as_device() && matches!(self.phase, Phase::Member) && !self.distrusted
    }
}
