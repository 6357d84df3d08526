//! Logs and what is offered next to them: each rule of acceptance broken by an entry that keeps every other one.

use bowline_wire::checkpoint::Freed;
use bowline_wire::entry::Entry;
use bowline_wire::head::{Head, Seen};
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::limits::{MAX_DOCUMENT_WEIGHT, MEMBER_WEIGHT};
use bowline_wire::roster::record::Record;
use bowline_wire::weight::Weight;
use ed25519_dalek::SigningKey;
use serde_json::Value;

use super::tale::{Tale, force};
use crate::checkpoints::word;
use crate::samples::{ana, ben};
use crate::support::*;

pub(super) fn vectors() -> Value {
    let tales = vec![
        beginning(),
        two_people(),
        what_was_seen(),
        roster_of_an_entry(),
        rekey_due(),
        two_epochs(),
        a_run(),
        after_a_run(),
        a_run_in_pieces(),
        beside_the_rules(),
        heavy_documents(),
        checkpoint_that_stands(),
        checkpoint_that_does_not(),
    ];
    tales.into_iter().map(Tale::told).collect()
}

/// Ana and Ben are in, each with a content entry, and the relay's clock goes on.
fn begun() -> Story {
    let mut story = Story::begun_by(&ana());
    story.invited(&ana(), &ben());
    for author in [ana(), ben()] {
        story.clock = story.clock.plus(1_000);
        story.put(&story.content_by(&author));
    }
    story
}

/// A content entry that is good but for what `spoil` does to its header.
fn spoilt(story: &Story, author: &Author, spoil: impl FnOnce(&mut Header)) -> Entry {
    let mut header = story.draft(author, EntryType::Changes);
    spoil(&mut header);
    author.sign(header, b"sealed")
}

fn witness(story: &Story, author: &Author) -> Entry {
    author.sign(story.draft(author, EntryType::Witness), b"")
}

fn beginning() -> Tale {
    let (story, thief) = (Story::empty(&ana()), Author::new("thief"));
    let mut tale = Tale::new("an empty log", story.clone());
    let genesis = story.genesis_by(&ana());
    let (header, body) = (genesis.header().clone(), genesis.body().unwrap().to_vec());
    tale.entry("its Genesis", "applied", None, &genesis);
    let other = ana().genesis("another workspace").to_body();
    tale.refused("a Genesis of another workspace", "NotGenesis", &ana().sign(header.clone(), &other));
    let stolen = Header { device: thief.id(), ..header.clone() };
    tale.refused("a Genesis by a device that it does not name", "NotGenesis", &thief.sign(stolen, &body));
    let on_something = Header { roster: RosterHash::from_bytes([1; 32]), ..header.clone() };
    tale.refused("a Genesis that builds on a roster", "NotGenesis", &ana().sign(on_something, &body));
    let seen = Header { seen: Some(story.seen_at(Position::START)), ..header };
    tale.refused("a Genesis that has seen a head", "BadSeen", &ana().sign(seen, &body));
    let mut early = blank_header(&ana(), story.workspace(), EntryType::Witness);
    early.seen = Some(story.seen_at(Position::START));
    tale.refused("anything else", "NotActive", &ana().sign(early, b""));
    tale
}

