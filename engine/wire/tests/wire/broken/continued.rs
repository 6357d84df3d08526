//! Logs that were continued after a restore: what of the earlier logs their entries may still name.

use bowline_wire::entry::Entry;
use bowline_wire::head::{Head, Seen};
use bowline_wire::header::{Digests, EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::roster::record::Record;
use bowline_wire::successor::{SaidSuccessor, Succession};
use ed25519_dalek::SigningKey;
use serde_json::Value;

use super::tale::Tale;
use crate::samples::{ana, ben, relay_identity};
use crate::support::*;

pub(super) fn vectors() -> Value {
    let tales = [once(), before_the_place(), a_roster_that_is_older(), twice(), what_was_covered()];
    tales.into_iter().map(Tale::told).collect()
}

/// Ana and Ben are in, each with a content entry.
fn begun() -> Story {
    let mut story = Story::begun_by(&ana());
    story.invited(&ana(), &ben());
    for author in [ana(), ben()] {
        story.put(&story.content_by(&author));
    }
    story
}

fn said(story: &Story, at: Position, next: &str) -> SaidSuccessor {
    story.said_successor(at, &SigningKey::from_bytes(&seed(next)), &relay_identity())
}

fn succession(story: &Story, said: &[SaidSuccessor]) -> Succession {
    Succession::verify(story.workspace(), &relay_identity().verifying_key().to_bytes(), said).unwrap()
}

fn spoilt(story: &Story, author: &Author, spoil: impl FnOnce(&mut Header)) -> Entry {
    let mut header = story.draft(author, EntryType::Changes);
    spoil(&mut header);
    author.sign(header, b"sealed")
}

/// The log as it was with two more entries by each, and as it goes on without them.
fn restored() -> (Story, Story, Vec<SaidSuccessor>) {
    let mut before = begun();
    let end = before.position();
    for author in [ana(), ben(), ana(), ben()] {
        before.put(&before.content_by(&author));
    }
    let said = vec![said(&before, end, "second log")];
    let after = before.continued_by(end, "second log", &succession(&before, &said));
    (before, after, said)
}

fn once() -> Tale {
    let (before, mut after, said) = restored();
    let (end, furthest) = (after.position(), before.position());
    let lost: Vec<_> = before.entries[usize::try_from(end.0).unwrap()..].to_vec();
    // Of what was lost the first two are here again; in another life Ana went from the old log to the new one.
    for entry in &lost[..2] {
        after.put(entry);
    }
    let (reborn, lost_head) = (ana().reborn("new life"), before.seen_at(furthest));
    let unheld = |seen| move |header: &mut Header| (header.seen, header.held) = (Some(seen), Position::START);
    after.put(&spoilt(&after, &reborn, unheld(lost_head)));
    after.put(&spoilt(&after, &reborn, unheld(after.seen_at(end))));
    after.put(&spoilt(&after, &ben().reborn("held"), |header| {
        (header.seen, header.held) = (Some(lost_head), furthest);
    }));

    let mut tale = Tale::continued("a log that was continued", after.clone(), &said);
    tale.accepted("what was lost, in the old order", &lost[2]);
    tale.run("all that was lost", None, &lost[2..]);
    tale.refused("what was lost, out of order", "SeqTaken", &{
        let header = Header { prev: EntryId::from_bytes(seed("fork")), ..lost[2].header().clone() };
        ana().sign(header, b"sealed")
    });
    let ahead = spoilt(&after, &ana(), |header| (header.seen, header.held) = (Some(lost_head), furthest));
    tale.accepted("a head of the old log beyond its end", &ahead);
    let unsigned = Seen { signature: Signature::from_bytes([1; 64]), ..lost_head };
    tale.refused(
        "one that the old log has not signed",
        "BadSeen",
        &spoilt(&after, &ana().reborn("unsigned"), unheld(unsigned)),
    );
    let hash = LogHash::from_bytes(seed("another story"));
    for (name, position) in [("at", end), ("below", Position(end.0 - 1))] {
        let other = before.sign_head(Head { position, hash, ..before.log.head() });
        let forked = spoilt(&after, &ana().reborn(name), unheld(other.into()));
        tale.refused(&format!("a head of another story {name} the end of the old log"), "Forked", &forked);
    }
    let good = spoilt(&after, &ana(), |header| (header.seen, header.held) = (Some(before.seen_at(end)), end));
    tale.accepted("a head of the old log at its end", &good);
    let mut further = after.clone();
    further.put(&lost[2]);
    let beyond = further.seen_at(further.position());
    tale.refused(
        "a head beyond the log that signs now",
        "Forked",
        &spoilt(&after, &ana(), |header| header.seen = Some(beyond)),
    );
    let back = spoilt(&after, &reborn, unheld(lost_head));
    tale.refused("an earlier log than the chain's last has seen", "BadSeen", &back);
    let lower = spoilt(&after, &reborn, unheld(after.seen_at(Position(end.0 - 1))));
    tale.refused("a lower position of the same log", "BadSeen", &lower);
    let held = ben().reborn("held");
    let of_end = after.seen_at(end);
    let holds =
        |position| spoilt(&after, &held, |header| (header.seen, header.held) = (Some(of_end), position));
    tale.accepted("as much held as there was where the log was continued", &holds(end));
    tale.refused("less held than that", "BadSeen", &holds(Position(end.0 - 1)));
    tale
}

/// Entries below the place where a log was continued are judged as whoever was there judged them.
fn before_the_place() -> Tale {
    let (before, after, said) = restored();
    let known = succession(&before, &said);
    let short = before.continued_by(Position(after.position().0 - 1), "second log", &known);
    let reborn = ana().reborn("another life");
    let lost = before.seen_at(before.position());
    let ahead = spoilt(&short, &reborn, |header| (header.seen, header.held) = (Some(lost), Position(2)));
    let mut later = short.clone();
    later.relay = SigningKey::from_bytes(&seed("second log"));
    let log = LogId::from_bytes(later.relay.verifying_key().to_bytes());
    let hash = short.hash_at(Position(2)).unwrap();
    let of_later = later.sign_head(Head { log, position: Position(2), hash, workspace: short.workspace() });
    let mut tale = Tale::continued("a log shortly before it is continued", short.clone(), &said);
    tale.refused("a head beyond the log, which is still the first", "Forked", &ahead);
    let by_later =
        spoilt(&short, &reborn, |header| (header.seen, header.held) = (Some(of_later.into()), Position(2)));
    tale.refused("a head by the log that follows", "BadSeen", &by_later);
    tale
}

fn a_roster_that_is_older() -> Tale {
    let mut before = begun();
    let old = before.roster().hash();
    before.record(&ana(), &Record::Link(Secret::new("t").ticket()));
    let end = before.position();
    before.put(&before.content_by(&ana()));
    let said = vec![said(&before, end, "second log")];
    let mut after = before.continued_by(end, "second log", &succession(&before, &said));
    let at_end = after.roster().hash();
    let carl = Author::new("carl");
    after.invited(&ana(), &carl);
    let lost = before.seen_at(before.position());
    let naming = |author: &Author, roster, held| {
        spoilt(&after, author, move |header| {
            (header.seen, header.roster, header.held) = (Some(lost), roster, held);
        })
    };
    let mut tale = Tale::continued("rosters beside heads that were lost", after.clone(), &said);
    tale.accepted("the roster where the log was continued", &naming(&ben(), at_end, end));
    tale.refused(
        "an older roster than where the log was continued",
        "RosterStale",
        &naming(&ben(), old, end),
    );
    let early = naming(&carl, at_end, Position(1));
    tale.refused("a roster from before the author's Join", "BadSeen", &early);
    tale.accepted("the roster of the author's Join", &naming(&carl, after.roster().hash(), Position(1)));
    tale
}

fn twice() -> Tale {
    let (before, mut second, mut both) = restored();
    let lost = before.entries[usize::try_from(second.position().0).unwrap()..].to_vec();
    second.put(&lost[0]);
    let end = second.position();
    second.put(&lost[1]);
    both.push(said(&second, end, "third log"));
    let third = second.continued_by(end, "third log", &succession(&before, &both));
    let mut tale = Tale::continued("a log that was continued twice", third.clone(), &both);
    tale.accepted("what the second log lost, with a head of the first", &lost[1]);
    let of_second = second.seen_at(second.position());
    let life = ana().reborn("new life");
    let seeing =
        |seen| spoilt(&third, &life, move |header| (header.seen, header.held) = (Some(seen), Position(1)));
    tale.accepted("a head of the second log beyond its end", &seeing(of_second));
    tale.accepted("a head of the first log beyond its end", &seeing(before.seen_at(before.position())));
    tale.accepted("a head of the third log", &seeing(third.seen_at(end)));
    let mut fourth = third.clone();
    fourth.relay = SigningKey::from_bytes(&seed("fourth log"));
    let log = LogId::from_bytes(fourth.relay.verifying_key().to_bytes());
    let foreign = fourth.sign_head(Head { log, ..third.log.head() });
    tale.refused("a head of a log that is none of them", "BadSeen", &seeing(foreign.into()));
    tale
}

/// What a snapshot or an erase covered in a log that was continued, it covers up to the place: behind it stands something else.
fn what_was_covered() -> Tale {
    let (before, after, said) = restored();
    let (end, furthest) = (after.position(), before.position());
    let lost = before.seen_at(furthest);
    let covering = |entry_type, life: &str, seen, covers| {
        let author = ana().reborn(life);
        let header = after.draft(&author, entry_type);
        let digests = (entry_type == EntryType::Snapshot).then(|| Digests {
            all: SnapshotDigest::from_bytes(seed("all")),
            own: SnapshotDigest::from_bytes(seed("own")),
        });
        author.sign(Header { seen: Some(seen), held: Position::START, covers, digests, ..header }, b"sealed")
    };
    let mut tale = Tale::continued("what was covered before a log was continued", after.clone(), &said);
    for (what, entry_type) in [("a snapshot", EntryType::Snapshot), ("an erase", EntryType::Erase)] {
        let all = covering(entry_type, "all", lost, furthest);
        tale.covering(&format!("{what} of all that was there"), &all, end);
        let at_end = covering(entry_type, "end", lost, end);
        tale.covering(&format!("{what} up to the end of the old log"), &at_end, end);
        let below = covering(entry_type, "below", lost, Position(end.0 - 1));
        tale.covering(&format!("{what} of less than there is"), &below, Position(end.0 - 1));
        let unsigned = Seen { signature: Signature::from_bytes([1; 64]), ..lost };
        let forged = covering(entry_type, "forged", unsigned, furthest);
        tale.refused(&format!("{what} by who has not seen what it covers"), "BadSeen", &forged);
    }
    tale
}
