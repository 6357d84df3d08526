//! The acceptance predicate: each rule has an entry that breaks only that rule.

use bowline_wire::codec::DecodeError;
use bowline_wire::entry::Entry;
use bowline_wire::frame::Reason;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::log::{Log, Refusal};
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{Roster, Void};

use crate::support::*;

pub(crate) struct Cast {
    pub(crate) story: Story,
    pub(crate) ana: Author,
    pub(crate) ben: Author,
}

/// Ana and Ben are in; each has a content entry on the log.
pub(crate) fn cast() -> Cast {
    let (ana, ben) = (Author::new("ana"), Author::new("ben"));
    let mut story = Story::begun_by(&ana);
    story.invited(&ana, &ben);
    for author in [&ana, &ben] {
        story.put(&story.content_by(author));
    }
    Cast { story, ana, ben }
}

/// Why a content entry that is good but for what `spoil` does is refused.
pub(crate) fn spoilt(story: &Story, author: &Author, spoil: impl FnOnce(&mut Header)) -> Refusal {
    let good = story.draft(author, EntryType::Changes);
    let mut bad = good.clone();
    spoil(&mut bad);
    assert!(story.check(&author.sign(good, b"sealed")).is_ok(), "good to begin with");
    story.refusal(&author.sign(bad, b"sealed"))
}

#[test]
fn a_good_entry_is_accepted_in_either_lane() {
    let Cast { mut story, ana, ben } = cast();
    story.put(&story.content_by(&ana));
    story.record(&ana, &Record::Link(Secret::new("t").ticket()));
    let witness = ben.sign(story.draft(&ben, EntryType::Witness), b"anything");
    assert_eq!(story.put(&witness).roster, None);
    assert_eq!(story.log.tip(&ben.chain(Lane::Control)).unwrap().id, witness.id());
}

#[test]
fn types_without_a_name_are_taken_as_they_are() {
    let Cast { story, ana, .. } = cast();
    for number in [15, 31, 500] {
        let entry = ana.sign(story.draft(&ana, EntryType::Unknown(number)), b"from the future");
        assert!(story.check(&entry).is_ok(), "{number}");
    }
}

#[test]
fn an_entry_without_its_body_is_accepted_if_it_is_no_roster_record() {
    let Cast { story, ana, .. } = cast();
    let content = story.content_by(&ana);
    let bare = Entry::new(content.signed_header().clone(), None).unwrap();
    assert!(story.check(&bare).is_ok());
    let record = story.record_by(&ana, &Record::Link(Secret::new("t").ticket()));
    let bare = Entry::new(record.signed_header().clone(), None).unwrap();
    assert_eq!(story.refusal(&bare), Refusal::NoRecord);
}

#[test]
fn an_entry_of_another_workspace_is_refused() {
    let Cast { story, ana, .. } = cast();
    let elsewhere = WorkspaceId::from_bytes(seed("elsewhere"));
    assert_eq!(spoilt(&story, &ana, |header| header.workspace = elsewhere), Refusal::WrongWorkspace);
}

#[test]
fn a_roster_entry_whose_record_cannot_be_read_is_refused() {
    let Cast { story, ana, .. } = cast();
    let mut body = Record::Link(Secret::new("t").ticket()).to_body();
    body.push(0);
    let entry = ana.sign(story.draft(&ana, EntryType::Roster), &body);
    assert_eq!(story.refusal(&entry), Refusal::BadRecord(DecodeError::NotCanonical));
}

#[test]
fn a_number_ahead_of_the_chain_waits() {
    let Cast { story, ana, .. } = cast();
    assert_eq!(spoilt(&story, &ana, |header| header.seq += 1), Refusal::ChainGap);
    let mut first = story.draft(&ana.reborn("new life"), EntryType::Changes);
    first.seq = 2;
    first.prev = EntryId::from_bytes(seed("unknown"));
    assert_eq!(story.refusal(&ana.sign(first, b"sealed")), Refusal::ChainGap);
}

#[test]
fn a_number_is_given_once() {
    let Cast { mut story, ana, .. } = cast();
    let taken = Header { doc: WireDoc::from_bytes([1; 16]), ..story.draft(&ana, EntryType::Changes) };
    story.put(&story.content_by(&ana));
    assert_eq!(story.refusal(&ana.sign(taken, b"sealed")), Refusal::SeqTaken { seq: 2 });
    let last = story.entries.last().unwrap().clone();
    assert_eq!(story.refusal(&last), Refusal::SeqTaken { seq: 2 });
}

#[test]
fn a_predecessor_that_is_not_the_chains_last_is_another_chain_in_its_place() {
    let Cast { story, ana, .. } = cast();
    let forked = EntryId::from_bytes(seed("fork"));
    assert_eq!(spoilt(&story, &ana, |header| header.prev = forked), Refusal::SeqTaken { seq: 1 });
}

