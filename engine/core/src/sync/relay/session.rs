//! One connection to the relay: how far it is, and what is remembered only as long as it lasts.

use bowline_wire::codec::encode;
use bowline_wire::entry::LoggedEntry;
use bowline_wire::frame::{Frame, Party, Reason, Transcript};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LineKey, Millis, Position, RelayId};

use super::patience::{Patience, Refusals};
use crate::sync::limits::{HANDSHAKE_TIMEOUT, PING_AFTER, PING_TIMEOUT, RETRY_AFTER};

/// A connection as people are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// There is no connection.
    Down,
    /// The handshake is going on.
    Connecting,
    /// Entries up to the relay's head are on their way.
    CatchingUp {
        /// The position up to which the log is here.
        at: Position,
        /// The relay's head.
        of: Position,
    },
    /// Everything the relay had is here, and more comes as it happens.
    Live,
}

/// What a relay owes an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Awaited {
    /// Our Hello: a Challenge is due.
    Challenge,
    /// Our Proof: a Welcome is due.
    Welcome,
    /// What was asked of it or sent to it once it had let us in.
    Answer,
}

/// The connection to the relay, or that there is none. It knows nothing of log, roster or keys: what it needs of them is
/// an argument.
#[derive(Debug)]
pub(in crate::sync) struct Session {
    stage: Stage,
    partial: Option<Partial>,
    goodbye: Option<Reason>,
    /// What the relay had not answered when the last connection was given up.
    silence: Option<Awaited>,
    held_up: Option<Reason>,
    patience: Patience,
    /// How often a frame has brought something that no effect shows.
    brought: u64,
}

/// How far a connection is.
#[derive(Debug)]
enum Stage {
    /// There is no connection.
    Down,
    /// Hello was sent.
    Greeting(Greeting),
    /// Proof was sent.
    Proving(Box<Proving>),
    /// The relay let us in.
    Up(Up),
}

/// A connection on which Hello was sent.
#[derive(Debug)]
struct Greeting {
    since: Millis,
    party: Party,
    /// The key of the relay's certificate that the line itself has proven, if it has proven one.
    line: Option<LineKey>,
    hello: Vec<u8>,
}

/// What Hello said, for whoever answers the challenge to it.
pub(in crate::sync) struct Greeted {
    pub(in crate::sync) party: Party,
    /// The key of the relay's certificate that the line itself has proven, if it has proven one.
    pub(in crate::sync) line: Option<LineKey>,
    /// Hello alone.
    pub(in crate::sync) said: Transcript,
}

/// A connection on which Proof was sent.
#[derive(Clone)]
pub(in crate::sync) struct Proving {
    since: Millis,
    pub(in crate::sync) party: Party,
    /// The identity that has signed the challenge.
    pub(in crate::sync) relay: RelayId,
    /// The key of the relay's certificate that the line has proven and the identity has signed.
    pub(in crate::sync) line: Option<LineKey>,
    /// The head that the relay was shown.
    pub(in crate::sync) shown: Option<SeenHead>,
    /// Hello, Challenge and Proof, as they were sent.
    pub(in crate::sync) frames: [Vec<u8>; 3],
}

impl std::fmt::Debug for Proving {
    /// The bytes of a proof may hold a registration token, which stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proving").field("party", &self.party).finish_non_exhaustive()
    }
}

impl Proving {
    /// Hello, Challenge and Proof.
    pub(in crate::sync) fn said(&self) -> Transcript {
        Transcript::of(&self.frames)
    }
}

/// An open connection.
#[derive(Debug)]
pub(in crate::sync) struct Up {
    /// As whom the relay let us in.
    party: Party,
    /// The relay's head when it let us in: nothing is sealed before everything up to here is known.
    target: Position,
    /// When the relay last said anything.
    heard: Millis,
    /// When a ping went out that is not answered yet.
    pinged: Option<Millis>,
    /// When we last asked for entries.
    subscribed: Millis,
    /// When entries last came.
    entries_at: Millis,
    /// The position from which entries were last found missing.
    gap: Option<Position>,
    /// Refusals for good on this connection.
    refusals: Refusals,
    /// Whether both sides say and hear what devices hold.
    hears_holdings: bool,
}

