//! Keys that devices hand on to each other once an epoch has begun, and codes that are over when one does.

use bowline_wire::ids::{EpochId, LogTime, Millis, Moment};
use bowline_wire::roster::record::{Record, Rekey};
use bowline_wire::roster::{Outcome, Void};

use crate::support::{APPLIED, Author, Secret, Story, rekey, void, wrap};

/// The Owner with two devices, a Member, and the Owner's phrase.
struct Cast {
    story: Story,
    owner: Author,
    second: Author,
    member: Author,
    phrase: Author,
}

fn cast() -> Cast {
    let [owner, second, member, phrase] = ["owner", "second", "member", "phrase"].map(Author::new);
    let mut story = Story::begun_by(&owner);
    story.linked(&owner, &second, false);
    story.linked(&owner, &phrase, true);
    story.invited(&owner, &member);
    Cast { story, owner, second, member, phrase }
}

fn fold(story: &Story, author: &Author, record: &Record) -> Outcome {
    let entry = story.record_by(author, record);
    story.roster().clone().apply_entry(Moment::END, &entry).unwrap()
}

#[test]
fn keys_of_the_epoch_in_force_are_handed_on_once_by_each_live_device() {
    let Cast { mut story, owner, second, member, phrase } = cast();
    story.record(&owner, &story.due_rekey("next"));
    for record in [|story: &Story| story.rewrap(), |story: &Story| story.fill()] {
        assert_eq!(fold(&story, &phrase, &record(&story)), void(Void::Recovery));
        assert_eq!(fold(&story, &Author::new("stranger"), &record(&story)), void(Void::AuthorNotActive));
        for author in [&owner, &second, &member] {
            assert_eq!(story.record(author, &record(&story)), APPLIED);
            assert_eq!(fold(&story, author, &record(&story)), void(Void::HandedOn));
        }
    }
    story.record(&owner, &story.due_rekey("another"));
    assert_eq!(story.record(&owner, &story.rewrap()), APPLIED, "of another epoch");
    assert_eq!(story.record(&owner, &story.fill()), APPLIED, "of another epoch");
}

#[test]
fn keys_are_handed_on_of_the_epoch_in_force_alone_and_one_wrap_for_each_device() {
    let Cast { mut story, owner, member, .. } = cast();
    let (before, before_roster) = (story.roster().epoch().unwrap(), story.roster().hash());
    let rewrap = |epoch: EpochId, wraps| Record::Rewrap { epoch, wraps: vec![wrap(); wraps] };
    let built_before = story.record_by(&member, &rewrap(before, 4));
    story.record(&owner, &story.due_rekey("next"));
    let epoch = story.roster().epoch().unwrap();
    assert_eq!(fold(&story, &member, &rewrap(before, 4)), void(Void::NotNewest));
    assert_eq!(
        fold(&story, &member, &Record::Fill { epoch: before, sealed: vec![1] }),
        void(Void::NotNewest)
    );
    assert_eq!(story.roster().clone().apply_entry(Moment::END, &built_before), Some(void(Void::NotNewest)));
    // Who builds on a roster of before names an epoch of which that roster knew nothing, and other recipients than it has.
    let on_before = story.record_on(&member, before_roster, &rewrap(epoch, 4));
    assert_eq!(story.roster().clone().apply_entry(Moment::END, &on_before), Some(void(Void::NotNewest)));
    for wraps in [0, 3, 5] {
        assert_eq!(fold(&story, &member, &rewrap(epoch, wraps)), void(Void::WrongRecipients), "{wraps}");
    }
    assert_eq!(story.record(&member, &rewrap(epoch, 4)), APPLIED);
}

#[test]
fn who_came_in_behind_the_owners_rekey_is_known_until_another_epoch_begins() {
    let Cast { mut story, owner, .. } = cast();
    let rekeyed = story.record_by(&owner, &story.due_rekey("next"));
    let (by, dora) = (Author::new("second"), Author::new("dora"));
    story.invited(&by, &dora);
    assert!(story.roster().behind().is_empty());
    assert_eq!(story.put(&rekeyed).roster, Some(APPLIED));
    assert!(story.roster().behind().iter().eq([&dora.id()]));
    assert_eq!(story.record(&by, &story.due_rekey("for everybody")), APPLIED);
    assert!(story.roster().behind().is_empty());
}

#[test]
fn a_code_that_is_over_is_no_recipient_to_the_millisecond_and_anybody_closes_it() {
    let Cast { mut story, owner, member, second, .. } = cast();
    let link = Secret::new("a link");
    let expires = story.clock.plus(1_000);
    let ticket = bowline_wire::roster::record::Ticket { expires: expires.0, ..link.ticket() };
    story.record(&owner, &Record::Link(ticket));
    let at = |millis: Millis| Moment { time: LogTime::at_most(millis), ..Moment::END };
    let closing = Record::CloseLink(link.id());
    let close = |story: &Story, author: &Author, millis| {
        let entry = story.record_by(author, &closing);
        story.roster().clone().apply_entry(at(millis), &entry).unwrap()
    };
    assert_eq!(close(&story, &member, expires), void(Void::NoTicket), "of somebody else's");
    assert_eq!(close(&story, &second, expires), APPLIED, "of its own person's");
    assert_eq!(close(&story, &member, expires.plus(1)), APPLIED, "over");
    // A record at a moment of the log says whether the code is among those that the next rekey is for.
    let key = &link.ticket().hpke;
    story.clock = expires;
    story.record(&owner, &story.complaint());
    assert!(story.roster().recipients().contains(key));
    story.clock = expires.plus(1);
    story.record(&owner, &story.fill());
    assert!(!story.roster().recipients().contains(key));
    let Record::Rekey(Rekey { wraps, .. }) = story.due_rekey("next") else { unreachable!() };
    assert_eq!(wraps.len(), 4, "the devices alone");
    let with_it: Vec<_> = story.roster().device_keys().into_iter().chain([key.clone()]).collect();
    assert_eq!(
        fold(&story, &owner, &Record::Rekey(rekey("keys for an expired code", with_it))),
        void(Void::WrongRecipients)
    );
    assert_eq!(story.record(&owner, &story.due_rekey("next")), APPLIED);
}
