//! What the process that syncs says about itself in the database, for `status` and for processes that wait for it.

use std::collections::BTreeMap;

use bowline_core::sync::{LinkState, NotReady};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{Millis, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::line::Line;
use crate::{Device, Error};

/// Milliseconds between two reports when nothing happens: a process that hangs is told from one that works, and the disk
/// of a laptop may sleep in between.
const BEAT: u64 = 60_000;

/// Milliseconds between two reports while only the position changes: enough for a person who watches, and no commit per
/// frame.
const PROGRESS: u64 = 500;

/// What the process that syncs is doing. It is doing it only while it holds the sync lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// The process.
    pub pid: u32,
    /// When it last said so, in milliseconds since 1970.
    pub at: u64,
    /// Its lines, by workspace in hexadecimal.
    pub lines: BTreeMap<String, LineReport>,
}

/// One workspace's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// How far it is.
    pub stage: LineStage,
    /// Since when it is connected or not, in milliseconds since 1970.
    pub since: u64,
    /// What is here, in log positions.
    pub position: u64,
    /// When everything the relay had was here last.
    pub last_live: Option<u64>,
    /// Why there is no connection, in words.
    pub error: Option<String>,
    /// When it is tried again.
    pub retry_at: Option<u64>,
    /// What stands in the way of what waits to be sent, though there is a connection.
    #[serde(default)]
    pub stuck: Option<Stuck>,
}

/// Why what waits to be sent will not be for now, however long one waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stuck {
    /// The relay has no room for the workspace.
    Quota,
    /// The relay cannot store anything.
    Storage,
    /// There is lasting evidence against the relay.
    Distrusted,
    /// This device has no usable key for the epoch in force.
    NoKey,
    /// The workspace needs a newer version.
    UpdateNeeded,
    /// This device is not in the workspace.
    NotMember,
    /// So many documents have unsealed work that is more than others would take at once; others do not wait for them.
    TooLarge(usize),
}

impl Stuck {
    /// Why what this process has to send in a workspace will not be sent for now.
    pub(super) fn of(device: &Device, workspace: WorkspaceId) -> Result<Option<Self>, Error> {
        match device.held_up(workspace)? {
            Some(Reason::Quota) => return Ok(Some(Self::Quota)),
            Some(Reason::Storage) => return Ok(Some(Self::Storage)),
            _ => {}
        }
        match device.not_ready(workspace)? {
            Some(NotReady::Distrusted) => return Ok(Some(Self::Distrusted)),
            Some(NotReady::NoKey) => return Ok(Some(Self::NoKey)),
            Some(NotReady::UpdateNeeded) => return Ok(Some(Self::UpdateNeeded)),
            Some(NotReady::NotMember) => return Ok(Some(Self::NotMember)),
            _ => {}
        }
        let too_large = device.too_large(workspace)?;
        Ok((too_large > 0).then_some(Self::TooLarge(too_large)))
    }
}

/// How far a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineStage {
    /// No socket is open, and none will be until something is decided or happens.
    Off,
    /// No socket is open, and one will be.
    Waiting,
    /// The relay is being dialled, or asked to let this device in.
    Connecting,
    /// Entries are on their way.
    CatchingUp,
    /// Everything is here.
    Live,
}

impl SyncReport {
    /// What it says of a workspace.
    pub fn line(&self, workspace: WorkspaceId) -> Option<&LineReport> {
        self.lines.get(&workspace.to_string())
    }
}

/// Writes the report when there is news.
pub(super) struct Reporter {
    last: Option<SyncReport>,
    has_ended: bool,
}

impl Reporter {
    pub(super) fn new() -> Self {
        Self { last: None, has_ended: false }
    }

    /// The process stops syncing.
    pub(super) fn ended(&mut self) {
        self.has_ended = true;
    }

    /// When the next report is due, whatever happens.
    pub(super) fn due(&self) -> Millis {
        self.last.as_ref().map_or(Millis(0), |last| Millis(last.at).plus(BEAT))
    }

    pub(super) fn report(
        &mut self,
        device: &mut Device,
        lines: &BTreeMap<WorkspaceId, Line>,
        now: Millis,
    ) -> Result<(), Error> {
        let mut report = SyncReport { pid: std::process::id(), at: now.0, lines: BTreeMap::new() };
        for (workspace, line) in lines {
            let Ok(state) = device.link_state(*workspace) else {
                continue;
            };
            let position = device.position(*workspace)?;
            let stuck = if line.is_live() { Stuck::of(device, *workspace)? } else { None };
            let line = LineReport { stuck, ..line_report(line, state, position.0) };
            report.lines.insert(workspace.to_string(), line);
        }
        if self.has_ended || self.is_news(&report, now) {
            device.put_sync_report(&report)?;
            self.last = Some(report);
        }
        Ok(())
    }

    fn is_news(&self, report: &SyncReport, now: Millis) -> bool {
        let Some(last) = &self.last else {
            return true;
        };
        let age = now.since(Millis(last.at));
        if last.lines == report.lines {
            return age >= BEAT;
        }
        let mut but_for_positions = report.lines.clone();
        for (workspace, line) in &mut but_for_positions {
            line.position = last.lines.get(workspace).map_or(0, |last| last.position);
            line.last_live = last.lines.get(workspace).and_then(|last| last.last_live);
        }
        but_for_positions != last.lines || age >= PROGRESS
    }
}

fn line_report(line: &Line, how: LinkState, position: u64) -> LineReport {
    let stage = match how {
        _ if !line.has_task() && line.due().is_some() => LineStage::Waiting,
        _ if !line.has_task() => LineStage::Off,
        LinkState::CatchingUp { .. } => LineStage::CatchingUp,
        LinkState::Live => LineStage::Live,
        LinkState::Down | LinkState::Connecting => LineStage::Connecting,
    };
    LineReport {
        stage,
        since: line.since().0,
        position,
        last_live: line.last_live().map(|at| at.0),
        error: line.error().map(|why| why.sentence()),
        retry_at: line.due().filter(|_| !line.has_task()).map(|at| at.0),
        stuck: None,
    }
}
