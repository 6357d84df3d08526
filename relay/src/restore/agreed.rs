//! How far everybody agrees with a log as it is stored, whatever else its key may have signed: a database that was put back may have been
//! served since, so that its log and the one from before hold different entries behind the state that was put back.

use std::collections::BTreeMap;

use bowline_wire::ids::{DeviceId, Position};
use bowline_wire::roster::{Device, TicketStage};

use crate::workspace::Workspace;

/// The last position up to which whoever may come has the log as it is here. `begun` is the place from which the log's present key
/// signs: everything that it has ever signed for passes through that.
///
/// A device has said itself how far its log is this one: by the heads that its entries name, and by its holding. Somebody who came in by
/// a code on the log that was lost knows at least the log up to where that code was made.
pub(super) fn agreed(loaded: &Workspace, begun: Position) -> Position {
    let (log, roster) = (loaded.log(), loaded.roster());
    let number = loaded.successors.len() as u64;
    let mut said: BTreeMap<DeviceId, Position> = BTreeMap::new();
    let mut note = |device: DeviceId, position: Position| {
        let furthest = said.entry(device).or_insert(Position::START);
        *furthest = (*furthest).max(position);
    };
    for (chain, tip) in log.tips() {
        if let Some(seen) = tip.seen.filter(|_| tip.log == number) {
            note(chain.device, seen.position);
        }
    }
    for holding in loaded.holdings.values() {
        note(holding.device, holding.position);
    }
    // A phrase on paper knows nothing of any log until it is used.
    let comes = |(id, device): &(&DeviceId, &Device)| {
        device.is_active() && (!device.recovery || said.contains_key(id))
    };
    let devices = roster.devices().filter(comes).map(|(id, _)| said.get(id).copied().unwrap_or(begun));
    let open = roster.tickets().filter(|(_, ticket)| ticket.stage == TicketStage::Open);
    let made =
        open.filter_map(|(_, ticket)| roster.points().get(ticket.made_at)).map(|made| made.at.position);
    devices.chain(made).min().map_or(log.head().position, |agreed| agreed.max(begun))
}
