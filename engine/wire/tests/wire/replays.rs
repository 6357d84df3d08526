//! What was captured once and is played again: each entry and each record of a log, each code's proof, in the same place, later, in another
//! workspace, and after whoever made it is out. Nothing of it may come to stand anywhere again, and nothing changes.

use std::collections::BTreeSet;

use bowline_wire::entry::Entry;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::limits::MAX_RECORD_BYTES;
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::{Join, Record};
use bowline_wire::roster::{Admits, Outcome, TicketKind, Void};
use bowline_wire::signed::Verified;

use crate::samples::records;
use crate::support::*;

/// A log in which every record does something, step by step: the story after each.
fn told() -> Vec<Story> {
    let [owner, second, ben, tablet, carl] =
        ["owner", "second", "ben", "ben's tablet", "carl"].map(Author::new);
    let mut steps = vec![Story::begun_by(&owner)];
    let mut tell = |happens: &dyn Fn(&mut Story)| {
        let mut story = steps.last().unwrap().clone();
        happens(&mut story);
        story.clock = story.clock.plus(1_000);
        steps.push(story);
    };
    let apply =
        |by: &Author, record: Record, story: &mut Story| assert_eq!(story.record(by, &record), APPLIED);
    let [unused, unused_link] = ["an unused invite", "an unused link"].map(Secret::new);
    tell(&|story| story.linked(&owner, &second, false));
    tell(&|story| story.invited(&owner, &ben));
    tell(&|story| story.linked(&ben, &tablet, false));
    tell(&|story| story.linked(&ben, &Author::new("ben's phrase"), true));
    tell(&|story| story.invited(&owner, &carl));
    tell(&|story| story.linked(&carl, &Author::new("carl's second"), false));
    tell(&|story| apply(&owner, Record::Invite(unused.ticket()), story));
    tell(&|story| apply(&owner, Record::CloseInvite(unused.id()), story));
    tell(&|story| apply(&ben, Record::Link(unused_link.ticket()), story));
    tell(&|story| apply(&ben, Record::CloseLink(unused_link.id()), story));
    for author in [&ben, &tablet, &carl] {
        tell(&|story| put_content(story, author));
    }
    tell(&|story| apply(&ben, story.complaint(), story));
    tell(&|story| apply(&carl, story.due_rekey("after the complaint"), story));
    tell(&|story| apply(&ben, story.rewrap(), story));
    tell(&|story| apply(&ben, story.fill(), story));
    tell(&|story| apply(&ben, story.removal_of(&ben, &tablet, vec![]), story));
    tell(&|story| apply(&owner, Record::HandOver { user: ben.user() }, story));
    tell(&|story| apply(&ben, Record::TakeOver, story));
    tell(&|story| apply(&ben, Record::HandOver { user: owner.user() }, story));
    tell(&|story| apply(&owner, Record::TakeOver, story));
    tell(&|story| apply(&second, Record::Leave { whole_user: false, cut: vec![] }, story));
    tell(&|story| apply(&ben, story.due_rekey("after one has left"), story));
    tell(&|story| apply(&owner, Record::Move(move_to(0, "elsewhere")), story));
    tell(&|story| apply(&owner, story.expulsion_of(&owner, ben.user(), vec![]), story));
    tell(&|story| {
        story.spend(&carl, MAX_RECORD_BYTES / 2);
        apply(&owner, Record::Allow { user: carl.user() }, story);
    });
    tell(&|story| apply(&carl, Record::Leave { whole_user: true, cut: vec![] }, story));
    tell(&|story| apply(&owner, story.complaint(), story));
    tell(&|story| {
        let content = story.entries.iter().find(|entry| entry.header().lane == Lane::Content).unwrap();
        let given_up = lost(&[story.roster().epoch().unwrap()], &[content.id()]);
        apply(&owner, given_up, story);
    });
    tell(&|story| apply(&owner, story.due_rekey("before the last words"), story));
    tell(&|story| put_content(story, &owner));
    steps
}

