//! Simulated worlds: devices, a relay and the network between them, all from one seed.
//!
//! Nothing in here is a second model of anything: devices are [`bowline_engine::Device`] on the shipped store with an
//! in-memory database, the relay is [`bowline_relay::Relay`]. What is simulated is time, the network, power cuts and
//! the people.

mod bug;
mod check;
mod checkpoint;
mod disk;
mod errors;
mod failure;
mod faults;
mod handle;
mod history;
mod hostile;
mod machine;
mod network;
mod places;
mod relay;
mod replay;
mod run;
mod trace;
mod twins;

use std::collections::BTreeMap;

use bowline_engine::device::Notice;
use bowline_relay::ConnId;
use bowline_wire::entry::Entry;
use bowline_wire::ids::{DocId, LogTime, Millis, Position, WorkspaceId};
use bowline_wire::log::State;
use bowline_wire::roster::Roster;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

pub use bug::Bug;
pub use failure::Failure;
pub use faults::{FAULTS, Fault, Fired, OF_CHECKPOINTS, Rates};
pub use handle::Handle;
pub use history::{History, Step};
pub use machine::Machine;
pub use run::{Outcome, first_caught, run, shrink};
pub use trace::Trace;

use hostile::Hostile;
use machine::{Said, Staying, Written};
use network::{Event, Network};
use relay::RelayMachine;
use replay::Eavesdropper;

/// Frames that one call may make a device send: its whole allowance of work on the way, in the smallest entries.
const MAX_FRAMES_AT_ONCE: usize = 64;

/// When every world begins: some day in 2026.
const BEGINNING: Millis = Millis(1_790_000_000_000);

/// Devices, a relay, and the network between them.
pub struct World {
    now: Millis,
    random: ChaCha8Rng,
    machines: Vec<Machine>,
    relay: RelayMachine,
    network: Network,
    eavesdropper: Eavesdropper,
    hostile: Hostile,
    workspace: Option<WorkspaceId>,
    /// Every edit whose call returned, and has to be found again.
    said: Vec<Said>,
    /// Every text whose writing was acknowledged.
    written: Vec<Written>,
    /// Texts that stay on their devices.
    staying: Vec<Staying>,
    documents: Vec<DocId>,
    bug: Option<Bug>,
    fired: Fired,
    trace: Trace,
    failure: Option<Failure>,
    seen_notices: BTreeMap<String, u64>,
    /// The relay's log as it is stored, verified, and the roster it makes.
    log: Vec<(Position, LogTime, Entry)>,
    roster: Option<Roster>,
    /// The state of the checkpoint that came to stand last.
    state: Option<State>,
}

