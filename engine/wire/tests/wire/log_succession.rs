//! A log that was continued: what of the earlier logs its entries may still name, and that everybody judges alike.

use bowline_wire::entry::Entry;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::log::{Log, Refusal};
use bowline_wire::roster::record::Record;
use bowline_wire::successor::Succession;
use ed25519_dalek::SigningKey;

use crate::log_rules::{Cast, cast, spoilt};
use crate::samples::relay_identity;
use crate::support::*;

/// A workspace whose relay was put back by a few entries: the log as it was, and as it goes on.
struct Restored {
    before: Story,
    after: Story,
    /// Where the old log ends.
    end: Position,
    succession: Succession,
    ana: Author,
    ben: Author,
}

pub(crate) fn succession_of(links: &[(&Story, Position, &str)]) -> Succession {
    let said: Vec<_> = links
        .iter()
        .map(|(story, position, next)| {
            story.said_successor(*position, &SigningKey::from_bytes(&seed(next)), &relay_identity())
        })
        .collect();
    let workspace = links[0].0.workspace();
    Succession::verify(workspace, &relay_identity().verifying_key().to_bytes(), &said).unwrap()
}

/// Ana and Ben are in. Each has written twice more than the backup has.
fn restored() -> Restored {
    let Cast { mut story, ana, ben } = cast();
    let end = story.position();
    for author in [&ana, &ben, &ana, &ben] {
        story.put(&story.content_by(author));
    }
    let succession = succession_of(&[(&story, end, "second log")]);
    let after = story.continued_by(end, "second log", &succession);
    Restored { before: story, after, end, succession, ana, ben }
}

impl Restored {
    /// What the relay had lost, in the order in which it stood.
    fn lost(&self) -> &[Entry] {
        &self.before.entries[usize::try_from(self.end.0).unwrap()..]
    }
}

#[test]
fn hashes_and_times_go_on_and_another_key_signs() {
    let Restored { before, after, end, .. } = restored();
    assert_eq!(after.hash_at(end), before.hash_at(end));
    assert_eq!(after.hash_at(Position::START), before.hash_at(Position::START));
    assert_ne!(after.log.head().log, before.log.head().log);
    assert_eq!(after.roster().hash(), before.roster().hash());
    assert_eq!(after.log.time(), before.log.time());
}

#[test]
fn what_was_lost_is_taken_again_in_the_old_order() {
    let mut it = restored();
    for entry in it.lost().to_vec() {
        it.after.put(&entry);
    }
    assert_eq!(it.after.position(), it.before.position());
    let new = it.after.content_by(&it.ana);
    it.after.put(&new);
}

#[test]
fn whoever_comes_late_gets_the_log_of_whoever_was_there() {
    let mut it = restored();
    // Somebody writes before all of it is there again.
    let lost = it.lost().to_vec();
    it.after.put(&lost[0]);
    let (carl, secret) = (Author::new("carl"), Secret::new("carl's"));
    it.after.record(&it.ana, &Record::Invite(secret.ticket()));
    it.after.joined(&carl, &secret, false);
    it.after.put(&lost[1]);
    it.after.put(&it.after.content_by(&carl));
    it.after.put(&lost[3]);

    let mut there = it.before.clone();
    there.log = replay(&it.before, it.end, &Succession::default()).with_succession(&it.succession);
    let mut late = Log::begun(it.after.workspace(), it.after.log.head().log, &it.succession);
    for (at, entry) in it.after.entries.iter().enumerate() {
        let hash_at = |position: Position| it.after.hash_at(position);
        let accepted = late.check(entry, it.after.log.time(), hash_at).unwrap();
        late.append(accepted);
        if at as u64 >= it.end.0 {
            let accepted = there.log.check(entry, it.after.log.time(), hash_at).unwrap();
            there.log.append(accepted);
        }
    }
    assert_eq!(late.head(), it.after.log.head());
    assert_eq!(there.log.head(), it.after.log.head());
    for (chain, tip) in it.after.log.tips() {
        assert_eq!((late.tip(chain), there.log.tip(chain)), (Some(tip), Some(tip)));
    }
}

