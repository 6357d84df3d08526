//! A log made anew from its stored entries, up to where it was continued: the same predicate decides that decided when they came.

use bowline_wire::entry::Entry;
use bowline_wire::ids::{LogHash, LogTime, Position};
use bowline_wire::log::{Log, Refusal};
use thiserror::Error;

/// A stored entry does not stand in the log any more in which it was accepted: the database is damaged.
#[derive(Debug, Error)]
#[error("an entry that was accepted is not acceptable: {0}")]
pub struct NotReplayed(Refusal);

impl NotReplayed {
    /// The rule that the entry breaks.
    pub fn why(&self) -> &Refusal {
        &self.0
    }
}

/// A log that is made anew, entry by entry, in log order.
#[derive(Debug)]
pub struct Replay {
    log: Log,
    /// What begins a run, and what follows of it.
    run: Vec<(LogTime, Entry)>,
    /// How many entries the run has.
    run_len: u64,
}

impl Replay {
    /// Begins with a log without entries.
    pub fn of(log: Log) -> Self {
        Self { log, run: Vec::new(), run_len: 0 }
    }

    /// The next entry, which was accepted, or only stands there. `hash_at` gives the log's hash at any position before it.
    pub fn take(
        &mut self,
        time: LogTime,
        entry: Entry,
        was_accepted: bool,
        hash_at: impl Fn(Position) -> Option<LogHash>,
    ) -> Result<(), NotReplayed> {
        if !self.run.is_empty() {
            self.run.push((time, entry));
            return self.end_run(hash_at);
        }
        if !was_accepted {
            self.log.pass(entry.id(), time);
            return Ok(());
        }
        match self.log.check(&entry, time, &hash_at) {
            Ok(accepted) => {
                self.log.append(accepted);
                Ok(())
            }
            Err(Refusal::RunIncomplete) => {
                self.run_len = self.log.run_remaining(entry.header()).unwrap_or(1);
                self.run.push((time, entry));
                self.end_run(hash_at)
            }
            Err(refusal) => Err(NotReplayed(refusal)),
        }
    }

    /// Whether the log would take an entry next, which stands there and does not count. Where a run is under way, nothing can be said.
    pub fn would_take(
        &self,
        time: LogTime,
        entry: &Entry,
        hash_at: impl Fn(Position) -> Option<LogHash>,
    ) -> bool {
        self.run.is_empty() && self.log.check(entry, time, hash_at).is_ok()
    }

    fn end_run(&mut self, hash_at: impl Fn(Position) -> Option<LogHash>) -> Result<(), NotReplayed> {
        if (self.run.len() as u64) < self.run_len {
            return Ok(());
        }
        let run = std::mem::take(&mut self.run);
        let borrowed: Vec<(LogTime, &Entry)> = run.iter().map(|(time, entry)| (*time, entry)).collect();
        let accepted = self.log.check_run(&borrowed, hash_at).map_err(NotReplayed)?;
        for accepted in accepted {
            self.log.append(accepted);
        }
        Ok(())
    }

    /// The log after all of them.
    ///
    /// # Errors
    /// If a run has no end: it was accepted as a whole.
    pub fn finish(self) -> Result<Log, NotReplayed> {
        if self.run.is_empty() { Ok(self.log) } else { Err(NotReplayed(Refusal::RunIncomplete)) }
    }
}
