//! Who may come in and how: each rule of Genesis, tickets, Join and Rekey broken alone. A void record changes nothing.

use bowline_wire::header::EntryType;
use bowline_wire::ids::*;
use bowline_wire::limits::MAX_RECIPIENTS;
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::{Join, Record, Ticket};
use bowline_wire::roster::{Admits, Outcome, Role, Roster, TicketKind, TicketStage, Void};

use crate::support::*;

/// What the fold says to `record` by `author`, whether or not the log would take it.
pub(crate) fn fold(story: &Story, author: &Author, record: &Record) -> Outcome {
    let before = story.roster().clone();
    let mut after = before.clone();
    let entry = story.record_by(author, record);
    let outcome = after.apply_entry(at(story.position().next().0), &entry).unwrap();
    if matches!(outcome, Outcome::Void(_)) {
        assert_eq!(facts(&before), facts(&after), "void, and yet something changed");
    }
    outcome
}

pub(crate) fn ana() -> Author {
    Author::new("ana's laptop")
}

pub(crate) fn ben() -> Author {
    Author::new("ben's laptop")
}

pub(crate) fn ana_and_ben() -> Story {
    let mut story = Story::begun_by(&ana());
    story.invited(&ana(), &ben());
    story
}

/// The outcome of a Join that the log refuses.
fn join_void(story: &Story, newcomer: &Author, secret: &Secret, recovery: bool) -> Void {
    let join = story.entrance(secret, newcomer, recovery);
    let why = story.roster().check_join(&story.draft(newcomer, EntryType::Roster), &join).unwrap_err();
    let entry = story.join_by(newcomer, &join);
    assert_eq!(story.refusal(&entry), Refusal::JoinVoid(why));
    assert_eq!(fold(story, newcomer, &Record::Join(join)), void(why));
    why
}

#[test]
fn genesis_makes_its_author_the_owner_of_the_first_epoch() {
    let story = Story::begun_by(&ana());
    let roster = story.roster();
    assert_eq!(roster.user(&ana().user()).unwrap().role, Role::Owner);
    assert!(roster.is_active(&ana().id()));
    assert_eq!(roster.epochs().len(), 1);
    assert_eq!(roster.epoch(), Some(EpochId::begun_by(story.entries[0].id())));
    assert!(!roster.is_rekey_due());
    assert_eq!(roster.recipients(), [ana().hpke].into());
}

#[test]
fn a_second_genesis_is_void() {
    let story = Story::begun_by(&ana());
    assert_eq!(fold(&story, &ana(), &ana().genesis("workspace")), void(Void::Genesis));
}

#[test]
fn a_genesis_for_another_device_is_void() {
    let story = Story::empty(&ana());
    assert_eq!(fold(&story, &ben(), &ana().genesis("workspace")), void(Void::Genesis));
}

#[test]
fn a_genesis_whose_hash_is_not_the_workspace_is_void_for_those_who_have_no_log_yet() {
    let story = Story::empty(&ana());
    assert_eq!(fold(&story, &ana(), &ana().genesis("another workspace")), void(Void::Genesis));
    assert_eq!(fold(&story, &ana(), &ana().genesis("workspace")), APPLIED);
}

#[test]
fn records_of_another_workspace_are_passed_over() {
    let story = Story::begun_by(&ana());
    let mut header = story.draft(&ana(), EntryType::Roster);
    header.workspace = WorkspaceId::from_bytes(seed("elsewhere"));
    let secret = Secret::new("t");
    let entry = ana().sign(header, &Record::Invite(secret.ticket()).to_body());
    let mut roster = story.roster().clone();
    assert_eq!(roster.apply_entry(at(2), &entry), None);
}

#[test]
fn an_invite_lets_a_member_in_as_a_user_of_their_own() {
    let story = ana_and_ben();
    let roster = story.roster();
    assert_eq!(roster.user(&ben().user()).unwrap().role, Role::Member);
    assert_eq!(roster.device(&ben().id()).unwrap().user, ben().user());
    assert!(roster.is_active(&ben().id()));
    assert_eq!(roster.recipients(), [ana().hpke, ben().hpke].into());
}