fn put_content(story: &mut Story, by: &Author) {
    let entry = story.content_by(by);
    story.put(&entry);
}

/// The last story, with everything that was told.
fn whole() -> Story {
    told().pop().unwrap()
}

/// The number of a kind of record: what it begins with.
fn kind(record: &Record) -> u8 {
    record.to_body()[1]
}

fn record_in(entry: &Entry) -> Option<Record> {
    (entry.header().entry_type == EntryType::Roster).then(|| Record::parse(entry.body().unwrap()).unwrap())
}

#[test]
fn every_record_is_in_the_story() {
    let told: BTreeSet<u8> = whole().entries.iter().filter_map(record_in).map(|it| kind(&it)).collect();
    for (name, record) in records() {
        assert!(told.contains(&kind(&record)), "{name}");
    }
}

/// At once, after each thing that has happened since, after its author is out, and at whatever time the relay's clock shows.
#[test]
fn an_entry_never_stands_in_its_log_twice() {
    for story in told() {
        for entry in &story.entries {
            for clock in [Millis(1), story.clock, story.clock.plus(1 << 40)] {
                let mut later = story.clone();
                later.clock = clock;
                let refusal = later.refusal(entry);
                let is_known = matches!(refusal, Refusal::SeqTaken { .. } | Refusal::NotActive);
                assert!(is_known || refusal == Refusal::NotGenesis, "{refusal:?}");
                assert!(later.check_run(std::slice::from_ref(entry)).is_err(), "nor as what a cut has left");
            }
        }
        assert!(story.check_run(&story.entries).is_err(), "nor all of it at once");
    }
}

/// Two workspaces of the same devices, which may be at one relay.
#[test]
fn no_entry_of_a_workspace_stands_in_another_one_of_the_same_devices() {
    let story = whole();
    let other = another_workspace();
    let before = facts(other.roster());
    for entry in &story.entries {
        assert_eq!(other.refusal(entry), Refusal::WrongWorkspace);
        assert_eq!(other.roster().clone().apply_entry(at(99), entry), None, "nor is it folded");
    }
    assert!(facts(other.roster()) == before);
    let begun = Story::empty_of("another workspace", &Author::new("owner"));
    assert_eq!(begun.refusal(&story.entries[0]), Refusal::WrongWorkspace, "nor does it begin one");
}

impl Story {
    /// An empty log for another workspace of the same author's.
    fn empty_of(name: &str, author: &Author) -> Self {
        let story = Self::empty(author);
        let workspace = bowline_wire::hash::workspace_id(&author.genesis(name).to_body());
        let log = bowline_wire::log::Log::new(workspace, story.log.head().log);
        Self { hashes: vec![log.head().hash], log, ..story }
    }
}

/// Everybody is in this one as well, and the same codes are open.
fn another_workspace() -> Story {
    let owner = Author::new("owner");
    let mut story = Story::empty_of("another workspace", &owner);
    let header = blank_header(&owner, story.workspace(), EntryType::Roster);
    let genesis = owner.sign(header, &owner.genesis("another workspace").to_body());
    assert_eq!(story.put(&genesis).roster, Some(APPLIED));
    for name in ["ben", "carl"] {
        let secret = Secret::new(&format!("invite {}", Author::new(name).id()));
        assert_eq!(story.record(&owner, &Record::Invite(secret.ticket())), APPLIED);
    }
    story
}

