//! Roster records that are void, each for one reason, and those beside them that are applied.

use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::limits::RECOVERY_SETTLES;
use bowline_wire::roster::record::{Cut, Join, Record, Rekey, Ticket};
use bowline_wire::roster::{Admits, TicketKind};
use serde_json::Value;

use super::tale::Tale;
use super::{giving_up, keys, ownership, phrases, races};
use crate::support::*;

pub(super) fn vectors() -> Value {
    let mut tales = vec![
        tickets(),
        joins(),
        suites(),
        removals(),
        phrases::tale(),
        races::races(),
        races::held_back(),
        leaving(),
        gone(),
        rekeys(),
    ];
    tales.extend([complaints(), complained(), closed(), unknown(), in_a_run()]);
    tales.extend(keys::tales());
    tales.extend(outrun());
    tales.extend(ownership::tales());
    tales.extend(giving_up::tales());
    tales.into_iter().map(Tale::told).collect()
}

pub(super) struct Cast {
    pub(super) story: Story,
    pub(super) laptop: Author,
    pub(super) phone: Author,
    pub(super) ben: Author,
    pub(super) tablet: Author,
}

/// Ana has a laptop and a phone and owns the workspace, Ben has a laptop and a tablet.
pub(super) fn cast() -> Cast {
    let [laptop, phone, ben, tablet] =
        ["ana's laptop", "ana's phone", "ben's laptop", "ben's tablet"].map(Author::new);
    let mut story = Story::begun_by(&laptop);
    story.linked(&laptop, &phone, false);
    story.invited(&laptop, &ben);
    story.linked(&ben, &tablet, false);
    Cast { story, laptop, phone, ben, tablet }
}

pub(super) fn leave(whole_user: bool) -> Record {
    Record::Leave { whole_user, cut: vec![] }
}

/// A workspace that takes keys of X-Wing alone, with an open invite and a link.
fn suites() -> Tale {
    let laptop = Author::xwing("ana's laptop");
    let mut story = Story::begun_by(&laptop);
    let [invite, link, for_phrase] = ["an invite", "a link", "a phrase's link"].map(Secret::xwing);
    story.record(&laptop, &Record::Invite(invite.ticket()));
    story.record(&laptop, &Record::Link(link.ticket()));
    story.record(&laptop, &Record::Link(for_phrase.for_phrase()));
    let mut tale = Tale::new("suites", story.clone());
    tale.void("an invite of suite 1", "WeakSuite", &laptop, &Record::Invite(Secret::new("weak").ticket()));
    tale.void("a link of suite 1", "WeakSuite", &laptop, &Record::Link(Secret::new("weak").ticket()));
    tale.applied("a link of suite 2", &laptop, &Record::Link(Secret::xwing("strong").ticket()));
    for (name, secret, recovery) in [
        ("by an invite", &invite, false),
        ("by a link", &link, false),
        ("a phrase by a link", &for_phrase, true),
    ] {
        let by = |author: &Author| story.join_by(author, &story.entrance(secret, author, recovery));
        tale.join_void(&format!("{name}, with a key of suite 1"), "WeakSuite", &by(&Author::new("carl")));
        tale.entry(&format!("{name}, of suite 2"), "applied", None, &by(&Author::xwing("carl")));
    }
    tale
}

