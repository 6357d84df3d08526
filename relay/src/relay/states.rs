//! The state of the checkpoint that stands: asked of devices a piece at a time, compared with the log, and given to whoever begins from it.

use bowline_wire::codec::decode;
use bowline_wire::frame::{Frame, LetGo, Party, Reason, StatePiece};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, Position, StateDigest, WorkspaceId};
use bowline_wire::limits::MAX_STATE_PIECE;
use bowline_wire::log::{State, Stood, live_digest};

use super::Relay;
use crate::config::STATE_PATIENCE;
use crate::session::{ConnId, Session, Upload};
use crate::storage::{LettingGo, LogCommit, Storage, StorageError, roster};
use crate::workspace::{Workspace, report};

impl<S: Storage> Relay<S> {
    /// Something is durable: if a checkpoint has come to stand by it, somebody who has said so in it is asked for its state.
    pub(super) fn ask_signers(&mut self, commit: &LogCommit) {
        if commit.checkpoints.is_none() {
            return; // nothing was said of any
        }
        let words = commit.rows.iter().map(|row| row.entry.header());
        let words = words.filter(|header| header.entry_type == EntryType::Checkpoint);
        let signers: Vec<DeviceId> = words.map(|header| header.device).collect();
        for conn in self.sessions_of(commit.workspace) {
            let member = self.sessions.get(&conn).and_then(Session::member);
            if member.is_some_and(|it| matches!(it.party, Party::Device(id) if signers.contains(&id))) {
                self.ask_for_state(conn);
            }
        }
    }

    /// Asks a device for the state of the checkpoint that stands, unless that is here, or another is asked.
    pub(super) fn ask_for_state(&mut self, conn: ConnId) {
        let Some(member) = self.sessions.get(&conn).and_then(Session::member).filter(|it| it.takes_states)
        else {
            return;
        };
        let workspace = member.workspace;
        let Some(loaded) = self.workspaces.get(&workspace) else { return };
        let Some(digest) = loaded.wanted_state().map(|stood| stood.digest) else { return };
        let is_on_its_way = loaded.upload.is_some_and(|upload| {
            let is_there = self.sessions.contains_key(&upload.conn);
            upload.digest == digest && is_there && self.clock.since(upload.asked) < STATE_PATIENCE
        });
        if is_on_its_way {
            return;
        }
        // What is here of it is of another device, which may have sent anything.
        self.drop_state(workspace);
        if let Some(loaded) = self.workspaces.get_mut(&workspace) {
            loaded.upload = Some(Upload { conn, digest, len: None, received: 0, asked: self.clock });
        }
        self.answer(conn, &Frame::StateWanted { digest, offset: 0 });
    }

    /// A device sends a piece of a state. One that it was asked for is kept.
    pub(super) fn handle_state(&mut self, conn: ConnId, workspace: WorkspaceId, piece: &StatePiece) {
        if piece.end() == piece.len {
            // What is staged may be lost again, and with it what stands by it. Now, while it is known whose bytes are here.
            self.flush(self.clock);
        }
        let Some(loaded) = self.workspaces.get_mut(&workspace).filter(|it| it.sessions.contains(&conn))
        else {
            return;
        };
        // Each is a commit: whoever sends a byte at a time keeps everybody waiting, and the others from being asked.
        let is_long = piece.bytes.len() == MAX_STATE_PIECE || piece.end() == piece.len;
        let is_asked = |upload: &&mut Upload| {
            upload.conn == conn
                && upload.digest == piece.digest
                && upload.received == piece.offset
                && upload.len.is_none_or(|len| len == piece.len)
                && is_long
        };
        let Some(upload) = loaded.upload.as_mut().filter(is_asked) else {
            self.note_idle(conn, 1);
            return;
        };
        if let Err(error) = self.storage.add_to_state(workspace, piece) {
            loaded.upload = None;
            return report(&error);
        }
        *upload = Upload { len: Some(piece.len), received: piece.end(), asked: self.clock, ..*upload };
        if piece.end() < piece.len {
            let (digest, offset) = (piece.digest, piece.end());
            return self.answer(conn, &Frame::StateWanted { digest, offset });
        }
        loaded.upload = None;
        self.take_state(conn, workspace, piece.digest, piece.len);
    }

    /// All bytes of a state are here. If it is the one that stands, and the log's, entries are let go by it.
    fn take_state(&mut self, conn: ConnId, workspace: WorkspaceId, digest: StateDigest, len: u64) {
        let bytes = match self.read_whole(workspace, digest) {
            Ok(bytes) => bytes,
            Err(error) => return report(&error),
        };
        let Some(state) = decode::<State>(&bytes).ok().filter(|it| it.digest(workspace) == digest) else {
            tracing::warn!(conn = conn.0, "a device sends another state than it was asked for");
            self.drop_state(workspace);
            return self.goodbye(conn, Reason::Malformed, "that is not the state that was asked for");
        };
        let wanted = self.workspaces.get(&workspace).and_then(Workspace::wanted_state);
        let Some(stood) = wanted.filter(|stood| stood.digest == digest) else {
            return self.drop_state(workspace); // another stands by now
        };
        match self.begin_letting_go(workspace, stood, &state, len) {
            Ok(true) => {}
            Ok(false) => {
                let at = stood.at.0;
                tracing::error!(?workspace, at, "a state that stands is not this log's: everything is kept");
                if let Some(loaded) = self.workspaces.get_mut(&workspace) {
                    loaded.foreign_state = Some(digest);
                }
                self.drop_state(workspace);
            }
            Err(error) => report(&error),
        }
    }