#[test]
fn a_link_lets_another_device_of_the_same_user_in() {
    let mut story = ana_and_ben();
    let phone = Author::new("ben's phone");
    story.linked(&ben(), &phone, false);
    assert_eq!(story.roster().device(&phone.id()).unwrap().user, ben().user());
    assert_eq!(story.roster().users().count(), 2);
}

#[test]
fn only_the_owner_invites() {
    let story = ana_and_ben();
    let invite = Record::Invite(Secret::new("t").ticket());
    assert_eq!(fold(&story, &ben(), &invite), void(Void::NotOwner));
    assert_eq!(fold(&story, &ana(), &invite), APPLIED);
}

#[test]
fn strangers_change_nothing() {
    let story = ana_and_ben();
    let stranger = Author::new("stranger");
    let ticket = Secret::new("t").ticket();
    for record in [
        Record::Invite(ticket.clone()),
        Record::Link(ticket.clone()),
        Record::CloseInvite(ticket.key),
        Record::CloseLink(ticket.key),
        story.removal_of(&ana(), &ben(), vec![]),
        story.expulsion_of(&ana(), ben().user(), vec![]),
        Record::Leave { whole_user: true, cut: vec![] },
        story.due_rekey("e"),
        story.complaint(),
        Record::HandOver { user: ben().user() },
        Record::TakeOver,
        Record::Allow { user: ben().user() },
        lost(&[], &[EntryId::from_bytes(seed("what never comes"))]),
        Record::Move(move_to(0, "elsewhere")),
        Record::Unknown(99),
    ] {
        assert_eq!(fold(&story, &stranger, &record), void(Void::AuthorNotActive), "{record:?}");
    }
}

#[test]
fn a_ticket_builds_on_the_head_in_force() {
    let mut story = ana_and_ben();
    let before = story.roster().hash();
    story.invited(&ana(), &Author::new("carl"));
    let ticket = Secret::new("t").ticket();
    for record in [Record::Invite(ticket.clone()), Record::Link(ticket)] {
        let mut late = story.clone();
        assert_eq!(late.late_record(&ana(), before, &record), void(Void::NotOnHead));
        assert_eq!(fold(&story, &ana(), &record), APPLIED);
    }
}

#[test]
fn a_ticket_key_is_used_once() {
    let mut story = ana_and_ben();
    let secret = Secret::new("t");
    assert_eq!(story.record(&ana(), &Record::Invite(secret.ticket())), APPLIED);
    let again = Ticket { hpke: Secret::new("u").hpke, ..secret.ticket() };
    assert_eq!(fold(&story, &ana(), &Record::Invite(again.clone())), void(Void::KeyReused));
    assert_eq!(fold(&story, &ben(), &Record::Link(again)), void(Void::KeyReused));
    let same_hpke = Ticket { key: Secret::new("u").id(), ..secret.ticket() };
    assert_eq!(fold(&story, &ana(), &Record::Invite(same_hpke)), void(Void::KeyReused));
}

#[test]
fn an_invite_is_closed_by_the_owner_alone() {
    let mut story = ana_and_ben();
    let secret = Secret::new("t");
    story.record(&ana(), &Record::Invite(secret.ticket()));
    let close = Record::CloseInvite(secret.id());
    assert_eq!(fold(&story, &ben(), &close), void(Void::NotOwner));
    assert_eq!(fold(&story, &ana(), &Record::CloseLink(secret.id())), void(Void::NoTicket));
    assert_eq!(story.record(&ana(), &close), APPLIED);
    assert_eq!(story.roster().ticket(&secret.id()).unwrap().stage, TicketStage::Closed);
    assert_eq!(fold(&story, &ana(), &close), void(Void::TicketNotOpen));
}

