//! Recovery phrases on devices: one comes in without anything reaching a disk, and brings its person back with every key when all
//! devices are gone.

use bowline_core::sync::LinkState;
use bowline_crypto::RecoveryPhrase;
use bowline_device::{Code, Departure, Entrance, Newcomer, Notice, PhraseInHand};
use bowline_wire::codec::decode;
use bowline_wire::frame::Reason;
use bowline_wire::ids::Millis;
use bowline_wire::limits::RECOVERY_SETTLES;
use bowline_wire::roster::Void;

use crate::author::rng;
use crate::relay::FakeRelay;
use crate::rig::{Rig, two};

/// When phrases are used here.
const NOW: Millis = Millis(1_700_000_000_000);

fn phrase() -> RecoveryPhrase {
    RecoveryPhrase::generate(&mut rng(40))
}

pub(crate) fn in_hand() -> PhraseInHand {
    PhraseInHand::new(phrase(), Box::new(rng(41))).unwrap()
}

/// Opens lines until there is something to give, one behind the other.
fn talk<T>(
    phrase: &mut PhraseInHand,
    relay: &mut FakeRelay,
    now: Millis,
    mut done: impl FnMut(&mut PhraseInHand) -> Option<T>,
) -> T {
    let workspace = relay.workspace();
    for _ in 0..4 {
        phrase.handle_connected(workspace, None, now).unwrap();
        while let Some(bytes) = phrase.poll_transmit(workspace) {
            for answer in relay.answer(decode(&bytes).unwrap()) {
                phrase.handle_frame(workspace, &bowline_wire::codec::encode(&answer), now).unwrap();
                if let Some(found) = done(phrase) {
                    return found;
                }
            }
        }
    }
    panic!("nothing comes of it")
}

/// The phrase comes into the workspace of a device of its person.
pub(crate) fn protect(rig: &mut Rig, relay: &mut FakeRelay) {
    let workspace = rig.workspace();
    let ticket = rig.device.make_recovery_code(workspace, &phrase(), rig.now).unwrap();
    rig.talk(relay);
    let code = rig.device.code(workspace, ticket).unwrap().unwrap();
    let mut phrase = in_hand();
    phrase.join(&code, rig.now).unwrap();
    talk(&mut phrase, relay, rig.now, |phrase| phrase.has_joined(workspace).unwrap().unwrap().then_some(()));
    rig.sync(relay);
    let members = rig.status().members;
    let own = members.iter().find(|member| member.device == phrase.id()).unwrap();
    assert!(own.recovery && own.active);
}

/// What becomes of opening the workspace with nothing but the phrase.
fn entrance(relay: &mut FakeRelay, now: Millis) -> Entrance {
    let workspace = relay.workspace();
    let mut phrase = in_hand();
    phrase.open(workspace, "relay", now).unwrap();
    talk(&mut phrase, relay, now, |phrase| match phrase.let_in(workspace, Newcomer::Device, now).unwrap() {
        Entrance::OnTheWay => None,
        entrance => Some(entrance),
    })
}

fn let_in(relay: &mut FakeRelay, now: Millis) -> Code {
    let entrance = entrance(relay, now);
    let Entrance::Code(code) = entrance else { panic!("{entrance:?}") };
    *code
}

/// A new device of the person, in by the phrase, with everything here.
fn back(relay: &mut FakeRelay, seed: u8) -> Rig {
    let code = let_in(relay, NOW);
    let mut rig = Rig::new(seed);
    rig.join(&code);
    rig.sync(relay);
    rig.sync(relay);
    assert!(rig.status().member);
    assert_eq!(rig.device.link_state(rig.workspace()).unwrap(), LinkState::Live);
    rig
}

#[test]
fn a_phrase_that_came_in_after_the_last_epoch_began_opens_everything_by_its_link() {
    let (mut rig, _, mut relay) = Rig::member();
    protect(&mut rig, &mut relay);
    let user = rig.device.own_user(rig.workspace()).unwrap();
    let keys = rig.device.status(rig.workspace()).unwrap().waiting_for;
    drop(rig);
    let next = back(&mut relay, 9);
    assert_eq!(next.device.own_user(next.workspace()).unwrap(), user);
    assert_eq!(next.status().waiting_for, keys, "it seals as the lost one did");
}

