//! Records about keys that are void, each for one reason, and those beside them that are applied: keys handed on, and codes that are over
//! when an epoch is to begin.

use bowline_wire::roster::record::{Record, Ticket};

use super::rosters::{Cast, cast};
use super::tale::Tale;
use crate::support::*;

pub(super) fn tales() -> [Tale; 3] {
    [handed_on(), handed_on_before(), over()]
}

/// Keys of the epoch in force that devices hand on.
fn handed_on() -> Tale {
    let Cast { mut story, laptop, ben, .. } = cast();
    let phrase = Author::new("ana's phrase");
    story.linked(&laptop, &phrase, true);
    let before = story.roster().epoch().unwrap();
    story.record(&laptop, &story.due_rekey("e"));
    let mut tale = Tale::new("keys that are handed on", story.clone());
    let epoch = story.roster().epoch().unwrap();
    let sealed = || vec![7; 80];
    tale.void("wraps by a phrase", "Recovery", &phrase, &story.rewrap());
    tale.void("earlier keys by a phrase", "Recovery", &phrase, &story.fill());
    let too_few = Record::Rewrap { epoch, wraps: vec![wrap()] };
    tale.void("a wrap too few", "WrongRecipients", &ben, &too_few);
    let of_before = Record::Rewrap { epoch: before, wraps: vec![wrap(); 5] };
    tale.void("wraps of an epoch that is over", "NotNewest", &ben, &of_before);
    let of_before = Record::Fill { epoch: before, sealed: sealed() };
    tale.void("earlier keys under an epoch that is over", "NotNewest", &ben, &of_before);
    tale.applied("wraps", &ben, &story.rewrap());
    tale.applied("earlier keys", &ben, &story.fill());
    tale
}

/// Keys that somebody has handed on already.
fn handed_on_before() -> Tale {
    let Cast { mut story, laptop, ben, .. } = cast();
    story.record(&laptop, &story.due_rekey("e"));
    story.record(&ben, &story.rewrap());
    story.record(&ben, &story.fill());
    let mut tale = Tale::new("keys that were handed on", story.clone());
    tale.void("wraps once more", "HandedOn", &ben, &story.rewrap());
    tale.void("earlier keys once more", "HandedOn", &ben, &story.fill());
    tale.applied("wraps by another device", &laptop, &story.rewrap());
    tale.applied("earlier keys by another device", &laptop, &story.fill());
    tale
}

/// Codes that let nobody in any more, which anybody closes.
fn over() -> Tale {
    let Cast { mut story, laptop, ben, .. } = cast();
    let (link, invite) = (Secret::new("a link that is over"), Secret::new("an invite that is over"));
    let expired = |secret: &Secret| Ticket { expires: story.time().millis().0 - 1, ..secret.ticket() };
    let tickets = [Record::Link(expired(&link)), Record::Invite(expired(&invite))];
    for ticket in tickets {
        story.record(&laptop, &ticket);
    }
    let open = Secret::new("an invite that is open");
    story.record(&laptop, &Record::Invite(Ticket { expires: u64::MAX, ..open.ticket() }));
    let mut tale = Tale::new("codes that are over", story.clone());
    tale.void("an open invite closed by a Member", "NotOwner", &ben, &Record::CloseInvite(open.id()));
    tale.void("an invite that is over closed as a link", "NoTicket", &ben, &Record::CloseLink(invite.id()));
    tale.applied("an invite that is over closed by a Member", &ben, &Record::CloseInvite(invite.id()));
    tale.applied("a link that is over closed by somebody else", &ben, &Record::CloseLink(link.id()));
    tale
}
