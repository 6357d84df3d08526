//! How far a device is that comes in through an invite or link.

use bowline_wire::entry::LoggedEntry;
use bowline_wire::frame::{Party, Reason};
use bowline_wire::ids::{EntryId, Position};

use super::effect::JoinFailed;
use super::limits::MAX_RECORDS;

/// A device on its way in.
#[derive(Debug)]
pub struct Joining {
    /// The Join, once it was written.
    offered: Option<EntryId>,
    as_device: bool,
    /// Whether a person only wants to know what the code's record says.
    asks: bool,
    refused_as_ticket: Option<JoinFailed>,
    refused_as_device: bool,
    /// What the relay has told of the roster so far.
    records: Vec<(Position, LoggedEntry)>,
    /// Bytes of these records.
    bytes: usize,
}

impl Joining {
    /// A device that begins to come in; `offered` is the Join that was stored earlier, if there is one.
    pub fn new(offered: Option<EntryId>) -> Self {
        Self {
            offered,
            // After a crash the Join may be on the log already; then only the device's own session is let in.
            as_device: offered.is_some(),
            asks: false,
            refused_as_ticket: None,
            refused_as_device: false,
            records: Vec::new(),
            bytes: 0,
        }
    }

    /// A device that only asks what the record of its code says, and writes nothing.
    pub(super) fn asking() -> Self {
        Self { asks: true, ..Self::new(None) }
    }

    /// Whether a person only wants to know what the code's record says.
    pub(super) fn only_asks(&self) -> bool {
        self.asks
    }

    /// A device whose Join the relay had and does not know any more: it is brought once more, by the ticket. `None` if another
    /// copy of this database has the Join.
    pub(super) fn again(offered: Option<EntryId>) -> Self {
        Self { as_device: false, ..Self::new(offered) }
    }

    /// The Join, once it was written.
    pub(super) fn offered(&self) -> Option<EntryId> {
        self.offered
    }

    /// Whether the next session is the device's own, not the ticket's.
    pub(super) fn goes_as_device(&self) -> bool {
        self.as_device
    }

    /// Forgets what the relay has told of the roster: it is told from the beginning.
    pub(super) fn start_over(&mut self) {
        self.records.clear();
        self.bytes = 0;
    }

    /// Notes that the Join was written, and is stored from now on.
    pub(super) fn note_offered(&mut self, join: EntryId) {
        self.offered = Some(join);
    }

    /// Notes that the Join is sent. From here on the log may have it, so what the device was told before no longer counts.
    pub(super) fn note_sent(&mut self) {
        self.refused_as_device = false;
    }

    /// Keeps records of the roster if they come after those that are here; true if they do.
    pub(super) fn collect(&mut self, records: Vec<(Position, LoggedEntry)>) -> bool {
        let last = self.records.last().map_or(Position::START, |(position, _)| *position);
        if records.first().is_some_and(|(first, _)| *first <= last) {
            return false;
        }
        self.bytes += records.iter().map(|(_, logged)| logged.entry.wire_len()).sum::<usize>();
        self.records.extend(records);
        true
    }

    /// Bytes of the records that were collected.
    pub(super) fn collected(&self) -> usize {
        self.bytes
    }

    /// Whether the relay tells more of the roster than any roster has.
    pub(super) fn is_too_much(&self) -> bool {
        self.bytes > MAX_RECORDS
    }

    /// All records that were collected.
    pub(super) fn take_records(&mut self) -> Vec<(Position, LoggedEntry)> {
        std::mem::take(&mut self.records)
    }

    /// Notes that the relay refused the Join for good. Perhaps it did because of a Join of this device, in another copy of
    /// its database: it is tried as the device before joining has failed.
    pub(super) fn join_refused(&mut self) {
        self.offered = None;
        self.as_device = true;
        self.refused_as_device = false;
        self.refused_as_ticket = Some(JoinFailed::TicketGone);
    }

    /// Why the relay did not let the code's holder in.
    pub(super) fn refused(&self) -> Option<JoinFailed> {
        self.refused_as_ticket
    }

    /// Notes that the relay did not let `party` in. Returns why joining has failed, if there is nothing left to try.
    pub(super) fn turned_away(&mut self, party: &Party, reason: Reason) -> Option<JoinFailed> {
        match party {
            Party::Ticket(_) => {
                let why = match reason {
                    Reason::TicketUsed => JoinFailed::TicketUsed,
                    Reason::TicketClosed => JoinFailed::TicketClosed,
                    Reason::TicketExpired => JoinFailed::TicketExpired,
                    _ => JoinFailed::NotAdmitted,
                };
                // There was such a code, and perhaps this device has used it: in another copy of its database, of which this
                // one knows nothing, and later than this one was refused as a device.
                self.as_device = self.offered.is_some() || why != JoinFailed::NotAdmitted;
                self.refused_as_device = false;
                self.refused_as_ticket = Some(why);
            }
            Party::Device(_) => {
                self.refused_as_device = true;
                self.as_device = false;
            }
        }
        self.refused_as_ticket.filter(|_| self.refused_as_device || !self.as_device)
    }
}
