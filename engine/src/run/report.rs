//! When the process that syncs writes its report into the database.

use std::collections::BTreeMap;

use bowline_core::sync::LinkState;
use bowline_device::{Device, Error, LineFailure, LineReport, LineStage, Stuck, SyncReport};
use bowline_wire::ids::{Millis, WorkspaceId};

use super::line::Line;

/// Milliseconds between two reports when nothing happens: a process that hangs is told from one that works, and the disk
/// of a laptop may sleep in between.
const BEAT: u64 = 60_000;

/// Milliseconds between two reports while only the position changes: enough for a person who watches, and no commit per
/// frame.
const PROGRESS: u64 = 500;

/// Writes the report when there is news.
pub(super) struct Reporter {
    last: Option<SyncReport>,
    has_ended: bool,
}

impl Reporter {
    pub(super) fn new() -> Self {
        Self { last: None, has_ended: false }
    }

    /// Notes that the process stops syncing, so that the next report says so.
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
        error: line.error().map(|why| LineFailure::from(&**why)),
        retry_at: line.due().filter(|_| !line.has_task()).map(|at| at.0),
        stuck: None,
    }
}
