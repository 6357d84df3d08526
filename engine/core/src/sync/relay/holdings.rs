//! What devices say they hold, on the line: when this device says it, and what of others it believes.

use std::collections::BTreeMap;

use bowline_wire::frame::Frame;
use bowline_wire::holding::{Holding, SaidHolding};
use bowline_wire::ids::{DeviceId, LogHash, Millis, Position};
use bowline_wire::limits::{HOLDING_INTERVAL, MAX_HOLDINGS_PER_FRAME};
use bowline_wire::log::Log;

use crate::sync::context::Context;
use crate::sync::effect::Effect;
use crate::sync::relay::faults::RelayFault;
use crate::sync::relay::session::LinkState;
use crate::sync::replica::Replica;
use crate::sync::state::Phase;

impl Replica {
    /// Signs anew what this device holds if that has become more, and sends it unless it said so a moment ago.
    pub(in crate::sync) fn renew_holding(&mut self, cx: &Context<'_>) {
        if let Some(holding) = self.holding(cx) {
            self.holdings.due = cx.keys.sign_holding(holding);
        }
        self.say_holding(cx.now);
    }

    /// This device's word, if it holds more than when it last said so and there is somebody to hear it.
    fn holding(&self, cx: &Context<'_>) -> Option<Holding> {
        let position = self.held();
        let is_told = self.holdings.said.is_some_and(|said| said >= position);
        if is_told || position == Position::START || !self.may_say_holding() {
            return None;
        }
        let hash = self.hash_at(position, cx)?;
        Some(Holding { workspace: self.workspace, device: self.device, position, hash, time: cx.now })
    }

    fn may_say_holding(&self) -> bool {
        let Some(roster) = self.log.as_ref().map(Log::roster) else {
            return false;
        };
        let is_other_active = |(id, device): (&DeviceId, &bowline_wire::roster::Device)| {
            *id != self.device && device.is_active()
        };
        // What is known to a phrase on paper is with nobody.
        let is_live = roster.device(&self.device).is_some_and(|own| own.is_active() && !own.recovery);
        self.session.hears_holdings()
            && self.link() == LinkState::Live
            && matches!(self.phase, Phase::Member)
            && is_live
            && roster.devices().any(is_other_active)
            && !self.distrusted
    }

    /// Sends this device's word if there is one and its time has come.
    pub(in crate::sync) fn say_holding(&mut self, now: Millis) {
        // A clock that was put back must not silence the device until it has caught up with itself.
        let is_due = self.holdings.said_at.is_none_or(|at| at > now || now.since(at) >= HOLDING_INTERVAL);
        if !is_due || !self.may_say_holding() {
            return;
        }
        if let Some(said) = self.holdings.due.take() {
            self.holdings.said = Some(said.position);
            self.holdings.said_at = Some(now);
            self.send(Frame::Holdings { devices: vec![said] });
        }
    }

    /// When [`Self::say_holding`] has something to do; `None` if nothing is to be said.
    pub(in crate::sync) fn holding_due_at(&self) -> Option<Millis> {
        let waits = self.holdings.due.is_some() && self.may_say_holding();
        self.holdings.said_at.filter(|_| waits).map(|at| at.plus(HOLDING_INTERVAL))
    }

    /// The relay passes on what others have said.
    pub(in crate::sync) fn handle_holdings(&mut self, devices: &[SaidHolding], cx: &Context<'_>) {
        if self.link() == LinkState::Down {
            return; // late, on a line that is over
        }
        if !self.session.is_greeting_device() && !self.session.hears_holdings() {
            return self.fault(RelayFault::Nonsense("holdings that nobody asked for"));
        }
        for said in devices {
            if said.device == self.device || said.position == Position::START || !self.holdings.is_news(said)
            {
                continue;
            }
            let Ok(holding) = said.verify(self.workspace) else {
                return self.fault(RelayFault::Nonsense("a holding that its device did not sign"));
            };
            self.holdings.latest = self.holdings.latest.max(Some(holding.value().time));
            let waiting = &mut self.holdings.waiting;
            if waiting.len() < MAX_HOLDINGS_PER_FRAME || waiting.contains_key(&said.device) {
                waiting.insert(said.device, *holding.value());
                self.session.note_brought();
            }
        }
        self.weigh_holdings(&BTreeMap::new(), cx);
    }

    /// Believes the words of others that the log bears out, as far as it is here. `recent` has the hashes that are not stored
    /// yet.
    pub(in crate::sync) fn weigh_holdings(&mut self, recent: &BTreeMap<Position, LogHash>, cx: &Context<'_>) {
        let here = self.position();
        let (ripe, waiting) = std::mem::take(&mut self.holdings.waiting)
            .into_iter()
            .partition(|(_, holding)| holding.position <= here);
        self.holdings.waiting = waiting;
        let ripe: BTreeMap<DeviceId, Holding> = ripe;
        for (device, holding) in ripe {
            let position = holding.position;
            let is_active = self.log.as_ref().is_some_and(|log| log.roster().is_active(&device));
            let hash = recent.get(&position).copied().or_else(|| self.hash_at(position, cx));
            let begun_at = self.log.as_ref().map_or(Position::START, Log::begun_at);
            if hash.is_none() && position < begun_at {
                continue; // nobody can compare it here; the device says more soon
            }
            if !is_active || hash != Some(holding.hash) {
                // It lies about itself alone, or was shown another log, for which its next entry is the proof.
                tracing::warn!(
                    ?device,
                    position = position.0,
                    "a device says to hold what is not on this log"
                );
                continue;
            }
            self.holdings.known.insert(device, position);
            // Of what was appended since this device is connected nobody has spoken before.
            let is_news = self.session.up().is_some_and(|up| position > up.target());
            let at = if is_news { cx.now } else { holding.time.min(cx.now) };
            self.effects.push_back(Effect::Holds { device, position, at });
        }
    }
}
