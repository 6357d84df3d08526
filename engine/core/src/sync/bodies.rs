//! Bodies that travel apart from their entries, in memory: what this device has asked the relay for, when it asks again, and what
//! the relay has asked this device for. Which bodies are withheld is the caller's to store.

use std::collections::BTreeMap;

use bowline_wire::bodies::{Bodiless, Supplied};
use bowline_wire::ids::{EntryId, Millis, Position};

use super::limits::{FETCH_AGAIN_AFTER, FETCH_AGAIN_AT_MOST, FETCH_INTERVAL, SUPPLY_INTERVAL};

/// Bodies that are asked for on one line, and those that the relay asks for.
#[derive(Debug)]
pub(in crate::sync) struct Bodies {
    /// Whether entries may be here whose bodies are withheld.
    lacks: bool,
    /// What was asked for last, and has not come.
    asked: BTreeMap<Position, Bodiless>,
    /// The next question is about what is behind this position, so that one body that never comes keeps no other from coming.
    after: Position,
    /// When to ask next.
    due: Millis,
    /// When was asked last.
    asked_at: Option<Millis>,
    /// How often in a row nothing has come of it.
    in_vain: u32,
    /// Whether something may still come of asking soon: not once everything was asked for and nothing came of it, or there was no answer.
    goes_on: bool,
    /// What has become of the last question.
    answer: Answer,
    /// When the last question was asked of a round in which everything was asked for and answered.
    rounded_at: Option<Millis>,
    /// What the relay wants and this device has not looked for.
    wanted: Vec<Position>,
    /// When it last looked.
    supplied_at: Option<Millis>,
}

/// The answer to the last question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// An answer that is here; or nothing was asked.
    HasCome,
    /// An answer that has not come.
    IsAwaited,
    /// An answer that has not come, after which another round begins; also once it was waited for long enough.
    IsAwaitedFirst,
}

impl Bodies {
    /// There is a new line, perhaps to a relay that has found what it lacked.
    pub(in crate::sync) fn for_new_line() -> Self {
        Self {
            lacks: true,
            asked: BTreeMap::new(),
            after: Position::START,
            due: Millis(0),
            asked_at: None,
            in_vain: 0,
            goes_on: true,
            answer: Answer::HasCome,
            rounded_at: None,
            wanted: Vec::new(),
            supplied_at: None,
        }
    }

    /// An entry has come without its body.
    pub(in crate::sync) fn note_withheld(&mut self, now: Millis) {
        self.lacks = true;
        self.goes_on = true;
        self.due = self.due.min(now);
    }

    /// Whether something may come of asking soon.
    pub(in crate::sync) fn are_coming(&self) -> bool {
        self.lacks && self.goes_on
    }

    /// When to ask next; `None` if nothing is lacking.
    pub(in crate::sync) fn due_at(&self) -> Option<Millis> {
        self.lacks.then_some(self.due)
    }

    /// Behind which position to look for what is lacking, if it is time to ask.
    pub(in crate::sync) fn asks_after(&self, now: Millis) -> Option<Position> {
        // A clock that was put back must not keep the device from asking until it has caught up with itself.
        let is_due = self.due <= now || self.asked_at.is_some_and(|at| at > now);
        (self.lacks && is_due).then_some(self.after)
    }

    /// Notes that these are lacking behind that position, and asked for now; which they are.
    pub(in crate::sync) fn ask(&mut self, lacking: Vec<Bodiless>, now: Millis) -> Vec<Position> {
        let Some(last) = lacking.last().map(|last| last.position) else {
            self.finish_round(now);
            return Vec::new();
        };
        let earliest = self.earliest(now);
        if earliest > now {
            self.due = earliest;
            return Vec::new();
        }
        self.goes_on &= self.answer != Answer::IsAwaited;
        self.after = last;
        self.asked = lacking.into_iter().map(|it| (it.position, it)).collect();
        self.asked_at = Some(now);
        self.answer = Answer::IsAwaited;
        self.due = now.plus(if self.goes_on { FETCH_AGAIN_AFTER } else { wait(self.in_vain) });
        // Until something comes. The questions of a round that goes on count as one.
        if !self.goes_on || self.in_vain == 0 {
            self.in_vain = self.in_vain.saturating_add(1);
        }
        self.asked.keys().copied().collect()
    }

    /// Nothing is lacking behind what was asked for last: the next look is from the beginning.
    fn finish_round(&mut self, now: Millis) {
        if self.after == Position::START {
            self.lacks = false;
            self.goes_on = false;
            return;
        }
        self.rounded_at = self.asked_at.filter(|_| self.answer == Answer::HasCome);
        self.after = Position::START;
        self.due = now;
        if let Some(times) = self.in_vain.checked_sub(1) {
            self.goes_on = false;
            self.due = self.asked_at.map_or(now, |at| at.plus(wait(times)).max(now));
        }
    }

