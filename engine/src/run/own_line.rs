//! A conversation with a relay on a line of its own, beside those of the loop: something is asked, and the line is closed.

use std::pin::pin;
use std::sync::Arc;

use bowline_core::sync::Awaited;
use bowline_transport::Dial;
use bowline_wire::ids::{LineKey, Millis, Position, WorkspaceId};
use tokio::sync::mpsc;

use super::line::{Follows, Happened, Line, LineError, Said};
use super::{Event, Host, INBOUND_FRAMES, LAST_WORDS_IN_A_HURRY, SILENCE};
use crate::device::Error;

/// What is said on the line.
pub(super) trait Talk {
    /// What the conversation is for.
    type Outcome;

    /// The line is up; with the key of the relay's certificate, if the line has proven it.
    fn begin(&mut self, line: Option<LineKey>, now: Millis) -> Result<(), Error>;

    /// A frame has come; gives what the conversation is for once that is known.
    fn hear(&mut self, bytes: &[u8], now: Millis) -> Result<Option<Self::Outcome>, Error>;

    /// The next frame for the line.
    fn poll_transmit(&mut self) -> Option<Vec<u8>>;

    /// How far the conversation is, if people are to see that.
    fn progress(&self) -> Option<(Position, Position)> {
        None
    }
}

/// How a conversation ended.
pub(super) enum Ended<T> {
    /// With what it was for.
    With(T),
    /// There was no connection.
    NoLine(Arc<LineError>),
    /// A person has stopped it.
    Stopped,
}

/// Talks to a relay, about a workspace if one is known. The socket is closed when this returns.
///
/// # Errors
/// Those of what is said.
pub(super) async fn talk<D: Dial, T: Talk>(
    workspace: Option<WorkspaceId>,
    (address, follows): (&str, Follows),
    host: Host<'_, D>,
    talk: T,
    stop: impl Future<Output = ()>,
) -> Result<Ended<T::Outcome>, Error> {
    let (said, mut heard) = mpsc::channel(INBOUND_FRAMES);
    let now = (host.clock)();
    let mut line = Line::new(now);
    line.dial(
        Arc::clone(&host.dial),
        address,
        follows,
        Said::from(workspace.unwrap_or(WorkspaceId::ZERO), 0),
        said,
        now,
    );
    if let Some(workspace) = workspace {
        (host.observer)(Event::Connecting(workspace));
    }
    let ended = if let Some(why) = line.error() {
        Ok(Ended::NoLine(Arc::clone(why)))
    } else {
        listen(workspace, host, talk, (&mut line, &mut heard), stop).await
    };
    line.hang_up(now);
    let late = tokio::time::Instant::now() + LAST_WORDS_IN_A_HURRY;
    while line.has_task()
        && let Ok(Some(said)) = tokio::time::timeout_at(late, heard.recv()).await
    {
        if let Happened::Down(_) = said.happened {
            line.ended();
        }
    }
    line.cut();
    ended
}

async fn listen<D: Dial, T: Talk>(
    workspace: Option<WorkspaceId>,
    host: Host<'_, D>,
    mut talk: T,
    (line, heard): (&mut Line, &mut mpsc::Receiver<Said>),
    stop: impl Future<Output = ()>,
) -> Result<Ended<T::Outcome>, Error> {
    let mut stop = pin!(stop);
    loop {
        let said = tokio::select! {
            biased;
            () = &mut stop => return Ok(Ended::Stopped),
            said = tokio::time::timeout(SILENCE, heard.recv()) => said,
        };
        let Ok(Some(said)) = said else {
            return Ok(Ended::NoLine(Arc::new(LineError::Silent(Awaited::Answer))));
        };
        let now = (host.clock)();
        match said.happened {
            Happened::Up(key) => {
                line.came_up(now);
                talk.begin(key, now)?;
            }
            Happened::Frame(bytes) => {
                if let Some(outcome) = talk.hear(&bytes, now)? {
                    return Ok(Ended::With(outcome));
                }
                if let Some((workspace, (at, of))) = workspace.zip(talk.progress()) {
                    (host.observer)(Event::CatchingUp(workspace, at, of));
                }
            }
            Happened::Down(why) => {
                line.ended();
                return Ok(Ended::NoLine(Arc::new(why.map_or(LineError::Closed, |why| *why))));
            }
        }
        while let Some(frame) = talk.poll_transmit() {
            line.send(frame);
        }
    }
}
