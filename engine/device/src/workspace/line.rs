//! Lines to relays: frames in, frames out, and everything that follows from them.

use bowline_wire::codec::{decode, encode};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{LineKey, Millis, WorkspaceId};
use bowline_wire::limits::MAX_FRAME;

use crate::Error;
use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::clocks;

impl Workspaces {
    /// A line to a workspace's relay is up. `line` is the key of the relay's certificate as the line has proven it.
    pub(crate) fn connect(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        line: Option<LineKey>,
    ) -> Result<(), Error> {
        // What a person has decided in another process meanwhile: the head known before may be of what was given up, and nobody is shown it.
        if let Some(row) = lent.read().workspace(workspace)?
            && self.is_news(lent.read(), &row)?
        {
            self.take_up(lent.read(), lent.keys, documents, &row)?;
        }
        let linked = self.linked(workspace)?;
        linked.transmit.clear();
        linked.close = false;
        linked.line_fault = None;
        linked.asked_before.clear();
        // What another process has let through counts on the next line.
        linked.replica.let_time_through(clocks::let_through(lent.read(), workspace)?);
        self.with_replica(lent, workspace, |replica, cx| replica.handle_connected(line, cx))
    }

    /// The line is down.
    pub(crate) fn disconnect(&mut self, workspace: WorkspaceId) -> Result<(), Error> {
        let linked = self.linked(workspace)?;
        linked.transmit.clear();
        linked.close = false;
        linked.replica.handle_disconnected();
        Ok(())
    }

    /// Hands a frame to the replica. Bytes that are none close the line.
    pub(crate) fn take_frame(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        bytes: &[u8],
    ) -> Result<(), Error> {
        if self.broken {
            return Err(Error::Reopen);
        }
        match frame_of(bytes) {
            Some(frame) => {
                self.with_replica(lent, workspace, |replica, cx| replica.handle_frame(frame, cx))?;
            }
            None => self.with_replica(lent, workspace, |replica, _| replica.handle_malformed())?,
        }
        Ok(())
    }

    /// The key of the relay's certificate, once on each line: when the log's key has vouched for it.
    pub(crate) fn take_relay_key(&mut self, workspace: WorkspaceId) -> Option<LineKey> {
        self.linked.get_mut(&workspace)?.met.take()
    }

    /// When a replica wants to be told that time has passed.
    pub(crate) fn poll_timeout(&self) -> Option<Millis> {
        self.linked.values().filter_map(|linked| linked.replica.poll_timeout()).min()
    }

    /// Time has passed, for each workspace.
    pub(crate) fn time_out(&mut self, lent: &mut Lent<'_>, documents: &mut Documents) -> Result<(), Error> {
        let workspaces: Vec<WorkspaceId> = self.linked.keys().copied().collect();
        for workspace in workspaces {
            self.linked(workspace)?.replica.handle_timeout(lent.now);
            self.drive(lent, documents, workspace)?;
        }
        Ok(())
    }

    /// The next frame for this workspace's line.
    pub(crate) fn poll_transmit(&mut self, workspace: WorkspaceId) -> Option<Vec<u8>> {
        self.linked.get_mut(&workspace)?.transmit.pop_front()
    }

    /// Whether the line is to be closed, once everything was handed over.
    pub(crate) fn poll_close(&mut self, workspace: WorkspaceId) -> bool {
        let linked = self.linked.get_mut(&workspace);
        linked.is_some_and(|linked| linked.transmit.is_empty() && std::mem::take(&mut linked.close))
    }

    /// Does what the replica asks for and what a person decided, until there is nothing more to do. In a workspace of another
    /// draft nothing ever is.
    pub(crate) fn drive(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
    ) -> Result<(), Error> {
        if self.broken {
            return Err(Error::Reopen);
        }
        if self.other_draft(workspace).is_some() {
            return Ok(());
        }
        let done = self.drive_until_quiet(lent, documents, workspace);
        if done.is_err() {
            // Memory may be ahead of the disk: nothing of it may be told to anyone.
            self.broken = true;
            for linked in self.linked.values_mut() {
                linked.transmit.clear();
            }
        }
        done
    }

    fn drive_until_quiet(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
    ) -> Result<(), Error> {
        loop {
            while let Some(effect) = self.linked(workspace)?.replica.poll_effect() {
                self.carry_out(lent, documents, workspace, effect)?;
            }
            if self.follow_move(lent, documents, workspace)? {
                return Ok(());
            }
            if self.fetch_withheld(lent, workspace)? {
                continue;
            }
            if self.hand_known(lent, workspace)? {
                continue;
            }
            if self.feed_again(lent, workspace)? {
                continue;
            }
            let decided = self.write_records(lent, workspace)?;
            let sealed = self.seal_work(lent, documents, workspace)?;
            if !decided && !sealed {
                return Ok(());
            }
        }
    }

    /// Hands a frame to the line.
    pub(super) fn transmit(&mut self, workspace: WorkspaceId, frame: &Frame) -> Result<(), Error> {
        let bytes = encode(frame);
        self.linked(workspace)?.transmit.push_back(bytes);
        Ok(())
    }
}

/// The frame that has come on a line; `None` if the bytes are none.
pub(super) fn frame_of(bytes: &[u8]) -> Option<Frame> {
    (bytes.len() <= MAX_FRAME).then(|| decode(bytes).ok()).flatten()
}
