//! A relay on a bench: frames go in, frames come out, time stands until it is moved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::{Create, Frame, Party, Proof, Reason, Transcript};
use bowline_wire::ids::{EntryId, EpochId, Millis, Position, WorkspaceId};
use bowline_wire::roster::record::Record;

use super::author::{Author, Door, View, hello, said};
use super::flaky::Flaky;
use crate::config::{Config, Registration};
use crate::keys::Identity;
use crate::session::ConnId;
use crate::workspace::Workspace;
use crate::{CAPABILITIES, Relay};

pub(crate) struct Bench {
    pub(crate) relay: Relay<Flaky>,
    pub(crate) storage: Flaky,
    pub(crate) now: Millis,
    received: BTreeMap<ConnId, Vec<Arc<[u8]>>>,
    closed: BTreeSet<ConnId>,
    connections: u64,
}

pub(crate) fn config() -> Config {
    Config::new(Registration::Open)
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Config) -> Self {
        let storage = Flaky::default();
        Self {
            relay: relay(storage.clone(), config),
            storage,
            now: Millis(1_000_000),
            received: BTreeMap::new(),
            closed: BTreeSet::new(),
            connections: 0,
        }
    }

    /// The relay dies and is started again on what was stored.
    pub(crate) fn restart(&mut self) {
        self.relay = relay(self.storage.clone(), config());
        self.received.clear();
    }

    pub(crate) fn connect(&mut self) -> ConnId {
        self.connections += 1;
        let conn = ConnId(self.connections);
        self.relay.connect(conn, self.now);
        conn
    }

    pub(crate) fn send(&mut self, conn: ConnId, frame: &Frame) {
        self.relay.handle_frame(conn, &encode(frame), self.now);
    }

    pub(crate) fn append(&mut self, conn: ConnId, entries: &[&Entry]) {
        let entries = entries.iter().map(|entry| entry.to_signed()).collect();
        self.send(conn, &Frame::Append { entries });
    }

    pub(crate) fn flush(&mut self) {
        self.relay.flush(self.now);
    }

    /// Takes everything the relay wants to send and close.
    pub(crate) fn drain(&mut self) {
        while let Some((conn, bytes)) = self.relay.poll_transmit() {
            self.received.entry(conn).or_default().push(bytes);
        }
        while let Some(conn) = self.relay.poll_close() {
            self.closed.insert(conn);
        }
    }

    /// The bytes sent to `conn` since the last time.
    pub(crate) fn bytes(&mut self, conn: ConnId) -> Vec<Arc<[u8]>> {
        self.drain();
        self.received.remove(&conn).unwrap_or_default()
    }

    /// The frames sent to `conn` since the last time.
    pub(crate) fn frames(&mut self, conn: ConnId) -> Vec<Frame> {
        self.bytes(conn).iter().map(|bytes| decode(bytes).unwrap()).collect()
    }

    /// The only frame sent to `conn` since the last time.
    pub(crate) fn frame(&mut self, conn: ConnId) -> Frame {
        let mut frames = self.frames(conn);
        assert_eq!(frames.len(), 1, "{frames:?}");
        frames.remove(0)
    }

    pub(crate) fn is_closed(&mut self, conn: ConnId) -> bool {
        self.drain();
        self.closed.contains(&conn)
    }

    /// Says hello and takes the challenge; gives what was said so far.
    pub(crate) fn hello(&mut self) -> (ConnId, Transcript) {
        self.hello_with(&CAPABILITIES)
    }

    pub(crate) fn hello_with(&mut self, capabilities: &[&str]) -> (ConnId, Transcript) {
        let (conn, hello) = (self.connect(), hello(capabilities));
        self.send(conn, &hello);
        let challenge = self.frame(conn);
        assert!(matches!(challenge, Frame::Challenge(_)), "{challenge:?}");
        (conn, said(&hello, &challenge))
    }

    pub(crate) fn send_proof(&mut self, conn: ConnId, proof: Proof) {
        self.send(conn, &Frame::Proof(Box::new(proof)));
    }

    /// The whole handshake; gives the relay's answer to the proof, and nothing of what it asks for at once.
    pub(crate) fn enter(&mut self, author: &Author, workspace: WorkspaceId) -> (ConnId, Frame) {
        let (conn, said) = self.hello();
        self.send_proof(conn, author.prove(said, workspace));
        let mut frames = self.frames(conn);
        frames.retain(|frame| !matches!(frame, Frame::StateWanted { .. }));
        assert_eq!(frames.len(), 1, "{frames:?}");
        (conn, frames.remove(0))
    }

    /// A session of a device that is in.
    pub(crate) fn open(&mut self, author: &Author, workspace: WorkspaceId) -> ConnId {
        let (conn, frame) = self.enter(author, workspace);
        assert!(matches!(frame, Frame::Welcome(_)), "{frame:?}");
        conn
    }

    pub(crate) fn enter_by(&mut self, door: &Door, workspace: WorkspaceId) -> (ConnId, Frame) {
        let (conn, said) = self.hello();
        self.send_proof(conn, door.prove(said, workspace));
        let frame = self.frame(conn);
        (conn, frame)
    }

    pub(crate) fn send_create(&mut self, author: &Author, workspace: WorkspaceId, genesis: &Entry) -> ConnId {
        let (conn, said) = self.hello();
        self.send_proof(
            conn,
            author.prove_with(said, creation(author.party(), workspace, genesis.to_signed())),
        );
        conn
    }

    /// A workspace with `author` in it, and the author's session.
    pub(crate) fn create(&mut self, author: &mut Author) -> (WorkspaceId, ConnId) {
        let (workspace, genesis) = author.genesis(1);
        let conn = self.send_create(author, workspace, &genesis);
        self.flush();
        let frame = self.frame(conn);
        assert!(matches!(frame, Frame::Welcome(_)), "{frame:?}");
        (workspace, conn)
    }

    /// What somebody knows who has read the whole durable log.
    pub(crate) fn view(&self, workspace: WorkspaceId) -> View {
        view(&self.storage, workspace)
    }

    pub(crate) fn position(&self, workspace: WorkspaceId) -> Position {
        self.view(workspace).seen.unwrap().position
    }

    /// Appends and commits, and checks that it was acknowledged.
    pub(crate) fn must_append(&mut self, conn: ConnId, entries: &[&Entry]) {
        self.append(conn, entries);
        self.flush();
        let frames = self.frames(conn);
        let acknowledged = frames.iter().find_map(|frame| match frame {
            Frame::Appended { entries, .. } => Some(entries.iter().map(|(id, _)| *id).collect::<Vec<_>>()),
            _ => None,
        });
        let sent: Vec<EntryId> = entries.iter().map(|entry| entry.id()).collect();
        assert_eq!(acknowledged.as_ref(), Some(&sent), "{frames:?}");
    }

    /// Appends one entry and gives the reason for which it was refused.
    pub(crate) fn refusal(&mut self, conn: ConnId, entry: &Entry) -> Reason {
        self.append(conn, &[entry]);
        match self.frame(conn) {
            Frame::Refused { entry: refused, reason, .. } if refused == entry.id() => reason,
            other => panic!("{other:?}"),
        }
    }

    /// Lets `newcomer` in, invited by `owner`; gives the newcomer's session.
    pub(crate) fn let_in(
        &mut self,
        owner: (&mut Author, ConnId),
        newcomer: &mut Author,
        workspace: WorkspaceId,
    ) -> ConnId {
        let (owner, conn) = owner;
        let door = Door::new(newcomer.id().as_bytes()[0]);
        let view = self.view(workspace);
        let invite = owner.record(&view, &Record::Invite(door.ticket(u64::MAX)));
        self.must_append(conn, &[&invite]);
        let join = newcomer.join(&self.view(workspace), &door);
        self.must_append(conn, &[&join]);
        self.open(newcomer, workspace)
    }
}

/// A proof, not signed yet, that makes a workspace.
pub(crate) fn creation(party: Party, workspace: WorkspaceId, genesis: SignedEntry) -> Proof {
    let create = Some(Box::new(Create { token: "token".to_owned(), genesis, logs: Vec::new() }));
    Proof { create, ..Proof::unsigned(workspace, party) }
}

/// What somebody knows who has read all that is stored of a log.
pub(crate) fn view(storage: &Flaky, workspace: WorkspaceId) -> View {
    let loaded = Workspace::load(storage, workspace).unwrap().unwrap();
    View {
        workspace,
        seen: loaded.durable(),
        roster: loaded.roster().hash(),
        epoch: loaded.roster().epoch().unwrap_or(EpochId::ZERO),
    }
}

pub(crate) fn relay(storage: Flaky, config: Config) -> Relay<Flaky> {
    Relay::open(storage, Identity::from_secret(&[5; 32]), config, Box::new(super::rng(1)))
}
