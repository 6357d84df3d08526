//! Roles on a device: what its person's role does not permit is refused at once, without a line, and nothing is left of it.

use bowline_device::intent::Decision;
use bowline_device::{CodeKind, Error, Notice};
use bowline_wire::ids::{DeviceId, EntryId, LogId, RelayId, TicketKey, UserId};
use bowline_wire::roster::record::{Lost, Move, Record};
use bowline_wire::roster::{Deed, PERMITTED, Role, TicketKind, TicketStage, Void};

use crate::audit::audit;
use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, code};

/// A device whose line is down, with somebody else in the workspace, a second device of its own, and a code of each kind that is open.
struct Scene {
    rig: Rig,
    other: Author,
    second: DeviceId,
    invite: TicketKey,
    link: TicketKey,
}

fn open(relay: &FakeRelay, is_it: impl Fn(TicketKind) -> bool) -> TicketKey {
    let mut open = relay.log().roster().tickets().filter(|(_, ticket)| ticket.stage == TicketStage::Open);
    *open.find(|(_, ticket)| is_it(ticket.admits.kind)).unwrap().0
}

impl Scene {
    fn of(role: Role) -> Self {
        let (mut rig, mut other, mut relay) = match role {
            Role::Owner => {
                let (mut rig, mut relay) = Rig::creator(1);
                rig.sync(&mut relay);
                let code = rig.invited(&mut relay);
                let other = Author::join(7, &code.secret, &mut relay);
                rig.sync(&mut relay);
                rig.invited(&mut relay);
                (rig, other, relay)
            }
            Role::Member => {
                let (rig, mut owner, mut relay) = Rig::member();
                drop(owner.put_ticket(&mut relay, false));
                (rig, owner, relay)
            }
        };
        // A link of somebody else's is not theirs to close.
        drop(other.put_ticket(&mut relay, true));
        rig.sync(&mut relay);
        for _ in 0..2 {
            rig.device.link_device(rig.workspace(), rig.now).unwrap();
            rig.sync(&mut relay);
        }
        let own = rig.device.own_user(rig.workspace()).unwrap();
        let link = open(&relay, |kind| kind == TicketKind::Link(own));
        let code = rig.device.code(rig.workspace(), link).unwrap().unwrap();
        let second = Author::join(8, &code.secret, &mut relay).id();
        rig.sync(&mut relay);
        let (invite, link) = (
            open(&relay, |kind| kind == TicketKind::Invite),
            open(&relay, |kind| kind == TicketKind::Link(own)),
        );
        rig.disconnect();
        Self { rig, other, second, invite, link }
    }

    /// Has the device do it; `None` for what no decision is about.
    fn try_it(&mut self, deed: Deed) -> Option<Result<(), Error>> {
        let (workspace, now, other) = (self.rig.workspace(), self.rig.now, self.other.id());
        let device = &mut self.rig.device;
        Some(match deed {
            Deed::Write
            | Deed::Audit
            | Deed::Rekey
            | Deed::Complain
            | Deed::HandOn
            | Deed::CloseOver
            | Deed::WriteUnknown => return None,
            Deed::Invite => device.invite(workspace, now).map(drop),
            Deed::CloseInvite => device.close_code(workspace, CodeKind::Invite, self.invite, now),
            Deed::Link => device.link_device(workspace, now).map(drop),
            Deed::CloseLink => device.close_code(workspace, CodeKind::Link, self.link, now),
            Deed::RemoveOwnDevice => device.remove_device(workspace, self.second, now),
            Deed::RemoveOthersDevice => device.remove_device(workspace, other, now),
            Deed::RemoveMember => device.remove_member(workspace, UserId::of_first_device(other), now),
            Deed::Leave => device.leave(workspace, false, now),
            Deed::HandOver => {
                device.decide(workspace, Decision::HandOver(UserId::of_first_device(other)), now)
            }
            Deed::Move => {
                let to = Move {
                    generation: 0,
                    address: "wss://elsewhere.example".to_owned(),
                    relay: RelayId::from_bytes([8; 32]),
                    log: LogId::from_bytes([9; 32]),
                };
                device.decide(workspace, Decision::Move(to), now)
            }
            Deed::Allow => device.decide(workspace, Decision::Allow(UserId::of_first_device(other)), now),
            Deed::GiveUp => {
                let lost = Lost { epochs: vec![], entries: vec![EntryId::from_bytes([7; 32])] };
                device.decide(workspace, Decision::GiveUp(lost), now)
            }
            Deed::TakeOver => device.decide(workspace, Decision::TakeOver, now),
        })
    }
}

#[test]
fn a_decision_is_stored_if_the_table_permits_it_and_refused_at_once_without_a_line_if_not() {
    for role in [Role::Owner, Role::Member] {
        for (deed, name, ..) in PERMITTED {
            let mut scene = Scene::of(role);
            let Some(done) = scene.try_it(deed) else { continue };
            let stored = scene.rig.device.decisions(scene.rig.workspace()).unwrap().len();
            if role.may(deed) {
                assert!(done.is_ok(), "{name} by {role:?}: {done:?}");
                assert_eq!(stored, 1, "{name} by {role:?}");
            } else {
                assert!(matches!(done, Err(Error::NotPermitted(of)) if of == deed), "{name}: {done:?}");
                assert_eq!(stored, 0, "{name} by {role:?}");
            }
        }
    }
}

/// Seeds 25 and 29 of the World: a relay refused the record, the device wrote it again, and so for ever.
#[test]
fn what_was_decided_before_the_role_was_known_is_given_up_and_never_sent() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut rig = Rig::new(2);
    rig.join(&code(&relay, &secret));
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.invite(workspace, now).unwrap();
    rig.device.link_device(workspace, now).unwrap();
    for _ in 0..3 {
        rig.sync(&mut relay);
    }
    let given_up = |notice: &&Notice| matches!(notice, Notice::DecisionVoid { why: Void::NotOwner, .. });
    assert_eq!(rig.notices.iter().filter(given_up).count(), 1, "{:?}", rig.notices);
    assert!(rig.device.decisions(workspace).unwrap().is_empty());
    let appended = rig.appended();
    let sent: Vec<_> = appended.iter().filter_map(|entry| Record::parse(entry.body()?).ok()).collect();
    assert!(matches!(sent[..], [Record::Join(_), Record::Link(_)]), "what its role permits is carried out");
}

#[test]
fn documents_and_the_audit_are_everybodys() {
    for role in [Role::Owner, Role::Member] {
        assert!(role.may(Deed::Write) && role.may(Deed::Audit));
        let mut scene = Scene::of(role);
        let id = scene.rig.conversation("a document");
        scene.rig.say(id, "written");
        assert_eq!(scene.rig.texts(id), ["written"]);
        assert!(audit(&scene.rig).iter().any(|row| row.device == scene.other.id()), "of everybody");
    }
}
