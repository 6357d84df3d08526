//! One workspace on this device: the log as far as it was verified, the keys, and what is on its way to the relay.

use std::collections::VecDeque;

use bowline_crypto::{Keyring, TicketSecret};
use bowline_wire::entry::Entry;
use bowline_wire::frame::Reason;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{DeviceId, Incarnation, Position, RelayId, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::CodeKind;
use bowline_wire::successor::Succession;

use super::beginning::Beginning;
use super::bodies::Bodies;
use super::effect::Effect;
use super::feed::Feed;
use super::handing_on::Lacking;
use super::holdings::Holdings;
use super::outbox::Outbox;
use super::relay::faults::RelayFault;
use super::relay::session::Session;
use super::state::{Phase, Pins, Stored};

/// One workspace on this device. See [`crate::sync`].
#[derive(Debug)]
pub struct Replica {
    pub(super) workspace: WorkspaceId,
    pub(super) device: DeviceId,
    pub(super) incarnation: Incarnation,
    pub(super) phase: Phase,
    pub(super) log: Option<Log>,
    pub(super) head: Option<SeenHead>,
    /// The furthest head beyond ours that the relay has signed: the log has to come to pass through it.
    pub(super) promised: Option<SeenHead>,
    /// The head beyond ours up to which a person has seen the log and decided to go on with it.
    pub(super) decided: Option<SeenHead>,
    pub(super) keyring: Option<Keyring>,
    /// Who lacks keys that are here.
    pub(super) lacking: Lacking,
    pub(super) ticket: Option<TicketSecret>,
    pub(super) pins: Option<Pins>,
    pub(super) lets_in: Option<CodeKind>,
    pub(super) relay: Option<RelayId>,
    pub(super) outbox: Outbox,
    /// What the log had before it was continued, on its way back.
    pub(super) feed: Feed,
    /// The log on its way that begins from a state.
    pub(super) beginning: Option<Beginning>,
    /// By which the log came to be signed by its key.
    pub(super) succession: Succession,
    pub(super) session: Session,
    pub(super) holdings: Holdings,
    pub(super) bodies: Bodies,
    /// Where the first entry stands whose body is withheld.
    pub(super) withheld_from: Option<Position>,
    pub(super) distrusted: bool,
    /// Milliseconds by which a person lets the log's time be further ahead than is taken without asking.
    pub(super) time_let_through: u64,
    pub(super) effects: VecDeque<Effect>,
}

impl Replica {
    /// The replica of what was stored, to go on from there.
    pub fn restore(stored: Stored) -> Self {
        let log = stored.log.map(|log| log.with_succession(&stored.succession));
        let head = log.as_ref().map(Log::head);
        // A log that was continued passes through what the logs before it have signed, up to where each of them ends.
        let is_of_log = |it: &SeenHead| match stored.succession.end_of(it.log) {
            Some(end) => it.position <= end.position,
            None => head.is_some_and(|head| head.log == it.log),
        };
        let roster = log.as_ref().map(Log::roster);
        let with_keys = stored.keyring.as_ref().zip(roster);
        let lacking = with_keys.map(|(keyring, roster)| Lacking::since(&stored.since_epoch, roster, keyring));
        let is_beyond = |it: &SeenHead| is_of_log(it) && head.is_some_and(|head| head.position < it.position);
        Self {
            workspace: stored.workspace,
            device: stored.device,
            incarnation: stored.incarnation,
            phase: stored.phase,
            log,
            head: stored.head,
            promised: None,
            decided: stored.decided.filter(|decided| is_beyond(decided)),
            keyring: stored.keyring,
            lacking: lacking.unwrap_or_default(),
            ticket: stored.ticket,
            pins: stored.pins,
            lets_in: stored.lets_in,
            relay: stored.relay,
            outbox: Outbox::of(stored.offered),
            feed: Feed::of(stored.to_send_again),
            beginning: None,
            succession: stored.succession,
            session: Session::new(),
            holdings: Holdings::default(),
            bodies: Bodies::for_new_line(),
            withheld_from: stored.withheld_from,
            distrusted: stored.distrusted,
            time_let_through: 0,
            effects: VecDeque::new(),
        }
    }

    /// The next thing the caller owes.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The workspace's id.
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// This life of the database.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// How far the membership is.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The log as far as it was verified.
    pub fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// The signed head at the log's end here.
    pub fn head(&self) -> Option<&SeenHead> {
        self.head.as_ref()
    }

    /// Takes the keys that [`super::keys_in_records`] has found and the caller has stored, if there are none here.
    pub fn take_keys(&mut self, keyring: Keyring) {
        self.keyring.get_or_insert(keyring);
    }

    /// Takes keys that were found in all records anew, in the place of those that are here, which are among them.
    pub fn replace_keys(&mut self, keyring: Keyring) {
        self.keyring = Some(keyring);
    }

    /// The relay's identity, once the log's key has vouched for it.
    pub fn relay(&self) -> Option<RelayId> {
        self.relay
    }

    /// The keys.
    pub fn keyring(&self) -> Option<&Keyring> {
        self.keyring.as_ref()
    }

    /// Our entries that are not on the log yet as far as we know, in order.
    pub fn offered(&self) -> impl Iterator<Item = &Entry> {
        self.outbox.entries()
    }

    /// The head beyond ours up to which a person has decided to go on with the log.
    pub fn decided(&self) -> Option<&SeenHead> {
        self.decided.as_ref()
    }

    /// Whether the log has not passed the point yet that the code names by which this device came in.
    pub fn has_pins(&self) -> bool {
        self.pins.is_some()
    }

    /// By which others the log came to be signed by its key.
    pub fn succession(&self) -> &Succession {
        &self.succession
    }

    /// Where the log is here.
    pub fn position(&self) -> Position {
        self.log.as_ref().map_or(Position::START, |log| log.head().position)
    }

    /// Up to where everything is here, bodies included.
    pub(super) fn held(&self) -> Position {
        let before = |first: Position| Position(first.0.saturating_sub(1));
        self.withheld_from.map_or(self.position(), |first| before(first).min(self.position()))
    }

    /// What grows while the workspace comes in: the log's length here, and the bytes of a newcomer's records, or of what the log begins from.
    pub fn progress(&self) -> (Position, usize) {
        let records = if let Phase::Joining(joining) = &self.phase { joining.collected() } else { 0 };
        let brought = self.beginning.as_ref().map_or(0, Beginning::brought);
        (self.position(), records + brought)
    }

    /// Why the relay does not take our entries at the moment, on this connection: it may later.
    pub fn held_up(&self) -> Option<Reason> {
        self.session.held_up()
    }

    /// Whether lasting evidence against the relay is on record.
    pub fn is_distrusted(&self) -> bool {
        self.distrusted
    }

    /// Notes that evidence against the relay was found beside its line, and is stored.
    pub fn distrust(&mut self) {
        self.distrusted = true;
        self.close();
    }

    /// Reports a fault of the relay and closes the connection.
    pub(super) fn fault(&mut self, fault: RelayFault) {
        self.note_fault(fault);
        self.close();
    }

    /// Reports a fault of the relay, which is the first thing to become durable of all that is still to be asked for.
    pub(super) fn note_fault(&mut self, fault: RelayFault) {
        tracing::warn!(%fault, "relay fault");
        self.distrusted |= fault.is_lasting();
        self.effects.push_back(Effect::Fault(fault));
    }

    pub(super) fn send(&mut self, frame: bowline_wire::frame::Frame) {
        self.effects.push_back(Effect::Send(frame));
    }

    pub(super) fn close(&mut self) {
        if self.session.close() {
            self.effects.push_back(Effect::Close);
        }
    }
}