/// A member copies what somebody else has written, and signs it as an entry of their own.
#[test]
fn a_record_that_a_member_copies_gives_that_member_nothing() {
    let [owner, ben, mallory] = ["owner", "ben", "mallory"].map(Author::new);
    for mut story in told() {
        let copied: Vec<Record> = story.entries.iter().filter_map(record_in).collect();
        if !story.roster().is_active(&ben.id()) || story.roster().role(&owner.id()).is_none() {
            continue;
        }
        let Some(inviter) = owner_of(&story, [&owner, &ben]) else { continue };
        if story.roster().unknown_record().is_some() {
            continue;
        }
        story.invited(inviter, &mallory);
        for record in copied {
            let entry = story.record_by(&mallory, &record);
            let mut after = story.clone();
            let outcome = after.check(&entry).map(drop).map(|()| after.put(&entry).roster.unwrap());
            let is_nothing = matches!(outcome, Err(_) | Ok(Outcome::Void(_)));
            // These are nobody's in particular: whoever signs them does it for themselves.
            let is_own = matches!(record, Record::Leave { .. } | Record::Complaint { .. })
                || matches!(record, Record::Rewrap { .. } | Record::Fill { .. })
                || (story.roster().is_rekey_due() && matches!(record, Record::Rekey(_)))
                || is_own_close(&story, &record);
            assert!(is_nothing || is_own, "{record:?}: {outcome:?}");
            for (id, device) in story.roster().devices() {
                let is_out = after.roster().device(id).unwrap().standing != device.standing;
                assert!(!is_out || *id == mallory.id(), "{record:?} takes somebody's standing");
            }
            // An epoch that is due is for any live device to begin.
            let begins = after.roster().epochs().len() > story.roster().epochs().len();
            assert!(!begins || story.roster().is_rekey_due(), "{record:?}");
            let keys = |story: &Story| story.roster().recipients();
            assert!(keys(&after).is_subset(&keys(&story)), "{record:?} lets nobody in");
        }
    }
}

/// A close of a code that is over, which is anybody's to close.
fn is_own_close(story: &Story, record: &Record) -> bool {
    let (Record::CloseInvite(key) | Record::CloseLink(key)) = record else { return false };
    story.roster().ticket(key).is_some_and(|ticket| ticket.is_over(story.time()))
}

fn owner_of<'a>(story: &Story, authors: [&'a Author; 2]) -> Option<&'a Author> {
    let owner = story.roster().ownerships().last()?.user;
    authors.into_iter().find(|author| author.user() == owner)
}

/// The proof in a Join, of which there is one for each code, and whoever sees the log has it.
#[test]
fn the_proof_of_a_join_lets_nobody_in_again_by_whoever_and_wherever_it_is_played() {
    let story = whole();
    let joins: Vec<(Header, Join)> = story
        .entries
        .iter()
        .filter_map(|entry| match record_in(entry)? {
            Record::Join(join) => Some((entry.header().clone(), join)),
            _ => None,
        })
        .collect();
    assert!(joins.len() > 5);
    let (elsewhere, stranger) = (another_workspace(), Author::new("stranger"));
    let mut open_elsewhere = 0;
    for (header, join) in joins {
        let used = |author: &Author, join: &Join| story.refusal(&story.join_by(author, join));
        assert_eq!(used(&stranger, &join), Refusal::JoinVoid(Void::TicketNotOpen));
        let with_own_key = Join { hpke: stranger.hpke.clone(), ..join.clone() };
        assert_eq!(used(&stranger, &with_own_key), Refusal::JoinVoid(Void::TicketNotOpen));
        // In another workspace the same code may be open, and its proof names this one.
        if elsewhere.roster().ticket(&join.ticket).is_some() {
            let themselves = author_of(&header);
            for author in [&themselves, &stranger] {
                let played = Join { hpke: author.hpke.clone(), ..join.clone() };
                let refusal = elsewhere.refusal(&elsewhere.join_by(author, &played));
                assert_eq!(refusal, Refusal::JoinVoid(Void::BadProof));
            }
            open_elsewhere += 1;
        }
    }
    assert_eq!(open_elsewhere, 2);
}

fn author_of(header: &Header) -> Author {
    let everybody = ["owner", "second", "ben", "ben's tablet", "ben's phrase", "carl", "carl's second"];
    everybody.map(Author::new).into_iter().find(|author| author.id() == header.device).unwrap()
}

