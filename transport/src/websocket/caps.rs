//! How many connections a listener holds at once, in all and from one place.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections a listener holds at once, those still shaking hands included. Whoever is over a cap can ask
/// `routes` one thing and gets HTTP 503 for a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// How many connections in all.
    pub connections: usize,
    /// How many connections from one IPv4 address or one IPv6 network of 64 bits, since whoever has one such address has all of them.
    pub per_address: usize,
}

/// Bits of an IPv6 address that a provider gives to one customer's network.
const NETWORK: u128 = !0 << 64;

/// Where connections are counted as coming from the same place.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & NETWORK).into(),
    }
}

/// The connections that are open now.
pub(super) struct Gate {
    caps: Caps,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_place: HashMap<IpAddr, usize>,
}

impl Gate {
    pub(super) fn new(caps: Caps) -> Arc<Self> {
        Arc::new(Self { caps, open: Mutex::default() })
    }

    /// Counts one more connection from `address`, unless that is over a cap.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let place = place(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let here = open.by_place.get(&place).copied().unwrap_or(0);
        if open.all >= self.caps.connections || here >= self.caps.per_address {
            return None;
        }
        open.all += 1;
        open.by_place.insert(place, here + 1);
        Some(Permit { gate: Arc::clone(self), place })
    }

    fn leave(&self, place: IpAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        match open.by_place.get_mut(&place) {
            Some(here) if *here > 1 => *here -= 1,
            _ => drop(open.by_place.remove(&place)),
        }
    }
}

/// One counted connection; no longer counted once dropped.
pub(super) struct Permit {
    gate: Arc<Gate>,
    place: IpAddr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.leave(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(connections: usize, per_address: usize) -> Arc<Gate> {
        Gate::new(Caps { connections, per_address })
    }

    fn from(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_connection_over_the_cap_enters_once_another_has_left() {
        let gate = gate(2, 2);
        let first = gate.enter(from("192.0.2.1")).unwrap();
        let _second = gate.enter(from("192.0.2.2")).unwrap();
        assert!(gate.enter(from("192.0.2.3")).is_none());
        drop(first);
        assert!(gate.enter(from("192.0.2.3")).is_some());
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let gate = gate(10, 1);
        let _first = gate.enter(from("192.0.2.1")).unwrap();
        assert!(gate.enter(from("192.0.2.1")).is_none());
        assert!(gate.enter(from("::ffff:192.0.2.1")).is_none(), "the same address, written as IPv6");
        assert!(gate.enter(from("192.0.2.2")).is_some());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let gate = gate(10, 1);
        let _first = gate.enter(from("2001:db8:0:1::1")).unwrap();
        assert!(gate.enter(from("2001:db8:0:1:ffff::2")).is_none());
        assert!(gate.enter(from("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn places_that_are_empty_take_no_memory() {
        let gate = gate(10, 2);
        drop([gate.enter(from("192.0.2.1")), gate.enter(from("192.0.2.1"))]);
        assert!(gate.open.lock().unwrap().by_place.is_empty());
    }
}
