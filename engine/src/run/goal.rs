//! When a process that syncs is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use bowline_core::sync::{NotReady, RelayFault};
use bowline_transport::LinkError;
use bowline_wire::frame::Reason;
use bowline_wire::ids::{Millis, WorkspaceId};

use super::line::{Line, LineError, may_pass};
use super::patience::Patience;
use super::{LineStage, Stuck, SyncReport};
use crate::{Device, Error};

/// Connections in a row that may come to nothing before one pass gives up: a relay that restarts meanwhile is forgiven.
const ATTEMPTS: u32 = 3;

/// A question to the device that a process waits to see answered with yes.
pub type Question<'a> = &'a mut dyn FnMut(&mut Device, Millis) -> Result<bool, Error>;

/// When a process that syncs is done.
pub enum Goal<'a> {
    /// The process runs until it is stopped.
    Forever,
    /// The process is done once everything is sent and everything is here, as far as that can be had now.
    Synced,
    /// The process is done once the question is answered with true, or this workspace's relay cannot be reached, does not
    /// do what it is asked or is not to be given anything, or the workspace is to be connected no more.
    Until(WorkspaceId, Question<'a>),
}

impl std::fmt::Debug for Goal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Forever => "Forever",
            Self::Synced => "Synced",
            Self::Until(..) => "Until",
        })
    }
}

/// How a workspace stands.
#[derive(Clone, Debug)]
pub enum Standing {
    /// Everything is on the relay, which has signed for it, and everything of the relay's is here.
    Synced,
    /// Everything is sent, and the relay withholds the bodies of so many entries.
    Withheld(u64),
    /// Everything is here and sent, except for so many documents whose unsealed work is more than others would take at
    /// once.
    TooLarge(usize),
    /// Everything is here, and nothing can be sealed.
    NotReady(NotReady),
    /// Everything is here, and the relay does not take what this device writes for now.
    HeldUp(Reason),
    /// There is no connection, for this reason.
    Failed(Arc<LineError>),
    /// The relay answers, and nothing has come of what it was asked for long enough.
    Unanswered,
    /// Sending or receiving is under way.
    UnderWay,
}

impl Goal<'_> {
    /// How every workspace stands once the goal is reached; `None` before.
    pub(super) fn reached(
        &mut self,
        device: &mut Device,
        lines: &BTreeMap<WorkspaceId, Line>,
        patience: &mut Patience,
        now: Millis,
    ) -> Result<Option<BTreeMap<WorkspaceId, Standing>>, Error> {
        if matches!(self, Self::Forever) {
            return Ok(None);
        }
        let mut standings = Self::standings(device, lines)?;
        for (workspace, standing) in &mut standings {
            let is_up = lines.get(workspace).is_some_and(Line::is_up);
            give_up(device, *workspace, (standing, is_up), patience, now)?;
        }
        let is_reached = self.is_reached(device, &standings, patience, now)?;
        Ok(is_reached.then_some(standings))
    }

    fn is_reached(
        &mut self,
        device: &mut Device,
        standings: &BTreeMap<WorkspaceId, Standing>,
        patience: &mut Patience,
        now: Millis,
    ) -> Result<bool, Error> {
        Ok(match self {
            Self::Forever => false,
            Self::Synced => standings.values().all(is_settled),
            Self::Until(workspace, question) => {
                let workspace = *workspace;
                let is_joining = device.wants_connection(workspace)? && device.is_joining(workspace)?;
                let mut is_over = |standing| !is_joining && is_held(standing, patience, now);
                question(device, now)?
                    || !device.wants_connection(workspace)?
                    || standings.get(&workspace).is_some_and(|it| is_failed(it) || is_over(it))
            }
        })
    }

    /// How every workspace stands, by the report of the process that syncs, once the goal is reached; `None` before.
    pub(super) fn reached_elsewhere(
        &mut self,
        device: &mut Device,
        report: Option<&SyncReport>,
        patience: &mut Patience,
        now: Millis,
    ) -> Result<Option<BTreeMap<WorkspaceId, Standing>>, Error> {
        let mut standings = BTreeMap::new();
        for workspace in wanted(device)? {
            let mut standing = standing_elsewhere(device, workspace, report)?;
            let line = report.and_then(|report| report.line(workspace));
            let is_up =
                line.is_some_and(|line| matches!(line.stage, LineStage::Live | LineStage::CatchingUp));
            give_up(device, workspace, (&mut standing, is_up), patience, now)?;
            standings.insert(workspace, standing);
        }
        let is_reached = self.is_reached(device, &standings, patience, now)?;
        Ok(is_reached.then_some(standings))
    }

    /// How every workspace that is to be connected stands.
    pub(super) fn standings(
        device: &Device,
        lines: &BTreeMap<WorkspaceId, Line>,
    ) -> Result<BTreeMap<WorkspaceId, Standing>, Error> {
        let mut standings = BTreeMap::new();
        for workspace in wanted(device)? {
            standings.insert(workspace, standing(device, workspace, lines.get(&workspace))?);
        }
        Ok(standings)
    }
}