    /// Begins another round from the beginning, unless one goes on or has just ended: somebody decides by what comes of it. The answer to a
    /// question that is on its way is waited for first.
    pub(in crate::sync) fn begin_anew(&mut self, now: Millis) {
        let has_just_ended = self.rounded_at.is_some_and(|at| at <= now && now.since(at) < FETCH_INTERVAL);
        if !self.lacks || self.goes_on || has_just_ended {
            return;
        }
        self.goes_on = true;
        self.after = Position::START;
        self.due = self.earliest(now);
        if self.answer == Answer::HasCome {
            return;
        }
        self.answer = Answer::IsAwaitedFirst;
        if let Some(at) = self.asked_at.filter(|at| *at <= now) {
            self.due = at.plus(FETCH_AGAIN_AFTER).max(self.due);
        }
    }

    /// What was given up is not lacking any more: the caller is asked for what is, at once, and what was asked for is not taken before it is
    /// asked for again.
    pub(in crate::sync) fn look_anew(&mut self, now: Millis) {
        self.asked.clear();
        self.after = Position::START;
        self.due = self.due.min(now);
    }

    /// Takes what was asked for out of what the relay supplies.
    pub(in crate::sync) fn take(&mut self, supplied: Vec<Supplied>, now: Millis) -> Vec<Supplied> {
        let last = supplied.last().map(|last| last.position);
        let came: Vec<Supplied> = supplied.into_iter().filter(|it| self.is_asked(it)).collect();
        self.note_came(&came);
        match last.filter(|_| !came.is_empty()) {
            Some(last) => {
                // What is behind it did not fit the answer.
                self.after = last;
                self.in_vain = 0;
                self.due = now;
            }
            // What is behind it may come all the same.
            None if self.goes_on && self.answer != Answer::HasCome => self.due = now,
            None => {}
        }
        if std::mem::replace(&mut self.answer, Answer::HasCome) == Answer::IsAwaitedFirst {
            self.after = Position::START;
            self.due = self.earliest(now);
        }
        came
    }

    /// Whether this is the body of an entry that was asked for.
    fn is_asked(&self, supplied: &Supplied) -> bool {
        let asked = self.asked.get(&supplied.position);
        let is_it = asked.is_some_and(|asked| asked.name.names(&supplied.body));
        if asked.is_some() && !is_it {
            let position = supplied.position.0;
            tracing::warn!(position, "the relay supplies something else than the entry's body");
        }
        is_it
    }

    /// Notes that bodies are here.
    pub(in crate::sync) fn note_came(&mut self, came: &[Supplied]) {
        for supplied in came {
            self.asked.remove(&supplied.position);
        }
    }

    /// Whether everything that was asked for has come, or nothing was.
    pub(in crate::sync) fn await_nothing(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether the body of this entry was asked for and has not come.
    pub(in crate::sync) fn awaits(&self, position: Position, id: EntryId) -> bool {
        self.asked.get(&position).is_some_and(|asked| asked.id == id)
    }

    /// When the next question may be asked, whatever has come of the last one.
    fn earliest(&self, now: Millis) -> Millis {
        let after = |at: Millis| if at > now { now } else { at.plus(FETCH_INTERVAL).max(now) };
        self.asked_at.map_or(now, after)
    }

    /// Notes what the relay wants; true unless it wants something already.
    pub(in crate::sync) fn want(&mut self, positions: Vec<Position>) -> bool {
        let is_first = self.wanted.is_empty() && !positions.is_empty();
        self.wanted = positions;
        is_first
    }

    /// When to look for what the relay wants; `None` if it wants nothing.
    pub(in crate::sync) fn supply_due_at(&self) -> Option<Millis> {
        let last = self.supplied_at.map_or(Millis(0), |at| at.plus(SUPPLY_INTERVAL));
        (!self.wanted.is_empty()).then_some(last)
    }

    /// Takes what the relay wants, if it is time to look for it.
    pub(in crate::sync) fn take_wanted(&mut self, now: Millis) -> Vec<Position> {
        // A clock that was put back must not silence the device until it has caught up with itself.
        let is_early = self.supplied_at.is_some_and(|at| at <= now) && self.supply_due_at() > Some(now);
        if is_early || self.wanted.is_empty() {
            return Vec::new();
        }
        self.supplied_at = Some(now);
        std::mem::take(&mut self.wanted)
    }
}

/// Milliseconds until the relay is asked again, after so many times in vain.
fn wait(in_vain: u32) -> u64 {
    let doubled = 1_u64.checked_shl(in_vain.min(16)).unwrap_or(u64::MAX);
    FETCH_AGAIN_AFTER.saturating_mul(doubled).min(FETCH_AGAIN_AT_MOST)
}
