//! Recovery phrases in records that are void, each for one reason, and in those beside them that are applied.

use bowline_wire::ids::*;
use bowline_wire::limits::RECOVERY_SETTLES;
use bowline_wire::roster::record::Record;

use super::rosters::{Cast, cast};
use super::tale::Tale;
use crate::support::*;

/// A user with a phrase that has just come, another link for one, and one that the phrase has made.
pub(super) fn tale() -> Tale {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let [early, next] = ["an early one", "the next one"].map(Secret::new);
    let (phrase, other) = (Author::new("ben's phrase"), Author::new("another phrase"));
    story.record(&tablet, &Record::Link(early.for_phrase()));
    story.linked(&ben, &phrase, true);
    story.record(&phrase, &Record::Link(next.for_phrase()));
    let mut tale = Tale::new("recovery phrases", story.clone());
    let fresh = Secret::new("a fresh one");
    tale.void("an invite for a phrase", "Recovery", &laptop, &Record::Invite(fresh.for_phrase()));
    tale.void("a link for a second one", "Recovery", &tablet, &Record::Link(fresh.for_phrase()));
    tale.applied("a link for a device", &tablet, &Record::Link(fresh.ticket()));
    tale.applied("a link for its successor", &phrase, &Record::Link(fresh.for_phrase()));
    tale.applied("a link for another user's", &laptop, &Record::Link(fresh.for_phrase()));
    let by = |secret: &Secret| story.join_by(&other, &story.entrance(secret, &other, true));
    tale.join_void("a second one by a link that was open before", "Recovery", &by(&early));
    tale.entry("its successor", "applied", None, &by(&next));
    tale.applied("a removal in its first week", &tablet, &story.removal_of(&tablet, &phrase, vec![]));
    let settled = story.roster().device(&phrase.id()).unwrap().joined.millis().plus(RECOVERY_SETTLES);
    let removal = story.record_by(&tablet, &story.removal_of(&tablet, &phrase, vec![]));
    let times = [(Millis(settled.0 - 1), "applied", None), (settled, "void", Some("Recovery"))];
    for (time, word, rule) in times {
        let name =
            format!("a removal {} ms after its Join", time.since(Millis(settled.0 - RECOVERY_SETTLES)));
        tale.offer(&name, word, rule, std::slice::from_ref(&removal), story.log.time_at(time));
    }
    tale
}