#[test]
fn the_two_lanes_and_each_life_count_for_themselves() {
    let Cast { mut story, ana, .. } = cast();
    assert_eq!(story.draft(&ana, EntryType::Roster).seq, 3);
    assert_eq!(story.draft(&ana, EntryType::Changes).seq, 2);
    let reborn = ana.reborn("new life");
    assert_eq!(story.draft(&reborn, EntryType::Changes).seq, 1);
    story.put(&story.content_by(&reborn));
    story.put(&story.content_by(&ana));
}

#[test]
fn strangers_are_refused() {
    let Cast { story, ana, .. } = cast();
    let stranger = Author::new("stranger");
    assert_eq!(story.refusal(&story.content_by(&stranger)), Refusal::NotActive);
    let empty = Story::empty(&ana);
    let mut early = blank_header(&ana, empty.workspace(), EntryType::Witness);
    early.seen = Some(empty.seen_at(Position::START));
    assert_eq!(empty.refusal(&ana.sign(early, b"")), Refusal::NotActive);
}

#[test]
fn removed_authors_are_refused_beyond_their_cut() {
    let Cast { mut story, ana, ben } = cast();
    let next = story.content_by(&ben);
    let control = story.record_by(&ben, &Record::Link(Secret::new("t").ticket()));
    story.record(&ana, &story.expulsion_of(&ana, ben.user(), vec![]));
    assert_eq!(story.refusal(&next), Refusal::NotActive);
    assert_eq!(story.refusal(&control), Refusal::NotActive);
    assert_eq!(story.refusal(&story.content_by(&ben.reborn("new life"))), Refusal::NotActive);
}

#[test]
fn up_to_the_cut_a_removed_authors_entries_come_as_a_run_or_not_at_all() {
    let Cast { mut story, ana, ben } = cast();
    let next = story.content_by(&ben);
    let beyond = ben.sign(story.draft_after(&ben, &next, EntryType::Changes), b"sealed");
    assert_eq!(story.log.run_remaining(next.header()), None);
    story.record(&ana, &story.expulsion_of(&ana, ben.user(), vec![cut_at(&next)]));
    assert_eq!(story.refusal(&next), Refusal::RunIncomplete);
    assert_eq!(story.log.run_remaining(next.header()), Some(1));
    assert_eq!(story.log.run_remaining(beyond.header()), None);
    story.put_run(&[next]);
    assert_eq!(story.refusal(&beyond), Refusal::NotActive);
}

#[test]
fn a_join_that_the_fold_would_void_is_refused() {
    let Cast { story, .. } = cast();
    let (carl, secret) = (Author::new("carl"), Secret::new("never made"));
    let join = story.join_by(&carl, &story.entrance(&secret, &carl, false));
    assert_eq!(story.refusal(&join), Refusal::JoinVoid(Void::NoTicket));
}

#[test]
fn genesis_comes_first_and_once() {
    let Cast { story, ana, .. } = cast();
    let again = Header { roster: RosterHash::ZERO, ..story.draft(&ana, EntryType::Roster) };
    let again = ana.sign(again, &ana.genesis("workspace").to_body());
    assert_eq!(story.refusal(&again), Refusal::NotGenesis);
}

#[test]
fn genesis_makes_this_workspace_and_no_other() {
    let ana = Author::new("ana");
    let story = Story::empty(&ana);
    assert!(story.check(&story.genesis_by(&ana)).is_ok());
    let header = story.genesis_by(&ana).header().clone();
    let other_body = ana.genesis("another workspace").to_body();
    assert_eq!(story.refusal(&ana.sign(header.clone(), &other_body)), Refusal::NotGenesis);
    let thief = Author::new("thief");
    let stolen = Header { device: thief.id(), ..header.clone() };
    assert_eq!(story.refusal(&thief.sign(stolen, &ana.genesis("workspace").to_body())), Refusal::NotGenesis);
    let with_roster = Header { roster: RosterHash::from_bytes([1; 32]), ..header };
    let body = ana.genesis("workspace").to_body();
    assert_eq!(story.refusal(&ana.sign(with_roster, &body)), Refusal::NotGenesis);
}

#[test]
fn a_roster_that_is_not_here_waits() {
    let Cast { story, ana, .. } = cast();
    let unknown = RosterHash::from_bytes(seed("roster"));
    assert_eq!(spoilt(&story, &ana, |header| header.roster = unknown), Refusal::RosterUnknown);
    assert_eq!(spoilt(&story, &ana, |header| header.roster = RosterHash::ZERO), Refusal::RosterUnknown);
}

#[test]
fn a_roster_older_than_the_chains_last_is_stale() {
    let Cast { mut story, ana, .. } = cast();
    let (old, early) = (story.roster().hash(), story.seen_at(story.position()));
    story.record(&ana, &Record::Link(Secret::new("t").ticket()));
    // Ana's first entry of this life names the new roster, though it has seen only the head before.
    let reborn = ana.reborn("new life");
    let first =
        Header { seen: Some(early), held: early.position, ..story.draft(&reborn, EntryType::Changes) };
    story.put(&ana.sign(first, b"sealed"));
    let next = Header { seen: Some(early), held: early.position, ..story.draft(&reborn, EntryType::Changes) };
    assert!(story.check(&ana.sign(next.clone(), b"sealed")).is_ok());
    let stale = ana.sign(Header { roster: old, ..next }, b"sealed");
    assert_eq!(story.refusal(&stale), Refusal::RosterStale);
}

