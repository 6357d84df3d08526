//! What the demo checks. Each check says what was promised and what was found.

use std::collections::BTreeSet;

use serde::Serialize;

use super::evidence::Evidence;
use super::wire::Heard;
use crate::text::{count, grouped};

/// Texts that have to have been looked for at least: with fewer the search has seen next to nothing.
const ENOUGH_TEXTS: usize = 100;

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// What comes out on another device is, byte for byte, what OpenClaw wrote.
    ByteForByte,
    /// Devices in step have the same documents.
    SameEverywhere,
    /// Nothing is lost of what was written apart.
    NothingLost,
    /// A disconnected workspace opens no connection.
    SilentOffline,
    /// The relay stores nothing it could read.
    RelayFiles,
    /// The relay is sent nothing it could read.
    RelayWire,
    /// Secrets do not come in.
    Secrets,
    /// Personal files stay where they are.
    Personal,
    /// A revoked device reads nothing new.
    Revoked,
}

/// One promise, held against what was found.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was promised.
    pub promise: Promise,
    /// Whether it holds.
    pub holds: bool,
    /// What was found, as a sentence.
    pub found: String,
}

impl Check {
    /// Makes all checks, in the order in which they are shown.
    pub(super) fn all(evidence: &Evidence, (before, after): (Heard, Heard)) -> Vec<Self> {
        vec![
            byte_for_byte(evidence),
            same_everywhere(evidence),
            nothing_lost(evidence),
            silent_offline(before, after),
            relay_files(evidence),
            relay_wire(evidence),
            secrets(evidence),
            personal(evidence),
            revoked(evidence),
        ]
    }

    fn new(promise: Promise, holds: bool, found: String) -> Self {
        Self { promise, holds, found }
    }
}

impl Promise {
    /// The promise in a few words, as a line begins.
    pub fn words(self) -> &'static str {
        match self {
            Self::ByteForByte => "Byte for byte",
            Self::SameEverywhere => "Same everywhere",
            Self::NothingLost => "Nothing lost",
            Self::SilentOffline => "Silent offline",
            Self::RelayFiles => "Relay's files",
            Self::RelayWire => "Relay's wire",
            Self::Secrets => "Secrets",
            Self::Personal => "Personal",
            Self::Revoked => "Revoked",
        }
    }
}

fn byte_for_byte(evidence: &Evidence) -> Check {
    let same = evidence.came_in.iter().filter(|(name, bytes)| evidence.came_out.get(*name) == Some(*bytes));
    let (same, all) = (same.count(), evidence.came_in.len());
    let holds = all > 0 && same == all && evidence.came_out.len() == all;
    let found = if holds {
        format!("the {all} session files that desktop exports are those that OpenClaw wrote on laptop")
    } else {
        format!("of {all} session files, {same} come out of desktop as OpenClaw wrote them")
    };
    Check::new(Promise::ByteForByte, holds, found)
}

fn same_everywhere(evidence: &Evidence) -> Check {
    let mut copies = evidence.copies.iter();
    let Some((_, first)) = copies.next() else {
        return Check::new(Promise::SameEverywhere, false, "nothing was compared".to_owned());
    };
    let mut different = BTreeSet::new();
    for (_, others) in copies.clone() {
        let names = first.keys().chain(others.keys());
        different.extend(names.filter(|name| first.get(*name) != others.get(*name)));
    }
    let holds = different.is_empty() && !first.is_empty() && copies.len() > 0;
    let (n, devices) = (count(first.len(), "document"), evidence.copies.len());
    let found = if holds {
        format!("{n} on {devices} devices, equal by their heads and by every byte they export")
    } else {
        format!("of {n}, {} differ between {devices} devices", different.len())
    };
    Check::new(Promise::SameEverywhere, holds, found)
}

