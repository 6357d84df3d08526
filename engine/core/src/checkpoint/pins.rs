//! Which hashes of the log a state says below its place.

use std::collections::BTreeMap;

use bowline_wire::ids::{LogHash, Position};
use bowline_wire::log::{Log, Pin, State};
use bowline_wire::roster::{TicketStage, TicketState};

use super::listed::{Listed, Verdict};

/// Pins of the state before that are all said again, the newest ones: devices that come back meet one that they know.
const NEWEST_PINS: usize = 16;

/// The pins of the state of `log` at its head: places that codes pin which are open there, the place of the state before, and of its pins the
/// newest, and ever fewer of older ones. `entries` are in order of places.
pub(super) fn pins(log: &Log, base: Option<&State>, entries: &[Listed<'_>]) -> Vec<Pin> {
    let at = log.head().position;
    let mut pins: BTreeMap<Position, LogHash> = BTreeMap::new();
    if let Some(base) = base {
        pins.extend(kept(at, &base.pins).map(|pin| (pin.at, pin.hash)));
        pins.insert(base.at, base.hash);
    }
    let open = log.roster().tickets().map(|(_, ticket)| ticket).filter(|ticket| is_open(log, ticket));
    for pin in open.filter_map(|ticket| seen_at(made(log, ticket)?, entries)).filter(|pin| pin.at < at) {
        // What a state that stood says of a place goes before what one author had seen there.
        pins.entry(pin.at).or_insert(pin.hash);
    }
    pins.into_iter().map(|(at, hash)| Pin { at, hash }).collect()
}

/// Whether somebody may still come in by a code.
fn is_open(log: &Log, ticket: &TicketState) -> bool {
    ticket.stage == TicketStage::Open && !ticket.is_over(log.time())
}

fn made(log: &Log, ticket: &TicketState) -> Option<Position> {
    log.roster().points().get(ticket.made_at).map(|point| point.at.position)
}

/// What the author of the record at a place had seen.
fn seen_at(record: Position, entries: &[Listed<'_>]) -> Option<Pin> {
    let found = entries.binary_search_by_key(&record, |it| it.at.position).ok()?;
    match entries.get(found)?.verdict {
        Verdict::Accepted { seen, .. } => seen,
        Verdict::Passed => None,
    }
}

/// Which pins of the state before, ascending, are said again at `at`: the newest ones, and of the others the lowest of those that are about as far
/// away.
fn kept(at: Position, pins: &[Pin]) -> impl Iterator<Item = Pin> {
    let (older, newest) = pins.split_at(pins.len().saturating_sub(NEWEST_PINS));
    let mut lowest: BTreeMap<u32, Pin> = BTreeMap::new();
    for pin in older {
        let distance = at.0.saturating_sub(pin.at.0).max(1);
        lowest.entry(distance.ilog2()).or_insert(*pin);
    }
    newest.iter().copied().chain(lowest.into_values())
}
