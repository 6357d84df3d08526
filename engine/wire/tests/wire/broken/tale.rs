//! Tells a story as a vector: its log with what became of each entry, and what may be offered next.

use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::ids::{LogTime, Position};
use bowline_wire::roster::record::Record;
use bowline_wire::successor::{SaidSuccessor, Succession};
use serde_json::{Value, json};

use super::judged::Followed;
use crate::samples::relay_identity;
use crate::support::{Author, Story};

/// A log, and what is offered next to it, each by itself.
pub(super) struct Tale {
    name: &'static str,
    pub(super) story: Story,
    successors: Vec<SaidSuccessor>,
    next: Vec<Value>,
    /// More entries of the log, that differ in one thing.
    pub(super) crowd: Option<Value>,
}

impl Tale {
    pub(super) fn new(name: &'static str, story: Story) -> Self {
        Self::continued(name, story, &[])
    }

    /// The tale of a log that is signed by its key by these.
    pub(super) fn continued(name: &'static str, story: Story, successors: &[SaidSuccessor]) -> Self {
        Self { name, story, successors: successors.to_vec(), next: Vec::new(), crowd: None }
    }

    /// What is offered next, and what is expected of it: a word, and the rule that it breaks.
    pub(super) fn offer(
        &mut self,
        name: &str,
        word: &str,
        rule: Option<&str>,
        entries: &[Entry],
        time: LogTime,
    ) {
        let entries: Vec<_> = entries.iter().map(|entry| step(entry, time)).collect();
        self.next.push(json!({ "name": name, "verdict": word, "rule": rule, "entries": entries }));
    }

    pub(super) fn accepted(&mut self, name: &str, entry: &Entry) {
        self.offer(name, "accepted", None, std::slice::from_ref(entry), self.story.time());
    }

    /// An entry that covers something, and up to where it does in this log.
    pub(super) fn covering(&mut self, name: &str, entry: &Entry, covers: Position) {
        self.accepted(name, entry);
        if let Some(offered) = self.next.last_mut() {
            offered["covers"] = covers.0.into();
        }
    }

    pub(super) fn refused(&mut self, name: &str, refusal: &str, entry: &Entry) {
        self.offer(name, refusal, Some(refusal), std::slice::from_ref(entry), self.story.time());
    }

    pub(super) fn run(&mut self, name: &str, refusal: Option<&str>, entries: &[Entry]) {
        self.offer(name, refusal.unwrap_or("accepted"), refusal, entries, self.story.time());
    }

    pub(super) fn at_time(&mut self, name: &str, entry: &Entry, time: LogTime) {
        let goes_back = time < self.story.log.time();
        let (word, rule) = if goes_back { ("not a log", Some("LogTime")) } else { ("accepted", None) };
        self.offer(name, word, rule, std::slice::from_ref(entry), time);
    }

    pub(super) fn join_void(&mut self, name: &str, void: &str, entry: &Entry) {
        self.offer(name, "JoinVoid", Some(void), std::slice::from_ref(entry), self.story.time());
    }

    /// A roster entry as it is, which is expected to be applied or void.
    pub(super) fn entry(&mut self, name: &str, word: &str, rule: Option<&str>, entry: &Entry) {
        self.offer(name, word, rule, std::slice::from_ref(entry), self.story.time());
    }

    pub(super) fn applied(&mut self, name: &str, by: &Author, record: &Record) {
        let entry = self.story.record_by(by, record);
        self.entry(name, "applied", None, &entry);
    }

    pub(super) fn void(&mut self, name: &str, why: &str, by: &Author, record: &Record) {
        let entry = self.story.record_by(by, record);
        self.entry(name, "void", Some(why), &entry);
    }

    pub(super) fn without_rekey(&mut self, name: &str, why: &str, by: &Author, record: &Record) {
        let entry = self.story.record_by(by, record);
        self.entry(name, "applied without its rekey", Some(why), &entry);
    }

    /// The vector.
    pub(super) fn told(self) -> Value {
        let Story { log, entries, times, hashes, .. } = self.story;
        let relay = relay_identity().verifying_key().to_bytes();
        let succession = Succession::verify(log.head().workspace, &relay, &self.successors).unwrap();
        let mut followed = Followed::new(log.head().workspace, log.head().log, &succession);
        let timed: Vec<_> = times.iter().copied().zip(entries.iter().cloned()).collect();
        let verdicts = followed.follow(&timed);
        assert_eq!(followed.log.head(), log.head(), "{}", self.name);
        let steps = entries.iter().zip(times).zip(&hashes[1..]).zip(verdicts);
        let steps: Vec<_> = steps
            .map(|(((entry, time), hash), verdict)| {
                let mut step = step(entry, time);
                step["log_hash"] = hash.to_string().into();
                step["verdict"] = verdict.word.into();
                step["rule"] = verdict.rule.into();
                if let Some(covers) = verdict.covers {
                    step["covers"] = covers.into();
                }
                step
            })
            .collect();
        let mut told = json!({
            "name": self.name,
            "workspace": log.head().workspace.to_string(),
            "log": log.head().log.to_string(),
            "entries": steps,
            "roster_hash": log.roster().hash().to_string(),
            "next": self.next,
        });
        if let Some(crowd) = self.crowd {
            told["crowd"] = crowd;
        }
        if !self.successors.is_empty() {
            told["relay"] = hex::encode(relay).into();
            told["successors"] = self.successors.iter().map(|it| hex::encode(encode(it))).collect();
        }
        told
    }
}

fn step(entry: &Entry, time: LogTime) -> Value {
    json!({ "entry": hex::encode(encode(&entry.to_signed())), "time": time.millis().0 })
}

/// Appends an entry that may not stand there, as only a relay does that breaks the rules.
pub(super) fn force(story: &mut Story, entry: &Entry) {
    let placed = story.log.pass(entry.id(), story.time());
    story.hashes.push(placed.hash);
    story.times.push(placed.time);
    story.entries.push(entry.clone());
}
