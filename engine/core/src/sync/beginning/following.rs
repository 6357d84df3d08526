//! The log behind the place of a state, as far as it is followed before anything of it counts: up to where the checkpoint came to stand.

use std::collections::BTreeMap;

use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::hash;
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::ids::{LogHash, LogTime, Position};
use bowline_wire::log::{Log, Placed, Refusal, Stood};

use crate::sync::limits::{MAX_FOLLOWED, MAX_HELD_BACK};

/// Why nothing comes of what a relay hands out to begin from: no honest relay says this.
pub(super) type Wrong = &'static str;

/// More of a removed author's run than fits the frames in which a relay takes one.
pub(in crate::sync) const LONG_RUN: &str = "more of a removed author than it can have taken";

/// A log that is followed. See the module's text.
#[derive(Debug)]
pub(in crate::sync) struct Following {
    /// The log at the place.
    begun: Log,
    log: Log,
    by: Stood,
    /// The log's hashes behind the place.
    hashes: BTreeMap<Position, LogHash>,
    /// Up to where entries were taken, those of the run included, and the log's time there.
    end: (Head, LogTime),
    /// What begins a removed author's run, and what follows of it.
    run: Vec<(LogTime, Entry)>,
    /// How many entries the run has.
    run_len: u64,
    /// Bytes of the run.
    run_bytes: usize,
    stands: bool,
    /// What has come, to be taken in once the checkpoint stands; `None` if that was too much, so that it has to come again.
    come: Option<Vec<Stretch>>,
    come_bytes: usize,
}

/// A frame of entries, as it has come.
#[derive(Debug)]
pub(in crate::sync) struct Stretch {
    pub(in crate::sync) first: Position,
    pub(in crate::sync) entries: Vec<LoggedEntry>,
    pub(in crate::sync) head: SeenHead,
}

impl Following {
    pub(super) fn of(log: Log, by: Stood) -> Self {
        Self {
            begun: log.clone(),
            end: (log.head(), log.time()),
            log,
            by,
            hashes: BTreeMap::new(),
            run: Vec::new(),
            run_len: 0,
            run_bytes: 0,
            stands: false,
            come: Some(Vec::new()),
            come_bytes: 0,
        }
    }

    /// Up to where entries were taken, and the log's time there.
    pub(in crate::sync) fn end(&self) -> (Head, LogTime) {
        self.end
    }

    /// Whether the checkpoint has come to stand on the way.
    pub(in crate::sync) fn stands(&self) -> bool {
        self.stands
    }

    /// The log at the place, and what has come behind it; `None` if it has to come again.
    pub(in crate::sync) fn into_parts(self) -> (Log, Option<Vec<Stretch>>) {
        (self.begun, self.come)
    }

    /// Keeps a frame as it has come.
    pub(in crate::sync) fn keep(&mut self, stretch: Stretch) {
        let bytes: usize = stretch.entries.iter().map(|logged| logged.entry.wire_len()).sum();
        self.come_bytes = self.come_bytes.saturating_add(bytes);
        if self.come_bytes > MAX_FOLLOWED {
            self.come = None;
        }
        if let Some(come) = &mut self.come {
            come.push(stretch);
        }
    }

    /// Judges the next entry, which leads up to a signed head, as everybody has judged it who was there.
    ///
    /// # Errors
    /// If the checkpoint does not come to stand where it was said to.
    pub(in crate::sync) fn take(&mut self, time: LogTime, entry: Entry) -> Result<(), Wrong> {
        let (end, at) = &mut self.end;
        (end.position, *at) = (end.position.next(), time);
        end.hash = hash::log_hash(end.hash, entry.id(), time);
        if let Some((_, first)) = self.run.first() {
            if first.header().chain() == entry.header().chain() {
                return self.take_of_run(time, entry);
            }
            self.end_run()?;
        }
        let Self { log, hashes, .. } = self;
        let placed = match log.check(&entry, time, |at| hashes.get(&at).copied()) {
            Ok(accepted) => log.append(accepted),
            Err(refusal) => match (refusal, log.run_remaining(entry.header())) {
                (Refusal::RunIncomplete, Some(len)) => {
                    self.run_len = len;
                    return self.take_of_run(time, entry);
                }
                _ => log.pass(entry.id(), time),
            },
        };
        self.note(&placed)
    }

    fn take_of_run(&mut self, time: LogTime, entry: Entry) -> Result<(), Wrong> {
        self.run_bytes = self.run_bytes.saturating_add(entry.wire_len());
        if self.run_bytes > MAX_HELD_BACK {
            return Err(LONG_RUN);
        }
        self.run.push((time, entry));
        if (self.run.len() as u64) < self.run_len { Ok(()) } else { self.end_run() }
    }

    fn end_run(&mut self) -> Result<(), Wrong> {
        let run = std::mem::take(&mut self.run);
        self.run_bytes = 0;
        let borrowed: Vec<(LogTime, &Entry)> = run.iter().map(|(time, entry)| (*time, entry)).collect();
        let hashes = &self.hashes;
        match self.log.check_run(&borrowed, |at| hashes.get(&at).copied()) {
            Ok(accepted) => {
                for accepted in accepted {
                    let placed = self.log.append(accepted);
                    self.note(&placed)?;
                }
            }
            Err(_) => {
                for (time, entry) in &run {
                    let placed = self.log.pass(entry.id(), *time);
                    self.note(&placed)?;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, placed: &Placed) -> Result<(), Wrong> {
        self.hashes.insert(placed.position, placed.hash);
        if placed.position != self.by.since {
            return Ok(());
        }
        self.stands = self.log.checkpoints().stood() == Some(self.by);
        if self.stands { Ok(()) } else { Err("a checkpoint that does not stand where it said") }
    }
}