#[test]
fn a_roster_older_than_what_was_seen_is_stale() {
    let Cast { mut story, ana, ben } = cast();
    let (old, before) = (story.roster().hash(), story.seen_at(story.position()));
    story.record(&ana, &Record::Link(Secret::new("t").ticket()));
    assert_eq!(spoilt(&story, &ben, |header| header.roster = old), Refusal::RosterStale);
    let unaware = Header {
        roster: old,
        seen: Some(before),
        held: before.position,
        ..story.draft(&ben, EntryType::Changes)
    };
    assert!(story.check(&ben.sign(unaware, b"sealed")).is_ok());
}

#[test]
fn content_waits_for_a_rekey_and_control_does_not() {
    let Cast { mut story, ana, ben } = cast();
    story.record(&ben, &Record::Leave { whole_user: true, cut: vec![] });
    assert_eq!(story.refusal(&story.content_by(&ana)), Refusal::RekeyDue);
    let witness = ana.sign(story.draft(&ana, EntryType::Witness), b"");
    assert!(story.check(&witness).is_ok());
    story.record(&ana, &story.due_rekey("e"));
    assert!(story.check(&story.content_by(&ana)).is_ok());
}

#[test]
fn content_is_sealed_in_the_epoch_of_its_roster() {
    let Cast { mut story, ana, ben } = cast();
    let (first, old_roster) = (story.roster().epoch().unwrap(), story.roster().hash());
    let before = story.seen_at(story.position());
    story.record(&ana, &story.expulsion_of(&ana, ben.user(), vec![]));
    let second = story.roster().epoch().unwrap();
    assert_eq!(spoilt(&story, &ana, |header| header.epoch = first), Refusal::WrongEpoch);
    let unaware = Header {
        roster: old_roster,
        seen: Some(before),
        held: before.position,
        epoch: first,
        ..story.draft(&ana.reborn("new life"), EntryType::Changes)
    };
    assert!(story.check(&ana.sign(unaware.clone(), b"sealed")).is_ok());
    let ahead = ana.sign(Header { epoch: second, ..unaware }, b"sealed");
    assert_eq!(story.refusal(&ahead), Refusal::WrongEpoch);
}

#[test]
fn the_hash_runs_over_everything_that_stands_in_the_log() {
    let Cast { story, .. } = cast();
    let mut log = Log::new(story.workspace(), story.log.head().log);
    for (entry, hash) in story.entries.iter().zip(&story.hashes[1..]) {
        assert_eq!(log.pass(entry.id(), story.log.time()).hash, *hash);
    }
    assert_eq!(log.head(), story.log.head());
    assert_eq!(log.tips().count(), 0);
    assert!(log.roster().points().is_empty());
}

#[test]
fn a_log_goes_on_from_where_it_was_stored() {
    let Cast { mut story, ana, ben } = cast();
    let entries = (1..).map(at).zip(&story.entries);
    let roster = Roster::replay(story.workspace(), entries);
    assert_eq!(roster.hash(), story.roster().hash());
    let tips: Vec<_> = story.log.tips().map(|(chain, tip)| (*chain, *tip)).collect();
    let (weights, checkpoints) = (story.log.weights().clone(), story.log.checkpoints().clone());
    story.log = Log::restore(story.log.head(), story.log.time(), roster, tips, weights, checkpoints);
    story.put(&story.content_by(&ben));
    story.record(&ana, &Record::Link(Secret::new("t").ticket()));
}

#[test]
fn every_refusal_has_the_reason_that_tells_the_author_what_to_do() {
    let cases = [
        (Refusal::WrongWorkspace, Reason::Malformed, false),
        (Refusal::BadRecord(DecodeError::NotCanonical), Reason::Malformed, false),
        (Refusal::NoRecord, Reason::Malformed, false),
        (Refusal::NotGenesis, Reason::Malformed, false),
        (Refusal::ChainGap, Reason::ChainGap, true),
        (Refusal::SeqTaken { seq: 1 }, Reason::SeqTaken, false),
        (Refusal::NotActive, Reason::NotActive, false),
        (Refusal::RunIncomplete, Reason::RunIncomplete, true),
        (Refusal::JoinVoid(Void::NoTicket), Reason::JoinVoid, false),
        (Refusal::RosterUnknown, Reason::RosterUnknown, true),
        (Refusal::RosterStale, Reason::RosterStale, false),
        (Refusal::RekeyDue, Reason::RosterStale, false),
        (Refusal::WrongEpoch, Reason::WrongEpoch, false),
        (Refusal::BadSeen, Reason::BadSeen, false),
        (Refusal::LivesSpent, Reason::LivesSpent, true),
        (Refusal::DocumentFull, Reason::DocumentFull, false),
        (Refusal::RecordsSpent, Reason::RecordsSpent, false),
    ];
    for (refusal, reason, transient) in cases {
        assert_eq!(Reason::from(&refusal), reason, "{refusal}");
        assert_eq!(reason.is_transient(), transient, "{refusal}");
    }
}
