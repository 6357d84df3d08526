//! Roster records that meet others on their way to the log.

use bowline_wire::roster::record::Record;

use super::rosters::{Cast, cast};
use super::tale::Tale;
use crate::support::*;

/// Records on a roster that is not the head any more.
pub(super) fn races() -> Tale {
    let Cast { mut story, laptop, phone, ben, tablet } = cast();
    let old = story.roster().hash();
    let removal = story.removal_of(&laptop, &ben, vec![]);
    let hidden = Author::new("ben's hidden");
    story.linked(&ben, &hidden, false);
    let mut tale = Tale::new("records that meet others", story.clone());
    let late = story.record_on(&laptop, old, &removal);
    tale.entry("a removal on an old roster, which takes what was linked since", "applied", None, &late);
    let other = story.record_on(&laptop, old, &story.removal_of(&phone, &tablet, vec![]));
    tale.entry(
        "with a rekey to whoever is in now",
        "applied without its rekey",
        Some("WrongRecipients"),
        &other,
    );
    tale.applied("a removal on the head", &phone, &story.removal_of(&phone, &tablet, vec![]));
    let next = story.record_on(&tablet, old, &Record::Link(Secret::new("t").ticket()));
    tale.entry("a link on an old roster", "void", Some("NotOnHead"), &next);
    tale
}

/// A removal that came after a Join by a code of before, which the remover knew of.
pub(super) fn held_back() -> Tale {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let (foot, other) = (Author::new("ben's foot in the door"), Author::new("tablet's own"));
    let [link, deeper] = ["known link", "known link of the tablet's"].map(Secret::new);
    story.record(&ben, &Record::Link(link.ticket()));
    story.record(&tablet, &Record::Link(deeper.ticket()));
    let (old, removal) = (story.roster().hash(), story.removal_of(&laptop, &ben, vec![]));
    story.joined(&foot, &link, false);
    story.joined(&other, &deeper, false);
    story.late_record(&laptop, old, &removal);
    let mut tale = Tale::new("a removal that came after a Join by a link of before", story.clone());
    tale.refused("content by who came by it", "NotActive", &story.content_by(&foot));
    tale.applied("a link by who came by another device's", &other, &Record::Link(Secret::new("t").ticket()));
    tale
}
