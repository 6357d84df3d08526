//! Looking at the log that a workspace's relay has, on a line of its own, before a person decides about it. The workspace has to be
//! disconnected meanwhile: nothing else may come to be known of its log.

use std::pin::pin;
use std::sync::Arc;

use bowline_core::sync::{Awaited, ShownLog, SurveyFailed};
use bowline_transport::Dial;
use bowline_wire::codec::encode;
use bowline_wire::ids::WorkspaceId;
use tokio::sync::mpsc;

use super::line::{Follows, Happened, Line, LineError, Said};
use super::{Event, Host, INBOUND_FRAMES, LAST_WORDS_IN_A_HURRY, SILENCE};
use crate::Device;
use crate::device::{Error, Look, Looking};

/// What became of a look at a relay's log.
#[derive(Debug)]
pub enum Looked {
    /// The log was read up to its signed end.
    Shown(Box<ShownLog>),
    /// The relay showed nothing that could be read.
    Failed(SurveyFailed),
    /// There was no connection.
    NoLine(Arc<LineError>),
    /// The look was stopped.
    Stopped,
}

/// Looks at the log that a workspace's relay has, or makes it there again. Its socket is closed when this returns.
///
/// # Errors
/// The device's: [`Error::NothingToGoOnFrom`] if a log could not be judged here.
pub async fn look<D: Dial>(
    device: &mut Device,
    (workspace, how): (WorkspaceId, &Looking),
    host: Host<'_, D>,
    stop: impl Future<Output = ()>,
) -> Result<Looked, Error> {
    let address = device.relay_address(workspace)?;
    let follows = if device.knows_relay(workspace)? { Follows::Identity } else { Follows::Nobody };
    let (said, mut heard) = mpsc::channel(INBOUND_FRAMES);
    let now = (host.clock)();
    let mut line = Line::new(now);
    line.dial(Arc::clone(&host.dial), &address, follows, Said::from(workspace, 0), said, now);
    (host.observer)(Event::Connecting(workspace));
    let looked = if let Some(why) = line.error() {
        Ok(Looked::NoLine(Arc::clone(why)))
    } else {
        read(device, (workspace, how), host, (&mut line, &mut heard), stop).await
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
    looked
}

async fn read<D: Dial>(
    device: &mut Device,
    (workspace, how): (WorkspaceId, &Looking),
    host: Host<'_, D>,
    (line, heard): (&mut Line, &mut mpsc::Receiver<Said>),
    stop: impl Future<Output = ()>,
) -> Result<Looked, Error> {
    let mut stop = pin!(stop);
    let mut survey = None;
    loop {
        let said = tokio::select! {
            biased;
            () = &mut stop => return Ok(Looked::Stopped),
            said = tokio::time::timeout(SILENCE, heard.recv()) => said,
        };
        let Ok(Some(said)) = said else {
            return Ok(Looked::NoLine(Arc::new(LineError::Silent(Awaited::Answer))));
        };
        let now = (host.clock)();
        match said.happened {
            Happened::Up(key) => {
                line.came_up(now);
                survey = Some(device.survey(workspace, (key, how), now)?);
            }
            Happened::Frame(bytes) => {
                let Some(survey) = &mut survey else { continue };
                match device.look(workspace, survey, &bytes, now)? {
                    Look::On => {}
                    Look::Done(shown) => return Ok(Looked::Shown(shown)),
                    Look::Failed(why) => return Ok(Looked::Failed(why)),
                }
                if let Some((at, of)) = survey.progress() {
                    (host.observer)(Event::CatchingUp(workspace, at, of));
                }
            }
            Happened::Down(why) => {
                line.ended();
                return Ok(Looked::NoLine(Arc::new(why.map_or(LineError::Closed, |why| *why))));
            }
        }
        while let Some(frame) = survey.as_mut().and_then(bowline_core::sync::Survey::poll_transmit) {
            line.send(encode(&frame));
        }
    }
}
