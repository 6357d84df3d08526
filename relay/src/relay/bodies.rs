//! Bodies apart from their entries: sent to devices that ask for some, and asked of devices where this relay has lost them.

use bowline_wire::bodies::{Supplied, WithoutBody, verify_given, without_body};
use bowline_wire::entry::{Entry, LoggedEntry, SignedEntry};
use bowline_wire::frame::{Frame, Party, Reason};
use bowline_wire::ids::{Position, WorkspaceId};
use bowline_wire::limits::{MAX_BODIES_PER_FRAME, MAX_FRAME};
use bowline_wire::roster::GivenUp;

use super::Relay;
use crate::config::{FETCH_COST, FRAME_ENVELOPE, WANTED_INTERVAL};
use crate::session::{Asked, ConnId, Session, State};
use crate::storage::{Budget, Storage, StorageError};
use crate::workspace::{Workspace, report};

/// One entry, whatever its size.
const ONE: Budget = Budget { entries: 1, bytes: 0 };

/// What a ticket's holder is told.
const DEVICES_ONLY: &str = "only a device of the workspace asks for bodies or supplies them";

/// The body of an entry as it is stored.
enum Stored {
    Whole(Vec<u8>),
    /// There is none, or another than the header names.
    Lost(SignedEntry),
}

impl<S: Storage> Relay<S> {
    /// A device asks for bodies. It gets those that are here, as many as a frame takes; others are asked for the rest.
    pub(super) fn handle_fetch(
        &mut self,
        conn: ConnId,
        workspace: WorkspaceId,
        party: &Party,
        positions: &[Position],
    ) {
        if !matches!(party, Party::Device(_)) {
            return self.goodbye(conn, Reason::NotAllowed, DEVICES_ONLY);
        }
        if !self.note_idle(conn, FETCH_COST) {
            return;
        }
        match self.gather(workspace, positions) {
            Ok((bodies, lacks)) => {
                self.answer(conn, &Frame::Supply { bodies });
                if lacks {
                    self.note_lack(conn, workspace);
                }
            }
            Err(error) => report(&error),
        }
    }

    /// The bodies at these positions, as many as a frame takes, and whether one of them is lost.
    fn gather(
        &mut self,
        workspace: WorkspaceId,
        positions: &[Position],
    ) -> Result<(Vec<Supplied>, bool), StorageError> {
        let (mut bodies, mut bytes) = (Vec::new(), FRAME_ENVELOPE);
        let (mut lacks, mut rotten) = (false, Vec::new());
        for position in positions {
            match self.stored_body(workspace, *position)? {
                Some(Stored::Whole(body)) => {
                    bytes += Supplied::wire_len(body.len());
                    if bytes > MAX_FRAME {
                        break;
                    }
                    bodies.push(Supplied { position: *position, body });
                }
                Some(Stored::Lost(entry)) => {
                    lacks = true;
                    if entry.has_body() {
                        tracing::error!(position = position.0, "a stored body is not its entry's any more");
                        rotten.push((*position, None));
                    }
                }
                None => {}
            }
        }
        if !rotten.is_empty() {
            self.storage.put_bodies(workspace, &rotten)?;
        }
        Ok((bodies, lacks))
    }

    /// What is stored of the body at a position; `None` if nothing durable stands there, or what was given up: nobody has a use for that.
    fn stored_body(
        &self,
        workspace: WorkspaceId,
        position: Position,
    ) -> Result<Option<Stored>, StorageError> {
        let durable = self.workspaces.get(&workspace).map(Workspace::durable_position);
        let Some(before) = position.0.checked_sub(1).filter(|_| Some(position) <= durable) else {
            return Ok(None);
        };
        let page = self.storage.read(workspace, Position(before), ONE)?;
        let Some((_, LoggedEntry { entry, .. })) = page.entries.into_iter().find(|(at, _)| *at == position)
        else {
            return Ok(None);
        };
        let given = verify_given(entry.clone(), workspace);
        let given = given.map_err(|why| StorageError::Corrupt(why.to_string()))?;
        let is_given_up = |entry: &Entry| {
            let given_up = self.given_up(workspace);
            given_up.is_some_and(|it| without_body(entry, it) == Some(WithoutBody::GivenUp))
        };
        Ok(match given.body() {
            Some(body) => Some(Stored::Whole(body.to_vec())),
            None if is_given_up(&given) => None,
            None => Some(Stored::Lost(entry)),
        })
    }

    fn given_up(&self, workspace: WorkspaceId) -> Option<&GivenUp> {
        self.workspaces.get(&workspace).map(|loaded| loaded.log().roster().given_up())
    }

    /// Some bodies of a workspace are lost, as one session has found: the others may hold them.
    fn note_lack(&mut self, found_by: ConnId, workspace: WorkspaceId) {
        let Some(loaded) = self.workspaces.get_mut(&workspace) else {
            return;
        };
        loaded.lacks_bodies = true;
        let others: Vec<ConnId> = loaded.sessions.iter().copied().filter(|conn| *conn != found_by).collect();
        for conn in others {
            self.ask_for_bodies(conn);
        }
    }

