//! The group commit: everything staged becomes durable at once, then it is acknowledged, then others get it.

use std::collections::{BTreeMap, BTreeSet};

use bowline_wire::frame::Reason;
use bowline_wire::ids::{EntryId, Millis, Position, WorkspaceId};

use super::Relay;
use super::handshake::{barred, stranger};
use crate::session::{Brings, ConnId, Session};
use crate::storage::roster::standing;
use crate::storage::{LogCommit, Standing, Storage};
use crate::workspace::{Denial, Refused, Waiting, Workspace, report};

impl<S: Storage> Relay<S> {
    /// Whether something is staged that [`Relay::flush`] would commit.
    pub fn needs_flush(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Commits everything accepted since the last flush, of all workspaces, in one storage commit; then acknowledges
    /// it and sends it to those who listen. If the commit fails nothing of it is acknowledged: whoever sent it is told
    /// to try again.
    pub fn flush(&mut self, now: Millis) {
        self.hear(now);
        let mut batch = Vec::with_capacity(self.dirty.len());
        let mut waiting = Vec::with_capacity(self.dirty.len());
        for workspace in std::mem::take(&mut self.dirty) {
            if let Some(loaded) = self.workspaces.get_mut(&workspace) {
                let (commit, waiters) = loaded.take_staged();
                batch.push(commit);
                waiting.push(waiters);
            }
        }
        self.staged_bytes = 0;
        self.staged_entries = 0;
        if batch.is_empty() {
            return;
        }
        let committed = self.storage.commit(&batch);
        self.room.note_commit(&committed);
        if committed.is_ok() {
            self.unswept.append(&mut self.stalled);
        }
        for (commit, waiting) in batch.into_iter().zip(waiting) {
            match committed {
                Ok(()) => self.committed(&commit, waiting),
                Err(_) => self.rolled_back(commit.workspace, waiting),
            }
        }
    }

    /// Signs for a commit that is stored now, acknowledges its entries, and sends them to those who listen.
    fn committed(&mut self, commit: &LogCommit, waiting: Waiting) {
        let workspace = commit.workspace;
        let Some(loaded) = self.workspaces.get_mut(&workspace) else {
            return;
        };
        let before = loaded.durable_position();
        let roster_changed = match loaded.committed() {
            Ok(changed) => changed,
            Err(error) => {
                let Denial { reason, text, .. } = error.into();
                return self.goodbye_all(workspace, reason, &text);
            }
        };
        let acknowledged = self.acknowledge(workspace, &waiting);
        for Refused { conn, entry, denial } in self.still_there(workspace, waiting.refused) {
            self.refuse(conn, entry, denial);
        }
        for conn in self.sessions_of(workspace) {
            self.welcome(conn);
        }
        self.fan_out(workspace, before, &commit.rows);
        self.ask_signers(commit);
        if roster_changed {
            self.close_removed(workspace, &acknowledged);
        }
        self.forget_if_idle(workspace);
    }

    /// Sends one answer to each session that waited. Returns those sessions.
    fn acknowledge(&mut self, workspace: WorkspaceId, waiting: &Waiting) -> BTreeSet<ConnId> {
        let answers = self.by_session(workspace, waiting);
        for (conn, durable) in &answers {
            self.send_appended(*conn, workspace, durable);
        }
        answers.into_keys().collect()
    }

    /// Which entries each session waits for. A connection that was given the number of one that had waited waits for nothing.
    fn by_session(
        &self,
        workspace: WorkspaceId,
        waiting: &Waiting,
    ) -> BTreeMap<ConnId, Vec<(EntryId, Position)>> {
        let mut answers: BTreeMap<ConnId, Vec<_>> = BTreeMap::new();
        let Some(loaded) = self.workspaces.get(&workspace) else {
            return answers;
        };
        for (id, position, waiters) in &waiting.accepted {
            for conn in waiters.intersection(&loaded.sessions) {
                answers.entry(*conn).or_default().push((*id, *position));
            }
        }
        answers
    }

    /// Those of `refused` whose sessions are still there.
    fn still_there(&self, workspace: WorkspaceId, mut refused: Vec<Refused>) -> Vec<Refused> {
        let sessions = self.workspaces.get(&workspace).map(|loaded| &loaded.sessions);
        refused.retain(|it| sessions.is_some_and(|sessions| sessions.contains(&it.conn)));
        refused
    }

    /// Refuses for now what waited for a commit of which nothing was stored, and what was to be refused because of it. Then
    /// reads the workspace again, because what is in memory is ahead of the storage.
    fn rolled_back(&mut self, workspace: WorkspaceId, waiting: Waiting) {
        let accepted = self.by_session(workspace, &waiting).into_iter();
        let accepted =
            accepted.flat_map(|(conn, entries)| entries.into_iter().map(move |(id, _)| (conn, id)));
        let refused = self.still_there(workspace, waiting.refused);
        let refused = refused.into_iter().map(|refused| (refused.conn, refused.entry));
        for (conn, id) in accepted.chain(refused) {
            let text = "the relay could not store it; try again later";
            self.refuse(conn, id, Denial::new(Reason::Storage, text));
        }
        let sessions = self.sessions_of(workspace);
        self.workspaces.remove(&workspace);
        let reloaded = Workspace::load(&self.storage, workspace);
        if let Err(error) = &reloaded {
            report(error);
        }
        if let Ok(Some(mut loaded)) = reloaded {
            loaded.sessions = sessions.iter().copied().collect();
            self.workspaces.insert(workspace, loaded);
            self.close_removed(workspace, &BTreeSet::new());
            for conn in sessions {
                self.welcome(conn);
                self.feed(conn);
            }
            self.forget_if_idle(workspace);
        } else {
            for conn in sessions {
                self.goodbye(conn, Reason::Storage, "the relay cannot use its storage now; try again later");
            }
        }
    }

    pub(super) fn sessions_of(&self, workspace: WorkspaceId) -> Vec<ConnId> {
        let loaded = self.workspaces.get(&workspace);
        loaded.map(|loaded| loaded.sessions.iter().copied().collect()).unwrap_or_default()
    }

    fn goodbye_all(&mut self, workspace: WorkspaceId, reason: Reason, text: &str) {
        for conn in self.sessions_of(workspace) {
            self.goodbye(conn, reason, text);
        }
        self.forget_if_idle(workspace);
    }

    /// Ends the sessions of those whom the durable roster no longer lets in.
    fn close_removed(&mut self, workspace: WorkspaceId, acknowledged: &BTreeSet<ConnId>) {
        for conn in self.sessions_of(workspace) {
            let Some(roster) = self.workspaces.get(&workspace).map(Workspace::roster) else {
                return;
            };
            let Some(member) = self.sessions.get(&conn).and_then(Session::member) else {
                continue;
            };
            match standing(roster, &member.party) {
                // The record by which it came in is still to come.
                None if member.brings == Brings::LostLog => {}
                None => {
                    let Denial { reason, text, .. } = stranger(&member.party);
                    self.goodbye(conn, reason, &text);
                }
                // The ticket has done what it was for, and its session was told so: the newcomer comes back as a device.
                Some(Standing::Used) if acknowledged.contains(&conn) => self.close_quietly(conn),
                Some(standing) => {
                    if let Some((reason, text)) = barred(standing) {
                        self.goodbye(conn, reason, text);
                    }
                }
            }
        }
    }
}