/// Entries that cannot be judged yet because a removed author's run goes on in the next frame. Not stored: after a
/// disconnect they are asked for again.
#[derive(Debug)]
struct Partial {
    first: Position,
    entries: Vec<LoggedEntry>,
}

/// What a connection needs when time has passed.
pub(in crate::sync) enum Pulse {
    /// The connection is not open, and a handshake may take longer still.
    NotOpen,
    /// The connection has to be closed: the relay has not answered for too long.
    Dead,
    /// The relay has been silent: a ping is due, and counts as sent.
    PingDue,
    /// The connection is open and needs nothing.
    Alive,
}

impl Session {
    /// A session without a connection, before the first one.
    pub(in crate::sync) fn new() -> Self {
        Self {
            stage: Stage::Down,
            partial: None,
            goodbye: None,
            silence: None,
            held_up: None,
            patience: Patience::default(),
            brought: 0,
        }
    }

    /// How the connection is to a device that knows the log up to `here`.
    pub(in crate::sync) fn link(&self, here: Position) -> LinkState {
        match &self.stage {
            Stage::Down => LinkState::Down,
            Stage::Greeting(_) | Stage::Proving(_) => LinkState::Connecting,
            Stage::Up(up) if here < up.target => LinkState::CatchingUp { at: here, of: up.target },
            Stage::Up(_) => LinkState::Live,
        }
    }

    /// The open connection, if it is open.
    pub(in crate::sync) fn up(&self) -> Option<&Up> {
        match &self.stage {
            Stage::Up(up) => Some(up),
            _ => None,
        }
    }

    fn up_mut(&mut self) -> Option<&mut Up> {
        match &mut self.stage {
            Stage::Up(up) => Some(up),
            _ => None,
        }
    }

    /// Whether the relay let us in as a device.
    pub(in crate::sync) fn is_up_as_device(&self) -> bool {
        self.up().is_some_and(|up| matches!(up.party, Party::Device(_)))
    }

    /// Whether the relay let us in as a device, and both sides say and hear what devices hold.
    pub(in crate::sync) fn hears_holdings(&self) -> bool {
        self.up().is_some_and(|up| up.hears_holdings && matches!(up.party, Party::Device(_)))
    }

    /// Whether a device's Proof was sent and its welcome is due.
    pub(in crate::sync) fn is_greeting_device(&self) -> bool {
        matches!(&self.stage, Stage::Proving(proving) if matches!(proving.party, Party::Device(_)))
    }

    /// Whether the relay let us in as the holder of a ticket.
    pub(in crate::sync) fn is_up_as_ticket(&self) -> bool {
        self.up().is_some_and(|up| matches!(up.party, Party::Ticket(_)))
    }

    /// Why the relay closed the last connection, if it said so.
    pub(in crate::sync) fn goodbye(&self) -> Option<Reason> {
        self.goodbye
    }

    /// What the relay had not answered when the last connection was given up because of its silence.
    pub(in crate::sync) fn silence(&self) -> Option<Awaited> {
        self.silence
    }

    /// The part of the handshake that the relay owes.
    pub(in crate::sync) fn awaited_in_handshake(&self) -> Option<Awaited> {
        match &self.stage {
            Stage::Greeting(_) => Some(Awaited::Challenge),
            Stage::Proving(_) => Some(Awaited::Welcome),
            Stage::Down | Stage::Up(_) => None,
        }
    }

    /// Notes that a frame has brought something that no effect shows.
    pub(in crate::sync) fn note_brought(&mut self) {
        self.brought += 1;
    }

    /// A number that grows with what frames bring.
    pub(in crate::sync) fn brought(&self) -> u64 {
        self.brought
    }

    /// Notes that a frame has brought nothing; true if there were too many of those on this connection.
    pub(in crate::sync) fn note_barren(&mut self, cost: u64, now: Millis) -> bool {
        !matches!(self.stage, Stage::Down) && !self.patience.spend(cost, now)
    }

    /// Why the relay last refused an entry of ours for now, if it has accepted none since.
    pub(in crate::sync) fn held_up(&self) -> Option<Reason> {
        self.held_up
    }

