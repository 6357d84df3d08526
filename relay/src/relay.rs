//! The relay itself: told what happened, asked what to do. No sockets, no clock, no randomness of its own.

mod append;
mod beginning;
mod bodies;
mod feed;
mod flush;
mod handshake;
mod holdings;
mod idle;
mod letting_go;
mod lost;
mod states;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bowline_wire::codec::{DecodeError, decode, encode};
use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::frame::{FRAME_VERSION, Frame, HOLDINGS, LOOKUP, Reason, STATES, is_hello_of_before};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{Millis, WorkspaceId};
use bowline_wire::limits::{MAX_FRAME, MAX_REASON_TEXT};
use rand_core::CryptoRng;

use crate::config::{CLOSE_TIMEOUT, Config, HANDSHAKE_TIMEOUT, SUBSCRIBE_COST};
use crate::keys::Identity;
use crate::rate::Rates;
use crate::room::Room;
use crate::session::{ConnId, Session, State};
use crate::storage::{Storage, StorageError};
use crate::workspace::Workspace;

/// What this version can do beyond the frames' version, by name, ascending. A session uses what both sides named.
pub const CAPABILITIES: [&str; 5] = [WRITES_DRAFT, "entries/1", HOLDINGS, LOOKUP, STATES];

/// What an operator is told of a log whose key has signed for more than is stored here.
const TOLD_OPERATOR: &str =
    "a part of a log that this relay had signed for is gone; stop it and run `bowline-relay restore`";

/// The relay's state machine over its storage `S`.
///
/// Every `handle_*` may make frames to send: afterwards, poll [`Relay::poll_transmit`] and [`Relay::poll_close`] until
/// they give nothing, and [`Relay::poll_timeout`] once. Appended entries become durable, are acknowledged and reach
/// others at the next [`Relay::flush`], which a driver calls when it has handled what had arrived.
pub struct Relay<S> {
    storage: S,
    identity: Identity,
    config: Config,
    rng: Box<dyn CryptoRng + Send>,
    /// The latest time that the relay was told; it never goes back.
    clock: Millis,
    sessions: BTreeMap<ConnId, Session>,
    workspaces: BTreeMap<WorkspaceId, Workspace>,
    deadlines: BTreeSet<(Millis, ConnId)>,
    /// Sessions with something to send, each once, next first.
    ready: VecDeque<ConnId>,
    closed: VecDeque<ConnId>,
    rates: Rates,
    /// Workspaces with something staged.
    dirty: BTreeSet<WorkspaceId>,
    staged_bytes: usize,
    staged_entries: usize,
    room: Room,
    /// Heads that were shown of logs that lack them, of which the storage does not know yet.
    unstored_losses: BTreeMap<WorkspaceId, SeenHead>,
    /// Workspaces in which entries are still to be let go.
    unswept: BTreeSet<WorkspaceId>,
    /// Those in which that has failed, until something is stored again.
    stalled: BTreeSet<WorkspaceId>,
    /// Whether something was let go whose space was not given back.
    has_space: bool,
    /// When something was last let go.
    let_go_at: Millis,
}

impl<S: Storage> Relay<S> {
    /// A relay over what `storage` holds; logs are loaded when somebody asks for them. `rng` makes challenges and the
    /// keys of new logs.
    pub fn open(storage: S, identity: Identity, config: Config, rng: Box<dyn CryptoRng + Send>) -> Self {
        let unswept = storage.unswept().unwrap_or_else(|error| {
            crate::workspace::report(&error);
            Vec::new()
        });
        Self {
            unswept: unswept.into_iter().collect(),
            stalled: BTreeSet::new(),
            // A relay may have stopped between the two.
            has_space: true,
            let_go_at: Millis::default(),
            storage,
            identity,
            config,
            rng,
            clock: Millis::default(),
            sessions: BTreeMap::new(),
            workspaces: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            ready: VecDeque::new(),
            closed: VecDeque::new(),
            rates: Rates::new(),
            dirty: BTreeSet::new(),
            staged_bytes: 0,
            staged_entries: 0,
            room: Room::default(),
            unstored_losses: BTreeMap::new(),
        }
    }

