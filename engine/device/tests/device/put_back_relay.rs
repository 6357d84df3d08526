//! A relay that was put back to an older state, served on, and was restored then: its log goes on from below what it signed meanwhile.
//! Those who knew the log of before and those who wrote to the one that was put back all follow, and nothing is lost on either side.

use bowline_wire::ids::DocId;

use crate::relay::FakeRelay;
use crate::restored_relay::{assert_has_all, assert_in_step};
use crate::rig::{Rig, exchange, two};

/// Two devices of which each has written what the other can't know: one to the relay, the other to what that was put back to.
struct Forked {
    one: Rig,
    other: Rig,
    doc: DocId,
    /// How many entries both logs begin with.
    shared: u64,
    lost: FakeRelay,
    put_back: FakeRelay,
}

fn forked() -> Forked {
    let (mut one, mut other, mut relay) = two();
    let doc = one.conversation("shared");
    one.say(doc, "both know");
    exchange(&mut one, &mut other, &mut relay);
    one.disconnect();
    other.disconnect();
    let shared = relay.len();
    let mut put_back = relay.rolled_back(shared);
    for text in ["before 1", "before 2", "before 3"] {
        one.say(doc, text);
        one.sync(&mut relay);
    }
    one.disconnect();
    for text in ["meanwhile 1", "meanwhile 2"] {
        other.say(doc, text);
        other.sync(&mut put_back);
    }
    other.disconnect();
    Forked { one, other, doc, shared, lost: relay, put_back }
}

/// The relay, restored while its log goes on from this place, with all that it has behind it.
fn restored_from(relay: &FakeRelay, place: u64) -> FakeRelay {
    relay.continued(place, relay.len(), 21)
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

impl Forked {
    /// Everybody comes, in this order, and has everything in the end.
    fn check(self, mut relay: FakeRelay, is_other_first: bool) {
        let Self { mut one, mut other, doc, lost, put_back, .. } = self;
        if is_other_first {
            other.sync(&mut relay);
        }
        exchange(&mut one, &mut other, &mut relay);
        exchange(&mut one, &mut other, &mut relay);
        assert_has_all(&relay, &lost);
        assert_has_all(&relay, &put_back);
        one.say(doc, "and on");
        exchange(&mut one, &mut other, &mut relay);
        let all = ["and on", "before 1", "before 2", "before 3", "both know", "meanwhile 1", "meanwhile 2"];
        for rig in [&mut one, &mut other] {
            assert_in_step(rig, &relay);
            assert_eq!(sorted(rig.texts(doc)), all);
            assert!(rig.status().quarantined.is_empty());
        }
        let (one, other) = (one.texts(doc), other.texts(doc));
        assert_eq!(one, other, "in one order");
    }
}

#[test]
fn both_sorts_of_devices_follow_to_the_place_that_both_logs_share() {
    for is_other_first in [false, true] {
        let forked = forked();
        let relay = restored_from(&forked.put_back, forked.shared);
        forked.check(relay, is_other_first);
    }
}

#[test]
fn a_place_below_what_the_logs_share_costs_reading_again_and_nothing_else() {
    for place in [1, 2, 4] {
        for is_other_first in [false, true] {
            let forked = forked();
            assert!(place < forked.shared);
            let relay = restored_from(&forked.put_back, place);
            forked.check(relay, is_other_first);
        }
    }
}

#[test]
fn what_the_relay_still_has_is_read_again_and_not_sent() {
    let (mut one, mut other, mut relay) = two();
    let doc = one.conversation("shared");
    one.say(doc, "on the relay");
    exchange(&mut one, &mut other, &mut relay);
    for rig in [&mut one, &mut other] {
        rig.disconnect();
        rig.sent.clear();
    }
    // From the very beginning: below where either of them joined.
    let mut relay = restored_from(&relay, 1);
    for rig in [&mut one, &mut other] {
        rig.sync(&mut relay);
        assert!(rig.appended().is_empty());
        assert_in_step(rig, &relay);
        assert_eq!(rig.texts(doc), ["on the relay"]);
        let mut again = std::mem::replace(rig, Rig::new(40)).reopened();
        again.sync(&mut relay);
        assert_in_step(&again, &relay);
        *rig = again;
    }
    other.say(doc, "and on");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!((one.texts(doc), other.texts(doc)), both(&["on the relay", "and on"]));
}

fn both(texts: &[&str]) -> (Vec<String>, Vec<String>) {
    let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
    (texts.clone(), texts)
}

#[test]
fn a_place_that_only_the_log_of_the_one_side_has_condemns_the_relay() {
    let Forked { mut one, shared, put_back, .. } = forked();
    let mut relay = restored_from(&put_back, shared + 1);
    one.sync(&mut relay);
    assert!(!one.status().evidence.is_empty(), "which is why the place is not where the relay is");
}

#[test]
fn a_crash_at_any_commit_while_it_is_read_again_loses_nothing() {
    let mut nth = 1;
    loop {
        let mut forked = forked();
        let mut relay = restored_from(&forked.put_back, 2);
        forked.other.commits.refuse(nth);
        let failed = forked.other.try_sync(&mut relay).is_err();
        let is_over = !forked.other.commits.is_spent();
        forked.other.commits.refuse(0);
        if failed {
            forked.other = forked.other.reopened();
            let texts = forked.other.texts(forked.doc);
            assert_eq!(texts, ["both know", "meanwhile 1", "meanwhile 2"], "after a crash at commit {nth}");
        }
        forked.check(relay, true);
        if is_over {
            break;
        }
        nth += 1;
    }
    assert!(nth > 2, "at least the cut, and a stretch of the log: {nth}");
}