#[test]
fn a_phrase_opens_what_was_sealed_in_epochs_since_and_begins_one_that_is_due_by_the_new_device() {
    let (mut rig, mut other, mut relay) = two();
    protect(&mut rig, &mut relay);
    // Somebody leaves, and the device that is lost then has begun no epoch.
    other.sync(&mut relay);
    other.device.leave(other.workspace(), false, other.now).unwrap();
    other.talk(&mut relay);
    assert!(relay.log().roster().is_rekey_due());
    drop(rig);
    let epochs = relay.log().roster().epochs().len();
    let next = back(&mut relay, 9);
    assert!(!relay.log().roster().is_rekey_due());
    assert_eq!(relay.log().roster().epochs().len(), epochs + 1);
    assert!(relay.log().roster().is_active(&next.device.id()));
    // The phrase is among the recipients, and good once more.
    drop(next);
    back(&mut relay, 10);
}

#[test]
fn a_workspace_that_the_phrase_is_not_in_is_not_gone_on_with() {
    let (_rig, _, mut relay) = Rig::member();
    // The relay lets whomever it likes in.
    relay.admits_strangers = true;
    let before = relay.len();
    assert!(matches!(entrance(&mut relay, NOW), Entrance::NotIn));
    assert_eq!(relay.len(), before, "nothing was written");
}

#[test]
fn a_second_phrase_comes_to_nothing_and_its_maker_hears_why() {
    let (mut rig, _, mut relay) = Rig::member();
    protect(&mut rig, &mut relay);
    let other = RecoveryPhrase::generate(&mut rng(42));
    rig.device.make_recovery_code(rig.workspace(), &other, rig.now).unwrap();
    rig.talk(&mut relay);
    let is_void = |notice: &Notice| matches!(notice, Notice::DecisionVoid { why: Void::Recovery, .. });
    assert!(rig.notices.iter().any(is_void), "{:?}", rig.notices);
}

#[test]
fn a_phrase_is_removed_in_its_first_week_and_not_after_it() {
    for (late, gone) in [(false, true), (true, false)] {
        let (mut rig, _, mut relay) = Rig::member();
        protect(&mut rig, &mut relay);
        if late {
            relay.clock = Millis(relay.log().time().millis().0 + RECOVERY_SETTLES);
        }
        let device = in_hand().id();
        rig.device.remove_device(rig.workspace(), device, rig.now).unwrap();
        rig.talk(&mut relay);
        assert_eq!(relay.log().roster().is_active(&device), !gone, "late: {late}");
    }
}

#[test]
fn each_try_to_let_a_phrase_in_has_a_secret_of_its_own() {
    let (mut rig, _, mut relay) = Rig::member();
    let workspace = rig.workspace();
    let first = rig.device.make_recovery_code(workspace, &phrase(), rig.now).unwrap();
    let second = rig.device.make_recovery_code(workspace, &phrase(), rig.now).unwrap();
    assert_ne!(first, second, "also while neither is on the log");
    rig.talk(&mut relay);
    // The first was not used in time; the phrase comes in by a later one, and finds its keys by that.
    protect(&mut rig, &mut relay);
    drop(rig);
    back(&mut relay, 9);
}

#[test]
fn a_phrase_says_nothing_of_what_it_holds() {
    let (mut rig, _, mut relay) = Rig::member();
    relay.passes_holdings_on();
    protect(&mut rig, &mut relay);
    let_in(&mut relay, NOW);
    assert!(!relay.said.contains_key(&in_hand().id()));
}

#[test]
fn one_phrase_lets_a_device_into_one_workspace_after_the_other() {
    let (mut rig, _, mut first) = Rig::member();
    protect(&mut rig, &mut first);
    let (mut other, mut second) = Rig::creator(5);
    other.sync(&mut second);
    protect(&mut other, &mut second);
    let (mut phrase, now) = (in_hand(), NOW);
    for relay in [&mut first, &mut second] {
        let workspace = relay.workspace();
        phrase.open(workspace, "relay", now).unwrap();
        let code = talk(&mut phrase, relay, now, |phrase| {
            match phrase.let_in(workspace, Newcomer::Device, now).unwrap() {
                Entrance::OnTheWay => None,
                entrance => Some(entrance),
            }
        });
        assert!(matches!(code, Entrance::Code(code) if code.workspace == workspace));
    }
}

/// What becomes of leaving the workspace as the phrase.
fn departure(relay: &mut FakeRelay) -> Departure {
    let (workspace, now) = (relay.workspace(), Millis(1_700_000_000_000));
    let mut phrase = in_hand();
    phrase.open(workspace, "relay", now).unwrap();
    talk(&mut phrase, relay, now, |phrase| match phrase.leave(workspace, now).unwrap() {
        Departure::OnTheWay => None,
        departure => Some(departure),
    })
}