fn two_people() -> Tale {
    let story = begun();
    let mut tale = Tale::new("two people", story.clone());
    let good = story.content_by(&ana());
    tale.accepted("content", &good);
    tale.accepted("content without its body", &Entry::new(good.signed_header().clone(), None).unwrap());
    tale.accepted("a witness", &witness(&story, &ben()));
    for (name, entry_type) in EntryType::NAMED {
        let is_reserved = !entry_type.is_understood() && entry_type != EntryType::Witness;
        if is_reserved {
            let entry = ben().sign(story.draft(&ben(), entry_type), b"from the future");
            tale.accepted(&format!("an entry of the reserved type {name}"), &entry);
        }
    }
    for number in [15, 31, 500] {
        let entry = ana().sign(story.draft(&ana(), EntryType::Unknown(number)), b"from the future");
        tale.accepted(&format!("an entry of type {number}"), &entry);
    }
    tale.accepted("the first content of another incarnation", &story.content_by(&ana().reborn("new life")));
    let link = story.record_by(&ana(), &Record::Link(Secret::new("t").ticket()));
    let bare = Entry::new(link.signed_header().clone(), None).unwrap();
    tale.refused("a roster record without its body", "NoRecord", &bare);
    let draft = story.draft(&ana(), EntryType::Roster);
    tale.refused("a roster entry of no record", "BadRecord", &ana().sign(draft.clone(), &[0x80]));
    let again = Header { roster: RosterHash::ZERO, ..draft };
    tale.refused("a second Genesis", "NotGenesis", &ana().sign(again, &ana().genesis("workspace").to_body()));
    tale.refused(
        "a number ahead of its chain",
        "ChainGap",
        &spoilt(&story, &ana(), |header| header.seq += 1),
    );
    tale.refused("a second number as the first of an incarnation", "ChainGap", &{
        let header = story.draft(&ana().reborn("new life"), EntryType::Changes);
        ana().sign(Header { seq: 2, prev: EntryId::from_bytes(seed("unknown")), ..header }, b"sealed")
    });
    tale.refused(
        "another entry under a number that is taken",
        "SeqTaken",
        &spoilt(&story, &ana(), |header| {
            (header.seq, header.prev) = (1, EntryId::ZERO);
        }),
    );
    tale.refused("an entry that is on the log", "SeqTaken", &story.entries[3]);
    tale.refused(
        "a predecessor that is not the chain's last",
        "SeqTaken",
        &spoilt(&story, &ana(), |header| {
            header.prev = EntryId::from_bytes(seed("fork"));
        }),
    );
    tale.refused("content by a stranger", "NotActive", &story.content_by(&Author::new("stranger")));
    tale.at_time("content at the time of the entry before", &good, story.log.time());
    let before = LogTime::new(story.log.time().millis().0 - 1).unwrap();
    tale.at_time("content at an earlier time", &good, before);
    tale
}

fn what_was_seen() -> Tale {
    let mut story = begun();
    let early = story.seen_at(story.position());
    let (old_roster, carl) = (story.roster().hash(), Author::new("carl"));
    story.invited(&ana(), &carl);
    let reborn = ana().reborn("new life");
    story.put(&spoilt(&story, &reborn, |header| header.held = Position::START));
    let mut tale = Tale::new("what was seen and is held", story.clone());
    tale.refused("control that has seen nothing", "BadSeen", &{
        let header = story.draft(&ana(), EntryType::Witness);
        ana().sign(Header { seen: None, held: Position::START, ..header }, b"")
    });
    tale.refused(
        "a head before the author's Join",
        "BadSeen",
        &spoilt(&story, &carl, |header| {
            (header.seen, header.held, header.roster) = (Some(early), early.position, old_roster);
        }),
    );
    let back = Some(story.seen_at(Position(story.position().0 - 2)));
    tale.refused(
        "an earlier head than the chain's last has seen",
        "BadSeen",
        &spoilt(&story, &reborn, |header| (header.seen, header.held) = (back, Position::START)),
    );
    tale.refused(
        "less held than in the chain's last",
        "BadSeen",
        &spoilt(&story, &ana(), |header| {
            header.held = Position::START;
        }),
    );
    let good = story.seen_at(story.position());
    let mut other = story.clone();
    other.relay = SigningKey::from_bytes(&seed("another relay"));
    let log = LogId::from_bytes(other.relay.verifying_key().to_bytes());
    let elsewhere = WorkspaceId::from_bytes(seed("elsewhere"));
    let unsigned = [
        ("a head of another log", Seen::from(other.sign_head(Head { log, ..story.log.head() })).signature),
        ("a head without a signature", Signature::ZERO),
        ("a head of another workspace", {
            story.sign_head(Head { workspace: elsewhere, ..story.log.head() }).signature
        }),
        (
            "a head with the signature of another position",
            story.seen_at(Position(good.position.0 - 1)).signature,
        ),
    ];
    for (name, signature) in unsigned {
        let seen = Some(Seen { signature, ..good });
        tale.refused(name, "BadSeen", &spoilt(&story, &ana(), |header| header.seen = seen));
    }
    let hash = LogHash::from_bytes(seed("another story"));
    for (name, back) in
        [("a signed head of another story", 0), ("an earlier signed head of another story", 1)]
    {
        let position = Position(story.position().0 - back);
        let seen = Some(story.sign_head(Head { position, hash, ..story.log.head() }).into());
        tale.refused(
            name,
            "Forked",
            &spoilt(&story, &ana(), |header| {
                (header.seen, header.held) = (seen, position);
            }),
        );
    }
    let mut ahead = story.clone();
    ahead.put(&ahead.content_by(&ben()));
    let seen = Some(ahead.seen_at(ahead.position()));
    tale.refused(
        "a signed head beyond the log",
        "Forked",
        &spoilt(&story, &ana(), |header| header.seen = seen),
    );
    tale
}

