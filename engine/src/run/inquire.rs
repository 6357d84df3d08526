//! Asking what the record of a code says, on a line of its own, before a person decides to join by it.

use std::sync::Arc;

use bowline_core::sync::{Inquiry, InquiryFailed, Invitation};
use bowline_transport::Dial;
use bowline_wire::codec::encode;
use bowline_wire::ids::{LineKey, Millis};

use super::Host;
use super::line::{Follows, LineError};
use super::own_line::{Ended, Talk, talk};
use crate::device::Error;
use crate::{Code, Device};

/// What became of asking for the record of a code.
#[derive(Debug)]
pub enum Inquired {
    /// What it says.
    Said(Invitation),
    /// The code lets nobody in, or the relay says nothing that can be believed.
    Failed(InquiryFailed),
    /// There was no connection.
    NoLine(Arc<LineError>),
    /// A person has stopped it.
    Stopped,
}

/// Asks what the record of a code says. Nothing is stored, and the socket is closed when this returns.
///
/// # Errors
/// The device's.
pub async fn inquire<D: Dial>(
    device: &mut Device,
    code: &Code,
    host: Host<'_, D>,
    stop: impl Future<Output = ()>,
) -> Result<Inquired, Error> {
    let asking = Asking { device, code, inquiry: None };
    Ok(match talk(Some(code.workspace), (&code.relay, Follows::Nobody), host, asking, stop).await? {
        Ended::With(Ok(invitation)) => Inquired::Said(invitation),
        Ended::With(Err(why)) => Inquired::Failed(why),
        Ended::NoLine(why) => Inquired::NoLine(why),
        Ended::Stopped => Inquired::Stopped,
    })
}

struct Asking<'a> {
    device: &'a mut Device,
    code: &'a Code,
    inquiry: Option<Inquiry>,
}

impl Talk for Asking<'_> {
    type Outcome = Result<Invitation, InquiryFailed>;

    fn begin(&mut self, line: Option<LineKey>, now: Millis) -> Result<(), Error> {
        self.inquiry = Some(self.device.inquire(self.code, line, now));
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8], now: Millis) -> Result<Option<Self::Outcome>, Error> {
        let Some(inquiry) = &mut self.inquiry else { return Ok(None) };
        Ok(self.device.hear_inquired(inquiry, bytes, now).transpose())
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.inquiry.as_mut().and_then(Inquiry::poll_transmit).as_ref().map(encode)
    }
}
