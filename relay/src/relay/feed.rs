//! What sessions subscribe to: entries pushed as they are committed, or read from storage by those who are behind.

use std::sync::Arc;

use bowline_wire::codec::encode;
use bowline_wire::entry::LoggedEntry;
use bowline_wire::frame::{Frame, LetGo, Party, Reason};
use bowline_wire::ids::{Position, StateDigest, WorkspaceId};
use bowline_wire::limits::{MAX_ENTRIES_PER_FRAME, MAX_FRAME};

use super::Relay;
use crate::config::FRAME_ENVELOPE;
use crate::session::{ConnId, Feed, Session};
use crate::storage::{Budget, Row, Storage, StorageError, framed_len};
use crate::workspace::{Denial, Workspace};

/// How many entries fit one frame.
const ONE_FRAME: Budget = Budget { entries: MAX_ENTRIES_PER_FRAME, bytes: MAX_FRAME - FRAME_ENVELOPE };

/// An encoded frame, and what a session that was sent it is to be fed next.
type Next = (Arc<[u8]>, Feed);

impl<S: Storage> Relay<S> {
    pub(super) fn handle_subscribe(
        &mut self,
        conn: ConnId,
        workspace: WorkspaceId,
        party: &Party,
        after: Position,
    ) {
        let Some(loaded) = self.workspaces.get(&workspace) else {
            return;
        };
        let is_ahead = after > loaded.durable_position();
        if after < loaded.floor() && matches!(party, Party::Device(_)) {
            return self.tell_let_go(conn, workspace);
        }
        let feed = match party {
            Party::Ticket(_) => Feed::Records(after),
            Party::Device(_) if is_ahead => Feed::Idle,
            Party::Device(_) => Feed::Entries(after),
        };
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.set_feed(feed);
        }
        if feed == Feed::Idle {
            // The device has seen more of this log than there is here; with the signed head it can prove so.
            tracing::warn!(conn = conn.0, after = after.0, "a device has seen more of its log than is here");
            self.send_head(conn, workspace);
        }
        self.feed(conn);
    }

    /// A device begins from a state: what stays by it, and then what is behind its place.
    pub(super) fn handle_subscribe_from(
        &mut self,
        conn: ConnId,
        workspace: WorkspaceId,
        digest: StateDigest,
        after: Position,
    ) {
        match self.let_go_in(workspace) {
            Some(LetGo { stood, .. }) if stood.digest == digest => {
                if let Some(session) = self.sessions.get_mut(&conn) {
                    session.set_feed(Feed::Kept(digest, after));
                }
                self.feed(conn);
            }
            Some(_) => self.tell_let_go(conn, workspace),
            None => {
                let text = "this relay lets nothing go by that state; subscribe";
                self.goodbye(conn, Reason::OutOfPlace, text);
            }
        }
    }

    /// What a device asks for is gone: it is told from which state to begin.
    fn tell_let_go(&mut self, conn: ConnId, workspace: WorkspaceId) {
        let Some(session) = self.sessions.get_mut(&conn) else { return };
        session.set_feed(Feed::Idle);
        let takes_states = session.member().is_some_and(|member| member.takes_states);
        if let Some(let_go) = self.let_go_in(workspace).filter(|_| takes_states) {
            return self.answer(conn, &Frame::LetGo(let_go));
        }
        let text = "a part of the log that this program asks for is gone by a checkpoint; update the program";
        self.goodbye(conn, Reason::DeviceOutdated, text);
    }

    /// Queues what the session lacks, as far as its queue takes it.
    pub(super) fn feed(&mut self, conn: ConnId) {
        loop {
            let Some(session) = self.sessions.get(&conn).filter(|session| session.out.wants_feed()) else {
                return;
            };
            let Some(member) = session.member() else { return };
            let workspace = member.workspace;
            let next = match member.feed {
                Feed::Idle => return,
                // It has begun to be let go meanwhile, or by another state.
                Feed::Entries(after) if after < self.floor(workspace) => {
                    return self.tell_let_go(conn, workspace);
                }
                Feed::Kept(digest, _)
                    if self.let_go_in(workspace).is_none_or(|by| by.stood.digest != digest) =>
                {
                    return self.tell_let_go(conn, workspace);
                }
                Feed::Entries(after) => self.next_entries(workspace, after),
                Feed::Records(after) => self.next_records(workspace, after).map(Some),
                Feed::Kept(digest, after) => self.next_kept(workspace, digest, after).map(Some),
            };
            match next {
                Ok(Some((frame, feed))) => self.push(conn, frame, feed),
                Ok(None) => return,
                Err(error) => {
                    let Denial { reason, text, .. } = error.into();
                    return self.goodbye(conn, reason, &text);
                }
            }
        }
    }

    fn push(&mut self, conn: ConnId, frame: Arc<[u8]>, feed: Feed) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.set_feed(feed);
            self.transmit(conn, frame);
        }
    }

    /// The frame with the entries after a position; `None` if nothing durable follows it.
    fn next_entries(&self, workspace: WorkspaceId, after: Position) -> Result<Option<Next>, StorageError> {
        let Some(loaded) = self.workspaces.get(&workspace) else {
            return Ok(None);
        };
        if after >= loaded.durable_position() {
            return Ok(None);
        }
        let page = self.storage.read(workspace, after, ONE_FRAME)?;
        let missing = || StorageError::Corrupt("entries below the head are missing".to_owned());
        let last = page.entries.last().map(|(position, _)| *position).ok_or_else(missing)?;
        let hash = self.storage.hash_at(workspace, last)?.ok_or_else(missing)?;
        let entries = page.entries.into_iter().map(|(_, logged)| logged).collect();
        let frame = Frame::Entries { first: after.next(), entries, head: loaded.sign_at(last, hash)? };
        Ok(Some((encode(&frame).into(), Feed::Entries(last))))
    }

    fn floor(&self, workspace: WorkspaceId) -> Position {
        self.workspaces.get(&workspace).map_or(Position::START, Workspace::floor)
    }

    /// The frame with what stays after a position by the state by which entries are let go.
    fn next_kept(
        &self,
        workspace: WorkspaceId,
        digest: StateDigest,
        after: Position,
    ) -> Result<Next, StorageError> {
        let by = self.workspaces.get(&workspace).and_then(|loaded| loaded.letting_go.as_ref());
        let by = by.ok_or(StorageError::Misuse("nothing is let go"))?;
        let (mut entries, mut after) = (Vec::new(), after);
        // What is still to go may fill many pages, so reading begins with what stays.
        let next = by.next_kept(after);
        if let Some(next) = next {
            let page = self.storage.read(workspace, Position(next.0.saturating_sub(1)), ONE_FRAME)?;
            after = page.entries.last().map_or(by.floor(), |(last, _)| *last);
            let stays = |at: &Position| *at <= by.floor() && by.keeps(*at);
            entries.extend(page.entries.into_iter().filter(|(at, _)| stays(at)));
        }
        let more = next.is_some() && by.next_kept(after).is_some();
        let feed = if more { Feed::Kept(digest, after) } else { Feed::Entries(by.floor()) };
        Ok((encode(&Frame::Kept { entries, more }).into(), feed))
    }

    /// The frame with the roster records after a position, which may be empty.
    fn next_records(&self, workspace: WorkspaceId, after: Position) -> Result<Next, StorageError> {
        let page = self.storage.read_roster(workspace, after, ONE_FRAME)?;
        let feed = match page.entries.last() {
            Some((last, _)) if page.more => Feed::Records(*last),
            _ => Feed::Idle,
        };
        let frame = Frame::Records { entries: page.entries, more: page.more };
        Ok((encode(&frame).into(), feed))
    }

    /// Sends new rows to all who have everything before them. They share the bytes; whoever is too slow for them stays
    /// where it is and reads from storage later.
    pub(super) fn fan_out(&mut self, workspace: WorkspaceId, before: Position, rows: &[Row]) {
        let Some(loaded) = self.workspaces.get(&workspace) else {
            return;
        };
        let is_live = |conn: &ConnId| {
            let session = self.sessions.get(conn).filter(|session| session.out.wants_feed());
            session.and_then(Session::member).is_some_and(|member| member.feed == Feed::Entries(before))
        };
        let live: Vec<ConnId> = loaded.sessions.iter().copied().filter(is_live).collect();
        if live.is_empty() {
            return;
        }
        let frames = match pack(loaded, rows) {
            Ok(frames) => frames,
            // Everybody stays where they are; reading from storage will tell them what is wrong.
            Err(error) => return crate::workspace::report(&error),
        };
        for conn in live {
            for (frame, feed) in &frames {
                if !self.sessions.get(&conn).is_some_and(|session| session.out.wants_feed()) {
                    break;
                }
                self.push(conn, Arc::clone(frame), *feed);
            }
        }
    }
}

fn logged(row: &Row) -> LoggedEntry {
    LoggedEntry { time: row.time, entry: row.entry.to_signed() }
}

/// Packs rows into as few Entries frames as possible.
fn pack(loaded: &Workspace, rows: &[Row]) -> Result<Vec<Next>, StorageError> {
    let mut frames = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        let (packed, left) = rest.split_at(fitting(rest));
        if let Some((first, last)) = packed.first().zip(packed.last()) {
            let entries = packed.iter().map(logged).collect();
            let head = loaded.sign_at(last.position, last.hash)?;
            let frame = Frame::Entries { first: first.position, entries, head };
            frames.push((encode(&frame).into(), Feed::Entries(last.position)));
        }
        rest = left;
    }
    Ok(frames)
}

/// How many of `rows`, at least one of them, go in one frame.
fn fitting(rows: &[Row]) -> usize {
    let mut bytes = 0;
    let fits = |row: &&Row| {
        bytes += framed_len(&row.entry);
        bytes <= ONE_FRAME.bytes
    };
    rows.iter().take(ONE_FRAME.entries).take_while(fits).count().max(1)
}
