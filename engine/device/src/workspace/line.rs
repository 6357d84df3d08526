//! A device and its lines: frames in, frames out, and everything that follows from them.

use bowline_core::sync::LinkState;
use bowline_wire::codec::{decode, encode};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{Millis, WorkspaceId};
use bowline_wire::limits::MAX_FRAME;

use crate::Device;
use crate::Error;

impl Device {
    /// A line to this workspace's relay is up. `relay` is the relay's identity as the line has proven it (a pinned TLS
    /// key), which the relay's challenge then has to name; `None` if the line proves something else.
    pub fn handle_connected(
        &mut self,
        workspace: WorkspaceId,
        relay: Option<[u8; 32]>,
        now: Millis,
    ) -> Result<(), Error> {
        let linked = self.linked(workspace)?;
        linked.transmit.clear();
        linked.close = false;
        linked.line_fault = None;
        linked.replica.handle_connected(relay, now);
        self.drive(workspace, now)
    }

    /// The line is down.
    pub fn handle_disconnected(&mut self, workspace: WorkspaceId) -> Result<(), Error> {
        let linked = self.linked(workspace)?;
        linked.transmit.clear();
        linked.close = false;
        linked.replica.handle_disconnected();
        Ok(())
    }

    /// A frame has come. Bytes that are none close the line.
    pub fn handle_frame(&mut self, workspace: WorkspaceId, bytes: &[u8], now: Millis) -> Result<(), Error> {
        if self.broken {
            return Err(Error::Reopen);
        }
        let frame: Option<Frame> = (bytes.len() <= MAX_FRAME).then(|| decode(bytes).ok()).flatten();
        match frame {
            Some(frame) => {
                self.with_replica(workspace, now, |replica, cx| replica.handle_frame(frame, cx))?;
            }
            None => self.with_replica(workspace, now, |replica, _| replica.handle_malformed())?,
        }
        self.drive(workspace, now)
    }

    /// When [`Device::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.workspaces.values().filter_map(|linked| linked.replica.poll_timeout()).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis) -> Result<(), Error> {
        let workspaces: Vec<WorkspaceId> = self.workspaces.keys().copied().collect();
        for workspace in workspaces {
            self.linked(workspace)?.replica.handle_timeout(now);
            self.drive(workspace, now)?;
        }
        Ok(())
    }

    /// The next frame for this workspace's line. Whatever it tells the relay is durable here.
    pub fn poll_transmit(&mut self, workspace: WorkspaceId) -> Option<Vec<u8>> {
        self.workspaces.get_mut(&workspace)?.transmit.pop_front()
    }

    /// Whether the line is to be closed, once everything was handed over.
    pub fn poll_close(&mut self, workspace: WorkspaceId) -> bool {
        let linked = self.workspaces.get_mut(&workspace);
        linked.is_some_and(|linked| linked.transmit.is_empty() && std::mem::take(&mut linked.close))
    }

    /// How the line is.
    pub fn link_state(&self, workspace: WorkspaceId) -> Result<LinkState, Error> {
        Ok(self.replica(workspace)?.link())
    }

    /// Does what the replica asks for and what a person decided, until there is nothing more to do.
    pub(crate) fn drive(&mut self, workspace: WorkspaceId, now: Millis) -> Result<(), Error> {
        if self.broken {
            return Err(Error::Reopen);
        }
        let done = self.drive_until_quiet(workspace, now);
        if done.is_err() {
            // Memory may be ahead of the disk: nothing of it may be told to anyone.
            self.broken = true;
            for linked in self.workspaces.values_mut() {
                linked.transmit.clear();
            }
        }
        done
    }

    fn drive_until_quiet(&mut self, workspace: WorkspaceId, now: Millis) -> Result<(), Error> {
        loop {
            while let Some(effect) = self.linked(workspace)?.replica.poll_effect() {
                self.carry_out(workspace, effect, now)?;
            }
            let decided = self.write_records(workspace, now)?;
            let sealed = self.seal_work(workspace, now)?;
            if !decided && !sealed {
                return Ok(());
            }
        }
    }

    /// Hands a frame to the line.
    pub(crate) fn transmit(&mut self, workspace: WorkspaceId, frame: &Frame) -> Result<(), Error> {
        let bytes = encode(frame);
        self.linked(workspace)?.transmit.push_back(bytes);
        Ok(())
    }
}
