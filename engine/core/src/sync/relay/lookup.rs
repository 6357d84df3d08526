//! Asking a relay where a recovery device is, on a line of its own: whoever has nothing but a phrase knows no workspace.

use std::collections::VecDeque;

use bowline_wire::codec::encode;
use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::frame::{Frame, Hello, LOOKUP, Reason, Transcript, VERSIONS};
use bowline_wire::ids::{LineKey, WorkspaceId};
use thiserror::Error;

use crate::sync::context::Context;

/// Why nobody can say where a recovery device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LookupFailed {
    /// The relay closed the line with this reason. One that does not know look-ups says [`Reason::OutOfPlace`].
    #[error("the relay does not say where a recovery phrase is: {0:?}")]
    Goodbye(Reason),
    /// The challenge is not by the relay at the end of this line.
    #[error("another relay answers at this address")]
    OtherRelay,
    /// No honest relay says this.
    #[error("the relay sent something that makes no sense: {0}")]
    Nonsense(&'static str),
}

/// A line on which a recovery device asks where it is.
#[derive(Debug)]
pub struct PhraseLookup {
    line: Option<LineKey>,
    /// What was said before the challenge; `None` once the question is asked.
    said: Option<Transcript>,
    out: VecDeque<Frame>,
}

impl PhraseLookup {
    /// Begins on a new line. `line` is the key of the relay's certificate as the line has proven it.
    pub fn begin(line: Option<LineKey>, cx: &mut Context<'_>) -> Self {
        let capabilities = [WRITES_DRAFT, "entries/1", LOOKUP].map(str::to_owned).to_vec();
        let hello = Frame::Hello(Hello { nonce: cx.bytes(), versions: VERSIONS.to_vec(), capabilities });
        let said = Some(Transcript::START.then(&encode(&hello)));
        Self { line, said, out: VecDeque::from([hello]) }
    }

    /// The next frame for the line.
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        self.out.pop_front()
    }

    /// A frame has come. Gives the workspaces that the relay names: its word, which each workspace's log has to bear out.
    ///
    /// # Errors
    /// Then nothing more comes of this line.
    pub fn handle_frame(
        &mut self,
        frame: Frame,
        cx: &Context<'_>,
    ) -> Result<Option<Vec<WorkspaceId>>, LookupFailed> {
        match (frame, self.said) {
            (Frame::Goodbye { reason, .. }, _) => Err(LookupFailed::Goodbye(reason)),
            (Frame::Challenge(challenge), Some(said)) => {
                if !challenge.is_by(self.line, None, said) {
                    return Err(LookupFailed::OtherRelay);
                }
                if !VERSIONS.contains(&challenge.version) {
                    return Err(LookupFailed::Goodbye(Reason::Version));
                }
                let said = said.then(&encode(&Frame::Challenge(challenge)));
                self.out.push_back(Frame::Lookup(cx.keys.look_up(said)));
                self.said = None;
                Ok(None)
            }
            (Frame::Found { workspaces }, None) => Ok(Some(workspaces)),
            _ => Err(LookupFailed::Nonsense("a frame that nobody has asked for")),
        }
    }
}