impl World {
    /// An empty world with a relay. The same seed makes the same world.
    pub fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let relay = RelayMachine::new(&mut random, bug);
        Self {
            now: BEGINNING,
            random,
            machines: Vec::new(),
            relay,
            network: Network::default(),
            eavesdropper: Eavesdropper::default(),
            hostile: Hostile::default(),
            workspace: None,
            said: Vec::new(),
            written: Vec::new(),
            staying: Vec::new(),
            documents: Vec::new(),
            bug,
            fired: Fired::default(),
            trace: Trace::default(),
            failure: None,
            seen_notices: BTreeMap::new(),
            log: Vec::new(),
            roster: None,
            state: None,
        }
    }

    fn add_machine(&mut self, name: &str) -> usize {
        let mut key = [0; 64];
        self.random.fill_bytes(&mut key);
        let machine = Machine::new(name, key, self.random.next_u64(), self.bug);
        self.machines.push(machine);
        self.machines.len() - 1
    }

    /// The conversation that was begun last.
    pub fn last_conversation(&self) -> Option<DocId> {
        self.documents.last().copied()
    }

    /// From now on the network behaves like this.
    pub fn network(&mut self, rates: Rates) {
        self.network.rates = rates;
    }

    /// Lets time pass, with everything that happens in it.
    pub fn advance(&mut self, millis: u64) {
        let until = self.now.plus(millis);
        while self.failure.is_none() {
            match self.next_event() {
                Some(at) if at <= until => self.step(at),
                _ => break,
            }
        }
        self.now = self.now.max(until);
    }

    fn next_event(&self) -> Option<Millis> {
        let timers = self.machines.iter().filter_map(Machine::poll_timeout);
        timers.chain(self.network.next()).chain(self.relay.poll_timeout()).min()
    }

    /// Does everything that is due at `at`.
    fn step(&mut self, at: Millis) {
        self.now = self.now.max(at);
        if let Some(event) = self.network.pop(self.now) {
            return self.happen(event);
        }
        if self.relay.poll_timeout().is_some_and(|due| due <= self.now) {
            self.relay.handle_timeout(self.now);
            return self.after_relay();
        }
        for index in 0..self.machines.len() {
            if self.machines[index].poll_timeout().is_some_and(|due| due <= self.now) {
                let now = self.now;
                self.call(index, |device| device.handle_timeout(now));
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToRelay { conn, bytes } => {
                self.note(format!("relay < {conn:?} {}", trace::frame(&bytes, self.workspace)));
                self.relay.handle_frame(conn, &bytes, self.now);
                self.after_relay();
            }
            Event::ToDevice { conn, bytes } => {
                let Some(index) = self.machine_on(conn) else {
                    return;
                };
                self.note(format!(
                    "{} < {}",
                    self.machines[index].name,
                    trace::frame(&bytes, self.workspace)
                ));
                let (now, workspace) = (self.now, self.workspace);
                self.call(index, |device| match workspace {
                    Some(workspace) => device.handle_frame(workspace, &bytes, now),
                    None => Ok(()),
                });
            }
            Event::Flush => {
                self.relay.flush(self.now);
                self.after_relay();
            }
            Event::Reconnect { device } => self.connect(device),
            Event::Closed { conn } => self.hang_up(conn),
        }
    }

    fn machine_on(&self, conn: ConnId) -> Option<usize> {
        self.machines.iter().position(|machine| machine.conn == Some(conn))
    }

    /// Runs something on a device, as one call of its host: a commit that fails is a power cut.
    fn call(
        &mut self,
        index: usize,
        step: impl FnOnce(&mut bowline_engine::Device) -> Result<(), bowline_engine::Error>,
    ) -> bool {
        let done = self.machines[index].call(step);
        match done {
            Ok(()) => {}
            Err(machine::Stopped::PowerCut) => {
                self.fired.count(Fault::CrashAtCommit);
                self.note(format!("{} loses power in a commit", self.machines[index].name));
                self.lose_power(index);
                return false;
            }
            Err(machine::Stopped::Misuse(error)) => {
                self.note(format!("{}: {error}", self.machines[index].name));
                self.after_device(index);
                return false;
            }
        }
        if self.machines[index].stop_before_sending && self.has_something_to_send(index) {
            self.fired.count(Fault::CrashBeforeSend);
            self.note(format!("{} loses power before sending", self.machines[index].name));
            self.lose_power(index);
            return true;
        }
        self.after_device(index);
        true
    }

    /// Whether there is a frame to send, which is then lost.
    fn has_something_to_send(&mut self, index: usize) -> bool {
        let workspace = self.workspace;
        workspace.is_some_and(|workspace| self.machines[index].device().poll_transmit(workspace).is_some())
    }

    /// Takes what a device has to send to the network.
    fn after_device(&mut self, index: usize) {
        let Some(workspace) = self.workspace else {
            return;
        };
        self.collect_notices(index);
        let conn = self.machines[index].conn;
        let mut frames = 0;
        while let Some(bytes) = self.machines[index].device().poll_transmit(workspace) {
            frames += 1;
            if let Some(conn) = conn {
                self.network.send_to_relay(conn, bytes, self.now, &mut self.random, &mut self.fired);
            }
        }
        if frames > MAX_FRAMES_AT_ONCE {
            self.fail(Failure::UnboundedQueue(self.machines[index].name.clone(), frames));
        }
        if self.machines[index].device().poll_close(workspace)
            && let Some(conn) = conn
        {
            self.network.close_after_delivery(conn, self.now);
        }
    }

    fn collect_notices(&mut self, index: usize) {
        while let Some(notice) = self.machines[index].device().poll_notice() {
            let name = match &notice {
                Notice::Quarantined { .. } => "quarantined",
                Notice::RelayFault(..) => "relay fault",
                Notice::OtherLife(_) => "other life",
                Notice::HeldUp { .. } => "held up",
                Notice::Refused { .. } => "refused",
                Notice::Removed(_) => "removed",
                Notice::JoinFailed(..) => "join failed",
                Notice::Joined(_) => "joined",
                Notice::CodeReady { .. } => "code ready",
                Notice::Decided { .. } => "decided",
                Notice::DecisionVoid { .. } => "decision void",
                Notice::Merged { .. } => "merged",
                Notice::WrittenAgain { .. } => "written again",
                Notice::Withheld(_) => "withheld",
                Notice::NothingWithheld(_) => "nothing withheld",
                Notice::GivenUp { .. } => "given up",
                Notice::NothingToGiveUp(_) => "nothing to give up",
                Notice::Moved { .. } => "moved",
                Notice::Damaged(_) => "damaged",
                Notice::Restored { .. } => "restored",
            };
            *self.seen_notices.entry(name.to_owned()).or_default() += 1;
            self.note(format!("{} notes {notice:?}", self.machines[index].name));
            if let Notice::JoinFailed(..) | Notice::Removed(_) = notice {
                self.machines[index].gone = true;
            }
        }
    }

    /// Takes what the relay has to send to the network, and does what it fell over on.
    fn after_relay(&mut self) {
        if self.relay.take_power_cut() {
            self.fired.count(Fault::RelayCrashAtCommit);
            return self.restart_relay();
        }
        while let Some((conn, bytes, withholds)) = self.relay.poll_transmit(self.workspace) {
            if withholds {
                self.fired.count(Fault::WithheldBodies);
                self.note("the relay withholds bodies");
            }
            if self.hostile_hears(conn, &bytes) {
                continue;
            }
            if let Some((fault, older)) = self.eavesdropper.hears(conn, &bytes, &mut self.random) {
                self.fired.count(fault);
                self.note(format!("{conn:?} is told again what was said on another line: {fault:?}"));
                self.network.send_to_device(conn, older, self.now, &mut self.random, &mut self.fired);
            }
            self.network.send_to_device(conn, bytes.to_vec(), self.now, &mut self.random, &mut self.fired);
        }
        while let Some(conn) = self.relay.poll_close() {
            self.close_hostile_line(conn);
            self.network.close_after_delivery(conn, self.now);
        }
        self.relay.let_some_go(self.now);
        if self.relay.needs_flush() {
            let wait = u64::from(self.random.next_u32() % 20);
            self.network.flush_at(self.now.plus(wait));
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.note(format!("FAILS: {failure}"));
        self.failure.get_or_insert(failure);
    }

    /// Adds a line to the trace, with the time since the world began.
    fn note(&mut self, line: impl AsRef<str>) {
        let clock = self.now.since(BEGINNING);
        self.trace.line(&format!("{clock} {}", line.as_ref()));
    }

    /// What went wrong, if anything did.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// How often each fault has happened.
    pub fn fired(&self) -> &Fired {
        &self.fired
    }

    /// What has happened.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }
}
