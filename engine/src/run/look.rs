//! Looking at the log that a workspace's relay has, on a line of its own, before a person decides about it. The workspace has to be
//! disconnected meanwhile: nothing else may come to be known of its log.

use std::sync::Arc;

use bowline_core::sync::{ShownLog, Survey, SurveyFailed};
use bowline_transport::Dial;
use bowline_wire::codec::encode;
use bowline_wire::ids::{LineKey, Millis, Position, WorkspaceId};

use super::Host;
use super::line::{Follows, LineError};
use super::own_line::{Ended, Talk, talk};
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

/// Looks at the log that a workspace's relay has, or the one at another address, or makes it there again. Its socket is closed when this returns.
///
/// # Errors
/// The device's: [`Error::NothingToGoOnFrom`] if a log could not be judged here.
pub async fn look<D: Dial>(
    device: &mut Device,
    (workspace, how, elsewhere): (WorkspaceId, &Looking, Option<&str>),
    host: Host<'_, D>,
    stop: impl Future<Output = ()>,
) -> Result<Looked, Error> {
    let (address, is_known) = match elsewhere {
        Some(address) => (address.to_owned(), false),
        None => (device.relay_address(workspace)?, device.knows_relay(workspace)?),
    };
    let follows = if is_known { Follows::Identity } else { Follows::Nobody };
    let looking = Lookout { device, workspace, how, is_elsewhere: elsewhere.is_some(), survey: None };
    Ok(match talk(Some(workspace), (&address, follows), host, looking, stop).await? {
        Ended::With(looked) => looked,
        Ended::NoLine(why) => Looked::NoLine(why),
        Ended::Stopped => Looked::Stopped,
    })
}

/// Whoever looks.
struct Lookout<'d> {
    device: &'d mut Device,
    workspace: WorkspaceId,
    how: &'d Looking,
    is_elsewhere: bool,
    survey: Option<Survey>,
}

impl Talk for Lookout<'_> {
    type Outcome = Looked;

    fn begin(&mut self, line: Option<LineKey>, now: Millis) -> Result<(), Error> {
        let survey = self.device.survey(self.workspace, (line, self.how), now)?;
        self.survey = Some(if self.is_elsewhere { survey.of_any_relay() } else { survey });
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8], now: Millis) -> Result<Option<Looked>, Error> {
        let Some(survey) = &mut self.survey else { return Ok(None) };
        Ok(match self.device.look(self.workspace, survey, bytes, now)? {
            Look::On => None,
            Look::Done(shown) => Some(Looked::Shown(shown)),
            Look::Failed(why) => Some(Looked::Failed(why)),
        })
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.survey.as_mut().and_then(Survey::poll_transmit).as_ref().map(encode)
    }

    fn progress(&self) -> Option<(Position, Position)> {
        self.survey.as_ref().and_then(Survey::progress)
    }
}