#[test]
fn a_log_may_be_continued_from_below_its_end_and_its_entries_stay_what_they_are() {
    let mut story = cast().story;
    let (ana, ben) = (Author::new("ana"), Author::new("ben"));
    let shared = story.position();
    for author in [&ana, &ben, &ana, &ben] {
        story.put(&story.content_by(author));
    }
    let (end, log) = (story.position(), story.log.head().log);
    for place in 1..=end.0 {
        let succession = succession_of(&[(&story, Position(place), "second log")]);
        let again = replay(&story, end, &succession);
        assert_eq!(again.head(), bowline_wire::head::Head { log: again.head().log, ..story.log.head() });
        assert_ne!(again.head().log, log);
        assert_eq!(again.tips().count(), story.log.tips().count());
        for (chain, tip) in story.log.tips() {
            assert_eq!(again.tip(chain), Some(&tip.continued_from(0, Position(place))), "from {place}");
            assert_eq!(tip.continued_from(1, Position(place)), *tip, "another log's");
        }
        // Who held more says less once the log goes on from below that.
        let holds = |held: Position| held > Position(place);
        let is_less = |chain| again.tip(chain).is_some_and(|tip| !holds(tip.held));
        let held_more = story.log.tips().filter(|(_, tip)| holds(tip.held));
        assert!(held_more.map(|(chain, _)| chain).all(is_less));
        assert!(
            place != shared.0 || story.log.tips().any(|(_, tip)| holds(tip.held)),
            "there is such a chain"
        );
    }
}

/// The log of a story up to a position, as somebody took it in who knew so much of how it goes on.
fn replay(story: &Story, to: Position, known: &Succession) -> Log {
    let mut log = Log::begun(story.workspace(), story.log.head().log, known);
    for entry in story.entries.iter().take(usize::try_from(to.0).unwrap()) {
        let accepted = log.check(entry, story.log.time(), |position| story.hash_at(position)).unwrap();
        log.append(accepted);
    }
    log
}

#[test]
fn an_entry_from_before_is_judged_by_what_was_known_then() {
    // Were the later logs asked about an entry below the place where they begin, a newcomer would take what devices that were
    // there have refused.
    let it = restored();
    let short = it.before.continued_by(Position(it.end.0 - 1), "second log", &it.succession);
    // Nothing else could be wrong with an entry that begins a chain.
    let ana = it.ana.reborn("another life");
    let mut ahead = short.draft(&ana, EntryType::Changes);
    let position = it.before.position();
    for head in [it.before.head_at(position), it.after.head_at(Position(2))] {
        (ahead.seen, ahead.held) = (Some(head.into()), Position(2));
        let entry = ana.sign(ahead.clone(), b"sealed");
        let there = replay(&it.before, Position(it.end.0 - 1), &Succession::default());
        let hash_at = |position: Position| it.before.hash_at(position);
        let refused = there.check(&entry, it.before.log.time(), hash_at).unwrap_err();
        assert_eq!(short.refusal(&entry), refused);
    }
}

#[test]
fn a_head_of_an_earlier_log_beyond_its_end_needs_its_signature_only() {
    let it = restored();
    let lost = it.before.head_at(it.before.position());
    let seen = |signature| {
        move |header: &mut Header| {
            let seen = bowline_wire::head::Seen { signature, ..lost.into() };
            (header.seen, header.held) = (Some(seen), Position(6));
        }
    };
    let mut header = it.after.draft(&it.ana, EntryType::Changes);
    seen(lost.signature)(&mut header);
    assert!(it.after.check(&it.ana.sign(header, b"sealed")).is_ok());
    let unsigned = spoilt(&it.after, &it.ana, seen(Signature::from_bytes([1; 64])));
    assert_eq!(unsigned, Refusal::BadSeen);
}

#[test]
fn a_head_of_an_earlier_log_below_its_end_has_to_be_of_this_log() {
    let it = restored();
    let hash = LogHash::from_bytes(seed("another story"));
    let at = Position(it.end.0 - 1);
    let mut good = it.after.draft(&it.ana, EntryType::Changes);
    (good.seen, good.held) = (Some(it.before.seen_at(it.end)), at);
    assert!(it.after.check(&it.ana.sign(good, b"sealed")).is_ok());
    for position in [it.end, at] {
        let other = it.before.sign_head(bowline_wire::head::Head { position, hash, ..it.before.log.head() });
        let refusal = spoilt(&it.after, &it.ana, |header| {
            (header.seen, header.held) = (Some(other.into()), position);
        });
        assert_eq!(refusal, Refusal::Forked(Box::new(other)), "{position}");
    }
}

