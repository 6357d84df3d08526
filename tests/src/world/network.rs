//! The network: frames on their way, and what happens to them.

use std::collections::BTreeMap;

use bowline_relay::ConnId;
use bowline_wire::ids::Millis;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::faults::{Fault, Fired, Rates};

/// Milliseconds a frame takes when nothing goes wrong.
const LATENCY: u64 = 5;

/// Milliseconds a late frame may take longer.
const LATE: u64 = 3_000;

/// Something that is going to happen.
#[derive(Clone, Debug)]
pub(super) enum Event {
    ToRelay {
        conn: ConnId,
        bytes: Vec<u8>,
    },
    ToDevice {
        conn: ConnId,
        bytes: Vec<u8>,
    },
    /// The relay commits what it has.
    Flush,
    /// A device tries to connect.
    Reconnect {
        device: usize,
    },
    /// A connection ends.
    Closed {
        conn: ConnId,
    },
}

/// Frames on their way.
#[derive(Default)]
pub(super) struct Network {
    pub(super) rates: Rates,
    queue: BTreeMap<(Millis, u64), Event>,
    next_number: u64,
    next_conn: u64,
    flush: Option<Millis>,
    /// When the last frame of a connection and direction arrives, so that the next comes after it.
    last: BTreeMap<(ConnId, bool), Millis>,
}

impl Network {
    pub(super) fn new_conn(&mut self) -> ConnId {
        self.next_conn += 1;
        ConnId(self.next_conn)
    }

    pub(super) fn next(&self) -> Option<Millis> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn pop(&mut self, now: Millis) -> Option<Event> {
        let entry = self.queue.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let event = entry.remove();
        if matches!(event, Event::Flush) {
            self.flush = None;
        }
        Some(event)
    }

    pub(super) fn at(&mut self, at: Millis, event: Event) {
        self.next_number += 1;
        self.queue.insert((at, self.next_number), event);
    }

    pub(super) fn flush_at(&mut self, at: Millis) {
        if self.flush.is_none() {
            self.flush = Some(at);
            self.at(at, Event::Flush);
        }
    }

    pub(super) fn send_to_relay(
        &mut self,
        conn: ConnId,
        bytes: Vec<u8>,
        now: Millis,
        random: &mut ChaCha8Rng,
        fired: &mut Fired,
    ) {
        self.send(conn, false, now, random, fired, |conn| Event::ToRelay { conn, bytes: bytes.clone() });
    }

    pub(super) fn send_to_device(
        &mut self,
        conn: ConnId,
        bytes: Vec<u8>,
        now: Millis,
        random: &mut ChaCha8Rng,
        fired: &mut Fired,
    ) {
        self.send(conn, true, now, random, fired, |conn| Event::ToDevice { conn, bytes: bytes.clone() });
    }

    fn send(
        &mut self,
        conn: ConnId,
        to_device: bool,
        now: Millis,
        random: &mut ChaCha8Rng,
        fired: &mut Fired,
        event: impl Fn(ConnId) -> Event,
    ) {
        let mut happens = |rate: u32, fault: Fault| {
            let happens = random.next_u32() % 1000 < rate;
            if happens {
                fired.count(fault);
            }
            happens
        };
        let Rates { loss, delay, duplication, reordering, disconnect } = self.rates;
        if happens(loss, Fault::Loss) {
            return;
        }
        let late = happens(delay, Fault::Delay);
        let twice = happens(duplication, Fault::Duplication);
        let overtakes = happens(reordering, Fault::Reordering);
        let breaks = happens(disconnect, Fault::Disconnect);
        let wait = if late { u64::from(random.next_u32()) % LATE } else { 0 };
        let last = self.last.entry((conn, to_device)).or_insert(now);
        let in_order = now.plus(LATENCY + wait).max(*last);
        // What overtakes leaves the others their order, and comes whenever it does.
        let at = if overtakes { now.plus(u64::from(random.next_u32()) % (2 * LATENCY)) } else { in_order };
        *last = (*last).max(at);
        self.at(at, event(conn));
        if twice {
            self.at(at.plus(u64::from(random.next_u32()) % LATE), event(conn));
        }
        if breaks {
            self.at(at, Event::Closed { conn });
        }
    }

    /// The connection ends once what is on its way has arrived.
    pub(super) fn close_after_delivery(&mut self, conn: ConnId, now: Millis) {
        let last = [false, true].into_iter().filter_map(|to| self.last.get(&(conn, to))).max();
        let at = last.copied().unwrap_or(now).max(now);
        self.at(at, Event::Closed { conn });
    }

    /// What is still on its way on this connection never arrives.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.queue.retain(|_, event| match event {
            Event::ToRelay { conn: on, .. }
            | Event::ToDevice { conn: on, .. }
            | Event::Closed { conn: on } => *on != conn,
            Event::Flush | Event::Reconnect { .. } => true,
        });
        self.last.remove(&(conn, false));
        self.last.remove(&(conn, true));
    }
}
