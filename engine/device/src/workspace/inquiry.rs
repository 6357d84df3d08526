//! Asking what the record of a code says before joining by it, on a line of its own.

use bowline_core::sync::{Context, Inquiry, InquiryFailed, Invitation, RelayFault};
use bowline_store::Reader;
use bowline_wire::ids::LineKey;

use crate::lent::Lent;
use crate::workspace::line::frame_of;
use crate::workspace::workspaces::{check_not_there, has_failed};
use crate::{Code, Error};

/// An error if this device cannot join by a code because the workspace is here already.
pub(crate) fn check_joinable(read: Reader<'_>, code: &Code) -> Result<(), Error> {
    if has_failed(read, code.workspace)? {
        return Ok(());
    }
    check_not_there(read, code.workspace)
}

/// Begins to ask.
pub(crate) fn begin(lent: &mut Lent<'_>, code: &Code, line: Option<LineKey>) -> Inquiry {
    Inquiry::begin(code.asked(), line, &mut context(lent))
}

/// Takes a frame that has come on the line.
pub(crate) fn hear(
    lent: &mut Lent<'_>,
    inquiry: &mut Inquiry,
    bytes: &[u8],
) -> Result<Option<Invitation>, InquiryFailed> {
    let Some(frame) = frame_of(bytes) else {
        return Err(InquiryFailed::Fault(Box::new(RelayFault::Nonsense("bytes that are not a frame"))));
    };
    inquiry.handle_frame(frame, &mut context(lent))
}

/// What there is of a log whose records alone are asked for: no hash of it is known here.
fn context<'l>(lent: &'l mut Lent<'_>) -> Context<'l> {
    Context { keys: lent.keys, now: lent.now, random: &mut *lent.random, hash_at: &|_| None }
}