fn nothing_lost(evidence: &Evidence) -> Check {
    let devices = evidence.copies.len();
    let holds = evidence.lacks.is_empty() && devices > 0;
    let found = match evidence.lacks.first() {
        Some((device, text)) => format!("{device} lacks \"{text}\""),
        None => format!("both edits of one prompt and both messages are on all {devices} devices"),
    };
    Check::new(Promise::NothingLost, holds, found)
}

fn silent_offline(before: Heard, after: Heard) -> Check {
    let connections = after.connections - before.connections;
    let frames = after.frames - before.frames;
    let found = format!(
        "{} and {} reached the relay while all were disconnected",
        count_u64(connections, "connection"),
        count_u64(frames, "frame")
    );
    // If it had heard nothing before either, nobody listened.
    let holds = before == after && before.frames > 0;
    Check::new(Promise::SilentOffline, holds, found)
}

fn relay_files(evidence: &Evidence) -> Check {
    searched(Promise::RelayFiles, evidence.known, &evidence.in_files, "in what it has stored")
}

fn relay_wire(evidence: &Evidence) -> Check {
    let place = format!("in the {} that it sent or was sent", count_u64(evidence.frames, "frame"));
    let mut check = searched(Promise::RelayWire, evidence.known, &evidence.on_wire, &place);
    check.holds &= evidence.frames > 0;
    check
}

fn searched(promise: Promise, known: usize, found: &BTreeSet<String>, place: &str) -> Check {
    let texts = format!("{} texts, titles and names", grouped(known as u64));
    let sentence = match found.first() {
        Some(one) => format!("of {texts}, {} {place}, as \"{one}\"", found.len()),
        None => format!("none of {texts} is {place}"),
    };
    Check::new(promise, found.is_empty() && known >= ENOUGH_TEXTS, sentence)
}

fn secrets(evidence: &Evidence) -> Check {
    let n = count(evidence.secrets, "secret");
    let places: Vec<&str> = evidence.exposed.iter().map(String::as_str).collect();
    let found = if places.is_empty() {
        format!("none of the OpenClaw home's {n} is on a device, in an export or at the relay")
    } else {
        format!("some of the OpenClaw home's {n} are in {}", places.join(", "))
    };
    Check::new(Promise::Secrets, places.is_empty() && evidence.secrets > 0, found)
}

fn personal(evidence: &Evidence) -> Check {
    let mut with = evidence.personal.iter().filter(|(_, agents)| *agents > 0).map(|(device, _)| *device);
    let is_listed_once = with.next() == Some("laptop") && with.next().is_none();
    // What the laptop's own files were found to hold shows that the search finds it.
    let holds = is_listed_once && evidence.knows_person == ["laptop"];
    let found = if holds {
        "what is in USER.md, MEMORY.md and memory/ is on laptop and on no other device".to_owned()
    } else {
        let told = evidence.personal.iter().map(|(device, agents)| format!("{agents} on {device}"));
        let told = told.collect::<Vec<_>>().join(", ");
        format!("personal files: {told}; some of what they say is on {}", listed(&evidence.knows_person))
    };
    Check::new(Promise::Personal, holds, found)
}

fn revoked(evidence: &Evidence) -> Check {
    let others = ["laptop", "notebook"];
    // That somebody's files hold it shows that the search finds it.
    let is_held = !evidence.holds_more.is_empty() && !evidence.holds_more.contains(&"desktop");
    let holds = evidence.shows_more == others && is_held;
    let found = if holds {
        "what was written afterwards is on laptop and notebook, and in no file of desktop".to_owned()
    } else {
        format!(
            "what was written afterwards is shown on {} and is in files of {}",
            listed(&evidence.shows_more),
            listed(&evidence.holds_more)
        )
    };
    Check::new(Promise::Revoked, holds, found)
}

fn listed(devices: &[&str]) -> String {
    if devices.is_empty() { "no device".to_owned() } else { devices.join(", ") }
}

fn count_u64(n: u64, thing: &str) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), thing)
}