#[test]
fn a_link_is_closed_by_any_device_of_its_own_user_and_no_other() {
    let mut story = ana_and_ben();
    let phone = Author::new("ben's phone");
    story.linked(&ben(), &phone, false);
    let secret = Secret::new("t");
    story.record(&ben(), &Record::Link(secret.ticket()));
    assert_eq!(story.roster().ticket(&secret.id()).unwrap().admits.kind, TicketKind::Link(ben().user()));
    let close = Record::CloseLink(secret.id());
    assert_eq!(fold(&story, &ana(), &close), void(Void::NoTicket));
    assert_eq!(fold(&story, &ana(), &Record::CloseInvite(secret.id())), void(Void::NoTicket));
    assert_eq!(fold(&story, &phone, &close), APPLIED);
}

#[test]
fn closing_is_not_bound_to_the_head() {
    let mut story = ana_and_ben();
    let secret = Secret::new("t");
    story.record(&ana(), &Record::Invite(secret.ticket()));
    let before = story.roster().hash();
    story.invited(&ana(), &Author::new("carl"));
    assert_eq!(story.late_record(&ana(), before, &Record::CloseInvite(secret.id())), APPLIED);
}

#[test]
fn a_ticket_nobody_made_cannot_be_closed_or_joined_by() {
    let story = ana_and_ben();
    let secret = Secret::new("never made");
    assert_eq!(fold(&story, &ana(), &Record::CloseInvite(secret.id())), void(Void::NoTicket));
    assert_eq!(fold(&story, &ana(), &Record::CloseLink(secret.id())), void(Void::NoTicket));
    assert_eq!(join_void(&story, &Author::new("carl"), &secret, false), Void::NoTicket);
}

#[test]
fn a_ticket_lets_one_device_in() {
    let mut story = ana_and_ben();
    let secret = Secret::new("t");
    let carl = Author::new("carl");
    story.record(&ana(), &Record::Invite(secret.ticket()));
    story.joined(&carl, &secret, false);
    assert_eq!(story.roster().ticket(&secret.id()).unwrap().stage, TicketStage::Used(carl.id()));
    assert_eq!(join_void(&story, &Author::new("dora"), &secret, false), Void::TicketNotOpen);
    assert_eq!(fold(&story, &ana(), &Record::CloseInvite(secret.id())), void(Void::TicketNotOpen));
}

#[test]
fn a_join_after_the_close_is_void() {
    let mut story = ana_and_ben();
    let secret = Secret::new("t");
    story.record(&ana(), &Record::Invite(secret.ticket()));
    story.record(&ana(), &Record::CloseInvite(secret.id()));
    assert_eq!(join_void(&story, &Author::new("carl"), &secret, false), Void::TicketNotOpen);
}

#[test]
fn a_join_may_build_on_any_applied_roster() {
    let mut story = ana_and_ben();
    let secret = Secret::new("t");
    story.record(&ana(), &Record::Invite(secret.ticket()));
    let (carl, genesis) = (Author::new("carl"), story.roster().points()[0].hash);
    let join = Record::Join(story.entrance(&secret, &carl, false));
    let mut header = story.join_by(&carl, &story.entrance(&secret, &carl, false)).header().clone();
    header.roster = genesis;
    assert_eq!(story.put(&carl.sign(header, &join.to_body())).roster, Some(APPLIED));
}