/// What the relay says to the phrase when it lets it go on no further.
fn turned_away(relay: &mut FakeRelay) -> Option<Reason> {
    let (workspace, now) = (relay.workspace(), Millis(1_700_000_000_000));
    let mut phrase = in_hand();
    phrase.open(workspace, "relay", now).unwrap();
    talk(&mut phrase, relay, now, |phrase| phrase.poll_parting(workspace).unwrap()).goodbye
}

/// Another phrase takes the place of the one that is in.
fn succeed(relay: &mut FakeRelay, next: &RecoveryPhrase) {
    let (workspace, now) = (relay.workspace(), Millis(1_700_000_000_000));
    let mut phrase = in_hand();
    phrase.open(workspace, "relay", now).unwrap();
    let entrance = talk(&mut phrase, relay, now, |phrase| {
        match phrase.let_in(workspace, Newcomer::Successor(next), now).unwrap() {
            Entrance::OnTheWay => None,
            entrance => Some(entrance),
        }
    });
    let Entrance::Code(code) = entrance else { panic!("{entrance:?}") };
    let same = RecoveryPhrase::parse(&next.words().collect::<Vec<_>>().join(" ")).unwrap();
    let mut next = PhraseInHand::new(same, Box::new(rng(44))).unwrap();
    next.join(&code, now).unwrap();
    talk(&mut next, relay, now, |next| next.has_joined(workspace).unwrap().unwrap().then_some(()));
}

#[test]
fn a_settled_phrase_makes_way_for_its_successor_and_reads_nothing_that_is_sealed_afterwards() {
    let (mut rig, _, mut relay) = Rig::member();
    protect(&mut rig, &mut relay);
    relay.clock = Millis(relay.log().time().millis().0 + RECOVERY_SETTLES);
    let next = RecoveryPhrase::generate(&mut rng(43));
    succeed(&mut relay, &next);
    let (old, new) = (in_hand().id(), next.device_keys().id());
    let roster = relay.log().roster();
    assert!(!roster.is_active(&old) && roster.is_active(&new) && roster.is_rekey_due());
    // A live device begins the epoch by itself, and wraps its key to the successor and not to who was before.
    rig.sync(&mut relay);
    assert!(!rig.status().rekey_due && !relay.log().roster().is_rekey_due());
    let recipients = relay.log().roster().recipients();
    let hpke = |id| relay.log().roster().device(&id).unwrap().hpke.clone();
    assert!(recipients.contains(&hpke(new)) && !recipients.contains(&hpke(old)));
    // The words that were given up bring nobody in.
    assert_eq!(turned_away(&mut relay), Some(Reason::Removed));
}

#[test]
fn a_settled_phrase_leaves_by_its_own_words_and_makes_room_for_another() {
    let (mut rig, _, mut relay) = Rig::member();
    protect(&mut rig, &mut relay);
    let is_settled = |rig: &Rig| {
        let members = rig.status().members;
        members.iter().find(|member| member.device == in_hand().id()).unwrap().settled
    };
    assert!(!is_settled(&rig));
    relay.clock = Millis(relay.log().time().millis().0 + RECOVERY_SETTLES);
    assert!(matches!(departure(&mut relay), Departure::Gone));
    assert!(!relay.log().roster().is_active(&in_hand().id()) && relay.log().roster().is_rekey_due());
    rig.sync(&mut relay);
    assert!(!rig.status().rekey_due && rig.status().member);
    let other = RecoveryPhrase::generate(&mut rng(42));
    let ticket = rig.device.make_recovery_code(rig.workspace(), &other, rig.now).unwrap();
    rig.talk(&mut relay);
    assert!(rig.device.code(rig.workspace(), ticket).unwrap().is_some());
    assert_eq!(turned_away(&mut relay), Some(Reason::Removed));
}

#[test]
fn a_phrase_that_is_all_that_is_left_of_its_person_does_not_leave() {
    let (mut rig, mut other, mut relay) = two();
    protect(&mut other, &mut relay);
    other.device.leave(other.workspace(), false, other.now).unwrap();
    other.talk(&mut relay);
    rig.sync(&mut relay);
    assert!(!relay.log().roster().is_active(&other.device.id()));
    let before = relay.len();
    assert!(matches!(departure(&mut relay), Departure::Alone));
    assert_eq!(relay.len(), before, "nothing was written");
    assert!(relay.log().roster().is_active(&in_hand().id()));
}
