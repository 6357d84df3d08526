//! Removals and leaving: who may, what goes along, what the cut may say, and what a phrase is spared.

use std::collections::BTreeSet;

use bowline_wire::header::EntryType;
use bowline_wire::ids::*;
use bowline_wire::roster::record::{Cut, Record, Rekey};
use bowline_wire::roster::{Outcome, Standing, TicketStage, Void};

use crate::support::*;

pub(crate) struct Cast {
    pub(crate) story: Story,
    pub(crate) laptop: Author,
    pub(crate) phone: Author,
    pub(crate) ben: Author,
    pub(crate) tablet: Author,
}

/// Ana has a laptop and a phone and owns the workspace, Ben has a laptop and a tablet.
pub(crate) fn cast() -> Cast {
    let [laptop, phone, ben, tablet] =
        ["ana's laptop", "ana's phone", "ben", "ben's tablet"].map(Author::new);
    let mut story = Story::begun_by(&laptop);
    story.linked(&laptop, &phone, false);
    story.invited(&laptop, &ben);
    story.linked(&ben, &tablet, false);
    Cast { story, laptop, phone, ben, tablet }
}

pub(crate) fn outcome(story: &Story, by: &Author, record: &Record) -> Outcome {
    story.clone().record(by, record)
}

pub(crate) fn leave(whole_user: bool) -> Record {
    Record::Leave { whole_user, cut: vec![] }
}

pub(crate) fn active(story: &Story) -> BTreeSet<DeviceId> {
    let devices = story.roster().devices().filter(|(_, device)| device.is_active());
    devices.map(|(id, _)| *id).collect()
}

pub(crate) fn ids(authors: &[&Author]) -> BTreeSet<DeviceId> {
    authors.iter().map(|author| author.id()).collect()
}

fn cut_of(author: &Author) -> Cut {
    Cut {
        device: author.id(),
        incarnation: author.incarnation,
        lane: Lane::Content,
        seq: 3,
        id: EntryId::from_bytes(seed("third")),
    }
}

#[test]
fn a_removal_ends_the_device_and_begins_an_epoch_without_it() {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let before = story.roster().epoch();
    let removal = story.removal_of(&laptop, &tablet, vec![cut_of(&tablet)]);
    assert_eq!(story.record(&laptop, &removal), APPLIED);
    assert!(!story.roster().is_active(&tablet.id()));
    assert!(story.roster().is_active(&ben.id()));
    assert!(!story.roster().recipients().contains(&tablet.hpke));
    assert_ne!(story.roster().epoch(), before);
    assert!(!story.roster().is_rekey_due());
    let Standing::Removed { position, cut } = &story.roster().device(&tablet.id()).unwrap().standing else {
        unreachable!("it was removed");
    };
    assert_eq!(*position, story.position());
    assert_eq!(cut[&tablet.chain(Lane::Content)], (3, cut_of(&tablet).id));
    assert_eq!(cut.len(), 1);
}

#[test]
fn a_member_removes_their_own_devices_and_nobody_elses() {
    let Cast { story, laptop, phone, ben, tablet } = cast();
    assert_eq!(outcome(&story, &ben, &story.removal_of(&ben, &tablet, vec![])), APPLIED);
    for foreign in [&laptop, &phone] {
        let removal = story.removal_of(&ben, foreign, vec![]);
        assert_eq!(outcome(&story, &ben, &removal), void(Void::NotOwnUser));
    }
}

#[test]
fn the_owner_removes_any_device() {
    let Cast { story, laptop, phone, ben, tablet } = cast();
    for (by, target) in [(&laptop, &ben), (&phone, &tablet), (&laptop, &phone), (&phone, &laptop)] {
        assert_eq!(outcome(&story, by, &story.removal_of(by, target, vec![])), APPLIED);
    }
}

#[test]
fn no_device_removes_itself() {
    let Cast { story, laptop, ben, .. } = cast();
    for author in [&laptop, &ben] {
        let removal = story.removal_of(author, author, vec![]);
        assert_eq!(outcome(&story, author, &removal), void(Void::SelfRemoval));
    }
}

#[test]
fn what_is_not_there_is_not_removed() {
    let Cast { mut story, laptop, tablet, .. } = cast();
    let stranger = Author::new("stranger");
    let removal = story.removal_of(&laptop, &stranger, vec![]);
    assert_eq!(outcome(&story, &laptop, &removal), void(Void::TargetNotActive));
    let removal = story.removal_of(&laptop, &tablet, vec![]);
    assert_eq!(story.record(&laptop, &removal), APPLIED);
    assert_eq!(outcome(&story, &laptop, &removal), void(Void::TargetNotActive));
    let unknown_user = story.expulsion_of(&laptop, stranger.user(), vec![]);
    assert_eq!(outcome(&story, &laptop, &unknown_user), void(Void::TargetNotActive));
}

#[test]
fn removing_a_member_ends_all_their_devices_and_their_name() {
    let Cast { mut story, laptop, phone, ben, tablet } = cast();
    let cut = if ben.id() < tablet.id() { [&ben, &tablet] } else { [&tablet, &ben] };
    let removal = story.expulsion_of(&laptop, ben.user(), cut.map(cut_of).to_vec());
    assert_eq!(story.record(&laptop, &removal), APPLIED);
    assert_eq!(active(&story), ids(&[&laptop, &phone]));
    assert!(story.roster().user(&ben.user()).unwrap().removed);
    assert_eq!(outcome(&story, &laptop, &removal), void(Void::TargetNotActive));
}