#[test]
fn a_join_is_proven_by_the_secret_over_everything_it_says() {
    let mut story = ana_and_ben();
    let (secret, other) = (Secret::new("t"), Secret::new("u"));
    story.record(&ana(), &Record::Link(secret.ticket()));
    let (carl, dora) = (Author::new("carl"), Author::new("dora"));
    let here = story.workspace();
    let good = story.entrance(&secret, &carl, false);
    let mut by_another = good.clone();
    by_another.proof = story.entrance(&other, &carl, false).proof;
    let mut for_another_device = good.clone();
    for_another_device.proof = story.entrance(&secret, &dora, false).proof;
    let mut for_another_key = good.clone();
    for_another_key.hpke = dora.hpke.clone();
    let link = Admits { kind: TicketKind::Link(ana().user()), recovery: false };
    let signed_for =
        |workspace, admits| Join { proof: secret.join(workspace, &carl, admits).proof, ..good.clone() };
    let for_another_workspace = signed_for(WorkspaceId::ZERO, link);
    let for_a_phrase = signed_for(here, Admits { recovery: true, ..link });
    let for_an_invite = signed_for(here, Admits { kind: TicketKind::Invite, ..link });
    let for_another_user = signed_for(here, Admits { kind: TicketKind::Link(ben().user()), ..link });
    for join in [
        by_another,
        for_another_device,
        for_another_key,
        for_another_workspace,
        for_a_phrase,
        for_an_invite,
        for_another_user,
    ] {
        assert_eq!(fold(&story, &carl, &Record::Join(join.clone())), void(Void::BadProof));
        assert_eq!(story.refusal(&story.join_by(&carl, &join)), Refusal::JoinVoid(Void::BadProof));
    }
    assert_eq!(fold(&story, &carl, &Record::Join(good)), APPLIED);
}

#[test]
fn a_join_brings_keys_that_were_never_used_here() {
    let mut story = ana_and_ben();
    let secret = Secret::new("t");
    story.record(&ana(), &Record::Invite(secret.ticket()));
    let fresh_hpke = Author::new("x").hpke;
    let ben_again = Author { hpke: fresh_hpke, ..ben().reborn("second life") };
    assert_eq!(join_void(&story, &ben_again, &secret, false), Void::KeyReused);
    let with_bens_hpke = Author { hpke: ben().hpke, ..Author::new("carl") };
    assert_eq!(join_void(&story, &with_bens_hpke, &secret, false), Void::KeyReused);
    let with_the_tickets_hpke = Author { hpke: secret.hpke.clone(), ..Author::new("carl") };
    assert_eq!(join_void(&story, &with_the_tickets_hpke, &secret, false), Void::KeyReused);
}

#[test]
fn a_removed_device_never_comes_back_under_its_key() {
    let mut story = ana_and_ben();
    let removal = story.expulsion_of(&ana(), ben().user(), vec![]);
    assert_eq!(story.record(&ana(), &removal), APPLIED);
    let (invite, link) = (Secret::new("t"), Secret::new("u"));
    story.record(&ana(), &Record::Invite(invite.ticket()));
    story.record(&ana(), &Record::Link(link.ticket()));
    let ben_again = Author { hpke: Author::new("x").hpke, ..ben().reborn("second life") };
    assert_eq!(join_void(&story, &ben_again, &invite, false), Void::KeyReused);
    assert_eq!(join_void(&story, &ben_again, &link, false), Void::KeyReused);
}

#[test]
fn a_recovery_phrase_comes_by_link_only() {
    let mut story = ana_and_ben();
    let (invite, phrase) = (Secret::new("t"), Author::new("phrase"));
    story.record(&ana(), &Record::Invite(invite.ticket()));
    assert_eq!(join_void(&story, &phrase, &invite, true), Void::Recovery);
    let flagged = Record::Invite(Secret::new("u").for_phrase());
    assert_eq!(fold(&story, &ana(), &flagged), void(Void::Recovery));
    story.linked(&ben(), &phrase, true);
    assert!(story.roster().device(&phrase.id()).unwrap().recovery);
    assert!(story.roster().recipients().contains(&phrase.hpke));
}

#[test]
fn a_workspace_takes_as_many_tickets_as_a_rekey_can_reach() {
    let story = Story::begun_by(&ana());
    let mut roster = story.roster().clone();
    let mut header = story.draft(&ana(), EntryType::Roster);
    let mut open = |n: usize| {
        header.roster = roster.hash();
        let ticket = Secret::new(&n.to_string()).ticket();
        let id = EntryId::from_bytes(seed(&n.to_string()));
        roster.apply(at(n as u64 + 2), id, &header, &Record::Link(ticket))
    };
    for n in 1..MAX_RECIPIENTS {
        assert_eq!(open(n), APPLIED, "{n}");
    }
    assert_eq!(open(MAX_RECIPIENTS), void(Void::Full));
    assert_eq!(roster.recipients().len(), MAX_RECIPIENTS);
}

