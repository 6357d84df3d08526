//! The table of roles against the fold: each record by each author who may write it and by each who may not.

use bowline_wire::ids::{EntryId, Moment};
use bowline_wire::limits::MAX_RECORD_BYTES;
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::{Record, Ticket};
use bowline_wire::roster::{Deed, Outcome, PERMITTED, Role, Void};

use crate::support::{APPLIED, Author, Secret, Story, lost, move_to, seed, void};

/// Who writes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Owner,
    Member,
    /// A device of a Member that was removed, alone.
    RemovedDevice,
    /// A device of a Member who was removed.
    RemovedMember,
    /// Somebody who never came in.
    Stranger,
    /// Somebody who holds a code that has expired and was not used.
    Late,
}

const EVERYBODY: [Who; 6] =
    [Who::Owner, Who::Member, Who::RemovedDevice, Who::RemovedMember, Who::Stranger, Who::Late];

impl Who {
    fn author(self) -> Author {
        Author::new(&format!("{self:?}"))
    }

    fn role(self) -> Option<Role> {
        match self {
            Self::Owner => Some(Role::Owner),
            Self::Member => Some(Role::Member),
            Self::RemovedDevice | Self::RemovedMember | Self::Stranger | Self::Late => None,
        }
    }
}

fn second(who: Who) -> Author {
    Author::new(&format!("{who:?}'s second"))
}

/// The code of whoever comes too late.
fn late_code() -> Secret {
    Secret::new("late")
}

/// An invite that is open.
fn open_invite() -> Secret {
    Secret::new("the invite")
}

/// A link that is open, made by this author.
fn open_link(who: Who) -> Secret {
    Secret::new(&format!("{who:?}'s link"))
}

/// A workspace with everybody in their place: Owner and Member have a second device and an open link each, a third person is a
/// Member as well, and two invites are open of which one has expired.
fn peopled() -> Story {
    let (owner, member) = (Who::Owner.author(), Who::Member.author());
    let mut story = Story::begun_by(&owner);
    story.invited(&owner, &member);
    story.invited(&owner, &Author::new("another"));
    story.invited(&owner, &Who::RemovedMember.author());
    story.linked(&member, &Who::RemovedDevice.author(), false);
    for who in [Who::Owner, Who::Member] {
        story.linked(&who.author(), &second(who), false);
        assert_eq!(story.record(&who.author(), &Record::Link(open_link(who).ticket())), APPLIED);
    }
    assert_eq!(story.record(&owner, &Record::Invite(open_invite().ticket())), APPLIED);
    let removal = story.removal_of(&member, &Who::RemovedDevice.author(), vec![]);
    assert_eq!(story.record(&member, &removal), APPLIED);
    let removal = story.expulsion_of(&owner, Who::RemovedMember.author().user(), vec![]);
    assert_eq!(story.record(&owner, &removal), APPLIED);
    // After the removals, whose rekeys close what is over.
    let ticket = Ticket { expires: 0, ..late_code().ticket() };
    assert_eq!(story.record(&owner, &Record::Invite(ticket)), APPLIED);
    story
}

/// What this author writes to do it, so that nothing but the author could be wrong with it; `None` for what is not a record.
fn record_of(deed: Deed, who: Who, story: &Story) -> Option<Record> {
    let author = who.author();
    let another = Author::new("another");
    Some(match deed {
        Deed::Write | Deed::Audit => return None,
        Deed::Invite => Record::Invite(Secret::new("new").ticket()),
        Deed::CloseInvite => Record::CloseInvite(open_invite().id()),
        Deed::Link => Record::Link(Secret::new("new").ticket()),
        Deed::CloseLink => Record::CloseLink(open_link(who).id()),
        Deed::RemoveOwnDevice => story.removal_of(&author, &second(who), vec![]),
        Deed::RemoveOthersDevice => story.removal_of(&author, &another, vec![]),
        Deed::RemoveMember => story.expulsion_of(&author, another.user(), vec![]),
        Deed::Leave => Record::Leave { whole_user: false, cut: vec![] },
        Deed::Rekey => story.due_rekey("due"),
        Deed::Complain => Record::Complaint { epoch: story.roster().epoch().unwrap() },
        Deed::HandOn => story.fill(),
        Deed::CloseOver => Record::CloseInvite(late_code().id()),
        Deed::HandOver => Record::HandOver { user: another.user() },
        Deed::TakeOver => Record::TakeOver,
        Deed::Allow => Record::Allow { user: another.user() },
        Deed::GiveUp => lost(&[], &[EntryId::from_bytes(seed("what never comes"))]),
        Deed::Move => Record::Move(move_to(0, "elsewhere")),
        Deed::WriteUnknown => Record::Unknown(99),
    })
}

