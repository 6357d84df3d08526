//! A device that came back under another key, or whose workspace was forgotten: what it wrote before and is given up, and what it built on
//! that, it writes again.

use bowline_wire::ids::DeviceId;

use crate::author::Author;
use crate::giving_up::{given_up, lost, newcomer, nth_on, sorted};
use crate::relay::FakeRelay;
use crate::rig::{Rig, code};
use crate::way_out::remove;

/// The device is removed, and lets itself be let in anew.
fn come_back(mut rig: Rig, owner: &mut Author, relay: &mut FakeRelay, now: DeviceId) -> Rig {
    remove(owner, relay, now);
    rig.receive(&relay.frame(relay.len(), relay.len()));
    rig.disconnect();
    let secret = owner.put_ticket(relay, false);
    rig.device.rejoin(&code(relay, &secret), rig.now).unwrap();
    for _ in 0..3 {
        rig.sync(relay);
    }
    let mut rig = rig.reopened();
    rig.sync(relay);
    rig
}

fn sync_often(rig: &mut Rig, relay: &mut FakeRelay) {
    for _ in 0..4 {
        rig.disconnect();
        rig.sync(relay);
        while rig.device.index_own(rig.now).unwrap() {}
    }
    rig.disconnect();
    rig.sync(relay);
    assert_eq!((rig.status().queued, rig.status().offered), (0, 0));
}

#[test]
fn what_it_had_built_on_words_that_are_given_up_comes_back_with_them() {
    for comes_back_first in [true, false] {
        let (mut rig, mut owner, mut relay) = Rig::member();
        let id = rig.conversation("from before");
        rig.talk(&mut relay);
        rig.say(id, "first");
        rig.talk(&mut relay);
        let gone = nth_on(&relay, relay.len() - 1);
        rig.say(id, "second");
        rig.talk(&mut relay);
        let first = rig.device.id();
        if comes_back_first {
            rig = come_back(rig, &mut owner, &mut relay, first);
            owner.put_record(&mut relay, &lost(&[gone.id()]));
        } else {
            owner.put_record(&mut relay, &lost(&[gone.id()]));
            rig.receive(&relay.frame(relay.len(), relay.len()));
            rig = come_back(rig, &mut owner, &mut relay, first);
        }
        sync_often(&mut rig, &mut relay);
        assert_eq!(given_up(&rig), [gone.id()]);
        let mut late = newcomer(&mut owner, &mut relay, 9);
        for rig in [&mut rig, &mut late] {
            assert_eq!(sorted(rig, id), ["first", "second"], "back first {comes_back_first}");
        }
    }
}

#[test]
fn a_device_that_came_back_twice_knows_all_that_it_was() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = rig.conversation("from before");
    rig.talk(&mut relay);
    let first = rig.device.id();
    let mut rig = come_back(rig, &mut owner, &mut relay, first);
    rig.say(id, "as the second");
    rig.sync(&mut relay);
    let gone = relay.verified().last().unwrap();
    let second = gone.header().device;
    assert_ne!(second, first);
    let mut rig = come_back(rig, &mut owner, &mut relay, second);
    rig.say(id, "as the third");
    rig.sync(&mut relay);
    owner.put_record(&mut relay, &lost(&[gone.id()]));
    sync_often(&mut rig, &mut relay);
    let mut rig = rig.reopened();
    rig.say(id, "later");
    rig.sync(&mut relay);
    let mut late = newcomer(&mut owner, &mut relay, 9);
    for rig in [&mut rig, &mut late] {
        assert_eq!(sorted(rig, id), ["as the second", "as the third", "later"]);
    }
}

#[test]
fn words_that_were_given_up_while_their_workspace_was_forgotten_are_said_again_once_the_keys_are_there() {
    for record_is_late in [false, true] {
        let (mut rig, mut owner, mut relay) = Rig::member();
        let id = rig.conversation("x");
        for text in ["zero", "given up"] {
            rig.say(id, text);
            rig.talk(&mut relay);
        }
        let gone = nth_on(&relay, relay.len() - 1);
        rig.say(id, "after");
        rig.talk(&mut relay);
        rig.disconnect();
        let workspace = rig.workspace();
        rig.device.forget_workspace(workspace, rig.now).unwrap();
        if !record_is_late {
            owner.put_record(&mut relay, &lost(&[gone.id()]));
        }
        let ticket = owner.put_ticket(&mut relay, false);
        rig.join(&code(&relay, &ticket));
        sync_often(&mut rig, &mut relay);
        if record_is_late {
            owner.put_record(&mut relay, &lost(&[gone.id()]));
            sync_often(&mut rig, &mut relay);
        }
        let mut late = newcomer(&mut owner, &mut relay, 9);
        for rig in [&mut rig, &mut late] {
            assert_eq!(sorted(rig, id), ["after", "given up", "zero"], "late {record_is_late}");
        }
    }
}