#[test]
fn a_head_of_the_log_that_signs_now_is_never_beyond_it() {
    let it = restored();
    let mut ahead = it.after.clone();
    ahead.put(&it.lost()[0]);
    let head = ahead.head_at(ahead.position());
    let refusal = spoilt(&it.after, &it.ana, |header| header.seen = Some(head.into()));
    assert_eq!(refusal, Refusal::Forked(Box::new(head)));
}

#[test]
fn going_back_is_judged_by_log_and_position() {
    let mut it = restored();
    let reborn = it.ana.reborn("new life");
    let lost = it.before.seen_at(it.before.position());
    let none_held = |story: &Story, seen| Header {
        held: Position::START,
        seen: Some(seen),
        ..story.draft(&reborn, EntryType::Changes)
    };
    // Beyond its end in the old log, then in the new log at a lower position: forward.
    it.after.put(&reborn.sign(none_held(&it.after, lost), b"sealed"));
    let new = it.after.seen_at(it.end);
    assert!(new.position < lost.position);
    it.after.put(&reborn.sign(none_held(&it.after, new), b"sealed"));
    // And never again in the old one, whatever the position.
    let back = reborn.sign(none_held(&it.after, lost), b"sealed");
    assert_eq!(it.after.refusal(&back), Refusal::BadSeen);
}

#[test]
fn what_is_held_counts_up_to_where_the_log_was_continued() {
    let mut it = restored();
    let lost = it.before.seen_at(it.before.position());
    let holding = |story: &Story, held, seen| {
        let header = Header { held, seen: Some(seen), ..story.draft(&it.ben, EntryType::Changes) };
        it.ben.sign(header, b"sealed")
    };
    let entry = holding(&it.after, lost.position, lost);
    it.after.put(&entry);
    assert_eq!(it.after.log.tip(&it.ben.chain(Lane::Content)).unwrap().held, it.end);
    let new = it.after.seen_at(it.end);
    let less = holding(&it.after, Position(it.end.0 - 1), new);
    assert_eq!(it.after.refusal(&less), Refusal::BadSeen);
    assert!(it.after.check(&holding(&it.after, it.end, new)).is_ok());
}

#[test]
fn the_roster_of_what_was_lost_is_not_older_than_where_its_log_ends() {
    let Cast { mut story, ana, ben } = cast();
    let old = story.roster().hash();
    story.record(&ana, &Record::Link(Secret::new("t").ticket()));
    let end = story.position();
    story.put(&story.content_by(&ana));
    let succession = succession_of(&[(&story, end, "second log")]);
    let after = story.continued_by(end, "second log", &succession);
    let lost = story.seen_at(story.position());
    let stale = spoilt(&after, &ben, |header| (header.seen, header.roster) = (Some(lost), old));
    assert_eq!(stale, Refusal::RosterStale);
}

#[test]
fn nobody_who_came_after_the_restore_names_a_roster_from_before() {
    let mut it = restored();
    let old = it.after.roster().hash();
    let carl = Author::new("carl");
    it.after.invited(&it.ana, &carl);
    let lost = it.before.seen_at(it.before.position());
    let early = spoilt(&it.after, &carl, |header| {
        (header.seen, header.held, header.roster) = (Some(lost), Position(1), old);
    });
    assert_eq!(early, Refusal::BadSeen);
}

#[test]
fn a_log_is_continued_again_and_again() {
    let it = restored();
    let mut second = it.after.clone();
    second.put(&it.lost()[0]);
    let end = second.position();
    second.put(&it.lost()[1]);
    let both = succession_of(&[(&it.before, it.end, "second log"), (&second, end, "third log")]);
    let mut third = second.continued_by(end, "third log", &both);
    // The rest of both logs, each naming heads of its own.
    for entry in it.lost()[1..].iter().chain([&second.content_by(&it.ana)]) {
        assert!(
            third.check(entry).is_ok()
                || entry.header().prev != third.log.tip(&entry.header().chain()).unwrap().id
        );
        if third.check(entry).is_ok() {
            third.put(entry);
        }
    }
    assert_eq!(third.position(), Position(it.end.0 + 4));
    third.put(&third.content_by(&it.ben));
    let foreign = SigningKey::from_bytes(&seed("fourth log"));
    let mut other = third.clone();
    other.relay = foreign;
    let log = LogId::from_bytes(other.relay.verifying_key().to_bytes());
    let head = other.sign_head(bowline_wire::head::Head { log, ..third.log.head() });
    assert_eq!(spoilt(&third, &it.ana, |header| header.seen = Some(head.into())), Refusal::BadSeen);
}
