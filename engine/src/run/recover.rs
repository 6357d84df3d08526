//! What a recovery phrase does at a relay, on a line of its own and in memory: it asks where it is, comes into a workspace by a code,
//! lets somebody in, and leaves.

use std::sync::Arc;

use bowline_core::sync::{JoinFailed, LookupFailed, PhraseLookup};
use bowline_transport::Dial;
use bowline_wire::codec::encode;
use bowline_wire::ids::{LineKey, Millis, Position, WorkspaceId};

use super::Host;
use super::line::{Follows, LineError};
use super::own_line::{Ended, Talk, talk};
use crate::Code;
use crate::device::{Departure, Entrance, Error, Newcomer, Parting, PhraseInHand};

/// What became of asking a relay where a phrase is.
#[derive(Debug)]
pub enum LookedUp {
    /// The relay names these workspaces.
    Found(Vec<WorkspaceId>),
    /// The relay does not say.
    Failed(LookupFailed),
    /// There was no connection.
    NoLine(Arc<LineError>),
    /// A person has stopped it.
    Stopped,
}

/// What became of what a phrase was to do in a workspace.
#[derive(Debug)]
pub enum Recovered<T> {
    /// What the phrase was to do is done.
    Done(T),
    /// There was no connection, or it ended before it was done.
    NoLine(Arc<LineError>),
    /// A person has stopped it.
    Stopped,
}

/// Asks a relay where a phrase is. The socket is closed when this returns.
///
/// # Errors
/// The device's.
pub async fn look_up<D: Dial>(
    phrase: &mut PhraseInHand,
    address: &str,
    host: Host<'_, D>,
    stop: impl Future<Output = ()>,
) -> Result<LookedUp, Error> {
    let asking = Asking { phrase, lookup: None };
    Ok(match talk(None, (address, Follows::Nobody), host, asking, stop).await? {
        Ended::With(Ok(found)) => LookedUp::Found(found),
        Ended::With(Err(why)) => LookedUp::Failed(why),
        Ended::NoLine(why) => LookedUp::NoLine(why),
        Ended::Stopped => LookedUp::Stopped,
    })
}

/// Brings a phrase into a workspace by the code that was made for it. The socket is closed when this returns.
///
/// # Errors
/// The device's.
pub async fn come_in_by_phrase<D: Dial>(
    phrase: &mut PhraseInHand,
    code: &Code,
    host: Host<'_, D>,
    stop: impl Future<Output = ()>,
) -> Result<Recovered<Result<(), JoinFailed>>, Error> {
    phrase.join(code, (host.clock)())?;
    let workspace = code.workspace;
    let done = |phrase: &mut PhraseInHand, _| {
        Ok(match phrase.has_joined(workspace)? {
            Ok(false) => None,
            Ok(true) => Some(Ok(())),
            Err(why) => Some(Err(why)),
        })
    };
    run(&code.relay, AtWork { phrase, workspace, done }, host, stop).await
}

/// Opens a workspace with a phrase that is in it, and lets somebody in. The socket is closed when this returns.
///
/// # Errors
/// The device's.
pub async fn let_in_by_phrase<D: Dial>(
    phrase: &mut PhraseInHand,
    newcomer: Newcomer<'_>,
    (workspace, address): (WorkspaceId, &str),
    host: Host<'_, D>,
    stop: impl Future<Output = ()>,
) -> Result<Recovered<Entrance>, Error> {
    phrase.open(workspace, address, (host.clock)())?;
    let done = |phrase: &mut PhraseInHand, now| {
        Ok(match phrase.let_in(workspace, newcomer, now)? {
            Entrance::OnTheWay => None,
            entrance => Some(entrance),
        })
    };
    run(address, AtWork { phrase, workspace, done }, host, stop).await
}

/// Opens a workspace with a phrase that is in it, and leaves it. The socket is closed when this returns.
///
/// # Errors
/// The device's.
pub async fn leave_by_phrase<D: Dial>(
    phrase: &mut PhraseInHand,
    (workspace, address): (WorkspaceId, &str),
    host: Host<'_, D>,
    stop: impl Future<Output = ()>,
) -> Result<Recovered<Departure>, Error> {
    phrase.open(workspace, address, (host.clock)())?;
    let done = |phrase: &mut PhraseInHand, now| {
        Ok(match phrase.leave(workspace, now)? {
            Departure::OnTheWay => None,
            departure => Some(departure),
        })
    };
    run(address, AtWork { phrase, workspace, done }, host, stop).await
}

async fn run<D: Dial, T>(
    address: &str,
    at_work: AtWork<'_, impl FnMut(&mut PhraseInHand, Millis) -> Result<Option<T>, Error>>,
    host: Host<'_, D>,
    stop: impl Future<Output = ()>,
) -> Result<Recovered<T>, Error> {
    Ok(match talk(Some(at_work.workspace), (address, Follows::Nobody), host, at_work, stop).await? {
        Ended::With(Ok(done)) => Recovered::Done(done),
        Ended::With(Err(why)) | Ended::NoLine(why) => Recovered::NoLine(why),
        Ended::Stopped => Recovered::Stopped,
    })
}

struct Asking<'p> {
    phrase: &'p mut PhraseInHand,
    lookup: Option<PhraseLookup>,
}

impl Talk for Asking<'_> {
    type Outcome = Result<Vec<WorkspaceId>, LookupFailed>;

    fn begin(&mut self, line: Option<LineKey>, now: Millis) -> Result<(), Error> {
        self.lookup = Some(self.phrase.look_up(line, now));
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8], now: Millis) -> Result<Option<Self::Outcome>, Error> {
        let Some(lookup) = &mut self.lookup else { return Ok(None) };
        Ok(self.phrase.hear_looked_up(lookup, bytes, now).transpose())
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.lookup.as_mut().and_then(PhraseLookup::poll_transmit).as_ref().map(encode)
    }
}

/// A phrase in a workspace, and what it has done there once that is done, which is asked after each frame.
struct AtWork<'p, D> {
    phrase: &'p mut PhraseInHand,
    workspace: WorkspaceId,
    done: D,
}

impl<T, D: FnMut(&mut PhraseInHand, Millis) -> Result<Option<T>, Error>> Talk for AtWork<'_, D> {
    type Outcome = Result<T, Arc<LineError>>;

    fn begin(&mut self, line: Option<LineKey>, now: Millis) -> Result<(), Error> {
        self.phrase.handle_connected(self.workspace, line, now)
    }

    fn hear(&mut self, bytes: &[u8], now: Millis) -> Result<Option<Self::Outcome>, Error> {
        self.phrase.handle_frame(self.workspace, bytes, now)?;
        if let Some(done) = (self.done)(self.phrase, now)? {
            return Ok(Some(Ok(done)));
        }
        Ok(self.phrase.poll_parting(self.workspace)?.map(|parting| Err(why(parting))))
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.phrase.poll_transmit(self.workspace)
    }

    fn progress(&self) -> Option<(Position, Position)> {
        self.phrase.progress(self.workspace)
    }
}

/// Why a line is to be closed before what it was for is done.
fn why(parting: Parting) -> Arc<LineError> {
    Arc::new(match parting {
        Parting { fault: Some(fault), .. } => LineError::Fault(fault),
        Parting { goodbye: Some(reason), .. } => LineError::Goodbye(reason),
        Parting { silence: Some(owed), .. } => LineError::Silent(owed),
        Parting { .. } => LineError::Closed,
    })
}
