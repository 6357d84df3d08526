//! What somebody wrote whom its role did not permit it, on a log whose relay has let it through: nobody else follows it.

use std::collections::BTreeMap;

use bowline_core::sync::Verdict;
use bowline_wire::ids::{EntryId, LogId, RelayId, UserId};
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::{Move, Record};
use bowline_wire::roster::{Deed, Outcome, PERMITTED, Role, Void};

use crate::author::{Author, opaque_payload};
use crate::bench::Bench;
use crate::giving_up::lost;
use crate::relay::FakeRelay;

/// A workspace of an Owner, this bench, and a second Member whose program keeps no rule; the log is known up to here.
struct Scene {
    bench: Bench,
    owner: Author,
    member: Author,
    relay: FakeRelay,
}

impl Scene {
    fn new() -> Self {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let member = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
        bench.sync(&mut relay);
        bench.forget();
        Self { bench, owner, member, relay }
    }

    /// What the Member writes to do it; `None` for what is not a record, or not one that a Member here has an occasion for.
    fn record(&mut self, deed: Deed) -> Option<Record> {
        let bench = self.bench.keys.id();
        let roster = self.relay.log().roster();
        let stays: Vec<_> =
            roster.devices().filter(|(id, _)| **id != bench).map(|(_, device)| device.hpke.clone()).collect();
        let rekey = self.member.rekey(&stays);
        Some(match deed {
            Deed::Invite | Deed::Link => {
                let mut copy = self.relay.clone();
                drop(self.member.on_another_branch().put_ticket(&mut copy, deed == Deed::Link));
                Record::parse(copy.entry(copy.len()).body().unwrap()).unwrap()
            }
            Deed::CloseInvite => {
                Record::CloseInvite(self.owner.put_ticket(&mut self.relay, false).ticket_key())
            }
            Deed::RemoveOthersDevice => Record::RemoveDevice { device: bench, cut: Vec::new(), rekey },
            Deed::RemoveMember => {
                Record::RemoveMember { user: UserId::of_first_device(bench), cut: Vec::new(), rekey }
            }
            Deed::HandOver => Record::HandOver { user: self.member.user() },
            Deed::Allow => Record::Allow { user: self.member.user() },
            Deed::GiveUp => lost(&[], &[EntryId::from_bytes([7; EntryId::LEN])]),
            Deed::Move => Record::Move(Move {
                generation: 0,
                address: "wss://elsewhere.example".to_owned(),
                relay: RelayId::from_bytes([8; 32]),
                log: LogId::from_bytes([9; 32]),
            }),
            Deed::WriteUnknown => Record::Unknown(99),
            _ => return None,
        })
    }
}

#[test]
fn what_a_member_may_not_do_changes_nothing_for_anybody_else_and_what_follows_counts() {
    for (deed, name, ..) in PERMITTED {
        let mut scene = Scene::new();
        let Some(record) = scene.record(deed) else { continue };
        let may = Role::Member.may(deed);
        let before = scene.relay.log().roster().hash();
        scene.member.put_record(&mut scene.relay, &record);
        assert_eq!(scene.relay.log().roster().hash() != before, may, "{name}");
        scene.owner.put_message(&mut scene.relay, opaque_payload(1).doc, "goes on");
        let Scene { bench, relay, .. } = &mut scene;
        bench.sync(relay);
        let why = if deed == Deed::RemoveOthersDevice { Void::NotOwnUser } else { Void::NotOwner };
        let expected = if may { Outcome::Applied { rekey_void: None } } else { Outcome::Void(why) };
        let [.., Verdict::Roster(_, outcome), Verdict::Content(_)] = bench.verdicts()[..] else {
            panic!("{name}: {:?}", bench.verdicts())
        };
        assert_eq!(*outcome, expected, "{name}");
        let roster = bench.replica.log().unwrap().roster();
        assert_eq!(roster.hash(), relay.log().roster().hash(), "{name}");
        assert!(roster.is_active(&bench.keys.id()), "{name}: this device is in as before");
        assert!(bench.faults().is_empty(), "{name}");
    }
}

#[test]
fn what_somebody_writes_who_is_not_in_stands_on_the_log_and_is_not_taken_for_a_record() {
    for (deed, name, ..) in PERMITTED {
        for is_removed in [true, false] {
            if Scene::new().record(deed).is_none() {
                continue;
            }
            let mut scene = Scene::new();
            if is_removed {
                let Scene { owner, member, relay, .. } = &mut scene;
                owner.put_removal(relay, member, Vec::new());
            } else {
                let workspace = scene.member.workspace;
                let keyring = scene.member.keyring.clone();
                let tips = BTreeMap::new();
                scene.member = Author { keyring, workspace, tips, ..Author::owner(50).0 };
            }
            let record = scene.record(deed).unwrap();
            let before = scene.relay.log().roster().hash();
            scene.member.put_record(&mut scene.relay, &record);
            scene.owner.put_message(&mut scene.relay, opaque_payload(1).doc, "goes on");
            let Scene { bench, relay, .. } = &mut scene;
            bench.sync(relay);
            let [.., Verdict::NotAcceptable(_, why), Verdict::Content(_)] = bench.verdicts()[..] else {
                panic!("{name}: {:?}", bench.verdicts())
            };
            assert_eq!(*why, Refusal::NotActive, "{name}");
            assert_eq!(bench.replica.log().unwrap().roster().hash(), before, "{name}");
        }
    }
}
