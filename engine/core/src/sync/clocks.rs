//! What the clocks of a line said, and which of them looks wrong.

use bowline_wire::ids::Millis;

use super::limits::{CLOCKS_APART, LOG_AHEAD};

/// Which of two clocks that disagree looks wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WrongClock {
    /// The relay's, or the one that it had when it gave the log its time.
    Relay,
    /// This device's.
    Here,
    /// One of the two: nobody else has said what time it is.
    Unknown,
}

/// What the clocks said when the relay let this device in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The relay's clock.
    pub relay: Millis,
    /// The log's time at its end, as the relay's clock gave it.
    pub log: Millis,
    /// This device's clock.
    pub here: Millis,
    /// Which of them looks wrong.
    pub looks_wrong: WrongClock,
}

impl Clocks {
    /// `heard` is the latest time by the clock of any other device that has signed one. A time that somebody has had is over: a clock
    /// that has not got to one of somebody else's looks wrong.
    pub(super) fn new(relay: Millis, log: Millis, here: Millis, heard: Option<Millis>) -> Self {
        let is_behind = |clock: Millis, other: Option<Millis>| {
            other.is_some_and(|other| other.since(clock) > CLOCKS_APART)
        };
        let relay_is = is_behind(relay, heard.max(Some(log)));
        let looks_wrong = match (relay_is, is_behind(here, heard)) {
            (true, false) => WrongClock::Relay,
            (false, true) => WrongClock::Here,
            _ => WrongClock::Unknown,
        };
        Self { relay, log, here, looks_wrong }
    }

    /// Milliseconds by which the log's time is ahead of this device's clock.
    pub fn ahead(&self) -> u64 {
        self.log.since(self.here)
    }

    /// Whether a person is to know: the log cannot be of a time that has not come, and two clocks are close to one another.
    pub fn are_apart(&self) -> bool {
        let gap = self.relay.since(self.here).max(self.here.since(self.relay));
        gap > CLOCKS_APART || self.ahead() > CLOCKS_APART
    }

    /// Whether the log's time is so far ahead that a person has to let it through.
    pub fn are_too_far(&self) -> bool {
        self.ahead() > LOG_AHEAD
    }
}
