//! What only the Owner may say of the workspace as a whole: to whom it goes over, to which relay it moves, and who may write more
//! records; and what is void of that.

use bowline_wire::roster::record::Record;

use super::rosters::{Cast, cast, leave};
use super::tale::Tale;
use crate::support::*;

pub(super) fn tales() -> [Tale; 7] {
    let [ended, unable, gone_over] = handed_over();
    [nothing_offered(), offered(), ended, unable, gone_over, moved(), enough()]
}

fn offer_to(author: &Author) -> Record {
    Record::HandOver { user: author.user() }
}

fn nothing_offered() -> Tale {
    let Cast { story, laptop, ben, .. } = cast();
    let mut tale = Tale::new("nothing on offer", story);
    tale.void("a take-over", "NotOffered", &ben, &Record::TakeOver);
    tale.void("an offer taken back", "NotOffered", &laptop, &offer_to(&laptop));
    tale
}

fn offered() -> Tale {
    let Cast { mut story, laptop, phone, ben, tablet } = cast();
    let [carl, gone, alone] = ["carl", "dora", "emil"].map(Author::new);
    for author in [&carl, &gone, &alone] {
        story.invited(&laptop, author);
    }
    let phrases = ["ana's phrase", "ben's phrase", "emil's phrase"].map(Author::new);
    for (by, phrase) in [&laptop, &ben, &alone].into_iter().zip(&phrases) {
        story.linked(by, phrase, true);
    }
    story.record(&gone, &leave(true));
    story.record(&laptop, &story.removal_of(&laptop, &alone, vec![]));
    let old = story.roster().hash();
    story.record(&laptop, &offer_to(&ben));
    let mut tale = Tale::new("ownership on offer", story.clone());
    tale.void("an offer by a Member", "NotOwner", &ben, &offer_to(&carl));
    tale.void("an offer by the Owner's phrase", "Recovery", &phrases[0], &offer_to(&carl));
    tale.void("an offer to a stranger", "TargetNotActive", &laptop, &offer_to(&Author::new("stranger")));
    tale.void("an offer to one who left", "TargetNotActive", &laptop, &offer_to(&gone));
    tale.void("an offer to one with nothing but a phrase", "TargetNotActive", &laptop, &offer_to(&alone));
    tale.applied("an offer in its place, by another device", &phone, &offer_to(&carl));
    tale.applied("the offer taken back, by another device", &phone, &offer_to(&laptop));
    tale.void("a take-over by the Owner", "NotOffered", &phone, &Record::TakeOver);
    tale.void("a take-over by another Member", "NotOffered", &carl, &Record::TakeOver);
    tale.void("a take-over by a phrase", "Recovery", &phrases[1], &Record::TakeOver);
    let late = story.record_on(&tablet, old, &Record::TakeOver);
    tale.entry("a take-over on an old roster", "void", Some("NotOnHead"), &late);
    tale.applied("a take-over by any device of the Member", &tablet, &Record::TakeOver);
    tale
}

/// Ownership that ended on its way, and ownership that has gone over.
fn handed_over() -> [Tale; 3] {
    let Cast { mut story, laptop, phone, ben, tablet } = cast();
    let [invite, link] = ["an invite", "a link"].map(Secret::new);
    story.record(&laptop, &Record::Invite(invite.ticket()));
    story.record(&laptop, &Record::Link(link.ticket()));
    story.record(&laptop, &offer_to(&ben));
    let mut maker_gone = story.clone();
    maker_gone.record(&phone, &maker_gone.removal_of(&phone, &laptop, vec![]));
    let mut ended = Tale::new("an offer whose maker went", maker_gone);
    ended.void("a take-over", "NotOffered", &tablet, &Record::TakeOver);
    let mut target_gone = story.clone();
    for device in [&ben, &tablet] {
        target_gone.record(&laptop, &target_gone.removal_of(&laptop, device, vec![]));
    }
    let mut unable = Tale::new("an offer whose Member has no device", target_gone);
    unable.void("the offer taken back", "NotOffered", &laptop, &offer_to(&laptop));
    story.record(&tablet, &Record::TakeOver);
    (ended, unable, gone_over(story, [&laptop, &phone, &ben], &invite, &link)).into()
}

fn gone_over(story: Story, [laptop, phone, ben]: [&Author; 3], invite: &Secret, link: &Secret) -> Tale {
    let newcomer = Author::new("carl");
    let new = || Record::Invite(Secret::new("t").ticket());
    let mut tale = Tale::new("ownership that went over", story.clone());
    tale.void("an invite by the former Owner", "NotOwner", laptop, &new());
    tale.applied("an invite by the Owner", ben, &new());
    let join = |code: &Secret| story.join_by(&newcomer, &story.entrance(code, &newcomer, false));
    tale.join_void("by an invite of the former Owner's", "TicketNotOpen", &join(invite));
    tale.entry("by a link of the former Owner's", "applied", None, &join(link));
    tale.applied("a rekey by the former Owner, whose code was closed", phone, &story.due_rekey("e"));
    tale.applied("a rekey by the Owner", ben, &story.due_rekey("e"));
    tale.void("a removal of the Owner", "NotOwner", laptop, &story.expulsion_of(laptop, ben.user(), vec![]));
    tale.applied("a removal of the former Owner", ben, &story.expulsion_of(ben, laptop.user(), vec![]));
    tale.applied("the former Owner leaves", phone, &leave(true));
    tale.void("the Owner leaves", "LastOwnerDevice", ben, &leave(true));
    tale
}

/// A log that has moved once, and what is said about its moving on.
fn moved() -> Tale {
    let Cast { mut story, laptop, phone, ben, .. } = cast();
    let phrase = Author::new("ana's phrase");
    story.linked(&laptop, &phrase, true);
    let [invite, link] = ["an invite", "a link"].map(Secret::new);
    story.record(&laptop, &Record::Invite(invite.ticket()));
    story.record(&ben, &Record::Link(link.ticket()));
    story.record(&laptop, &Record::Move(move_to(0, "first")));
    let to = |generation, name: &str| Record::Move(move_to(generation, name));
    let mut tale = Tale::new("a log that has moved", story.clone());
    tale.void("a move by a Member", "NotOwner", &ben, &to(1, "second"));
    tale.void("a move by the Owner's phrase", "Recovery", &phrase, &to(1, "second"));
    tale.void("a move by somebody who did not know of the first", "Outrun", &phone, &to(0, "second"));
    tale.void("a move by somebody who knows of one to come", "Outrun", &phone, &to(2, "second"));
    tale.void("a move back to the first", "KeyReused", &phone, &to(1, "first"));
    tale.applied("a move by the Owner's other device", &phone, &to(1, "second"));
    let newcomer = Author::new("carl");
    for (name, code) in [("by an invite of before", &invite), ("by a link of before", &link)] {
        let join = story.join_by(&newcomer, &story.entrance(code, &newcomer, false));
        tale.join_void(name, "TicketNotOpen", &join);
    }
    tale
}

/// A Member who has written next to nothing.
fn enough() -> Tale {
    let Cast { story, laptop, ben, .. } = cast();
    let mut tale = Tale::new("a Member with enough left", story);
    tale.void("more to write for the Member", "NotSpent", &laptop, &Record::Allow { user: ben.user() });
    tale
}
