//! What the clocks of a line say: the relay's, the log's and this device's. A log's time permits and shuts nothing out; far ahead of the
//! clock here it ends the connection until a person lets it through.

use bowline_wire::codec::decode;
use bowline_wire::frame::{Frame, Welcome};
use bowline_wire::ids::LogTime;

use crate::sync::clocks::Clocks;
use crate::sync::context::Context;
use crate::sync::effect::Effect;
use crate::sync::limits::LOG_AHEAD;
use crate::sync::relay::faults::RelayFault;
use crate::sync::relay::session::Proving;
use crate::sync::replica::Replica;

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
