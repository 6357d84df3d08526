//! What devices say they hold: kept, the latest of each, and passed on to the others of their workspace.

use std::sync::Arc;

use bowline_wire::codec::encode;
use bowline_wire::frame::{Frame, Party, Reason};
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{Position, WorkspaceId};

use super::Relay;
use crate::session::{ConnId, Session};
use crate::storage::Storage;
use crate::workspace::Workspace;

/// What whoever says anything else is told.
const ONLY_ITS_OWN: &str = "a device says what it holds itself, and only that";

impl<S: Storage> Relay<S> {
    /// A device says what it holds, which is its own word alone. What this log does not bear out is passed on to nobody.
    pub(super) fn handle_holdings(
        &mut self,
        conn: ConnId,
        workspace: WorkspaceId,
        party: &Party,
        devices: &[SaidHolding],
    ) {
        let ([said], Party::Device(device)) = (devices, party) else {
            return self.goodbye(conn, Reason::NotAllowed, ONLY_ITS_OWN);
        };
        let Some(loaded) = self.workspaces.get(&workspace) else {
            return;
        };
        // Of a member's word only what is new costs more than a look.
        if !loaded.is_news(said) {
            self.note_idle(conn, 1);
            return;
        }
        if said.device != *device || said.verify(workspace).is_err() {
            return self.goodbye(conn, Reason::NotAllowed, ONLY_ITS_OWN);
        }
        let is_durable = said.position <= loaded.durable_position();
        let is_on_log = is_durable && loaded.hash_at(&self.storage, said.position) == Ok(Some(said.hash));
        if !is_on_log {
            // It was shown another log, or this one has lost entries: the device finds out which by the signed heads. Or it is far behind, and
            // what stood there was let go.
            tracing::warn!(conn = conn.0, ?device, "a device says to hold what this log does not bear out");
            self.note_idle(conn, 1);
            return;
        }
        if let Some(loaded) = self.workspaces.get_mut(&workspace) {
            loaded.note_holding(*said);
        }
        self.pass_on(conn, workspace, *said);
    }

    /// Tells all others who listen. Whoever is too slow for it hears it on the next connection.
    fn pass_on(&mut self, from: ConnId, workspace: WorkspaceId, said: SaidHolding) {
        let Some(loaded) = self.workspaces.get(&workspace) else {
            return;
        };
        let bytes: Arc<[u8]> = encode(&Frame::Holdings { devices: vec![said] }).into();
        let hears = |conn: &ConnId| {
            let session = self.sessions.get(conn).filter(|session| session.out.wants_feed());
            *conn != from && session.and_then(Session::member).is_some_and(|member| member.hears_holdings)
        };
        for conn in loaded.sessions.iter().copied().filter(hears).collect::<Vec<_>>() {
            self.transmit(conn, Arc::clone(&bytes));
        }
    }

    /// Tells a device what the others were last heard to hold, before its welcome: whoever only looks in and is in step at
    /// once has heard it.
    pub(super) fn send_holdings(&mut self, conn: ConnId, workspace: WorkspaceId, to: &Party) {
        let devices =
            self.workspaces.get(&workspace).map(|loaded| loaded.holdings_for(to)).unwrap_or_default();
        if !devices.is_empty() {
            self.answer(conn, &Frame::Holdings { devices });
        }
    }
}

impl Workspace {
    /// Whether a device says to hold more than it said before.
    fn is_news(&self, said: &SaidHolding) -> bool {
        let known = self.holdings.get(&said.device).map_or(Position::START, |known| known.position);
        said.position > known
    }

    fn note_holding(&mut self, said: SaidHolding) {
        self.holdings.insert(said.device, said);
        self.unsaved.insert(said.device);
    }

    /// What active devices other than this one have said. No more are active than one frame takes.
    fn holdings_for(&self, party: &Party) -> Vec<SaidHolding> {
        let others = self.holdings.values().filter(|said| Party::Device(said.device) != *party);
        others.filter(|said| self.roster().is_active(&said.device)).copied().collect()
    }
}
