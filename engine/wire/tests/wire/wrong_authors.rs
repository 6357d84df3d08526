//! Each record by each author who may not write it: whoever is in and lacks the role or a live device, and whoever is not in, for whichever
//! reason. In each row the author is all that is wrong, as the authors show by whom the record is applied.

use std::collections::BTreeSet;

use bowline_wire::ids::{EntryId, Moment};
use bowline_wire::limits::{MAX_RECORD_BYTES, RECOVERY_SETTLES};
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::{Record, Ticket};
use bowline_wire::roster::{Outcome, Void};

use crate::samples::records;
use crate::support::*;

/// Those who are in: the Owner, to whom ownership was handed over; a Member; and another Member, who was the Owner. A phrase has settled, and
/// ownership is on offer to the Member.
const IN: [&str; 9] = [
    "owner",
    "owner's second",
    "owner's phrase",
    "member",
    "member's second",
    "member's phrase",
    "former owner",
    "former owner's second",
    "recent phrase",
];

/// Those who are not.
const OUT: [&str; 9] = [
    "stranger",
    "ticket's key",
    "used ticket's key",
    "removed device",
    "device of a removed member",
    "device struck with one",
    "device that left",
    "device of a member who left",
    "phrase that was replaced",
];

fn by(name: &str) -> Author {
    match name {
        "ticket's key" => keyed(&code("an open invite")),
        "used ticket's key" => keyed(&code("a used invite")),
        name => Author::new(name),
    }
}

/// A code that is nothing but a key, in the place of a device.
fn keyed(secret: &Secret) -> Author {
    Author { key: secret.key.clone(), hpke: secret.hpke.clone(), ..Author::new("code") }
}

fn code(name: &str) -> Secret {
    Secret::new(name)
}

fn story() -> Story {
    let founder = by("former owner");
    let mut story = Story::begun_by(&founder);
    for name in ["owner", "member", "device of a removed member", "device of a member who left"] {
        story.invited(&founder, &by(name));
    }
    story.invited(&founder, &by("recent phrase's device"));
    for (maker, name, is_phrase) in [
        ("owner", "owner's second", false),
        ("owner", "owner's phrase", true),
        ("member", "member's second", false),
        ("member", "removed device", false),
        ("member", "device that left", false),
        ("former owner", "former owner's second", false),
        ("former owner", "phrase that was replaced", true),
    ] {
        story.linked(&by(maker), &by(name), is_phrase);
    }
    story.linked(&by("phrase that was replaced"), &by("former owner's phrase"), true);
    story.linked(&by("member"), &by("member's phrase"), true);
    open(&mut story, "former owner", Record::Invite(code("a used invite").ticket()));
    story.joined(&by("newcomer"), &code("a used invite"), false);
    apply(&mut story, "former owner", &Record::HandOver { user: by("owner").user() });
    apply(&mut story, "owner", &Record::TakeOver);
    for (author, whole_user) in [("device that left", false), ("device of a member who left", true)] {
        apply(&mut story, author, &Record::Leave { whole_user, cut: vec![] });
    }
    // A removal that finds somebody in who came by a code of whom it removes.
    let old = story.roster().hash();
    let removal = story.expulsion_of(&by("owner"), by("device of a removed member").user(), vec![]);
    story.linked(&by("device of a removed member"), &by("device struck with one"), false);
    assert_eq!(story.late_record(&by("owner"), old, &removal), APPLIED);
    let removal = story.removal_of(&by("member"), &by("removed device"), vec![]);
    apply(&mut story, "member", &removal);
    story.clock = story.clock.plus(RECOVERY_SETTLES);
    story.linked(&by("recent phrase's device"), &by("recent phrase"), true);
    open(&mut story, "owner", Record::Invite(code("an open invite").ticket()));
    open(&mut story, "member", Record::Link(code("the member's link").ticket()));
    apply(&mut story, "owner", &Record::HandOver { user: by("member").user() });
    story
}

fn apply(story: &mut Story, author: &str, record: &Record) {
    assert_eq!(story.record(&by(author), record), APPLIED, "{record:?}");
}

/// Opens a code that lasts.
fn open(story: &mut Story, author: &str, record: Record) {
    let for_ever = |ticket| Ticket { expires: u64::MAX >> 1, ..ticket };
    let record = match record {
        Record::Invite(ticket) => Record::Invite(for_ever(ticket)),
        Record::Link(ticket) => Record::Link(for_ever(ticket)),
        record => record,
    };
    apply(story, author, &record);
}