fn tickets() -> Tale {
    let Cast { mut story, laptop, phone, ben, tablet } = cast();
    let old = story.roster().hash();
    let [invite, link, closed, fresh] =
        ["an invite", "a link", "a closed one", "a fresh one"].map(Secret::new);
    story.record(&laptop, &Record::Invite(invite.ticket()));
    story.record(&ben, &Record::Link(link.ticket()));
    story.record(&laptop, &Record::Invite(closed.ticket()));
    story.record(&laptop, &Record::CloseInvite(closed.id()));
    let mut tale = Tale::new("invites and links", story.clone());
    tale.applied("an invite by the Owner's other device", &phone, &Record::Invite(fresh.ticket()));
    tale.void("an invite by a Member", "NotOwner", &ben, &Record::Invite(fresh.ticket()));
    for (name, record) in
        [("an invite", Record::Invite(fresh.ticket())), ("a link", Record::Link(fresh.ticket()))]
    {
        let late = story.record_on(&phone, old, &record);
        tale.entry(&format!("{name} on an old roster"), "void", Some("NotOnHead"), &late);
    }
    let other_hpke = Ticket { hpke: fresh.hpke.clone(), ..invite.ticket() };
    tale.void("a ticket key again, with another HPKE key", "KeyReused", &laptop, &Record::Invite(other_hpke));
    let same_hpke = |hpke: HpkePublicKey| Record::Link(Ticket { hpke, ..fresh.ticket() });
    tale.void("a ticket's HPKE key again", "KeyReused", &ben, &same_hpke(invite.hpke.clone()));
    tale.void("a closed ticket's HPKE key again", "KeyReused", &ben, &same_hpke(closed.hpke.clone()));
    tale.void("a device's HPKE key for a ticket", "KeyReused", &ben, &same_hpke(phone.hpke.clone()));
    let as_device = Ticket { key: TicketKey::from_bytes(*phone.id().as_bytes()), ..fresh.ticket() };
    tale.applied("a ticket under the key of a device", &laptop, &Record::Invite(as_device));
    let as_hpke = Ticket { key: TicketKey::from_slice(phone.hpke.as_bytes()).unwrap(), ..fresh.ticket() };
    tale.applied("a ticket under the HPKE key of a device", &laptop, &Record::Invite(as_hpke));
    tale.void("a close of an invite by a Member", "NotOwner", &ben, &Record::CloseInvite(invite.id()));
    tale.void("a close of a link as an invite", "NoTicket", &laptop, &Record::CloseInvite(link.id()));
    tale.void("a close of an invite as a link", "NoTicket", &laptop, &Record::CloseLink(invite.id()));
    tale.void("a close of somebody else's link", "NoTicket", &laptop, &Record::CloseLink(link.id()));
    tale.void("a close of what nobody made", "NoTicket", &laptop, &Record::CloseInvite(fresh.id()));
    tale.void("a second close", "TicketNotOpen", &laptop, &Record::CloseInvite(closed.id()));
    tale.applied("a close by another device of the link's user", &tablet, &Record::CloseLink(link.id()));
    let late = story.record_on(&phone, old, &Record::CloseInvite(invite.id()));
    tale.entry("a close on an old roster", "applied", None, &late);
    tale
}

