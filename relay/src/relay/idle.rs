//! Frames that bring nothing: how many of them a session may send before it is told to come back later.

use bowline_wire::frame::Reason;

use super::Relay;
use crate::session::ConnId;
use crate::storage::Storage;

impl<S: Storage> Relay<S> {
    /// Notes that a session has sent what brings nothing and costs as much as so many pings. Returns `false` if that was too
    /// much: it has been told goodbye.
    pub(super) fn note_idle(&mut self, conn: ConnId, frames: u64) -> bool {
        let now = self.clock;
        let Some(session) = self.sessions.get_mut(&conn) else {
            return false;
        };
        if session.idle.take(frames, now) {
            return true;
        }
        self.goodbye(conn, Reason::Rate, "too many frames that bring nothing; try again later");
        false
    }
}