fn roster_of_an_entry() -> Tale {
    let mut story = begun();
    let (old, early) = (story.roster().hash(), story.seen_at(story.position()));
    story.record(&ana(), &Record::Link(Secret::new("t").ticket()));
    let reborn = ana().reborn("new life");
    let unaware = |story: &Story, author: &Author, roster| {
        let header = story.draft(author, EntryType::Changes);
        author.sign(Header { roster, seen: Some(early), held: early.position, ..header }, b"sealed")
    };
    story.put(&unaware(&story, &reborn, story.roster().hash()));
    let mut tale = Tale::new("rosters that entries name", story.clone());
    tale.accepted("a roster as old as what was seen", &unaware(&story, &ben(), old));
    tale.accepted(
        "a roster that is newer than what was seen",
        &unaware(&story, &ben(), story.roster().hash()),
    );
    let unknown = RosterHash::from_bytes(seed("roster"));
    tale.refused(
        "a roster that is not here",
        "RosterUnknown",
        &spoilt(&story, &ana(), |header| {
            header.roster = unknown;
        }),
    );
    tale.refused(
        "no roster",
        "RosterUnknown",
        &spoilt(&story, &ana(), |header| header.roster = RosterHash::ZERO),
    );
    tale.refused(
        "a roster older than what was seen",
        "RosterStale",
        &spoilt(&story, &ben(), |header| {
            header.roster = old;
        }),
    );
    tale.refused("a roster older than the chain's last", "RosterStale", &unaware(&story, &reborn, old));
    tale
}

fn rekey_due() -> Tale {
    let mut story = begun();
    let unaware = story.content_by(&ana());
    story.record(&ben(), &Record::Leave { whole_user: true, cut: vec![] });
    let mut tale = Tale::new("somebody has left", story.clone());
    tale.refused("content before the rekey", "RekeyDue", &story.content_by(&ana()));
    tale.accepted("content whose author did not know", &unaware);
    tale.accepted("a witness before the rekey", &witness(&story, &ana()));
    tale.applied("the rekey", &ana(), &story.due_rekey("e"));
    tale
}

fn two_epochs() -> Tale {
    let mut story = begun();
    let (first, old) = (story.roster().epoch().unwrap(), story.roster().hash());
    let before = story.seen_at(story.position());
    story.record(&ana(), &story.expulsion_of(&ana(), ben().user(), vec![]));
    let second = story.roster().epoch().unwrap();
    let mut tale = Tale::new("two epochs", story.clone());
    let unaware = |epoch| {
        spoilt(&story, &ana().reborn("new life"), |header| {
            (header.roster, header.seen, header.held, header.epoch) =
                (old, Some(before), before.position, epoch);
        })
    };
    tale.accepted("the first epoch by an author who did not know", &unaware(first));
    tale.refused("the second epoch at the first roster", "WrongEpoch", &unaware(second));
    tale.refused(
        "the first epoch at the second roster",
        "WrongEpoch",
        &spoilt(&story, &ana(), |header| {
            header.epoch = first;
        }),
    );
    tale.refused("content by who was removed", "NotActive", &story.content_by(&ben()));
    let link = Record::Link(Secret::new("t").ticket());
    tale.refused("a record by who was removed", "NotActive", &story.record_by(&ben(), &link));
    tale.refused(
        "another incarnation of who was removed",
        "NotActive",
        &story.content_by(&ben().reborn("new")),
    );
    tale
}