fn joins() -> Tale {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let [invite, link, used, closed, for_phrase] =
        ["an invite", "a link", "a used one", "a closed one", "a phrase's link"].map(Secret::new);
    story.record(&laptop, &Record::Invite(used.ticket()));
    story.joined(&Author::new("dora"), &used, false);
    story.record(&laptop, &Record::Invite(closed.ticket()));
    story.record(&laptop, &Record::CloseInvite(closed.id()));
    story.record(&laptop, &Record::Invite(invite.ticket()));
    story.record(&ben, &Record::Link(link.ticket()));
    story.record(&ben, &Record::Link(for_phrase.for_phrase()));
    let removal = story.removal_of(&laptop, &tablet, vec![]);
    story.record(&laptop, &removal);
    let (here, carl, eve) = (story.workspace(), Author::new("carl"), Author::new("eve"));
    let mut tale = Tale::new("joins", story.clone());
    let by = |secret: &Secret, author: &Author, recovery| {
        story.join_by(author, &story.entrance(secret, author, recovery))
    };
    tale.entry("by an invite", "applied", None, &by(&invite, &carl, false));
    tale.entry("by a link", "applied", None, &by(&link, &carl, false));
    tale.entry("a phrase by a link for one", "applied", None, &by(&for_phrase, &carl, true));
    let on_genesis =
        Header { roster: story.roster().points()[0].hash, ..by(&invite, &carl, false).header().clone() };
    let record = Record::Join(story.entrance(&invite, &carl, false));
    tale.entry("on any applied roster", "applied", None, &carl.sign(on_genesis, &record.to_body()));
    let low = Author { hpke: HpkePublicKey::x25519([0; 32]), ..carl.clone() };
    tale.entry("with an HPKE key of low order", "applied", None, &by(&invite, &low, false));
    tale.join_void("by what nobody made", "NoTicket", &by(&Secret::new("never made"), &carl, false));
    tale.join_void("by a used invite", "TicketNotOpen", &by(&used, &carl, false));
    tale.join_void("by a closed invite", "TicketNotOpen", &by(&closed, &carl, false));
    tale.join_void("a phrase by an invite", "Recovery", &by(&invite, &carl, true));
    tale.join_void("a phrase by a link for a device", "Recovery", &by(&link, &carl, true));
    tale.join_void("a device by a link for a phrase", "Recovery", &by(&for_phrase, &carl, false));
    let fresh = |author: &Author| Author { hpke: Author::new("fresh").hpke, ..author.reborn("new life") };
    tale.join_void("a device that is in", "KeyReused", &by(&invite, &fresh(&ben), false));
    tale.join_void("a device that was removed", "KeyReused", &by(&link, &fresh(&tablet), false));
    for (whose, hpke) in [
        ("a device's", ben.hpke.clone()),
        ("a removed device's", tablet.hpke.clone()),
        ("the ticket's", invite.hpke.clone()),
    ] {
        let author = Author { hpke, ..carl.clone() };
        tale.join_void(&format!("with {whose} HPKE key"), "KeyReused", &by(&invite, &author, false));
    }
    let good = story.entrance(&invite, &carl, false);
    let elsewhere = WorkspaceId::from_bytes(seed("elsewhere"));
    let as_made = Admits { kind: TicketKind::Invite, recovery: false };
    let signed_for =
        |workspace, admits| Join { proof: invite.join(workspace, &carl, admits).proof, ..good.clone() };
    let proofs = [
        ("by another secret", Join { proof: story.entrance(&link, &carl, false).proof, ..good.clone() }),
        ("of another device", Join { proof: story.entrance(&invite, &eve, false).proof, ..good.clone() }),
        ("of another HPKE key", Join { hpke: eve.hpke.clone(), ..good.clone() }),
        ("of another workspace", signed_for(elsewhere, as_made)),
        ("of a phrase", signed_for(here, Admits { recovery: true, ..as_made })),
        ("of another kind", signed_for(here, Admits { kind: TicketKind::Link(ben.user()), ..as_made })),
    ];
    for (name, join) in proofs {
        tale.join_void(&format!("with a proof {name}"), "BadProof", &story.join_by(&carl, &join));
    }
    tale
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

fn removals() -> Tale {
    let Cast { mut story, laptop, phone, ben, tablet } = cast();
    let (phrase, stranger) = (Author::new("ben's phrase"), Author::new("stranger"));
    story.linked(&ben, &phrase, true);
    story.clock = story.clock.plus(RECOVERY_SETTLES);
    let mut tale = Tale::new("removals", story.clone());
    let remove = |by: &Author, whom: &Author, cut| story.removal_of(by, whom, cut);
    tale.applied("a Member's own device", &ben, &remove(&ben, &tablet, vec![cut_of(&tablet)]));
    tale.applied("a Member's device by the Owner", &phone, &remove(&phone, &tablet, vec![]));
    tale.applied("a Member by the Owner", &laptop, &story.expulsion_of(&laptop, ben.user(), vec![]));
    tale.void("a device of the Owner by a Member", "NotOwnUser", &ben, &remove(&ben, &phone, vec![]));
    tale.void("a Member by a Member", "NotOwner", &ben, &story.expulsion_of(&ben, ben.user(), vec![]));
    tale.void(
        "the Owner by name",
        "LastOwnerDevice",
        &phone,
        &story.expulsion_of(&phone, laptop.user(), vec![]),
    );
    tale.void("itself", "SelfRemoval", &ben, &remove(&ben, &ben, vec![]));
    tale.void(
        "a device that was never there",
        "TargetNotActive",
        &laptop,
        &remove(&laptop, &stranger, vec![]),
    );
    tale.void("a user who was never there", "TargetNotActive", &laptop, &{
        story.expulsion_of(&laptop, stranger.user(), vec![])
    });
    tale.void("a phrase by its own user", "Recovery", &ben, &remove(&ben, &phrase, vec![]));
    tale.void("a phrase by the Owner", "Recovery", &laptop, &remove(&laptop, &phrase, vec![]));
    tale.void("with a cut of the user's other device", "ForeignCut", &laptop, &{
        remove(&laptop, &tablet, vec![cut_of(&ben)])
    });
    tale.void("a Member with a cut of the Owner's device", "ForeignCut", &laptop, &{
        story.expulsion_of(&laptop, ben.user(), vec![cut_of(&phone)])
    });
    let with = |rekey| Record::RemoveDevice { device: tablet.id(), cut: vec![], rekey };
    let everyone = story.roster().recipients();
    tale.without_rekey("with a rekey to everybody", "WrongRecipients", &laptop, &with(rekey("e", everyone)));
    tale.without_rekey("with a rekey to nobody", "WrongRecipients", &laptop, &with(rekey("e", [])));
    tale.applied("with a rekey whose commitment was copied", &laptop, &{
        let Record::RemoveDevice { rekey, .. } = remove(&laptop, &tablet, vec![]) else { unreachable!() };
        with(Rekey { commitment: story.roster().epochs()[0].commitment, ..rekey })
    });
    tale.without_rekey("by a phrase", "Recovery", &phrase, &remove(&phrase, &tablet, vec![]));
    tale
}

fn leaving() -> Tale {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    story.linked(&laptop, &Author::new("ana's phrase"), true);
    let mut tale = Tale::new("leaving", story.clone());
    tale.applied("one of two devices", &tablet, &leave(false));
    tale.applied("a Member with all devices", &ben, &leave(true));
    tale.applied("one of the Owner's devices", &laptop, &leave(false));
    tale.void("the Owner with all devices", "LastOwnerDevice", &laptop, &leave(true));
    let cut = |whole_user, author: &Author| Record::Leave { whole_user, cut: vec![cut_of(author)] };
    tale.void("with a cut of the user's other device", "ForeignCut", &tablet, &cut(false, &ben));
    tale.applied("with all devices and a cut of another", &tablet, &cut(true, &ben));
    tale.void("with a cut of somebody else's device", "ForeignCut", &tablet, &cut(true, &laptop));
    tale
}

/// A user goes with the last live device, by whatever they leave; not by what removes it.
fn gone() -> Tale {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let [carl, dora] = ["carl", "dora"].map(Author::new);
    let phrase = Author::new("carl's phrase");
    story.invited(&laptop, &carl);
    story.invited(&laptop, &dora);
    story.linked(&carl, &phrase, true);
    for author in [&ben, &tablet] {
        story.record(author, &leave(false));
    }
    story.record(&carl, &leave(true));
    story.record(&laptop, &story.removal_of(&laptop, &dora, vec![]));
    let mut tale = Tale::new("users without devices", story.clone());
    tale.void("a removal of one whose devices left one by one", "TargetNotActive", &laptop, &{
        story.expulsion_of(&laptop, ben.user(), vec![])
    });
    tale.void("a removal of one who left with all devices", "TargetNotActive", &laptop, &{
        story.expulsion_of(&laptop, carl.user(), vec![])
    });
    tale.applied("a removal of one whose device was removed", &laptop, &{
        story.expulsion_of(&laptop, dora.user(), vec![])
    });
    tale.void("a removal of a device that left", "TargetNotActive", &laptop, &{
        story.removal_of(&laptop, &tablet, vec![])
    });
    tale.applied("a rekey to everybody but the phrase of one who left", &laptop, &story.due_rekey("e"));
    let link = story.record_by(&phrase, &Record::Link(Secret::new("t").ticket()));
    tale.refused("a link by the phrase of one who left", "NotActive", &link);
    tale
}

fn rekeys() -> Tale {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let phrase = Author::new("ana's phrase");
    story.linked(&laptop, &phrase, true);
    story.record(&tablet, &leave(false));
    let old = story.roster().hash();
    let on_old = rekey("e", story.roster().recipients());
    let open = Secret::new("an open one");
    story.record(&laptop, &Record::Invite(open.ticket()));
    let mut tale = Tale::new("a rekey that is due", story.clone());
    let right = story.roster().recipients();
    tale.applied("to all active devices and open tickets", &ben, &story.due_rekey("e"));
    let without = right.iter().filter(|key| **key != open.hpke).cloned();
    tale.void("without an open ticket", "WrongRecipients", &ben, &Record::Rekey(rekey("e", without)));
    let more = right.iter().cloned().chain([tablet.hpke.clone()]);
    tale.void("with one who has left", "WrongRecipients", &ben, &Record::Rekey(rekey("e", more)));
    let late = story.record_on(&laptop, old, &Record::Rekey(on_old.clone()));
    tale.entry("on an old roster, which closes what was opened since", "applied", None, &late);
    let late = story.record_on(&laptop, old, &story.due_rekey("e"));
    tale.entry("on an old roster, to whoever is in now", "void", Some("WrongRecipients"), &late);
    tale.void("by a phrase", "Recovery", &phrase, &story.due_rekey("e"));
    let commitment = story.roster().epochs()[0].commitment;
    let copied = Record::Rekey(Rekey { commitment, ..rekey("e", right) });
    tale.applied("with a commitment that was copied", &ben, &copied);
    tale
}

/// Ben has begun the epoch in force, and everybody may complain of it.
/// What happens to the cast, an open invite and a link between a rekey's roster and its place.
type Since<'a> = &'a dyn Fn(&mut Story, &[Author; 4], &Secret, &Secret);

/// What may happen between a rekey's roster and its place.
fn outrun() -> Vec<Tale> {
    let begin = || {
        let Cast { mut story, laptop, phone, ben, tablet } = cast();
        let carl = Author::new("carl");
        story.invited(&laptop, &carl);
        story.record(&carl, &leave(true));
        let (open, link) = (Secret::new("an open one"), Secret::new("a link"));
        story.record(&laptop, &Record::Invite(open.ticket()));
        story.record(&tablet, &Record::Link(link.ticket()));
        (story.roster().hash(), story, [laptop, phone, ben, tablet], open, link)
    };
    let tell = |name: &'static str, [by_owner, by_member]: [(&str, Option<&str>); 2], since: Since<'_>| {
        let (old, mut story, cast, open, link) = begin();
        let rekey = story.due_rekey("late");
        since(&mut story, &cast, &open, &link);
        let mut tale = Tale::new(name, story.clone());
        let [_, phone, ben, _] = &cast;
        for (who, by, (word, rule)) in [("by the Owner", phone, by_owner), ("by a Member", ben, by_member)] {
            tale.entry(who, word, rule, &story.record_on(by, old, &rekey));
        }
        tale
    };
    let (applied, outrun) = (("applied", None), ("void", Some("Outrun")));
    vec![
        tell(
            "a rekey that was written before somebody let a code be made",
            [applied, applied],
            &|story, [_, _, _, tablet], _, _| {
                story.record(tablet, &Record::Link(Secret::new("another link").ticket()));
            },
        ),
        tell(
            "a rekey that was written before a device came in by a later code",
            [applied, outrun],
            &|story, [_, _, _, tablet], _, _| {
                story.linked(tablet, &Author::new("ben's new one"), false);
            },
        ),
        tell(
            "a rekey that was written before a device came in by a code that was open",
            [outrun, outrun],
            &|story, _, _, link| {
                story.joined(&Author::new("ben's new one"), link, false);
            },
        ),
        tell(
            "a rekey that was written before a code was closed",
            [outrun, outrun],
            &|story, [laptop, ..], open, _| {
                story.record(laptop, &Record::CloseInvite(open.id()));
            },
        ),
        tell(
            "a rekey that was written before a device left",
            [outrun, outrun],
            &|story, [_, _, _, tablet], _, _| {
                story.record(tablet, &leave(false));
            },
        ),
        tell(
            "a rekey that was written before another one",
            [outrun, ("void", Some("NotDue"))],
            &|story, [laptop, ..], _, _| {
                story.record(laptop, &story.due_rekey("first"));
            },
        ),
    ]
}

fn complaints() -> Tale {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let (phrase, carl) = (Author::new("ben's phrase"), Author::new("carl"));
    story.linked(&ben, &phrase, true);
    story.invited(&laptop, &carl);
    let before = story.complaint();
    story.record(&tablet, &leave(false));
    story.record(&ben, &story.due_rekey("e"));
    let mut tale = Tale::new("complaints, and who may begin an epoch", story.clone());
    tale.applied("a rekey by the Owner, who needs no reason", &laptop, &story.due_rekey("f"));
    tale.void("a rekey by a Member", "NotDue", &carl, &story.due_rekey("f"));
    tale.void("a complaint of an epoch that is over", "NotNewest", &carl, &before);
    tale.void("a complaint by a phrase", "Recovery", &phrase, &story.complaint());
    tale.applied("a complaint", &carl, &story.complaint());
    tale.applied("a complaint by who began it", &ben, &story.complaint());
    tale
}

fn complained() -> Tale {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let carl = Author::new("carl");
    story.invited(&laptop, &carl);
    story.record(&tablet, &leave(false));
    story.record(&ben, &story.due_rekey("e"));
    story.record(&carl, &story.complaint());
    let mut tale = Tale::new("an epoch that was complained of", story.clone());
    tale.void("another complaint", "Complained", &laptop, &story.complaint());
    tale.applied("a rekey by another user", &carl, &story.due_rekey("f"));
    tale.void("a rekey by the user who began it", "NotDue", &ben, &story.due_rekey("f"));
    tale
}

fn closed() -> Tale {
    let Cast { mut story, laptop, ben, .. } = cast();
    let (link, carl) = (Secret::new("a link"), Author::new("carl"));
    story.invited(&laptop, &carl);
    story.record(&ben, &Record::Link(link.ticket()));
    story.record(&ben, &Record::CloseLink(link.id()));
    let mut tale = Tale::new("a link that was closed", story.clone());
    tale.applied("a rekey by who made it", &ben, &story.due_rekey("e"));
    tale.void("a rekey by another Member", "NotDue", &carl, &story.due_rekey("e"));
    tale
}

fn unknown() -> Tale {
    let Cast { mut story, laptop, ben, .. } = cast();
    let secret = Secret::new("an invite");
    story.record(&laptop, &Record::Invite(secret.ticket()));
    story.record(&ben, &Record::Unknown(99));
    for reserved in 13..=14 {
        story.record(&ben, &Record::Unknown(reserved));
    }
    story.record(&laptop, &Record::Unknown(14));
    let carl = Author::new("carl");
    let mut tale = Tale::new("records of unknown numbers, by a Member and by the Owner", story.clone());
    tale.void("a rekey", "AfterUnknown", &laptop, &story.due_rekey("e"));
    tale.void("another unknown record", "AfterUnknown", &laptop, &Record::Unknown(13));
    tale.join_void("a join", "AfterUnknown", &story.join_by(&carl, &story.entrance(&secret, &carl, false)));
    tale
}

fn in_a_run() -> Tale {
    let Cast { mut story, laptop, ben, .. } = cast();
    let (secret, reborn) = (Secret::new("an invite"), ben.reborn("new life"));
    story.record(&laptop, &Record::Invite(secret.ticket()));
    let link = story.record_by(&ben, &Record::Link(Secret::new("t").ticket()));
    let witness = reborn.sign(story.draft(&reborn, EntryType::Witness), b"");
    let join = story.join_by(&reborn, &story.entrance(&secret, &reborn, false));
    let behind = Header { seq: 2, prev: witness.id(), ..join.header().clone() };
    let join = reborn.sign(behind, join.body().unwrap());
    let mut cut = vec![cut_at(&link), cut_at(&join)];
    cut.sort();
    story.record(&laptop, &story.expulsion_of(&laptop, ben.user(), cut));
    let mut tale = Tale::new("records in runs", story.clone());
    tale.entry("a link", "void", Some("AuthorNotActive"), &link);
    tale.run("a join behind a witness", Some("NotActive"), &[witness, join]);
    tale
}