    /// Notes that this Hello was sent on a new line, on behalf of this party.
    pub(in crate::sync) fn greet(&mut self, hello: &Frame, party: Party, line: Option<LineKey>, now: Millis) {
        self.goodbye = None;
        self.silence = None;
        self.patience = Patience::default();
        self.stage = Stage::Greeting(Greeting { since: now, party, line, hello: encode(hello) });
    }

    /// What Hello said; `None` unless a challenge is due.
    pub(in crate::sync) fn greeted(&self) -> Option<Greeted> {
        match &self.stage {
            Stage::Greeting(Greeting { party, line, hello, .. }) => {
                Some(Greeted { party: *party, line: *line, said: Transcript::START.then(hello) })
            }
            _ => None,
        }
    }

    /// Notes that this Proof was sent in answer to this Challenge by `relay`, with the head that it shows.
    pub(in crate::sync) fn prove(
        &mut self,
        relay: RelayId,
        (challenge, proof): (&Frame, &Frame),
        shown: Option<SeenHead>,
        now: Millis,
    ) {
        if let Stage::Greeting(Greeting { party, line, hello, .. }) = &mut self.stage {
            let frames = [std::mem::take(hello), encode(challenge), encode(proof)];
            let proving = Proving { since: now, party: *party, relay, line: *line, shown, frames };
            self.stage = Stage::Proving(Box::new(proving));
        }
    }

    /// What Proof said; `None` unless a welcome is due.
    pub(in crate::sync) fn proved(&self) -> Option<Proving> {
        match &self.stage {
            Stage::Proving(proving) => Some((**proving).clone()),
            _ => None,
        }
    }

    /// Notes that the relay let us in, that its log reaches up to `target`, and whether it hears what devices hold.
    pub(in crate::sync) fn open(
        &mut self,
        party: Party,
        target: Position,
        hears_holdings: bool,
        now: Millis,
    ) {
        self.goodbye = None;
        self.stage = Stage::Up(Up {
            party,
            target,
            heard: now,
            pinged: None,
            subscribed: now,
            entries_at: now,
            gap: None,
            refusals: Refusals::default(),
            hears_holdings,
        });
    }

    /// Notes that the line is down; nothing that happened on it counts any more.
    pub(in crate::sync) fn lose(&mut self) {
        self.close();
        self.held_up = None;
    }

    /// Ends the connection; true if there was one.
    pub(in crate::sync) fn close(&mut self) -> bool {
        let was_there = !matches!(self.stage, Stage::Down);
        self.stage = Stage::Down;
        self.partial = None;
        was_there
    }

    /// Notes why the relay closes the connection. Returns as whom we were there; `None` if there is no connection.
    pub(in crate::sync) fn note_goodbye(&mut self, reason: Reason) -> Option<Party> {
        let party = match &self.stage {
            Stage::Down => return None,
            Stage::Greeting(greeting) => greeting.party,
            Stage::Proving(proving) => proving.party,
            Stage::Up(up) => up.party,
        };
        self.goodbye = Some(reason);
        Some(party)
    }

    /// Notes that the relay has said something.
    pub(in crate::sync) fn note_heard(&mut self, now: Millis) {
        if let Some(up) = self.up_mut() {
            up.heard = now;
        }
    }

    /// Notes that entries or records have come.
    pub(in crate::sync) fn note_entries(&mut self, now: Millis) {
        if let Some(up) = self.up_mut() {
            up.entries_at = now;
        }
    }

    /// Notes that a head has come, which also answers a ping. Returns whether no entries have come since that ping; `None` if
    /// the connection is not open.
    pub(in crate::sync) fn note_head(&mut self) -> Option<bool> {
        let up = self.up_mut()?;
        let pinged = up.pinged.take();
        let quiet = pinged.is_some_and(|pinged| up.entries_at < pinged);
        if pinged.is_some() {
            self.note_brought();
        }
        Some(quiet)
    }

    /// Notes that entries are asked for anew, so that those held back will come again. Returns as whom we are there; `None` if
    /// the connection is not open.
    pub(in crate::sync) fn note_asked(&mut self, now: Millis) -> Option<Party> {
        self.partial = None;
        let up = self.up_mut()?;
        up.subscribed = now;
        Some(up.party)
    }

