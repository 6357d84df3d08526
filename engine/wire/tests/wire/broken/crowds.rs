//! Logs of which a rule bounds how many of something may stand there. Of the crowd the vector has the first entry, who signs, and how each
//! one differs from the one before it.

use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::hash;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::limits::{LIFE_INTERVAL, MAX_LIVES, MAX_RECIPIENTS};
use bowline_wire::roster::record::{Record, Ticket};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::tale::Tale;
use super::{fixed, text};
use crate::samples::ana;
use crate::support::*;

pub(super) fn vectors() -> Value {
    [lives(), tickets()].into_iter().map(Tale::told).collect()
}

/// How the entries of a crowd differ.
#[derive(Clone, Copy)]
enum Each {
    /// Each is the first of an incarnation that is its number, counted from 1.
    Incarnation,
    /// Each stands behind the one before it in its chain and builds on the roster after that, and the ticket's keys are its number.
    Ticket,
}

impl Each {
    fn word(self) -> &'static str {
        match self {
            Self::Incarnation => "incarnation",
            Self::Ticket => "ticket",
        }
    }

    fn read(crowd: &Value) -> Self {
        let all = [Self::Incarnation, Self::Ticket];
        all.into_iter().find(|each| each.word() == text(crowd, "each")).unwrap()
    }

    /// The entry with this number, behind the one before it.
    fn next(self, by: &Author, before: &Entry, number: u64) -> Entry {
        let header = before.header().clone();
        match self {
            Self::Incarnation => {
                let incarnation = Incarnation::from_bytes(number.to_be_bytes());
                by.sign(Header { incarnation, ..header }, before.body().unwrap())
            }
            Self::Ticket => {
                let roster = hash::roster_hash(header.roster, before.id());
                let next = Header { seq: header.seq + 1, prev: before.id(), roster, ..header };
                by.sign(next, &Record::Link(numbered(number)).to_body())
            }
        }
    }
}

/// A ticket whose keys are a number.
fn numbered(number: u64) -> Ticket {
    let mut key = [0; 32];
    key[24..].copy_from_slice(&number.to_be_bytes());
    let hpke = HpkePublicKey::x25519(key);
    let (key, expires) = (TicketKey::from_bytes(key), 1_700_000_000_000);
    Ticket { key, hpke, expires, recovery: false, wrap: wrap() }
}

/// All entries of a crowd.
pub(super) fn all(crowd: &Value, first: Entry) -> Vec<Entry> {
    let by = Author { key: SigningKey::from_bytes(&fixed(crowd, "signing_seed")), ..ana() };
    let each = Each::read(crowd);
    let mut entries = vec![first];
    for number in 2..=crowd["count"].as_u64().unwrap() {
        entries.push(each.next(&by, entries.last().unwrap(), number));
    }
    entries
}

/// What is written of a crowd that begins with this entry of Ana's, and the story behind it.
fn crowd(story: &Story, each: Each, first: Entry, count: usize) -> (Story, Value) {
    let time = story.time();
    let word = if first.header().entry_type == EntryType::Roster { "applied" } else { "accepted" };
    let mut crowd = json!({
        "entry": hex::encode(encode(&first.to_signed())),
        "time": time.millis().0,
        "signing_seed": hex::encode(ana().key.to_bytes()),
        "each": each.word(),
        "count": count,
        "verdict": word,
        "rule": null,
    });
    let mut after = story.clone();
    for entry in all(&crowd, first) {
        after.put(&entry);
    }
    crowd["log_hash"] = after.log.head().hash.to_string().into();
    crowd["roster_hash"] = after.roster().hash().to_string().into();
    (after, crowd)
}

/// A database of Ana's begins anew as often as any may.
fn lives() -> Tale {
    let story = Story::begun_by(&ana());
    let first = life(&story, 1);
    let (after, crowd) = crowd(&story, Each::Incarnation, first, MAX_LIVES - 1);
    let mut tale = Tale::new("as many lives as a database may have", story);
    tale.crowd = Some(crowd);
    let next = life(&after, MAX_LIVES as u64);
    tale.refused("a life more", "LivesSpent", &next);
    let at = |more| LogTime::new(after.time().millis().0 + more).unwrap();
    let too_soon = at(LIFE_INTERVAL - 1);
    tale.offer(
        "shortly before a day has passed",
        "LivesSpent",
        Some("LivesSpent"),
        std::slice::from_ref(&next),
        too_soon,
    );
    tale.offer("a life more a day later", "accepted", None, std::slice::from_ref(&next), at(LIFE_INTERVAL));
    let witness = in_life(7).sign(after.draft(&in_life(7), EntryType::Witness), b"");
    tale.accepted("the other lane of a life that counts", &witness);
    tale
}

fn in_life(number: u64) -> Author {
    Author { incarnation: Incarnation::from_bytes(number.to_be_bytes()), ..ana() }
}

fn life(story: &Story, number: u64) -> Entry {
    story.content_by(&in_life(number))
}

/// As many open links, with the one device there is, as a rekey can reach.
fn tickets() -> Tale {
    let story = Story::begun_by(&ana());
    let first = story.record_by(&ana(), &Record::Link(numbered(1)));
    let (after, crowd) = crowd(&story, Each::Ticket, first, MAX_RECIPIENTS - 1);
    let mut tale = Tale::new("as many links as a rekey can reach", story);
    tale.crowd = Some(crowd);
    let more = numbered(MAX_RECIPIENTS as u64);
    tale.entry("a link more", "void", Some("Full"), &after.record_by(&ana(), &Record::Link(more.clone())));
    tale.entry("an invite more", "void", Some("Full"), &after.record_by(&ana(), &Record::Invite(more)));
    let close = Record::CloseLink(numbered(5).key);
    tale.entry("one of them is closed", "applied", None, &after.record_by(&ana(), &close));
    tale
}
