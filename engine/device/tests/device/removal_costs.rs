//! What a removal costs where many are in: its bytes on the log, the time to write it, and the time to take it in on another device.
//!
//! `BOWLINE_REMOVALS=100 BOWLINE_DEVICES=50 cargo test -p bowline-device --test device removal_costs -- --nocapture` prints the figures of
//! decision 0103.

use std::time::{Duration, Instant};

use bowline_device::{Code, CodeKind};
use bowline_wire::ids::Suite;
use bowline_wire::roster::record::Record;

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, code, entries_of, take_keys};

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(otherwise)
}

/// One removal.
struct Cost {
    bytes: usize,
    written: Duration,
    taken_in: Duration,
}

/// A workspace of so many devices: the Owner's first, one that removes, one that takes it in, and the rest of one member each.
struct Scene {
    relay: FakeRelay,
    owner: Author,
    remover: Rig,
    other: Rig,
    rest: Vec<Author>,
    joined: u8,
}

impl Scene {
    fn of(suite: Suite, devices: u32) -> Self {
        let (mut owner, mut relay) = Author::owner_of(suite, 1);
        let [mut remover, mut other] = [2, 3].map(Rig::new);
        let link = owner.put_ticket(&mut relay, true);
        remover.join(&Code { kind: CodeKind::Link, ..code(&relay, &link) });
        remover.sync(&mut relay);
        let invite = owner.put_ticket(&mut relay, false);
        other.join(&code(&relay, &invite));
        other.sync(&mut relay);
        let mut scene = Self { relay, owner, remover, other, rest: Vec::new(), joined: 3 };
        while scene.rest.len() + 3 < devices as usize {
            scene.let_in();
        }
        scene.catch_up();
        scene
    }

    fn let_in(&mut self) {
        let invite = self.owner.put_ticket(&mut self.relay, false);
        self.joined += 1;
        self.rest.push(Author::join(self.joined, &invite, &mut self.relay));
    }

    fn catch_up(&mut self) {
        for rig in [&mut self.remover, &mut self.other] {
            rig.disconnect();
            rig.sync(&mut self.relay);
            rig.sent.clear();
        }
    }

    /// Removes the member who has been in for longest.
    fn remove(&mut self) -> Cost {
        let (gone, workspace) = (self.rest.remove(0), self.remover.workspace());
        let begun = Instant::now();
        self.remover.device.remove_member(workspace, gone.user(), self.remover.now).unwrap();
        let frames = self.remover.take_sent();
        let written = begun.elapsed();
        let removal = frames.iter().flat_map(entries_of).next().unwrap();
        let record = removal.clone().verify(workspace).unwrap();
        assert!(matches!(Record::parse(record.body().unwrap()), Ok(Record::RemoveMember { .. })));
        let bytes = removal.wire_len();
        for answer in frames.into_iter().flat_map(|frame| self.relay.answer(frame)).collect::<Vec<_>>() {
            self.remover.receive(&answer);
        }
        assert!(!self.relay.log().roster().is_active(&gone.id()));
        assert!(!self.relay.log().roster().is_rekey_due());
        take_keys(&mut self.owner, None, &self.relay);
        let (at, epoch) = (self.relay.len(), self.relay.log().roster().epoch());
        let frame = self.relay.frame(at, at);
        let begun = Instant::now();
        self.other.receive(&frame);
        let taken_in = begun.elapsed();
        let status = self.other.status();
        assert_eq!((status.waiting_for, status.signed.unwrap().position.0), (None, at), "{epoch:?}");
        Cost { bytes, written, taken_in }
    }
}

fn shown<T: Copy + Ord + std::fmt::Debug>(costs: &[Cost], what: impl Fn(&Cost) -> T) -> [T; 3] {
    let mut all: Vec<T> = costs.iter().map(what).collect();
    all.sort_unstable();
    [all[0], all[all.len() / 2], all[all.len() - 1]]
}

#[test]
fn a_removal_costs_a_wrap_for_each_who_stays_and_a_key_for_each_epoch_before() {
    let (removals, devices) = (number("BOWLINE_REMOVALS", 3), number("BOWLINE_DEVICES", 6));
    for (suite, wrap) in [(Suite::X25519, 84), (Suite::XWing, 1_173)] {
        let mut scene = Scene::of(suite, devices);
        let costs: Vec<Cost> = (0..removals)
            .map(|_| {
                let cost = scene.remove();
                scene.let_in();
                scene.catch_up();
                cost
            })
            .collect();
        println!(
            "{suite:?}, {removals} removals of {devices} devices, least, median and most: bytes {:?}, written in {:?}, taken in in {:?}",
            shown(&costs, |cost| cost.bytes),
            shown(&costs, |cost| cost.written),
            shown(&costs, |cost| cost.taken_in),
        );
        for (epochs, cost) in (1..).zip(&costs) {
            let most = (devices as usize - 1) * wrap + epochs * 32 + 700;
            assert!(
                cost.bytes <= most,
                "{suite:?}, with {epochs} epochs before: {} bytes of {most}",
                cost.bytes
            );
        }
    }
}
