//! How much a relay may say that brings nothing, before the line to it is given up.

use bowline_wire::frame::Frame;
use bowline_wire::ids::{Millis, Position};

use crate::sync::limits::{BARREN_CREDIT, BARREN_FRAME, BARREN_ITEM, MAX_REFUSALS, MAX_UNEXPLAINED};

/// What is left of a device's patience with one connection. Time pays back what was spent.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Milliseconds that were spent and not paid back.
    spent: u64,
    /// When that was.
    at: Millis,
}

impl Patience {
    /// Spends what a frame costs that has brought nothing; false if that is more than there is.
    pub(super) fn spend(&mut self, cost: u64, now: Millis) -> bool {
        // A clock that was put back pays nothing back, and takes nothing either.
        self.spent = self.spent.saturating_sub(now.since(self.at)).saturating_add(cost);
        self.at = now;
        self.spent <= BARREN_CREDIT
    }
}

/// Refusals for good on one connection.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    all: u32,
    /// How many in a row came while the log stood still here.
    unexplained: u32,
    /// Up to where the log was here when the last of them came.
    at: Option<Position>,
}

impl Refusals {
    /// Notes one more, and up to where the log is here; true if those are more than an honest relay gives.
    pub(super) fn are_too_many(&mut self, here: Position) -> bool {
        self.all += 1;
        self.unexplained = if self.at.is_none_or(|at| here > at) { 1 } else { self.unexplained + 1 };
        self.at = Some(here);
        self.all >= MAX_REFUSALS || self.unexplained >= MAX_UNEXPLAINED
    }
}

/// What a frame costs if it brings nothing: the work of reading it grows with what is in it.
pub(super) fn cost(frame: &Frame) -> u64 {
    let items = match frame {
        Frame::Entries { entries, .. } => entries.len(),
        Frame::Appended { entries, .. } => entries.len(),
        Frame::Records { entries, .. } | Frame::Kept { entries, .. } => entries.len(),
        Frame::Holdings { devices } => devices.len(),
        Frame::Supply { bodies } => bodies.len(),
        Frame::Wanted { positions } => positions.len(),
        _ => 0,
    };
    BARREN_FRAME.saturating_add(BARREN_ITEM.saturating_mul(items as u64))
}

#[cfg(test)]
mod tests {
    use bowline_wire::bodies::Supplied;
    use bowline_wire::entry::{LoggedEntry, SignedEntry};
    use bowline_wire::head::SeenHead;
    use bowline_wire::holding::SaidHolding;
    use bowline_wire::ids::{DeviceId, EntryId, LogHash, LogId, LogTime, Signature};
    use bowline_wire::signed::Signed;

    use super::*;

    #[test]
    fn what_was_spent_is_paid_back_by_time_and_not_by_a_clock_that_goes_back() {
        let mut patience = Patience::default();
        let start = Millis(1_000_000);
        assert!(patience.spend(BARREN_CREDIT, start));
        assert!(!patience.spend(1, start));
        let mut patience = Patience::default();
        assert!(patience.spend(BARREN_CREDIT, start));
        assert!(patience.spend(BARREN_FRAME, start.plus(BARREN_FRAME)));
        assert!(!patience.spend(BARREN_FRAME, Millis(0)), "nothing is paid back");
    }

    #[test]
    fn what_is_in_a_frame_costs_as_well_whatever_it_is() {
        let (log, hash, signature) = (LogId::ZERO, LogHash::ZERO, Signature::ZERO);
        let head = SeenHead { log, position: Position(1), hash, signature };
        let entry = || LoggedEntry {
            time: LogTime::START,
            entry: SignedEntry::from_parts(Signed::from_parts(Vec::new(), signature), None),
        };
        let said =
            SaidHolding { device: DeviceId::ZERO, position: Position(1), hash, time: Millis(1), signature };
        let with = |count: usize| {
            [
                Frame::Entries { first: Position(1), entries: vec![entry(); count], head },
                Frame::Appended { entries: vec![(EntryId::ZERO, Position(1)); count], head },
                Frame::Records { entries: vec![(Position(1), entry()); count], more: false },
                Frame::Kept { entries: vec![(Position(1), entry()); count], more: false },
                Frame::Holdings { devices: vec![said; count] },
                Frame::Supply { bodies: vec![Supplied { position: Position(1), body: Vec::new() }; count] },
                Frame::Wanted { positions: vec![Position(1); count] },
            ]
        };
        for count in [0, 1, 8] {
            for frame in with(count) {
                assert_eq!(cost(&frame), 128 + 16 * count as u64, "{frame:?}");
            }
        }
        assert_eq!(cost(&Frame::Head(head)), 128);
    }

    #[test]
    fn a_clock_put_back_by_a_year_is_not_the_relays_doing() {
        let mut patience = Patience::default();
        assert!(patience.spend(BARREN_FRAME, Millis(u64::from(u32::MAX) * 1000)));
        assert!(patience.spend(BARREN_FRAME, Millis(1)));
    }
}
