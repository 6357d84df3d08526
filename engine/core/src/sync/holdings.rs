//! What devices say they hold, in memory: this device's own word and when it was said, and the words of others, until they can be
//! checked. They are for status alone: nothing is erased, refused or sealed because of one.

use std::collections::BTreeMap;

use bowline_wire::holding::{Holding, SaidHolding};
use bowline_wire::ids::{DeviceId, Millis, Position};

/// The words on holdings in one workspace. Lost when the process ends: then they are said and heard again.
#[derive(Debug, Default)]
pub(in crate::sync) struct Holdings {
    /// Up to where this device has said on this connection that it holds the log.
    pub(in crate::sync) said: Option<Position>,
    /// When it last said so.
    pub(in crate::sync) said_at: Option<Millis>,
    /// This device's word that has not been sent.
    pub(in crate::sync) due: Option<SaidHolding>,
    /// Words of others that cannot be checked before more of the log is here.
    pub(in crate::sync) waiting: BTreeMap<DeviceId, Holding>,
    /// Up to where others have said that they hold the log.
    pub(in crate::sync) known: BTreeMap<DeviceId, Position>,
    /// The latest time by the clock of another device that has signed one.
    pub(in crate::sync) latest: Option<Millis>,
}

impl Holdings {
    /// There is a new line, to a relay that may have been started anew since it was last told.
    pub(in crate::sync) fn start_over(&mut self) {
        self.said = None;
        self.due = None;
    }

    /// Whether a word says more than is known of its device.
    pub(in crate::sync) fn is_news(&self, said: &SaidHolding) -> bool {
        let waiting = self.waiting.get(&said.device).map(|holding| holding.position);
        let known = self.known.get(&said.device).copied();
        known.max(waiting).is_none_or(|known| known < said.position)
    }
}
