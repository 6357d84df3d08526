//! Asking what the record of a code says before joining by it, on a line of its own.

use bowline_core::sync::{Context, Inquiry, InquiryFailed, Invitation, RelayFault};
use bowline_wire::ids::{LineKey, Millis};

use crate::workspace::line::frame_of;
use crate::workspace::workspaces::{check_not_there, has_failed};
use crate::{Code, Device, Error};

impl Device {
    /// An error if this device cannot join by a code because the workspace is here already.
    pub fn check_joinable(&self, code: &Code) -> Result<(), Error> {
        if has_failed(self.store.read(), code.workspace)? {
            return Ok(());
        }
        check_not_there(self.store.read(), code.workspace)
    }

    /// Begins to ask what the record of a code says, on a line to its relay that is up. Nothing is stored, and nothing is written into
    /// the log. `line` is the key of the relay's certificate as the line has proven it.
    pub fn inquire(&mut self, code: &Code, line: Option<LineKey>, now: Millis) -> Inquiry {
        let mut cx = Context { keys: &self.keys, now, random: &mut *self.random, hash_at: &|_| None };
        Inquiry::begin(code.asked(), line, &mut cx)
    }

    /// A frame has come on a line on which the record of a code is asked for. Gives what it says once that is known.
    pub fn hear_inquired(
        &mut self,
        inquiry: &mut Inquiry,
        bytes: &[u8],
        now: Millis,
    ) -> Result<Option<Invitation>, InquiryFailed> {
        let Some(frame) = frame_of(bytes) else {
            return Err(InquiryFailed::Fault(Box::new(RelayFault::Nonsense("bytes that are not a frame"))));
        };
        let mut cx = Context { keys: &self.keys, now, random: &mut *self.random, hash_at: &|_| None };
        inquiry.handle_frame(frame, &mut cx)
    }
}
