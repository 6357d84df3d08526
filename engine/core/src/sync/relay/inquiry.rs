//! Asking what the record of a code says, on a line of its own, before a person decides to join by it: nothing is written, here or there.

use std::collections::{BTreeSet, VecDeque};

use bowline_crypto::TicketSecret;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::{Incarnation, LineKey, WorkspaceId};
use bowline_wire::roster::CodeKind;
use bowline_wire::successor::Succession;
use thiserror::Error;

use super::faults::RelayFault;
use crate::sync::context::Context;
use crate::sync::effect::{Effect, JoinFailed};
use crate::sync::invitation::Invitation;
use crate::sync::joining::Joining;
use crate::sync::replica::Replica;
use crate::sync::state::{Phase, Pins, Stored};

/// Why nobody can say what the record of a code says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InquiryFailed {
    /// The code lets nobody in, or its record is not what it says.
    #[error(transparent)]
    Code(#[from] JoinFailed),
    /// The relay closed the line with this reason, which is not about the code.
    #[error("the relay does not let this device ask: {0:?}")]
    Goodbye(Reason),
    /// The relay did what no honest one does, or it is another one.
    #[error(transparent)]
    Fault(Box<RelayFault>),
    /// The relay ended what it had begun.
    #[error("the relay ended the conversation before it had said what the code is for")]
    Cut,
}

/// What an inquiry needs to know of a code.
#[derive(Debug)]
pub struct Asked {
    /// Which workspace the code is for.
    pub workspace: WorkspaceId,
    /// Whom the code says it lets in.
    pub kind: CodeKind,
    /// What the code says about the log.
    pub pins: Pins,
    /// The code's secret.
    pub secret: TicketSecret,
}

/// A line on which somebody with a code asks what its record says. It never has anything to append.
#[derive(Debug)]
pub struct Inquiry {
    replica: Replica,
    out: VecDeque<Frame>,
}

impl Inquiry {
    /// Begins on a new line. `line` is the key of the relay's certificate as the line has proven it.
    pub fn begin(asked: Asked, line: Option<LineKey>, cx: &mut Context<'_>) -> Self {
        let Asked { workspace, kind, pins, secret } = asked;
        let mut replica = Replica::restore(Stored {
            workspace,
            device: cx.keys.id(),
            incarnation: Incarnation::ZERO,
            phase: Phase::Joining(Box::new(Joining::asking())),
            log: None,
            head: None,
            keyring: None,
            since_epoch: Vec::new(),
            ticket: Some(secret),
            pins: Some(pins),
            lets_in: Some(kind),
            relay: None,
            offered: Vec::new(),
            succession: Succession::default(),
            decided: None,
            to_send_again: BTreeSet::new(),
            withheld_from: None,
            distrusted: false,
        });
        // Whether a log of a time that has not come is gone on with is decided when this device comes in.
        replica.let_time_through(u64::MAX);
        replica.handle_connected(line, cx);
        let mut inquiry = Self { replica, out: VecDeque::new() };
        // Nothing can be known yet: what there is to do is to say hello.
        let _none_yet = inquiry.settle();
        inquiry
    }

    /// The next frame for the line.
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        self.out.pop_front()
    }

    /// A frame has come. Gives what the record says once it is known.
    ///
    /// # Errors
    /// Then nothing more comes of this line.
    pub fn handle_frame(
        &mut self,
        frame: Frame,
        cx: &mut Context<'_>,
    ) -> Result<Option<Invitation>, InquiryFailed> {
        let goodbye = if let Frame::Goodbye { reason, .. } = &frame { Some(*reason) } else { None };
        self.replica.handle_frame(frame, cx);
        // What the relay says of the code comes first; what is left is about the line.
        self.settle().map_err(|why| match (why, goodbye) {
            (InquiryFailed::Cut, Some(reason)) => InquiryFailed::Goodbye(reason),
            (why, _) => why,
        })
    }

    fn settle(&mut self) -> Result<Option<Invitation>, InquiryFailed> {
        let (mut is_closed, mut fault) = (false, None);
        while let Some(effect) = self.replica.poll_effect() {
            match effect {
                Effect::Send(frame) => self.out.push_back(frame),
                Effect::Invited(invitation) => return Ok(Some(*invitation)),
                Effect::JoinFailed(why) => return Err(why.into()),
                Effect::Fault(found) => fault = Some(found),
                Effect::Close => is_closed = true,
                _ => {}
            }
        }
        // A code that was used, closed or is over is said to be so: no device of this home is let in without being asked.
        match self.replica.phase() {
            Phase::Joining(joining) if joining.goes_as_device() => {
                Err(joining.refused().unwrap_or(JoinFailed::NotAdmitted).into())
            }
            _ => match fault {
                Some(fault) => Err(InquiryFailed::Fault(Box::new(fault))),
                None if is_closed => Err(InquiryFailed::Cut),
                None => Ok(None),
            },
        }
    }
}