/// What becomes of a record, which changes nothing of the story.
fn outcome(story: &Story, author: &Author, record: &Record) -> Outcome {
    let entry = story.record_by(author, record);
    story.roster().clone().apply_entry(Moment { time: story.time(), ..Moment::END }, &entry).unwrap()
}

/// The story as it is before somebody does it: a rekey has to be due, and ownership on offer.
fn before(deed: Deed) -> Story {
    let mut story = peopled();
    if deed == Deed::Rekey {
        let leave = Record::Leave { whole_user: true, cut: vec![] };
        assert_eq!(story.record(&Author::new("another"), &leave), APPLIED);
    }
    if deed == Deed::Allow {
        story.spend(&Author::new("another"), MAX_RECORD_BYTES / 2);
    }
    if deed == Deed::TakeOver {
        let offer = Record::HandOver { user: Who::Member.author().user() };
        assert_eq!(story.record(&Who::Owner.author(), &offer), APPLIED);
    }
    story
}

#[test]
fn each_record_counts_by_whom_the_table_permits_it_and_by_nobody_else() {
    for (deed, name, ..) in PERMITTED {
        let story = before(deed);
        for who in EVERYBODY {
            let Some(record) = record_of(deed, who, &story) else { continue };
            let permitted = match (who.role(), deed) {
                (None, _) => Err(Void::AuthorNotActive),
                (Some(role), _) if role.may(deed) => Ok(()),
                (Some(_), Deed::RemoveOthersDevice) => Err(Void::NotOwnUser),
                (Some(_), Deed::TakeOver) => Err(Void::NotOffered),
                (Some(_), _) => Err(Void::NotOwner),
            };
            let author = who.author();
            assert_eq!(
                story.roster().check_role(&author.id(), &record, story.time()),
                permitted,
                "{name} by {who:?}"
            );
            let expected = match (permitted, deed) {
                (Err(why), _) => void(why),
                (Ok(()), Deed::WriteUnknown) => Outcome::Unknown(99),
                (Ok(()), _) => APPLIED,
            };
            assert_eq!(outcome(&story, &author, &record), expected, "{name} by {who:?}");
            // The log itself lets nobody in who is out.
            let refused = story.check(&story.record_by(&author, &record)).err();
            assert_eq!(refused, who.role().is_none().then_some(Refusal::NotActive), "{name} by {who:?}");
        }
    }
}

#[test]
fn content_is_by_whoever_may_write_and_by_nobody_else() {
    let story = peopled();
    for who in EVERYBODY {
        let refused = story.check(&story.content_by(&who.author())).err();
        let may = who.role().is_some_and(|role| role.may(Deed::Write));
        assert_eq!(refused, (!may).then_some(Refusal::NotActive), "{who:?}");
    }
}

/// Genesis and Join come before any role: their proof is in them.
#[test]
fn each_genesis_and_join_by_each_wrong_author() {
    let story = peopled();
    let (code, newcomer) = (late_code(), Author::new("newcomer"));
    let join = story.entrance(&code, &newcomer, false);
    // Who holds the code comes in: that it has expired is for the relay to say, which alone has a clock that everybody sees.
    assert_eq!(outcome(&story, &newcomer, &Record::Join(join.clone())), APPLIED);
    for who in EVERYBODY {
        let author = who.author();
        assert_eq!(outcome(&story, &author, &author.genesis("again")), void(Void::Genesis), "{who:?}");
        let theirs = story.entrance(&code, &author, false);
        let (borrowed, own) = match who {
            Who::Stranger | Who::Late => (void(Void::BadProof), APPLIED),
            _ => (void(Void::KeyReused), void(Void::KeyReused)),
        };
        assert_eq!(outcome(&story, &author, &Record::Join(join.clone())), borrowed, "{who:?}");
        assert_eq!(outcome(&story, &author, &Record::Join(theirs)), own, "{who:?}");
    }
}
