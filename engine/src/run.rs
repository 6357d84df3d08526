//! The thin loop around [`Device`]: lines to relays, time, and edits by other processes on the same home. The only place
//! in this crate that knows tokio.

mod arriving;
mod goal;
mod inquire;
mod line;
mod look;
mod own_line;
mod patience;
pub mod recover;
mod report;
mod wake;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bowline_core::sync::LinkState;
use bowline_transport::{Address, Dial, RelayKey};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{Millis, Position, WorkspaceId};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::device::{Notice, Overlapping, Parting};
use crate::home::{Home, HomeError, SyncLock};
use crate::{Device, Error};
use arriving::{QUIET, has_arriving};
pub use bowline_device::{LineFailure, LineReason, LineReport, LineStage, Stuck, SyncReport};
pub use goal::{Goal, Question, Standing};
pub use inquire::{Inquired, inquire};
use line::{Follows, Happened, Line, Said};
pub use line::{LineError, Waiting};
pub use look::{Looked, look};
use patience::Patience;
use report::Reporter;
use wake::Wake;

/// Frames from all relays that may wait for the device: a few, so that a slow disk slows the lines down.
const INBOUND_FRAMES: usize = 8;

/// How often a process that waits for another one's syncing looks how far it is. A person does not notice it, nor does the database.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long lines may take to close in order once a goal is reached: many round trips. Whatever counts is on the relay then.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How long lines may take to close in order once the process is told to end: a round trip to a relay that is well, and less
/// than a person waits before pressing the keys again. What was not sent is durable here, and sent another time.
const LAST_WORDS_IN_A_HURRY: Duration = Duration::from_millis(700);

/// How long a relay whose log is looked at may say nothing: as long as a silent line is believed to be alive otherwise.
const SILENCE: Duration = Duration::from_secs(30);

/// Milliseconds after which the loop looks at the clock in any case: somebody may have set it back.
const LONGEST_WAIT: u64 = 60_000;

/// What happens while a home is synced, for people to see. Prints no content.
#[derive(Debug)]
pub enum Event {
    /// Another process, with this number, is syncing; this one waits for it.
    OtherProcess(u32),
    /// A relay is being dialled.
    Connecting(WorkspaceId),
    /// Nothing has come for a few seconds of what is being waited for.
    Waiting(WorkspaceId, Waiting),
    /// The relay has let this device in; it is at the first position, and the log ends at the second.
    CatchingUp(WorkspaceId, Position, Position),
    /// Everything the relay has is here.
    Live(WorkspaceId),
    /// The connection could not be made or is lost, and is made again after this time.
    Lost(WorkspaceId, Arc<LineError>, Duration),
    /// The connection was closed because it is wanted no more.
    Closed(WorkspaceId),
    /// What the device has to say.
    Notice(Notice),
    /// What others changed at the same time as this device.
    Overlap(Box<Overlapping>),
}

/// Why syncing ended without reaching its goal.
#[derive(Debug, Error)]
pub enum RunError {
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The device failed; [`Device::needs_reopening`] may hold.
    #[error(transparent)]
    Device(#[from] Error),
}

/// How syncing ended.
#[derive(Debug)]
pub struct Finished {
    /// Whether it was stopped before its goal was reached.
    pub stopped: bool,
    /// How each workspace that is to be connected stood at the end.
    pub workspaces: BTreeMap<WorkspaceId, Standing>,
}

/// What the loop needs from outside.
pub struct Host<'a, D> {
    /// Makes connections.
    pub dial: Arc<D>,
    /// The time of day.
    pub clock: &'a dyn Fn() -> Millis,
    /// The observer, who is told what happens.
    pub observer: &'a mut dyn FnMut(Event),
}

impl<D> std::fmt::Debug for Host<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