    /// The storage, to look into it.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// A connection was made. It has [`HANDSHAKE_TIMEOUT`] to prove who it is.
    pub fn connect(&mut self, conn: ConnId, now: Millis) {
        self.hear(now);
        if self.forget(conn) {
            tracing::warn!(conn = conn.0, "a connection number was used again before it was closed");
        }
        let deadline = self.clock.plus(HANDSHAKE_TIMEOUT);
        self.sessions.insert(conn, Session::new(deadline));
        self.deadlines.insert((deadline, conn));
    }

    /// A connection is gone. Nothing more is sent on it.
    pub fn disconnect(&mut self, conn: ConnId) {
        self.forget(conn);
    }

    /// The relay stops: what is staged is committed and answered, then everybody is told goodbye. Whoever drives it
    /// makes no connections after this.
    pub fn shutdown(&mut self, now: Millis) {
        self.flush(now);
        let is_told = |session: &Session| matches!(session.state, State::Closing);
        let all: Vec<ConnId> =
            self.sessions.iter().filter(|(_, session)| !is_told(session)).map(|(conn, _)| *conn).collect();
        for conn in all {
            self.goodbye(conn, Reason::Shutdown, "the relay is stopping; try again later");
        }
    }

    /// Whether the driver takes frames for `conn` at the moment; it does until it says otherwise. While it does not,
    /// [`Relay::poll_transmit`] gives none, a bounded number wait, and what follows stays in storage.
    pub fn set_writable(&mut self, conn: ConnId, writable: bool) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.writable = writable;
            self.make_ready(conn);
        }
    }

    /// A frame arrived: one whole message, whatever is in it.
    pub fn handle_frame(&mut self, conn: ConnId, bytes: &[u8], now: Millis) {
        self.hear(now);
        let Some(session) = self.sessions.get(&conn) else {
            return;
        };
        if matches!(session.state, State::Closing) {
            return;
        }
        if session.deadline.is_some_and(|deadline| deadline <= self.clock) {
            return self.expire(conn);
        }
        if bytes.len() > MAX_FRAME {
            return self.goodbye(conn, Reason::Malformed, "the frame is larger than 1 MiB");
        }
        match decode(bytes) {
            Ok(frame) => self.dispatch(conn, frame, bytes),
            Err(DecodeError::UnknownNumber { what: "frame version", number }) => {
                let text = format!(
                    "this relay speaks frame version {FRAME_VERSION}, not {number}; one side needs an update"
                );
                self.goodbye(conn, Reason::Version, &text);
            }
            Err(DecodeError::UnknownNumber { what: "frame", number }) => {
                let text = format!("frames of type {number} are not known here");
                self.goodbye(conn, Reason::OutOfPlace, &text);
            }
            Err(_) if is_hello_of_before(bytes) => {
                let text = "this relay opens sessions in a newer way; update the program";
                self.goodbye(conn, Reason::DeviceOutdated, text);
            }
            Err(why) => self.goodbye(conn, Reason::Malformed, &why.to_string()),
        }
    }

    fn dispatch(&mut self, conn: ConnId, frame: Frame, bytes: &[u8]) {
        let Some(session) = self.sessions.get(&conn) else {
            return;
        };
        match (&session.state, frame) {
            (_, Frame::Goodbye { reason, .. }) => {
                tracing::debug!(conn = conn.0, ?reason, "the peer said goodbye");
                self.close(conn);
            }
            (State::Connected, Frame::Hello(hello)) => self.handle_hello(conn, &hello, bytes),
            (State::Challenged(_), Frame::Proof(proof)) => self.handle_proof(conn, *proof, bytes),
            (State::Challenged(_), Frame::Lookup(lookup)) => self.handle_lookup(conn, &lookup),
            (State::Open(member), Frame::Subscribe { after }) => {
                let (workspace, party) = (member.workspace, member.party);
                if self.note_idle(conn, SUBSCRIBE_COST) {
                    self.handle_subscribe(conn, workspace, &party, after);
                }
            }
            (State::Open(member), Frame::Ping) => {
                let workspace = member.workspace;
                if self.note_idle(conn, 1) {
                    self.send_head(conn, workspace);
                    self.ask_for_bodies(conn);
                    self.ask_for_state(conn);
                }
            }
            (State::Open(member), Frame::Fetch { positions }) => {
                let (workspace, party) = (member.workspace, member.party);
                self.handle_fetch(conn, workspace, &party, &positions);
            }
            (State::Open(member), Frame::Supply { bodies }) => {
                let (workspace, party) = (member.workspace, member.party);
                self.handle_supply(conn, workspace, &party, bodies);
            }
            (State::Open(member), Frame::Append { entries }) => {
                let (workspace, party) = (member.workspace, member.party);
                self.handle_append(conn, workspace, party, entries, bytes);
            }
            (State::Open(member), Frame::State(piece)) if member.takes_states => {
                let workspace = member.workspace;
                self.handle_state(conn, workspace, &piece);
            }
            (State::Open(member), Frame::StateWanted { digest, offset }) if member.takes_states => {
                let workspace = member.workspace;
                self.handle_state_wanted(conn, workspace, digest, offset);
            }
            (State::Open(member), Frame::SubscribeFrom { digest, after }) if member.takes_states => {
                let workspace = member.workspace;
                if self.note_idle(conn, SUBSCRIBE_COST) {
                    self.handle_subscribe_from(conn, workspace, digest, after);
                }
            }
            (State::Open(member), Frame::Holdings { devices }) if member.hears_holdings => {
                let (workspace, party) = (member.workspace, member.party);
                self.handle_holdings(conn, workspace, &party, &devices);
            }
            _ => self.goodbye(conn, Reason::OutOfPlace, "this frame has no place here"),
        }
    }

    /// Gives up connections whose deadline has passed.
    pub fn handle_timeout(&mut self, now: Millis) {
        self.hear(now);
        while let Some((deadline, conn)) = self.deadlines.first().copied() {
            if deadline > self.clock {
                break;
            }
            self.expire(conn);
        }
    }

    /// Whether what devices send could be stored now, and nothing is lost that was signed for. Tries the storage, once in
    /// [`STORAGE_CHECK_INTERVAL`](crate::config::STORAGE_CHECK_INTERVAL) at most.
    ///
    /// # Errors
    /// What the storage says.
    pub fn check_storage(&mut self, now: Millis) -> Result<(), StorageError> {
        self.hear(now);
        if !self.unstored_losses.is_empty() || self.storage.has_lost()? {
            return Err(StorageError::Corrupt(TOLD_OPERATOR.to_owned()));
        }
        if self.room.is_to_be_tried(self.clock) {
            self.room.note_trial(self.storage.check_writable());
        }
        self.room.trouble()
    }

    /// When [`Relay::handle_timeout`] has to be called; `None` if nothing waits for time to pass.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The next frame to send, and where. Sessions take turns.
    pub fn poll_transmit(&mut self) -> Option<(ConnId, Arc<[u8]>)> {
        loop {
            let conn = self.ready.pop_front()?;
            let Some(session) = self.sessions.get_mut(&conn) else {
                continue;
            };
            session.is_ready = false;
            if !session.writable {
                continue;
            }
            let Some(frame) = session.out.pop() else { continue };
            if matches!(session.state, State::Closing) && session.out.is_empty() {
                self.close(conn);
            } else {
                self.feed(conn);
                self.make_ready(conn);
            }
            return Some((conn, frame));
        }
    }

    /// The next connection to close. Nothing more will be sent on it, and what arrives on it is ignored.
    pub fn poll_close(&mut self) -> Option<ConnId> {
        self.closed.pop_front()
    }

    /// Bytes and frames that wait for `conn`.
    #[cfg(test)]
    pub(crate) fn queued(&self, conn: ConnId) -> Option<(usize, usize)> {
        self.sessions.get(&conn).map(|session| session.out.size())
    }

    /// How many workspaces are in memory.
    #[cfg(test)]
    pub(crate) fn loaded(&self) -> usize {
        self.workspaces.len()
    }

    fn hear(&mut self, now: Millis) {
        self.clock = self.clock.max(now);
    }

    /// A deadline has passed: the handshake's, or the one for reading the last frames.
    fn expire(&mut self, conn: ConnId) {
        match self.sessions.get(&conn).map(|session| &session.state) {
            Some(State::Connected | State::Challenged(_)) => {
                self.goodbye(conn, Reason::BadProof, "there was no proof in time");
            }
            _ => self.close(conn),
        }
    }

    fn is_open(&self, conn: ConnId) -> bool {
        self.sessions.get(&conn).and_then(Session::member).is_some()
    }

    /// Sends an answer, unless goodbye was said. A peer that asks without reading the answers is cut off.
    fn answer(&mut self, conn: ConnId, frame: &Frame) {
        let bytes: Arc<[u8]> = encode(frame).into();
        let Some(session) = self.sessions.get_mut(&conn) else {
            return;
        };
        if matches!(session.state, State::Closing) {
            return;
        }
        if session.out.fits(bytes.len()) {
            self.transmit(conn, bytes);
        } else {
            tracing::info!(conn = conn.0, "a peer asks without reading and is cut off");
            self.close(conn);
        }
    }

    fn transmit(&mut self, conn: ConnId, bytes: Arc<[u8]>) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.out.push(bytes);
            self.make_ready(conn);
        }
    }

    fn make_ready(&mut self, conn: ConnId) {
        if let Some(session) = self.sessions.get_mut(&conn)
            && session.writable
            && !session.is_ready
            && !session.out.is_empty()
        {
            session.is_ready = true;
            self.ready.push_back(conn);
        }
    }

    fn send_head(&mut self, conn: ConnId, workspace: WorkspaceId) {
        if let Some(head) = self.workspaces.get(&workspace).and_then(Workspace::durable) {
            self.answer(conn, &Frame::Head(head));
        }
    }

    /// Tells a peer why its session ends, and closes the connection once that is sent. What is queued already goes first.
    fn goodbye(&mut self, conn: ConnId, reason: Reason, text: &str) {
        tracing::info!(conn = conn.0, ?reason, "a session ends");
        self.leave_workspace(conn);
        self.set_deadline(conn, Some(self.clock.plus(CLOSE_TIMEOUT)));
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.state = State::Closing;
            let frame = Frame::Goodbye { reason, text: sentence(text) };
            self.transmit(conn, encode(&frame).into());
        }
    }

    /// Closes a connection once what is queued is sent, without telling the peer why.
    fn close_quietly(&mut self, conn: ConnId) {
        self.leave_workspace(conn);
        self.set_deadline(conn, Some(self.clock.plus(CLOSE_TIMEOUT)));
        match self.sessions.get_mut(&conn) {
            Some(session) if session.out.is_empty() => self.close(conn),
            Some(session) => session.state = State::Closing,
            None => {}
        }
    }

    /// Closes a connection now; what is queued is not sent.
    fn close(&mut self, conn: ConnId) {
        if self.end(conn) {
            self.closed.push_back(conn);
        }
    }

    /// Forgets everything about a connection's number, so that it may be used again. Returns `false` if it had no session.
    fn forget(&mut self, conn: ConnId) -> bool {
        self.closed.retain(|closed| *closed != conn);
        self.end(conn)
    }

    /// Ends a connection's session. Returns `false` if it has none.
    fn end(&mut self, conn: ConnId) -> bool {
        self.leave_workspace(conn);
        self.set_deadline(conn, None);
        let Some(session) = self.sessions.remove(&conn) else {
            return false;
        };
        if session.is_ready {
            self.ready.retain(|ready| *ready != conn);
        }
        true
    }

    /// Takes a session out of its workspace, and the workspace out of memory if nobody needs it there any more.
    fn leave_workspace(&mut self, conn: ConnId) {
        let workspace = self.sessions.get(&conn).and_then(Session::workspace);
        if let Some(workspace) = workspace
            && let Some(loaded) = self.workspaces.get_mut(&workspace)
        {
            loaded.sessions.remove(&conn);
            self.forget_if_idle(workspace);
        }
    }

    /// Takes a workspace out of memory if it has no sessions and nothing in it waits to be stored.
    fn forget_if_idle(&mut self, workspace: WorkspaceId) {
        let Some(loaded) = self.workspaces.get(&workspace).filter(|loaded| loaded.sessions.is_empty()) else {
            return;
        };
        // What devices said that they hold goes with the next commit; here there would be none.
        if !loaded.unsaved.is_empty() {
            self.dirty.insert(workspace);
        }
        if !self.dirty.contains(&workspace) {
            self.workspaces.remove(&workspace);
        }
    }

    fn set_deadline(&mut self, conn: ConnId, deadline: Option<Millis>) {
        let Some(session) = self.sessions.get_mut(&conn) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut session.deadline, deadline) {
            self.deadlines.remove(&(old, conn));
        }
        if let Some(new) = deadline {
            self.deadlines.insert((new, conn));
        }
    }
}

/// `text`, cut to what a frame may carry.
fn sentence(text: &str) -> String {
    let mut text = text.to_owned();
    text.truncate(text.floor_char_boundary(MAX_REASON_TEXT));
    text
}