/// Entries that Ben wrote offline, one upon the other.
fn offline(story: &Story, count: usize) -> Vec<Entry> {
    let mut run = vec![story.content_by(&ben())];
    while run.len() < count {
        let last = run.last().unwrap();
        run.push(ben().sign(story.draft_after(&ben(), last, EntryType::Changes), b"sealed"));
    }
    run
}

/// Ben was removed, and the third of what he wrote offline still counts.
fn cut_at_the_third() -> (Story, Vec<Entry>) {
    let mut story = begun();
    let run = offline(&story, 4);
    story.record(&ana(), &story.expulsion_of(&ana(), ben().user(), vec![cut_at(&run[2])]));
    (story, run)
}

fn a_run() -> Tale {
    let (story, run) = cut_at_the_third();
    let mut tale = Tale::new("a removal that leaves three entries to come", story.clone());
    tale.run("all three", None, &run[..3]);
    tale.run("the first alone", Some("RunIncomplete"), &run[..1]);
    tale.run("two of three", Some("RunIncomplete"), &run[..2]);
    tale.run("the second and third", Some("ChainGap"), &run[1..3]);
    tale.run("the first and the third", Some("ChainGap"), &[run[0].clone(), run[2].clone()]);
    tale.refused("one beyond the cut", "ChainGap", &run[3]);
    let rewritten = |at: usize| {
        let header = Header { doc: WireDoc::from_bytes([1; 16]), ..run[at].header().clone() };
        ben().sign(header, b"rewritten")
    };
    tale.run("another entry under the last number", Some("NotActive"), &{
        [run[0].clone(), run[1].clone(), rewritten(2)]
    });
    tale.run("another entry on the way", Some("SeqTaken"), &[run[0].clone(), rewritten(1), run[2].clone()]);
    tale.refused("another incarnation", "NotActive", &story.content_by(&ben().reborn("new life")));
    tale
}

fn after_a_run() -> Tale {
    let (mut story, run) = cut_at_the_third();
    story.put_run(&run[..3]);
    let mut tale = Tale::new("a run that has come", story.clone());
    tale.refused("one beyond the cut", "NotActive", &{
        ben().sign(story.draft_after(&ben(), &run[2], EntryType::Changes), b"sealed")
    });
    tale.refused("one that is there", "SeqTaken", &run[2]);
    tale
}

fn a_run_in_pieces() -> Tale {
    let (mut story, run) = cut_at_the_third();
    force(&mut story, &run[0]);
    story.put(&story.content_by(&ana()));
    force(&mut story, &run[1]);
    force(&mut story, &run[2]);
    let mut tale = Tale::new("a run that another entry interrupts, of which nothing counts", story);
    tale.run("the whole of it, in one piece", None, &run[..3]);
    tale
}

/// What stands on a log and may not: the hash runs on, chains and roster stay.
fn beside_the_rules() -> Tale {
    let mut story = begun();
    let wrong = spoilt(&story, &ben(), |header| header.epoch = EpochId::from_bytes([1; 16]));
    force(&mut story, &wrong);
    let strange = story.content_by(&Author::new("stranger"));
    force(&mut story, &strange);
    let link = Record::Link(Secret::new("t").ticket());
    let header = story.draft(&ana(), EntryType::Roster);
    let early = ana().sign(Header { seq: header.seq + 1, ..header }, &link.to_body());
    force(&mut story, &early);
    let mut tale = Tale::new("entries that may not stand where they do", story.clone());
    tale.accepted("the next of a chain, as if it were not there", &story.content_by(&ben()));
    tale.refused("one that builds on it", "ChainGap", &{
        ben().sign(story.draft_after(&ben(), &wrong, EntryType::Changes), b"sealed")
    });
    tale.applied("the record, where it may stand", &ana(), &link);
    tale
}

fn heavy(story: &Story, author: &Author, doc: u8, weight: u64) -> Entry {
    spoilt(story, author, |header| {
        (header.doc, header.weight) = (WireDoc::from_bytes([doc; 16]), Weight::of(weight));
    })
}