#[test]
fn after_a_record_of_an_unknown_type_nothing_is_judged() {
    let mut story = ana_and_ben();
    let secret = Secret::new("t");
    story.record(&ana(), &Record::Invite(secret.ticket()));
    let (hash, removal) = (story.roster().hash(), story.expulsion_of(&ana(), ben().user(), vec![]));
    assert_eq!(story.record(&ana(), &Record::Unknown(99)), Outcome::Unknown(99));
    assert_eq!(story.roster().unknown_record(), Some(99));
    assert_eq!(story.roster().hash(), hash);
    assert_eq!(fold(&story, &ana(), &removal), void(Void::AfterUnknown));
    assert_eq!(fold(&story, &ana(), &Record::Unknown(100)), void(Void::AfterUnknown));
    assert_eq!(join_void(&story, &Author::new("carl"), &secret, false), Void::AfterUnknown);
}

#[test]
fn a_member_cannot_stop_everyone_with_a_record_of_an_unknown_type() {
    let mut story = ana_and_ben();
    assert_eq!(story.record(&ben(), &Record::Unknown(99)), void(Void::NotOwner));
    assert_eq!(story.roster().unknown_record(), None);
    let removal = story.expulsion_of(&ana(), ben().user(), vec![]);
    assert!(matches!(story.record(&ana(), &removal), Outcome::Applied { .. }));
}

#[test]
fn reserved_records_are_unknown_records() {
    for number in [13, 14] {
        let body = Record::Unknown(number).to_body();
        assert_eq!(Record::parse(&body), Ok(Record::Unknown(number)));
    }
}

#[test]
fn a_key_of_a_weaker_suite_than_the_workspace_takes_does_not_come_in() {
    let owner = Author::xwing("ana's laptop");
    let mut story = Story::begun_by(&owner);
    assert_eq!(story.roster().suite(), Suite::XWing);
    let weak = Secret::new("t").ticket();
    assert_eq!(fold(&story, &owner, &Record::Invite(weak.clone())), void(Void::WeakSuite));
    assert_eq!(fold(&story, &owner, &Record::Link(weak)), void(Void::WeakSuite));
    let secret = Secret::xwing("t");
    assert_eq!(story.record(&owner, &Record::Invite(secret.ticket())), APPLIED);
    assert_eq!(join_void(&story, &Author::new("carl"), &secret, false), Void::WeakSuite);
    let join = story.entrance(&secret, &Author::xwing("carl"), false);
    assert_eq!(fold(&story, &Author::xwing("carl"), &Record::Join(join)), APPLIED);
}

#[test]
fn a_workspace_of_the_weaker_suite_takes_keys_of_the_stronger_one() {
    let mut story = ana_and_ben();
    let secret = Secret::xwing("t");
    assert_eq!(story.record(&ana(), &Record::Invite(secret.ticket())), APPLIED);
    let carl = Author::xwing("carl");
    let join = story.entrance(&secret, &carl, false);
    let join = story.join_by(&carl, &join);
    story.put(&join);
    let right: Vec<_> = story.roster().recipients().into_iter().collect();
    let mut expected = [ana().hpke, ben().hpke];
    expected.sort();
    assert_eq!(right, [&expected[..], &[carl.hpke]].concat(), "by suite, and then by bytes");
}

#[test]
fn nobody_begins_a_workspace_with_a_weaker_key_than_it_takes() {
    let story = Story::empty(&ana());
    let Record::Genesis { nonce, device, hpke, commitment, .. } = ana().genesis("workspace") else {
        unreachable!()
    };
    let genesis = Record::Genesis { nonce, device, suite: Suite::XWing, hpke, commitment };
    let mut roster = Roster::new(story.workspace());
    let header = story.genesis_by(&ana()).header().clone();
    assert_eq!(roster.apply(at(1), EntryId::ZERO, &header, &genesis), void(Void::WeakSuite));
    assert!(roster.points().is_empty() && roster.suite() == Suite::X25519, "nothing has changed");
}