/// While the code is open as well: the proof is one device's, with one key, as what the record says.
#[test]
fn a_proof_that_was_captured_before_its_join_came_lets_nobody_else_in() {
    let owner = Author::new("owner");
    let mut story = Story::begun_by(&owner);
    let [invite, link] = ["an invite", "a link"].map(Secret::new);
    assert_eq!(story.record(&owner, &Record::Invite(invite.ticket())), APPLIED);
    assert_eq!(story.record(&owner, &Record::Link(link.ticket())), APPLIED);
    let (newcomer, thief) = (Author::new("newcomer"), Author::new("thief"));
    for (secret, other) in [(&invite, &link), (&link, &invite)] {
        let join = story.entrance(secret, &newcomer, false);
        let of_thief = Join { hpke: thief.hpke.clone(), ..join.clone() };
        let on_other = Join { ticket: other.id(), ..join.clone() };
        let as_phrase = Join { recovery: true, ..join.clone() };
        let other_kind = match story.roster().ticket(&secret.id()).unwrap().admits.kind {
            TicketKind::Invite => TicketKind::Link(owner.user()),
            TicketKind::Link(_) => TicketKind::Invite,
        };
        let signed_for_another_kind =
            secret.join(story.workspace(), &newcomer, Admits { kind: other_kind, recovery: false });
        for (author, played, why) in [
            (&thief, &join, Void::BadProof),
            (&thief, &of_thief, Void::BadProof),
            (&newcomer, &of_thief, Void::BadProof),
            (&newcomer, &on_other, Void::BadProof),
            (&newcomer, &as_phrase, Void::Recovery),
            (&newcomer, &signed_for_another_kind, Void::BadProof),
        ] {
            let refusal = story.refusal(&story.join_by(author, played));
            assert_eq!(refusal, Refusal::JoinVoid(why));
        }
        assert!(story.check(&story.join_by(&newcomer, &join)).is_ok(), "its own device comes in by it");
    }
}

/// A device whose key is out may not come back by a code of its own either, nor the code that it came by be opened again.
#[test]
fn neither_a_code_nor_a_device_comes_in_a_second_time_under_its_key() {
    let story = whole();
    let owner = Author::new("owner");
    let copied: Vec<Record> = story.entries.iter().filter_map(record_in).collect();
    let mut codes = 0;
    for record in &copied {
        if let Record::Invite(_) | Record::Link(_) = record {
            let mut again = story.clone();
            assert_eq!(again.record(&owner, record), void(Void::KeyReused));
            codes += 1;
        }
    }
    assert!(codes > 5);
    let mut open = story.clone();
    let secret = Secret::new("a fresh one");
    assert_eq!(open.record(&owner, &Record::Invite(secret.ticket())), APPLIED);
    let was_in: Vec<Author> = ["second", "ben", "ben's tablet", "carl"].map(Author::new).into();
    for device in was_in {
        let join = open.join_by(&device, &open.entrance(&secret, &device, false));
        let outcome = open.roster().clone().apply_entry(at(99), &join);
        assert_eq!(outcome, Some(void(Void::KeyReused)));
        assert!(open.check(&join).is_err());
    }
}

/// A header's signature is over all of it: nobody moves an entry to where it may stand.
#[test]
fn a_captured_signature_signs_no_other_header() {
    let story = whole();
    for entry in &story.entries {
        let (header, signature) = (entry.header(), *entry.signed_header().signature());
        let moved = [
            Header { seq: header.seq + 1, ..header.clone() },
            Header { workspace: another_workspace().workspace(), ..header.clone() },
            Header { incarnation: Incarnation::from_bytes(bytes("another life")), ..header.clone() },
            Header { roster: RosterHash::ZERO, ..header.clone() },
            Header { device: Author::new("stranger").id(), ..header.clone() },
        ];
        for moved in moved {
            if moved != *header {
                let verified = Verified::sign(moved, |_: &[u8]| signature);
                assert!(verified.is_err(), "{:?}", header.entry_type);
            }
        }
    }
}