/// Reaches `goal`: by syncing, or, while another process on this home syncs, by waiting for it.
///
/// # Errors
/// The home's and the device's. What happens to lines is told by [`Finished`].
pub async fn reach<D: Dial>(
    home: &Home,
    device: &mut Device,
    host: Host<'_, D>,
    mut goal: Goal<'_>,
    stop: impl Future<Output = ()>,
) -> Result<Finished, RunError> {
    let mut stop = pin!(stop);
    let mut told = None;
    let mut version = None;
    let mut patience = Patience::default();
    loop {
        if let Some(lock) = home.try_sync_lock()? {
            return sync(home, device, &lock, host, goal, stop).await;
        }
        let report = device.sync_report()?;
        if let Some(pid) = report.as_ref().map(|report| report.pid).filter(|pid| told != Some(*pid)) {
            (host.observer)(Event::OtherProcess(pid));
            told = Some(pid);
        }
        if version.is_none() {
            home.wake();
        }
        let found = device.data_version()?;
        if version.replace(found) != Some(found) {
            device.reload()?;
        }
        if let Some(workspaces) =
            goal.reached_elsewhere(device, report.as_ref(), &mut patience, (host.clock)())?
        {
            // What was asked of the database may be newer than what is in memory.
            device.reload()?;
            return Ok(Finished { stopped: false, workspaces });
        }
        tokio::select! {
            biased;
            () = &mut stop => return Ok(Finished { stopped: true, workspaces: BTreeMap::new() }),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Syncs a home until `goal` is reached or `stop` is done. All sockets are closed when this returns.
///
/// # Errors
/// The home's and the device's. What happens to lines is told by [`Finished`].
pub async fn sync<D: Dial>(
    home: &Home,
    device: &mut Device,
    _lock: &SyncLock,
    host: Host<'_, D>,
    goal: Goal<'_>,
    stop: impl Future<Output = ()>,
) -> Result<Finished, RunError> {
    let wake = Wake::new(home, device)?;
    let (said, heard) = mpsc::channel(INBOUND_FRAMES);
    let mut syncing = Syncing {
        device,
        host,
        goal,
        wake,
        said,
        heard,
        lines: BTreeMap::new(),
        next_life: 0,
        reporter: Reporter::new(),
        patience: Patience::default(),
    };
    let done = syncing.run(stop).await;
    let is_stopped = done.as_ref().is_ok_and(|finished| finished.stopped);
    syncing.close_all(if is_stopped { LAST_WORDS_IN_A_HURRY } else { LAST_WORDS }).await;
    done
}

struct Syncing<'d, 'h, 'g, D> {
    device: &'d mut Device,
    host: Host<'h, D>,
    goal: Goal<'g>,
    wake: Wake,
    said: mpsc::Sender<Said>,
    heard: mpsc::Receiver<Said>,
    lines: BTreeMap<WorkspaceId, Line>,
    next_life: u64,
    reporter: Reporter,
    patience: Patience,
}

/// What the loop woke up for.
enum Woken {
    Said(Said),
    StoreChanged,
    Time,
    Stop,
}

impl<D: Dial> Syncing<'_, '_, '_, D> {
    async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<Finished, RunError> {
        let mut stop = pin!(stop);
        // What the process before this one said of its lines is no longer so.
        self.reporter.report(self.device, &self.lines, self.now())?;
        // Until the lock was held, another process may have synced: what was read before that may be old, and a chain
        // would be continued where it no longer ends.
        self.device.reload()?;
        self.device.handle_store_changed(self.now())?;
        let mut quiet = false;
        loop {
            let now = self.now();
            let pause = self.step(now, quiet)?;
            let reached = self.goal.reached(self.device, &self.lines, &mut self.patience, now)?;
            if let Some(workspaces) = reached {
                // What others changed at the same time as this device is told before it ends.
                while self.device.index_own(now)? {}
                self.tell(now)?;
                return Ok(Finished { stopped: false, workspaces });
            }
            let woken = self.wait(stop.as_mut(), pause).await;
            quiet = matches!(woken, Woken::Time);
            match woken {
                Woken::Said(said) => self.handle(said)?,
                Woken::StoreChanged => self.device.handle_store_changed(self.now())?,
                Woken::Time => self.device.handle_timeout(self.now())?,
                Woken::Stop => {
                    let workspaces = Goal::standings(self.device, &self.lines)?;
                    return Ok(Finished { stopped: true, workspaces });
                }
            }
        }
    }

    /// Does what there is to do without waiting for anything; gives the milliseconds after which there is more of it, whatever
    /// happens until then. `quiet` is whether nothing has happened before it for as long as was to be waited.
    fn step(&mut self, now: Millis, quiet: bool) -> Result<u64, RunError> {
        self.open_and_close(now)?;
        self.greet_live(now)?;
        let joined = self.device.join_twins(now)?;
        let goes_first = !quiet && has_arriving(self.device, &self.lines, now)?;
        // One document at a time, so that frames do not wait for a thousand of them.
        let more = !goes_first && self.heard.is_empty() && self.device.index_one(now)? || joined;
        self.pump(now)?;
        self.tell(now)?;
        self.tell_waiting(now)?;
        self.reporter.report(self.device, &self.lines, now)?;
        Ok(match (more, goes_first) {
            (true, _) => 0,
            (false, true) => QUIET,
            (false, false) => LONGEST_WAIT,
        })
    }

    /// Hands on what the device has to say.
    fn tell(&mut self, now: Millis) -> Result<(), RunError> {
        while let Some(notice) = self.device.poll_notice() {
            if let Notice::Joined(workspace) = &notice
                && let Some(line) = self.lines.get_mut(workspace)
            {
                // The ticket's session has done its work: the device's own follows at once.
                line.is_to_follow();
            }
            (self.host.observer)(Event::Notice(notice));
        }
        while let Some(overlap) = self.device.poll_overlap(now)? {
            (self.host.observer)(Event::Overlap(Box::new(overlap)));
        }
        Ok(())
    }

    /// Dials where a connection is wanted and its time has come, and closes where it is wanted no more.
    fn open_and_close(&mut self, now: Millis) -> Result<(), RunError> {
        let is_followed = |id: &WorkspaceId| self.device.other_draft(*id).is_none();
        let workspaces: Vec<WorkspaceId> = self.device.workspaces().filter(is_followed).collect();
        for gone in self.lines.keys().filter(|id| !workspaces.contains(id)).copied().collect::<Vec<_>>() {
            self.lines.remove(&gone);
        }
        for workspace in workspaces {
            let wanted = self.device.wants_connection(workspace)?;
            let line = self.lines.entry(workspace).or_insert_with(|| Line::new(now));
            if !wanted {
                line.forget_errors();
                if line.hang_up(now) {
                    self.device.handle_disconnected(workspace)?;
                }
            } else if line.is_due(now) {
                self.next_life += 1;
                let address = self.device.relay_address(workspace)?;
                let is_known = self.device.knows_relay(workspace)?;
                let follows = if is_known { Follows::Identity } else { Follows::Nobody };
                let dial = Arc::clone(&self.host.dial);
                let whose = Said::from(workspace, self.next_life);
                line.dial(dial, &address, follows, whose, self.said.clone(), now);
                (self.host.observer)(Event::Connecting(workspace));
            }
        }
        Ok(())
    }

    /// Hands the device's frames to their lines. Lines to relays that were given up are cut: nobody there is waited for.
    fn pump(&mut self, now: Millis) -> Result<(), RunError> {
        let mut cut = Vec::new();
        for (workspace, line) in &mut self.lines {
            while line.is_up()
                && let Some(frame) = self.device.poll_transmit(*workspace)
            {
                line.send(frame);
            }
            if line.is_up() && self.device.poll_close(*workspace) {
                line.close();
                if self.device.has_given_up(*workspace) {
                    line.cut();
                    cut.push(*workspace);
                }
            }
        }
        for workspace in cut {
            self.went_down(workspace, None, now)?;
        }
        Ok(())
    }

    /// Says what is being waited for where nothing has come for a while.
    fn tell_waiting(&mut self, now: Millis) -> Result<(), RunError> {
        for (workspace, line) in &mut self.lines {
            let owed = if line.is_up() { self.device.awaited(*workspace)? } else { None };
            if let Some(waiting) = line.note_awaited(owed, now) {
                (self.host.observer)(Event::Waiting(*workspace, waiting));
            }
        }
        Ok(())
    }

    /// Tells people that everything is here, the first time on each connection, and introduces this device to the workspace.
    fn greet_live(&mut self, now: Millis) -> Result<(), RunError> {
        for (workspace, line) in &mut self.lines {
            if !line.is_up() {
                continue;
            }
            match self.device.link_state(*workspace)? {
                LinkState::Live if line.turned_live(now) => {
                    (self.host.observer)(Event::Live(*workspace));
                    match self.device.introduce(*workspace, now) {
                        // The profile is everybody's: what others make of it stops nobody from syncing.
                        Err(Error::Edit(error)) => tracing::warn!(%error, "this device cannot say its name"),
                        done => done?,
                    }
                }
                LinkState::CatchingUp { at, of } if line.turned_to(at) => {
                    (self.host.observer)(Event::CatchingUp(*workspace, at, of));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Keeps the key of the relay's certificate in the workspace's address, once the relay's identity has said that it has
    /// another one.
    fn note_key(&mut self, workspace: WorkspaceId) -> Result<(), RunError> {
        let Some(key) = self.device.take_relay_key(workspace) else {
            return Ok(());
        };
        let Ok(address) = self.device.relay_address(workspace)?.parse::<Address>() else {
            return Ok(());
        };
        let key = RelayKey::from_bytes(*key.as_bytes());
        if address.key().is_some_and(|known| known != key) {
            tracing::info!("the relay's certificate has another key, as its identity says");
            self.device.note_relay_address(workspace, &address.with_key(key).to_text())?;
        }
        Ok(())
    }

    async fn wait(&mut self, stop: std::pin::Pin<&mut impl Future<Output = ()>>, at_most: u64) -> Woken {
        let deadline = self.deadline();
        let now = (self.host.clock)();
        let pause = deadline.since(now).min(at_most);
        tokio::select! {
            biased;
            () = stop => Woken::Stop,
            said = self.heard.recv() => said.map_or(Woken::Time, Woken::Said),
            () = self.wake.changed(self.device) => Woken::StoreChanged,
            () = tokio::time::sleep(Duration::from_millis(pause)) => Woken::Time,
        }
    }

    /// When something has to be done, whatever happens until then.
    fn deadline(&self) -> Millis {
        let lines = self.lines.values().flat_map(|line| line.due().into_iter().chain(line.tells_at()));
        let device = self.device.poll_timeout().into_iter().chain(self.patience.due());
        let times = lines.chain(device).chain([self.reporter.due()]);
        times.min().unwrap_or(Millis(u64::MAX))
    }

    fn handle(&mut self, said: Said) -> Result<(), RunError> {
        let now = self.now();
        let Some(line) = self.lines.get_mut(&said.workspace).filter(|line| line.life() == Some(said.life))
        else {
            return Ok(());
        };
        match said.happened {
            Happened::Up(relay) => {
                line.came_up(now);
                self.device.handle_connected(said.workspace, relay, now)?;
            }
            // Of a line that is closing the device wants nothing more, however much still comes.
            Happened::Frame(_) if !line.is_up() => {}
            Happened::Frame(frame) => {
                line.note_frame(now);
                self.device.handle_frame(said.workspace, &frame, now)?;
                self.note_key(said.workspace)?;
            }
            Happened::Down(why) => self.went_down(said.workspace, why, now)?,
        }
        Ok(())
    }

    /// A line's socket is closed, or about to be without anybody listening to it.
    fn went_down(
        &mut self,
        workspace: WorkspaceId,
        why: Option<Box<LineError>>,
        now: Millis,
    ) -> Result<(), RunError> {
        let Some(line) = self.lines.get_mut(&workspace) else {
            return Ok(());
        };
        // What the relay said on an earlier line is not why this one could not be made.
        let parting =
            if line.is_dialling() { Parting::default() } else { self.device.take_parting(workspace)? };
        self.device.handle_disconnected(workspace)?;
        let draw = self.device.draw();
        // Turned away one way, a newcomer tries the other one at once; when there is none left, it has failed.
        if parting.goodbye.is_some_and(Reason::is_about_party) && self.device.is_joining(workspace)? {
            line.is_to_follow();
        }
        if let Some((why, pause)) = line.went_down(why, parting, draw, now) {
            (self.host.observer)(Event::Lost(workspace, why, pause));
        } else if line.is_off() {
            (self.host.observer)(Event::Closed(workspace));
        }
        Ok(())
    }

    /// Closes every line in order, and cuts those that take longer than `patience`. The sockets are closed when this returns.
    async fn close_all(&mut self, patience: Duration) {
        let now = self.now();
        let late = tokio::time::Instant::now() + patience;
        for (workspace, line) in &mut self.lines {
            line.hang_up(now);
            if let Err(error) = self.device.handle_disconnected(*workspace) {
                tracing::debug!(%error, "a workspace is gone while its line is closed");
            }
        }
        // A relay that goes on talking does not put the end off.
        while self.lines.values().any(Line::has_task) && tokio::time::Instant::now() < late {
            let Ok(Some(said)) = tokio::time::timeout_at(late, self.heard.recv()).await else {
                break;
            };
            if let (Happened::Down(_), Some(line)) = (said.happened, self.lines.get_mut(&said.workspace))
                && line.life() == Some(said.life)
            {
                line.ended();
            }
        }
        self.lines.values_mut().filter(|line| line.has_task()).for_each(|line| {
            line.cut();
            line.ended();
        });
        tokio::task::yield_now().await;
        self.reporter.ended();
        if let Err(error) = self.reporter.report(self.device, &self.lines, now) {
            tracing::warn!(%error, "how syncing ended cannot be stored");
        }
    }

    fn now(&self) -> Millis {
        (self.host.clock)()
    }
}