    /// Asks a device for bodies that are lost, unless nothing is or it was asked a moment ago.
    pub(super) fn ask_for_bodies(&mut self, conn: ConnId) {
        let Some((workspace, asked)) = self.may_ask(conn) else {
            return;
        };
        match self.next_lost(workspace, asked.up_to) {
            Ok(positions) => {
                let Some(last) = positions.last().copied() else {
                    if let Some(loaded) = self.workspaces.get_mut(&workspace) {
                        loaded.lacks_bodies = false;
                    }
                    return;
                };
                self.set_asked(conn, Asked { at: Some(self.clock), up_to: last });
                self.answer(conn, &Frame::Wanted { positions });
            }
            Err(error) => report(&error),
        }
    }

    /// What a device was last asked, if it is to be asked now.
    fn may_ask(&self, conn: ConnId) -> Option<(WorkspaceId, Asked)> {
        let member = self.sessions.get(&conn)?.member()?;
        let lacks = self.workspaces.get(&member.workspace)?.lacks_bodies;
        let is_due = member.asked.at.is_none_or(|at| self.clock.since(at) >= WANTED_INTERVAL);
        let may = lacks && is_due && matches!(member.party, Party::Device(_));
        may.then_some((member.workspace, member.asked))
    }

    /// Positions whose bodies are lost: the next ones after what was asked for, or the first ones.
    fn next_lost(&self, workspace: WorkspaceId, up_to: Position) -> Result<Vec<Position>, StorageError> {
        let behind = self.lost_behind(workspace, up_to)?;
        if behind.is_empty() && up_to > Position::START {
            return self.lost_behind(workspace, Position::START);
        }
        Ok(behind)
    }

    /// The first positions behind this one whose bodies are lost.
    fn lost_behind(&self, workspace: WorkspaceId, up_to: Position) -> Result<Vec<Position>, StorageError> {
        let mut after = up_to;
        loop {
            let bodiless = self.storage.lost_bodies(workspace, after, MAX_BODIES_PER_FRAME)?;
            let is_all_lost = self.given_up(workspace).is_none_or(GivenUp::is_empty);
            let Some(last) = bodiless.last().copied().filter(|_| !is_all_lost) else {
                return Ok(bodiless);
            };
            let mut found = Vec::new();
            for position in bodiless {
                if let Some(Stored::Lost(_)) = self.stored_body(workspace, position)? {
                    found.push(position);
                }
            }
            if !found.is_empty() {
                return Ok(found);
            }
            after = last;
        }
    }

    fn set_asked(&mut self, conn: ConnId, asked: Asked) {
        if let Some(State::Open(member)) = self.sessions.get_mut(&conn).map(|session| &mut session.state) {
            member.asked = asked;
        }
    }

    /// A device supplies bodies. Those are stored that are lost here and are what their headers name.
    pub(super) fn handle_supply(
        &mut self,
        conn: ConnId,
        workspace: WorkspaceId,
        party: &Party,
        supplied: Vec<Supplied>,
    ) {
        if !matches!(party, Party::Device(_)) {
            return self.goodbye(conn, Reason::NotAllowed, DEVICES_ONLY);
        }
        let lacks = self.workspaces.get(&workspace).is_some_and(|loaded| loaded.lacks_bodies);
        let mended = if lacks { self.mend(workspace, supplied) } else { Ok(0) };
        match mended {
            Ok(0) => {
                self.note_idle(conn, FETCH_COST);
            }
            Ok(mended) => {
                tracing::info!(conn = conn.0, mended, "a device has supplied bodies that were lost");
                let asked = self.sessions.get(&conn).and_then(Session::member).map(|member| member.asked);
                self.set_asked(conn, Asked { at: None, ..asked.unwrap_or(Asked::NOTHING) });
                self.ask_for_bodies(conn);
            }
            Err(error) => report(&error),
        }
    }

    /// Stores those of the bodies that are lost here, durably; how many those were.
    fn mend(&mut self, workspace: WorkspaceId, supplied: Vec<Supplied>) -> Result<usize, StorageError> {
        let mut mended = Vec::new();
        for Supplied { position, body } in supplied {
            let Some(Stored::Lost(entry)) = self.stored_body(workspace, position)? else {
                continue;
            };
            match entry.with_body(body).verify(workspace) {
                Ok(entry) => mended.push((position, entry.body().map(<[u8]>::to_vec))),
                Err(why) => tracing::warn!(position = position.0, %why, "a device supplies something else"),
            }
        }
        if !mended.is_empty() {
            self.storage.put_bodies(workspace, &mended)?;
        }
        Ok(mended.len())
    }
}
