//! What the Owner gives up: when that counts, and what becomes of the content.

use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::ids::{EntryId, EpochId};

use super::rosters::{Cast, cast};
use super::tale::Tale;
use crate::support::*;

pub(super) fn tales() -> [Tale; 3] {
    [nobody_lacks_a_key(), somebody_complained(), given_up()]
}

fn somewhere() -> EntryId {
    EntryId::from_bytes(seed("what never comes"))
}

fn nobody_lacks_a_key() -> Tale {
    let Cast { mut story, laptop, phone, ben, .. } = cast();
    let phrase = Author::new("ana's phrase");
    story.linked(&laptop, &phrase, true);
    let epoch = story.roster().epoch().unwrap();
    let mut tale = Tale::new("nobody lacks a key", story);
    tale.void("an epoch given up", "NoComplaint", &laptop, &lost(&[epoch], &[]));
    tale.void("an epoch and an entry given up", "NoComplaint", &laptop, &lost(&[epoch], &[somewhere()]));
    tale.void("an epoch given up that there is not", "NoEpoch", &laptop, &lost(&[EpochId::ZERO], &[]));
    tale.void("an entry given up by a Member", "NotOwner", &ben, &lost(&[], &[somewhere()]));
    tale.void("an entry given up by the Owner's phrase", "Recovery", &phrase, &lost(&[], &[somewhere()]));
    tale.applied("an entry given up", &phone, &lost(&[], &[somewhere()]));
    tale
}

fn somebody_complained() -> Tale {
    let Cast { mut story, laptop, ben, .. } = cast();
    let first = story.roster().epoch().unwrap();
    story.record(&laptop, &story.due_rekey("second"));
    let second = story.roster().epoch().unwrap();
    story.record(&ben, &story.complaint());
    let mut tale = Tale::new("somebody lacks a key", story);
    tale.applied("the newest epoch given up", &laptop, &lost(&[second], &[]));
    tale.applied("an earlier epoch given up", &laptop, &lost(&[first], &[somewhere()]));
    let with_unknown = lost(&[first, EpochId::ZERO], &[]);
    tale.void("with one that there is not", "NoEpoch", &laptop, &with_unknown);
    tale.void("an epoch given up by a Member", "NotOwner", &ben, &lost(&[first], &[]));
    tale
}

/// An entry without its body, as whoever has lost that gives it.
fn bare(entry: &Entry) -> Entry {
    let signed = SignedEntry::from_parts(entry.signed_header().to_signed(), None);
    signed.verify(entry.header().workspace).unwrap()
}

/// The second epoch is given up, which is the newest, and an entry of the first one that has not come.
fn given_up() -> Tale {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let (old, of_first) = (story.roster().hash(), story.content_by(&ben));
    story.record(&laptop, &story.due_rekey("second"));
    story.record(&ben, &story.complaint());
    let (before, second) = (story.roster().hash(), story.roster().epoch().unwrap());
    let witness = ben.sign(story.draft(&ben, bowline_wire::header::EntryType::Witness), b"seen");
    story.record(&laptop, &lost(&[second], &[of_first.id(), witness.id()]));
    let mut tale = Tale::new("content that is given up", story.clone());
    tale.offer("the entry", "given up", None, std::slice::from_ref(&of_first), story.time());
    tale.offer("the entry without its body", "given up", None, &[bare(&of_first)], story.time());
    let of_second = story.content_on(&tablet, before);
    tale.offer("content of the epoch", "given up", None, &[of_second], story.time());
    tale.accepted("content of the epoch before", &story.content_on(&tablet, old));
    tale.accepted("a control entry that was named", &witness);
    tale.refused("content on the roster behind it", "RekeyDue", &story.content_by(&laptop));
    tale.void("all of it once more", "GivenUp", &laptop, &lost(&[second], &[of_first.id()]));
    tale.applied("a part of it and something else", &laptop, &lost(&[second], &[somewhere()]));
    tale.applied("the rekey that is due, by a Member", &ben, &story.due_rekey("third"));
    let rekey = story.record_on(&ben, before, &story.due_rekey("third"));
    tale.entry("a rekey by somebody who did not know of it", "applied", None, &rekey);
    tale
}
