//! Logs of which a rule bounds how many of something may stand there. Of the crowd the vector has the first entry, who signs, and how each
//! one differs from the one before it.

use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::hash;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::limits::{LIFE_INTERVAL, MAX_LIVES, MAX_RECIPIENTS, MAX_RECORD_BYTES};
use bowline_wire::roster::record::{Record, Ticket};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::tale::Tale;
use super::{fixed, text};
use crate::samples::{ana, ben};
use crate::support::*;

pub(super) fn vectors() -> Value {
    [lives(), tickets(), records()].into_iter().map(Tale::told).collect()
}

/// How the entries of a crowd differ.
#[derive(Clone, Copy)]
enum Each {
    /// Each is the first of an incarnation that is its number, counted from 1.
    Incarnation,
    /// Each stands behind the one before it in its chain and builds on the roster after that, and the ticket's keys are its number.
    Ticket,
    /// Each stands behind the one before it in its chain, and is of the bytes `82 18 63` and as many zeros as make it [`BULK`] bytes.
    Bulk,
}

impl Each {
    fn word(self) -> &'static str {
        match self {
            Self::Incarnation => "incarnation",
            Self::Ticket => "ticket",
            Self::Bulk => "bulk",
        }
    }

    fn read(crowd: &Value) -> Self {
        let all = [Self::Incarnation, Self::Ticket, Self::Bulk];
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
            Self::Bulk => by.sign(Header { seq: header.seq + 1, prev: before.id(), ..header }, &bulk(BULK)),
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

/// Bytes of a bulky record.
const BULK: usize = 524_200;

/// What is written of a crowd that begins with this entry of an author's, and the story behind it.
fn crowd(story: &Story, each: Each, (by, first): (&Author, Entry), count: usize) -> (Story, Value) {
    let time = story.time();
    let (word, rule) = match each {
        Each::Incarnation => ("accepted", None),
        Each::Ticket => ("applied", None),
        Each::Bulk => ("void", Some("NotOwner")),
    };
    let mut crowd = json!({
        "entry": hex::encode(encode(&first.to_signed())),
        "time": time.millis().0,
        "signing_seed": hex::encode(by.key.to_bytes()),
        "each": each.word(),
        "count": count,
        "verdict": word,
        "rule": rule,
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
    let (after, crowd) = crowd(&story, Each::Incarnation, (&ana(), first), MAX_LIVES - 1);
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
    let (after, crowd) = crowd(&story, Each::Ticket, (&ana(), first), MAX_RECIPIENTS - 1);
    let mut tale = Tale::new("as many links as a rekey can reach", story);
    tale.crowd = Some(crowd);
    let more = numbered(MAX_RECIPIENTS as u64);
    tale.entry("a link more", "void", Some("Full"), &after.record_by(&ana(), &Record::Link(more.clone())));
    tale.entry("an invite more", "void", Some("Full"), &after.record_by(&ana(), &Record::Invite(more)));
    let close = Record::CloseLink(numbered(5).key);
    tale.entry("one of them is closed", "applied", None, &after.record_by(&ana(), &close));
    tale
}

/// Bytes of records that are left to Ben behind the crowd.
const LEFT: usize = 50;

/// A Member has written as many bytes of records as one may, but for [`LEFT`].
fn records() -> Tale {
    let mut story = Story::begun_by(&ana());
    story.invited(&ana(), &ben());
    let phone = Author::new("ben's phone");
    story.linked(&ben(), &phone, false);
    let most = usize::try_from(MAX_RECORD_BYTES).unwrap();
    let written = usize::try_from(story.roster().record_bytes(&ben().user()).written()).unwrap();
    let count = most / BULK + 1;
    // With what Ben's link came to; the Join by it counts for nobody.
    let first = story.bulk_by(&ben(), most - LEFT - written - (count - 1) * BULK);
    let (mut after, mut crowd) = crowd(&story, Each::Bulk, (&ben(), first), count);
    crowd["bytes"] = BULK.into();
    let mut tale = Tale::new("as many bytes of records as a Member may write", story);
    tale.crowd = Some(crowd);
    tale.entry("exactly what is left", "void", Some("NotOwner"), &after.bulk_by(&ben(), LEFT));
    tale.refused("a byte more", "RecordsSpent", &after.bulk_by(&ben(), LEFT + 1));
    tale.refused("a byte more, by another device", "RecordsSpent", &after.bulk_by(&phone, LEFT + 1));
    let cut = |author: &Author| vec![cut_at(&after.content_by(author))];
    let leave = |cut| Record::Leave { whole_user: false, cut };
    let (own, foreign) = ([cut(&ben()), cut(&ana())].map(leave)).into();
    assert!(own.to_body().len() > LEFT);
    tale.entry("a Leave", "applied", None, &after.record_by(&ben(), &own));
    tale.refused("a Leave that would be void", "RecordsSpent", &after.record_by(&ben(), &foreign));
    let allow = |author: &Author| Record::Allow { user: author.user() };
    tale.entry(
        "more for a stranger",
        "void",
        Some("TargetNotActive"),
        &after.record_by(&ana(), &allow(&phone)),
    );
    tale.entry("more by a Member", "void", Some("NotOwner"), &after.record_by(&ben(), &allow(&ben())));
    tale.entry(
        "more for the Owner",
        "void",
        Some("TargetNotActive"),
        &after.record_by(&ana(), &allow(&ana())),
    );
    let link = Record::Link(Secret::new("link").ticket());
    tale.refused("a link", "RecordsSpent", &after.record_by(&ben(), &link));
    let more = after.record_by(&ana(), &allow(&ben()));
    after.put(&more);
    let link = after.record_by(&ben(), &link);
    tale.offer("more, and the link", "applied", None, &[more, link], after.time());
    tale
}