    /// Throws away what came of a state by which nothing is let go.
    fn drop_state(&mut self, workspace: WorkspaceId) {
        let kept = self.let_go_in(workspace).map(|by| by.stood.digest);
        if let Err(error) = self.storage.drop_states(workspace, kept) {
            report(&error);
        }
    }

    fn read_whole(&self, workspace: WorkspaceId, digest: StateDigest) -> Result<Vec<u8>, StorageError> {
        let mut bytes = Vec::new();
        loop {
            let piece = self.storage.read_state(workspace, digest, bytes.len() as u64)?;
            if piece.is_empty() {
                return Ok(bytes);
            }
            bytes.extend(piece);
        }
    }

    /// Lets entries go by a state that stands from now on, if it is the log's. The one before it goes then: nobody is given it any more.
    fn begin_letting_go(
        &mut self,
        workspace: WorkspaceId,
        stood: Stood,
        state: &State,
        len: u64,
    ) -> Result<bool, StorageError> {
        let Some(loaded) = self.workspaces.get(&workspace) else { return Ok(false) };
        if state.at != stood.at || !self.is_of_log(loaded, workspace, state)? {
            return Ok(false);
        }
        let (hash, live) = (Some(state.hash), state.live.clone());
        let by = LettingGo { stood, hash, len, live, swept: Position::START };
        self.storage.begin_letting_go(workspace, &by)?;
        if let Some(loaded) = self.workspaces.get_mut(&workspace) {
            loaded.letting_go = Some(by);
        }
        self.unswept.insert(workspace);
        self.drop_state(workspace);
        Ok(true)
    }

    /// Whether a state says of the log what the log is here, as far as a relay without keys can see: at its place, of its records, and of
    /// the entries that stay.
    fn is_of_log(
        &self,
        loaded: &Workspace,
        workspace: WorkspaceId,
        state: &State,
    ) -> Result<bool, StorageError> {
        let is_there = self.storage.hash_at(workspace, state.at)? == Some(state.hash)
            && roster::time_of(&self.storage, workspace, state.at)? == Some(state.time);
        let points = loaded.roster().points();
        let applied = points.partition_point(|point| point.at.position <= state.at);
        let last = applied.checked_sub(1).and_then(|last| points.get(last));
        let is_roster =
            last.is_some_and(|point| point.hash == state.roster) && applied as u64 == state.records;
        if !is_there || !is_roster || !self.keeps_records(workspace, state)? {
            return Ok(false);
        }
        let ids = self.storage.ids_in(workspace, &state.live)?;
        let count: u64 = state.live.iter().map(|run| run.count).sum();
        Ok(ids.len() as u64 == count && live_digest(ids) == state.live_digest)
    }

    /// Whether every roster record up to its place stays: without them nobody could be told who is in.
    fn keeps_records(&self, workspace: WorkspaceId, state: &State) -> Result<bool, StorageError> {
        for record in roster::records(&self.storage, workspace) {
            let (position, _) = record?;
            if position > state.at {
                break;
            }
            if !state.is_live(position) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A device asks for bytes of a state, and gets them if entries are let go by it; else it is told by which they are.
    pub(super) fn handle_state_wanted(
        &mut self,
        conn: ConnId,
        workspace: WorkspaceId,
        digest: StateDigest,
        offset: u64,
    ) {
        if !self.note_idle(conn, 1) {
            return;
        }
        let Some(LetGo { stood, len }) = self.let_go_in(workspace) else { return };
        if stood.digest != digest {
            return self.answer(conn, &Frame::LetGo(LetGo { stood, len }));
        }
        match self.storage.read_state(workspace, digest, offset) {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => self.answer(conn, &Frame::State(StatePiece { digest, len, offset, bytes })),
            Err(error) => report(&error),
        }
    }

    /// By which checkpoint entries of a workspace are let go, as devices are told it.
    pub(super) fn let_go_in(&self, workspace: WorkspaceId) -> Option<LetGo> {
        Some(self.workspaces.get(&workspace)?.letting_go.as_ref()?.told())
    }
}

impl Workspace {
    /// The checkpoint that stands, if its state is not here and may be this log's.
    fn wanted_state(&self) -> Option<Stood> {
        let stood = self.log().checkpoints().stood().filter(|_| !self.is_ahead())?;
        let is_here = self.letting_go.as_ref().is_some_and(|by| by.stood == stood);
        (!is_here && self.foreign_state != Some(stood.digest)).then_some(stood)
    }

    /// The place at or below which only live entries are handed out.
    pub(crate) fn floor(&self) -> Position {
        self.letting_go.as_ref().map_or(Position::START, LettingGo::floor)
    }
}