/// A document that is full, and words about the place before its last entry.
fn full_with_words(words: &[(Author, &str)]) -> Story {
    let mut story = begun();
    story.invited(&ana(), &Author::new("dan"));
    story.put(&story.content_by(&ana()));
    story.put(&heavy(&story, &ben(), 1, MEMBER_WEIGHT / 2));
    let about = story.position();
    story.put(&heavy(&story, &ben(), 1, MEMBER_WEIGHT / 2));
    let freed = [Freed { doc: WireDoc::from_bytes([1; 16]), user: ben().user(), sum: MEMBER_WEIGHT / 2 }];
    for (author, name) in words {
        story.put(&word(&story, author, about, (name, &freed)));
    }
    story
}

/// Content by somebody who has written nothing yet, and has seen another story up to there.
fn in_another_story(story: &Story, at: u64) -> Entry {
    let (position, hash) = (Position(at), LogHash::from_bytes(seed("another story")));
    let seen = story.sign_head(Head { position, hash, ..story.log.head() });
    spoilt(story, &Author::new("dan"), |header| (header.seen, header.held) = (Some(seen.into()), position))
}

fn checkpoint_that_stands() -> Tale {
    let words = [(ben(), "state"), (ana(), "state"), (ben(), "another"), (ben(), "state")];
    let story = full_with_words(&words);
    let about = story.log.checkpoints().stood().unwrap().at;
    let mut tale = Tale::new("a checkpoint that stands", story.clone());
    tale.accepted("what has room again", &heavy(&story, &ben(), 1, MEMBER_WEIGHT / 2));
    tale.refused("more than that", "DocumentFull", &heavy(&story, &ben(), 1, MEMBER_WEIGHT));
    tale.accepted("a head of another story below its place", &in_another_story(&story, about.0 - 1));
    tale.refused("a head of another story at its place", "Forked", &in_another_story(&story, about.0));
    let again = word(&story, &ana(), about, ("later", &[]));
    tale.covering("a word about a place before where it came to stand", &again, about);
    tale
}

fn checkpoint_that_does_not() -> Tale {
    let story = full_with_words(&[(ana(), "state"), (ben(), "another"), (ana(), "state")]);
    let about = story.log.checkpoints().open().unwrap().0;
    let mut tale = Tale::new("a checkpoint that is disputed", story.clone());
    tale.refused("what has no room", "DocumentFull", &heavy(&story, &ben(), 1, 1));
    tale.refused("a head of another story", "Forked", &in_another_story(&story, about.0 - 1));
    tale
}

fn heavy_documents() -> Tale {
    let mut story = begun();
    story.put(&heavy(&story, &ben(), 1, MEMBER_WEIGHT / 2));
    story.put(&heavy(&story, &ben(), 1, MEMBER_WEIGHT / 2));
    story.put(&heavy(&story, &ana(), 2, MAX_DOCUMENT_WEIGHT));
    let mut tale = Tale::new("documents that are heavy", story.clone());
    tale.refused("more than a Member may write", "DocumentFull", &heavy(&story, &ben(), 1, 1));
    tale.accepted("as much as a Member may write of another", &heavy(&story, &ben(), 3, MEMBER_WEIGHT));
    tale.refused("more than that at once", "DocumentFull", &heavy(&story, &ben(), 3, MEMBER_WEIGHT + 1));
    tale.accepted("what is left for the Owner", &heavy(&story, &ana(), 1, MAX_DOCUMENT_WEIGHT / 2));
    tale.refused("more than all may write", "DocumentFull", &heavy(&story, &ana(), 1, MAX_DOCUMENT_WEIGHT));
    tale.refused("anything by a Member in a document that the Owner filled", "DocumentFull", &{
        heavy(&story, &ben(), 2, 1)
    });
    tale.refused(
        "anything by the Owner in a document that is full",
        "DocumentFull",
        &heavy(&story, &ana(), 2, 1),
    );
    tale.accepted(
        "an earlier part, which weighs nothing",
        &spoilt(&story, &ben(), |header| {
            header.doc = WireDoc::from_bytes([1; 16]);
            header.weight = Weight::NONE;
            header.part = bowline_wire::header::Part { index: 0, count: 2 };
        }),
    );
    tale
}