#[test]
fn only_the_owner_removes_members_and_the_owner_is_none() {
    let Cast { mut story, laptop, phone, ben, .. } = cast();
    let carl = Author::new("carl");
    story.invited(&laptop, &carl);
    let removal = story.expulsion_of(&ben, carl.user(), vec![]);
    assert_eq!(outcome(&story, &ben, &removal), void(Void::NotOwner));
    let removal = story.expulsion_of(&phone, laptop.user(), vec![]);
    assert_eq!(outcome(&story, &phone, &removal), void(Void::LastOwnerDevice));
}

#[test]
fn a_member_whose_devices_are_all_gone_is_still_removed_by_name() {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    for device in [&ben, &tablet] {
        story.record(&laptop, &story.removal_of(&laptop, device, vec![]));
    }
    assert_eq!(outcome(&story, &laptop, &story.expulsion_of(&laptop, ben.user(), vec![])), APPLIED);
}

#[test]
fn a_cut_names_only_chains_of_those_who_go() {
    let Cast { story, laptop, phone, ben, tablet } = cast();
    for foreign in [&laptop, &phone, &ben, &Author::new("stranger")] {
        let removal = story.removal_of(&laptop, &tablet, vec![cut_of(foreign)]);
        assert_eq!(outcome(&story, &laptop, &removal), void(Void::ForeignCut));
    }
    let removal = story.expulsion_of(&laptop, ben.user(), vec![cut_of(&phone)]);
    assert_eq!(outcome(&story, &laptop, &removal), void(Void::ForeignCut));
    for (whole_user, foreign) in [(false, &ben), (true, &phone)] {
        let record = Record::Leave { whole_user, cut: vec![cut_of(foreign)] };
        assert_eq!(outcome(&story, &tablet, &record), void(Void::ForeignCut));
    }
    let record = Record::Leave { whole_user: true, cut: vec![cut_of(&ben)] };
    assert_eq!(outcome(&story, &tablet, &record), APPLIED);
}

#[test]
fn a_removal_closes_every_ticket_the_target_made() {
    let Cast { mut story, laptop, phone, .. } = cast();
    let [invite, link, other] = ["t", "u", "v"].map(Secret::new);
    story.record(&phone, &Record::Invite(invite.ticket()));
    story.record(&phone, &Record::Link(link.ticket()));
    story.record(&laptop, &Record::Link(other.ticket()));
    assert_eq!(story.record(&laptop, &story.removal_of(&laptop, &phone, vec![])), APPLIED);
    let stage = |secret: &Secret| story.roster().ticket(&secret.id()).unwrap().stage;
    assert_eq!(stage(&invite), TicketStage::Closed);
    assert_eq!(stage(&link), TicketStage::Closed);
    assert_eq!(stage(&other), TicketStage::Open);
    assert!(!story.roster().recipients().contains(&link.hpke));
}

#[test]
fn who_joined_by_the_targets_links_before_the_removal_was_written_stays() {
    let Cast { story, laptop, ben, tablet, .. } = cast();
    let mut story = story;
    assert_eq!(story.record(&laptop, &story.removal_of(&laptop, &ben, vec![])), APPLIED);
    assert!(story.roster().is_active(&tablet.id()));
}

#[test]
fn a_removals_rekey_to_the_wrong_people_is_void_and_the_removal_stands() {
    let Cast { story, laptop, tablet, .. } = cast();
    let everyone: Vec<_> = story.roster().recipients().into_iter().collect();
    let few = [laptop.hpke.clone()];
    for wraps in [everyone.as_slice(), few.as_slice(), &[]] {
        let mut story = story.clone();
        let record = Record::RemoveDevice {
            device: tablet.id(),
            cut: vec![],
            rekey: rekey("e", wraps.iter().cloned()),
        };
        assert_eq!(story.record(&laptop, &record), applied_without_epoch(Void::WrongRecipients));
        assert!(!story.roster().is_active(&tablet.id()));
        assert!(story.roster().is_rekey_due());
        assert_eq!(story.roster().epochs().len(), 1);
    }
}

#[test]
fn a_removals_rekey_with_a_commitment_that_somebody_has_copied_begins_an_epoch() {
    let Cast { story, laptop, tablet, .. } = cast();
    let Record::RemoveDevice { device, cut, rekey } = story.removal_of(&laptop, &tablet, vec![]) else {
        unreachable!("that is what it makes");
    };
    let commitment = story.roster().epochs()[0].commitment;
    let record = Record::RemoveDevice { device, cut, rekey: Rekey { commitment, ..rekey } };
    assert_eq!(outcome(&story, &laptop, &record), APPLIED);
}

#[test]
fn the_recipients_of_a_removal_are_known_before_it_is_sealed() {
    let Cast { story, laptop, phone, ben, tablet } = cast();
    let header = story.draft(&laptop, EntryType::Roster);
    let removal = story.expulsion_of(&laptop, ben.user(), vec![]);
    let stay = story.roster().recipients_after(&header, &removal);
    assert_eq!(stay, Ok([laptop.hpke.clone(), phone.hpke.clone()].into()));
    let header = story.draft(&tablet, EntryType::Roster);
    assert_eq!(story.roster().recipients_after(&header, &removal), Err(Void::NotOwner));
    assert!(story.roster().is_active(&ben.id()));
}
