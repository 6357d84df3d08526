//! What the clocks of a line say: the relay's, the log's and this device's. A log's time permits and shuts nothing out; far ahead of the
//! clock here it ends the connection until a person lets it through.

use bowline_wire::codec::decode;
use bowline_wire::frame::{Frame, Welcome};
use bowline_wire::ids::{LogTime, Millis};

use crate::sync::context::Context;
use crate::sync::effect::Effect;
use crate::sync::limits::{CLOCKS_APART, LOG_AHEAD};
use crate::sync::relay::faults::RelayFault;
use crate::sync::relay::session::Proving;
use crate::sync::replica::Replica;

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
    fn new(relay: Millis, log: Millis, here: Millis, heard: Option<Millis>) -> Self {
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

impl Replica {
    /// A person lets the log's time be ahead of this device's clock by so many milliseconds more than is taken without asking.
    pub fn let_time_through(&mut self, ahead: u64) {
        self.time_let_through = ahead;
    }

    /// Notes what the clocks say as a session opens. A log too far ahead is a fault.
    pub(super) fn read_clocks(
        &mut self,
        welcome: &Welcome,
        proving: &Proving,
        cx: &Context<'_>,
    ) -> Option<RelayFault> {
        let [_, challenge, _] = &proving.frames;
        let Ok(Frame::Challenge(challenge)) = decode(challenge) else {
            return None;
        };
        let clocks = Clocks::new(challenge.time, welcome.time.millis(), cx.now, self.holdings.latest);
        self.effects.push_back(Effect::Clocks(clocks));
        self.too_far(clocks)
    }

    /// What is wrong with a log that goes on with this time.
    pub(in crate::sync) fn is_too_late(&mut self, time: LogTime, cx: &Context<'_>) -> Option<RelayFault> {
        // Whoever appends now has this time on the clock.
        let clocks = Clocks::new(time.millis(), time.millis(), cx.now, self.holdings.latest);
        let fault = self.too_far(clocks)?;
        self.effects.push_back(Effect::Clocks(clocks));
        Some(fault)
    }

    fn too_far(&self, clocks: Clocks) -> Option<RelayFault> {
        let is_let_through = clocks.ahead() <= LOG_AHEAD.saturating_add(self.time_let_through);
        (!is_let_through).then_some(RelayFault::TimeAhead(clocks))
    }
}