/// What becomes of a row's record by each of [`IN`].
type Row = (&'static str, fn(&Author, &Story) -> Record, [Outcome; 9]);

const NO_OWNER: Outcome = Outcome::Void(Void::NotOwner);
const PHRASE: Outcome = Outcome::Void(Void::Recovery);
const NONE_DUE: Outcome = Outcome::Void(Void::NotDue);
const NOT_OFFERED: Outcome = Outcome::Void(Void::NotOffered);
const NO_TICKET: Outcome = Outcome::Void(Void::NoTicket);
const NOT_THEIRS: Outcome = Outcome::Void(Void::NotOwnUser);
const WITHOUT_EPOCH: Outcome = Outcome::Applied { rekey_void: Some(Void::Recovery) };

/// By the Owner alone, whose phrase may as well.
const OWNERS: [Outcome; 9] =
    [APPLIED, APPLIED, APPLIED, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER];
/// By a live device of the Owner.
const LIVE_OWNERS: [Outcome; 9] =
    [APPLIED, APPLIED, PHRASE, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER];
/// By any live device.
const LIVE: [Outcome; 9] = [APPLIED, APPLIED, PHRASE, APPLIED, APPLIED, PHRASE, APPLIED, APPLIED, PHRASE];
const ANYBODY: [Outcome; 9] = [APPLIED; 9];

fn fresh(recovery: bool) -> Ticket {
    Ticket { recovery, ..code("a new one").ticket() }
}

/// Every record, some of them once more for another reason why an author may be wrong.
fn rows() -> Vec<Row> {
    vec![
        ("Genesis", |by, _| by.genesis("workspace"), [void(Void::Genesis); 9]),
        ("Invite", |_, _| Record::Invite(fresh(false)), OWNERS),
        ("Invite for a phrase", |_, _| Record::Invite(fresh(true)), {
            [PHRASE, PHRASE, PHRASE, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER]
        }),
        ("CloseInvite", |_, _| Record::CloseInvite(code("an open invite").id()), OWNERS),
        ("Link", |_, _| Record::Link(fresh(false)), ANYBODY),
        // Its person's phrase lets the next one in, and nobody else.
        ("Link for a phrase", |_, _| Record::Link(fresh(true)), {
            [PHRASE, PHRASE, APPLIED, PHRASE, PHRASE, APPLIED, PHRASE, PHRASE, APPLIED]
        }),
        ("CloseLink", |_, _| Record::CloseLink(code("the member's link").id()), {
            [NO_TICKET, NO_TICKET, NO_TICKET, APPLIED, APPLIED, APPLIED, NO_TICKET, NO_TICKET, NO_TICKET]
        }),
        ("Join", |_, story| borrowed_join(story), [void(Void::KeyReused); 9]),
        ("RemoveDevice", |author, story| story.removal_of(author, &by("member's second"), vec![]), {
            let itself = void(Void::SelfRemoval);
            let [by_owner, theirs] = [[APPLIED, APPLIED, WITHOUT_EPOCH], [APPLIED, itself, WITHOUT_EPOCH]];
            [by_owner, theirs, [NOT_THEIRS; 3]].concat().try_into().unwrap()
        }),
        (
            "RemoveDevice of a phrase",
            |author, story| story.removal_of(author, &by("member's phrase"), vec![]),
            { [PHRASE, PHRASE, PHRASE, PHRASE, PHRASE, PHRASE, NOT_THEIRS, NOT_THEIRS, NOT_THEIRS] },
        ),
        (
            "RemoveDevice of a phrase that has just come",
            |author, story| story.removal_of(author, &by("recent phrase"), vec![]),
            {
                let no = NOT_THEIRS;
                [APPLIED, APPLIED, WITHOUT_EPOCH, no, no, no, no, no, void(Void::SelfRemoval)]
            },
        ),
        ("RemoveMember", |author, story| story.expulsion_of(author, by("newcomer").user(), vec![]), {
            [APPLIED, APPLIED, WITHOUT_EPOCH, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER]
        }),
        ("Leave", |_, _| Record::Leave { whole_user: false, cut: vec![] }, ANYBODY),
        ("Rekey", |_, story| story.due_rekey("not due"), {
            [APPLIED, APPLIED, PHRASE, NONE_DUE, NONE_DUE, PHRASE, NONE_DUE, NONE_DUE, PHRASE]
        }),
        ("Complaint", |_, story| story.complaint(), LIVE),
        ("Rewrap", |_, story| story.rewrap(), LIVE),
        ("Fill", |_, story| story.fill(), LIVE),
        ("HandOver", |_, _| Record::HandOver { user: by("former owner").user() }, LIVE_OWNERS),
        ("TakeOver", |_, _| Record::TakeOver, {
            let no = NOT_OFFERED;
            [no, no, no, APPLIED, APPLIED, PHRASE, no, no, PHRASE]
        }),
        ("Allow", |_, _| Record::Allow { user: by("newcomer").user() }, LIVE_OWNERS),
        ("Lost", |_, _| lost(&[], &[EntryId::from_bytes(seed("what never comes"))]), LIVE_OWNERS),
        ("Lost of an epoch", |_, story| lost(&[story.roster().epoch().unwrap()], &[]), LIVE_OWNERS),
        ("Move", |_, _| Record::Move(move_to(0, "elsewhere")), LIVE_OWNERS),
        ("Unknown", |_, _| Record::Unknown(99), {
            let stop = Outcome::Unknown(99);
            [stop, stop, stop, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER, NO_OWNER]
        }),
        ("Rekey that is due", |_, story| story.due_rekey("due"), LIVE),
        // The member began the epoch that is complained of.
        ("Rekey after a complaint", |_, story| story.due_rekey("after a complaint"), {
            [APPLIED, APPLIED, PHRASE, NONE_DUE, NONE_DUE, PHRASE, APPLIED, APPLIED, PHRASE]
        }),
    ]
}

/// A good Join of somebody else's.
fn borrowed_join(story: &Story) -> Record {
    Record::Join(story.entrance(&code("an open invite"), &by("who was invited"), false))
}

/// The story as it is where a row's record has an occasion.
fn occasion(row: &str, mut story: Story) -> Story {
    match row {
        "Rekey that is due" => {
            apply(&mut story, "newcomer", &Record::Leave { whole_user: true, cut: vec![] });
        }
        "Allow" => story.spend(&by("newcomer"), MAX_RECORD_BYTES / 2),
        "Rekey after a complaint" | "Lost of an epoch" => {
            let complaint = story.complaint();
            apply(&mut story, "former owner", &complaint);
        }
        _ => {}
    }
    story
}

/// What the fold says, which changes its roster exactly if the record is applied.
fn folded(story: &Story, author: &Author, record: &Record) -> Outcome {
    let mut roster = story.roster().clone();
    let at = Moment { time: story.time(), ..Moment::END };
    let outcome = roster.apply_entry(at, &story.record_by(author, record)).unwrap();
    let is_void = matches!(outcome, Outcome::Void(_));
    assert_eq!(facts(&roster) == facts(story.roster()), is_void, "{record:?}");
    outcome
}

#[test]
fn each_record_by_each_author_who_is_in_counts_by_those_alone_who_may_write_it() {
    let story = story();
    for (row, record, expected) in rows() {
        let story = occasion(row, story.clone());
        for (name, expected) in IN.into_iter().zip(expected) {
            let author = by(name);
            let record = record(&author, &story);
            assert_eq!(folded(&story, &author, &record), expected, "{row} by the {name}");
        }
    }
}

#[test]
fn each_record_by_each_author_who_is_not_in_is_refused_and_changes_nothing() {
    let story = story();
    for (row, record, _) in rows() {
        let story = occasion(row, story.clone());
        for name in OUT {
            let author = by(name);
            let record = record(&author, &story);
            let (refusal, why) = match &record {
                Record::Genesis { .. } => (Refusal::NotGenesis, Void::Genesis),
                Record::Join(_) => {
                    let is_new = story.roster().device(&author.id()).is_none();
                    let why = if is_new { Void::BadProof } else { Void::KeyReused };
                    (Refusal::JoinVoid(why), why)
                }
                _ => (Refusal::NotActive, Void::AuthorNotActive),
            };
            let entry = story.record_by(&author, &record);
            assert_eq!(story.refusal(&entry), refusal, "{row} by the {name}");
            assert_eq!(folded(&story, &author, &record), void(why), "{row} by the {name}");
        }
    }
}

/// A row that nobody can write shows nothing about who may.
#[test]
fn every_kind_of_record_is_here_and_has_a_right_author() {
    let kinds: BTreeSet<&str> = rows().iter().map(|(row, ..)| *row).collect();
    for (kind, _) in records() {
        assert!(kinds.contains(kind), "{kind}");
    }
    for (row, _, outcomes) in rows() {
        let is_void = |outcome: &Outcome| matches!(outcome, Outcome::Void(_));
        // Genesis has no author but the first, a phrase that has settled is not removed nor invited, and a Join is its device's own.
        let nobody = ["Genesis", "Join", "Invite for a phrase", "RemoveDevice of a phrase"];
        assert_eq!(outcomes.iter().all(is_void), nobody.contains(&row), "{row}");
    }
    let story = story();
    let Record::Join(join) = borrowed_join(&story) else { unreachable!() };
    let entry = story.join_by(&by("who was invited"), &join);
    assert!(story.check(&entry).is_ok(), "the Join is good where its own device brings it");
}