fn wanted(device: &Device) -> Result<Vec<WorkspaceId>, Error> {
    let mut wanted = Vec::new();
    for workspace in device.workspaces() {
        if device.wants_connection(workspace)? {
            wanted.push(workspace);
        }
    }
    Ok(wanted)
}

fn is_settled(standing: &Standing) -> bool {
    !matches!(standing, Standing::UnderWay)
}

fn is_failed(standing: &Standing) -> bool {
    matches!(standing, Standing::Failed(_) | Standing::Unanswered)
}

/// Whether nothing can be sent, and that does not pass by itself or has not for a while.
fn is_held(standing: &Standing, patience: &mut Patience, now: Millis) -> bool {
    let lasts = matches!(
        standing,
        Standing::NotReady(NotReady::Distrusted | NotReady::UpdateNeeded | NotReady::RecordsSpent)
    );
    let holds = matches!(standing, Standing::NotReady(_) | Standing::HeldUp(_));
    patience.is_held(holds, now) || lasts
}

/// Makes an end of waiting for a relay that answers, and does not do what it is asked.
fn give_up(
    device: &Device,
    workspace: WorkspaceId,
    (standing, is_up): (&mut Standing, bool),
    patience: &mut Patience,
    now: Millis,
) -> Result<(), Error> {
    if !is_up || !matches!(standing, Standing::UnderWay) {
        patience.forget(workspace);
    } else if patience.is_over(device, workspace, now)? {
        *standing = Standing::Unanswered;
    }
    Ok(())
}

fn standing(device: &Device, workspace: WorkspaceId, line: Option<&Line>) -> Result<Standing, Error> {
    let Some(line) = line else {
        return Ok(Standing::UnderWay);
    };
    if line.is_live() {
        return live_standing(device, workspace, Stuck::of(device, workspace)?);
    }
    match line.error() {
        Some(why) if line.failures() >= attempts(why) => Ok(Standing::Failed(Arc::clone(why))),
        _ => Ok(Standing::UnderWay),
    }
}

fn live_standing(device: &Device, workspace: WorkspaceId, stuck: Option<Stuck>) -> Result<Standing, Error> {
    let outstanding = device.outstanding(workspace)?;
    if device.is_fetching(workspace)? {
        return Ok(Standing::UnderWay);
    }
    // What a relay has signed that was caught lying is worth nothing, however little waits.
    if outstanding.is_none() && stuck != Some(Stuck::Distrusted) {
        let withheld = device.status(workspace)?.withheld;
        return Ok(withheld.map_or(Standing::Synced, |withheld| Standing::Withheld(withheld.entries)));
    }
    Ok(match stuck {
        None => Standing::UnderWay,
        Some(Stuck::Quota) => Standing::HeldUp(Reason::Quota),
        Some(Stuck::Storage) => Standing::HeldUp(Reason::Storage),
        Some(Stuck::Distrusted) => Standing::NotReady(NotReady::Distrusted),
        Some(Stuck::NoKey) => Standing::NotReady(NotReady::NoKey),
        Some(Stuck::UpdateNeeded) => Standing::NotReady(NotReady::UpdateNeeded),
        Some(Stuck::NotMember) => Standing::NotReady(NotReady::NotMember),
        Some(Stuck::RecordsSpent) => {
            let stops = device.decisions(workspace)?.iter().any(|it| it.decision.stops_sealing());
            let is_under_way = outstanding.offered > 0 || (outstanding.queued > 0 && !stops);
            if is_under_way { Standing::UnderWay } else { Standing::NotReady(NotReady::RecordsSpent) }
        }
        Some(Stuck::TooLarge(n)) => {
            let others_wait = outstanding.queued > n || outstanding.offered + outstanding.undecided > 0;
            if others_wait { Standing::UnderWay } else { Standing::TooLarge(n) }
        }
    })
}

/// How often this may happen before one pass gives up.
fn attempts(why: &LineError) -> u32 {
    match why {
        LineError::Goodbye(reason) if !may_pass(*reason) => 1,
        // After silence whoever waits has waited long enough, and after a flood comes the same flood. What was refused without a reason
        // would be sealed once more for each connection.
        LineError::Address(_)
        | LineError::Dial(_)
        | LineError::Elsewhere(_)
        | LineError::Silent(_)
        | LineError::Lost(LinkError::Silent | LinkError::Flood | LinkError::Slow)
        | LineError::Fault(RelayFault::BringsNothing | RelayFault::KeepsRefusing) => 1,
        LineError::Goodbye(_) | LineError::Lost(_) | LineError::Closed | LineError::Fault(_) => ATTEMPTS,
    }
}

fn standing_elsewhere(
    device: &Device,
    workspace: WorkspaceId,
    report: Option<&SyncReport>,
) -> Result<Standing, Error> {
    let Some(line) = report.and_then(|report| report.line(workspace)) else {
        return Ok(Standing::UnderWay);
    };
    match (line.stage, &line.error) {
        (LineStage::Live, _) => live_standing(device, workspace, line.stuck),
        (LineStage::Waiting | LineStage::Connecting, Some(why)) => {
            Ok(Standing::Failed(Arc::new(LineError::Elsewhere(why.clone()))))
        }
        _ => Ok(Standing::UnderWay),
    }
}