    /// Whether to ask for entries that are missing from this position on: not if they were asked for a moment ago.
    pub(in crate::sync) fn note_gap(&mut self, missing: Position, now: Millis) -> bool {
        let Some(up) = self.up_mut() else {
            return false;
        };
        let is_due = up.gap != Some(missing) || now.since(up.subscribed) >= RETRY_AFTER;
        if is_due {
            up.gap = Some(missing);
        }
        is_due
    }

    /// Notes that the relay has accepted an entry of ours.
    pub(in crate::sync) fn note_accepted(&mut self) {
        self.held_up = None;
    }

    /// Notes that the relay has refused an entry of ours for now.
    pub(in crate::sync) fn note_refused_for_now(&mut self, reason: Reason) {
        // A gap is what another refusal leaves behind it.
        if reason != Reason::ChainGap || self.held_up.is_none() {
            self.held_up = Some(reason);
        }
    }

    /// Notes that the relay has refused an entry of ours for good, and up to where the log is here; true if it has done so too often on
    /// this connection.
    pub(in crate::sync) fn note_refused_for_good(&mut self, here: Position) -> bool {
        self.up_mut().is_some_and(|up| up.refusals.are_too_many(here))
    }

    /// Keeps entries until those that follow them have come.
    pub(in crate::sync) fn hold_back(&mut self, first: Position, entries: Vec<LoggedEntry>) {
        self.partial = Some(Partial { first, entries });
    }

    /// The entries held back from the last frame and these, if these follow them; else these alone.
    pub(in crate::sync) fn join_held_back(
        &mut self,
        first: Position,
        entries: Vec<LoggedEntry>,
    ) -> (Position, Vec<LoggedEntry>) {
        match self.partial.take() {
            Some(mut partial) if partial.first.0 + partial.entries.len() as u64 == first.0 => {
                partial.entries.extend(entries);
                (partial.first, partial.entries)
            }
            _ => (first, entries),
        }
    }

    /// When [`Self::pass_time`] has something to do next; `None` if there is no connection.
    pub(in crate::sync) fn wakes_at(&self) -> Option<Millis> {
        match &self.stage {
            Stage::Down => None,
            Stage::Greeting(Greeting { since, .. }) => Some(since.plus(HANDSHAKE_TIMEOUT)),
            Stage::Proving(proving) => Some(proving.since.plus(HANDSHAKE_TIMEOUT)),
            Stage::Up(up) => Some(up.dead_at().unwrap_or_else(|| up.heard.plus(PING_AFTER))),
        }
    }

    /// What the connection needs now that time has passed.
    pub(in crate::sync) fn pass_time(&mut self, now: Millis) -> Pulse {
        if let Some(owed) = self.awaited_in_handshake() {
            if self.wakes_at().is_some_and(|at| now < at) {
                return Pulse::NotOpen;
            }
            self.silence = Some(owed);
            return Pulse::Dead;
        }
        match &mut self.stage {
            Stage::Down | Stage::Greeting(_) | Stage::Proving(_) => Pulse::NotOpen,
            Stage::Up(up) => match up.dead_at() {
                Some(at) if now >= at => {
                    self.silence = Some(Awaited::Answer);
                    Pulse::Dead
                }
                None if now.since(up.heard) >= PING_AFTER => {
                    up.pinged = Some(now);
                    Pulse::PingDue
                }
                _ => Pulse::Alive,
            },
        }
    }
}

impl Up {
    /// As whom the relay let us in.
    pub(in crate::sync) fn party(&self) -> Party {
        self.party
    }

    /// The relay's head when it let us in.
    pub(in crate::sync) fn target(&self) -> Position {
        self.target
    }

    /// When we last asked for entries.
    pub(in crate::sync) fn subscribed(&self) -> Millis {
        self.subscribed
    }

    /// When entries were last asked for or came.
    pub(in crate::sync) fn asked_at(&self) -> Millis {
        self.subscribed.max(self.entries_at)
    }

    /// When the line counts as dead, once it was asked: nothing came for as long as any frame before the ping may take.
    fn dead_at(&self) -> Option<Millis> {
        let silent = self.heard.plus(PING_AFTER).plus(PING_TIMEOUT);
        self.pinged.map(|at| at.plus(PING_TIMEOUT).max(silent))
    }
}
