//! The stored log that was begun from a state: it verifies by that, is compared and told from there on, and goes back no further.

use bowline_device::{Did, Error, Fault, LineReason, Look, Looking, Notice, Since};
use bowline_store::EntryState;
use bowline_wire::codec::encode;
use bowline_wire::frame::Frame;
use bowline_wire::ids::{LogHash, Position, RosterHash};
use bowline_wire::log::{Pin, State};
use bowline_wire::roster::record::{Lost, Record};

use bowline_core::sync::{RelayFault, SurveyFailed, Token};

use crate::author::message;
use crate::beginning::{Scene, assert_begun, begun, check, doc, faults, is_sent, kept, position, rows_in};
use crate::rig::entries_of;

/// Time goes by at the relay.
fn later(scene: &mut Scene) {
    scene.relay.clock = scene.relay.clock.plus(1_000);
}

/// A log of which all is here up to a place, then what stays by a state, and all again behind that.
fn scene() -> (Scene, State, [u64; 2]) {
    let mut scene = Scene::new();
    scene.write();
    later(&mut scene);
    let before = scene.write_lasting();
    later(&mut scene);
    scene.sync();
    scene.rig.disconnect();
    scene.write();
    later(&mut scene);
    let behind = scene.write_lasting();
    later(&mut scene);
    scene.write();
    later(&mut scene);
    let state = scene.let_go();
    scene.write();
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    (scene, state, [before, behind])
}

/// What is found after this was done to the database.
fn found(scene: &Scene, damage: &str) -> Vec<(u64, Fault)> {
    let connection = scene.rig.device.store().connection();
    connection.execute_batch("SAVEPOINT damage").unwrap();
    assert!(connection.execute(damage, ()).unwrap() > 0, "{damage}");
    let found = faults(&scene.rig);
    connection.execute_batch("ROLLBACK TO damage; RELEASE damage").unwrap();
    found
}

/// What is found with another state than the one that the log was begun from.
fn found_with(scene: &Scene, state: &[u8]) -> Vec<(u64, Fault)> {
    let connection = scene.rig.device.store().connection();
    connection.execute_batch("SAVEPOINT state").unwrap();
    connection.execute("UPDATE begun SET state = ?1", [state]).unwrap();
    let found = faults(&scene.rig);
    connection.execute_batch("ROLLBACK TO state; RELEASE state").unwrap();
    found
}

#[test]
fn an_entry_that_stays_and_is_missing_or_altered_is_named() {
    let (scene, state, [before, behind]) = scene();
    let at = state.at.0;
    for stays in [before, behind] {
        let missing = found(&scene, &format!("DELETE FROM entry WHERE pos = {stays}"));
        assert_eq!(missing, [(stays, Fault::Missing(Position(stays)))]);
        let time =
            found(&scene, &format!("UPDATE entry SET time = time + 1, log_hash = x'' WHERE pos = {stays}"));
        assert_eq!(time, [(at, Fault::Stays)]);
        let columns = found(&scene, &format!("UPDATE entry SET seq = seq + 1 WHERE pos = {stays}"));
        assert_eq!(columns, [(stays, Fault::Columns)]);
    }
    let record = found(&scene, "DELETE FROM entry WHERE pos = 2");
    assert_eq!(record, [(2, Fault::Missing(Position(2)))]);
    let back = found(&scene, &format!("UPDATE entry SET time = 1 WHERE pos = {behind}"));
    assert_eq!(back, [(behind, Fault::LogHash), (at, Fault::Stays)]);
}

#[test]
fn what_was_here_before_the_log_was_begun_is_held_to_its_hashes_as_long_as_it_is_here() {
    let (scene, state, [before, _]) = scene();
    let gone = before - 1;
    assert!(!state.is_live(Position(gone)));
    let hash = found(&scene, &format!("UPDATE entry SET log_hash = zeroblob(32) WHERE pos = {gone}"));
    assert_eq!(hash, [(gone, Fault::LogHash), (before, Fault::LogHash)]);
    // It may go at any time.
    assert_eq!(found(&scene, &format!("DELETE FROM entry WHERE pos = {gone}")), []);
}

#[test]
fn a_state_that_is_not_the_one_that_stands_is_found() {
    let (scene, state, _) = scene();
    let at = state.at.0;
    let pin = Pin { at: Position(1), hash: scene.relay.hash_at(1) };
    let with_pin = State { pins: vec![pin], ..state.clone() };
    assert_eq!(found_with(&scene, &encode(&with_pin)), [(at, Fault::Checkpoint)]);
    let wrong_pin = State { pins: vec![Pin { hash: LogHash::from_bytes([9; 32]), ..pin }], ..state.clone() };
    assert_eq!(found_with(&scene, &encode(&wrong_pin)), [(1, Fault::LogHash), (at, Fault::Checkpoint)]);
    let roster = State { roster: RosterHash::from_bytes([9; 32]), ..state.clone() };
    assert_eq!(found_with(&scene, &encode(&roster)), [(at, Fault::Records)]);
    assert!(found_with(&scene, &[0x80]).contains(&(0, Fault::Checkpoint)));
    assert_eq!(found_with(&scene, &encode(&state)), []);
}

#[test]
fn a_state_is_still_compared_when_a_later_checkpoint_stands() {
    let (mut scene, state, _) = scene();
    let later = scene.let_go();
    scene.relay.let_go = None;
    scene.sync();
    assert_eq!(begun(&scene.rig).as_ref(), Some(&state));
    assert_ne!(later.at, state.at);
    assert_begun(&scene.rig, &scene.relay, &state);
    let other = State { pins: vec![Pin { at: Position(1), hash: scene.relay.hash_at(1) }], ..state.clone() };
    assert_eq!(found_with(&scene, &encode(&other)), [(state.at.0, Fault::Checkpoint)]);
}

#[test]
fn what_two_people_compare_is_there_from_the_state_on_and_where_it_is_still_known() {
    let (scene, state, [before, behind]) = scene();
    let mut scene = scene.reopen();
    let workspace = scene.rig.workspace();
    let at = |scene: &Scene, at| scene.rig.device.stored_log(workspace).comparable(at).unwrap();
    let comparable = at(&scene, Some(state.at)).unwrap();
    assert_eq!((comparable.log, comparable.time, comparable.roster), (state.hash, state.time, state.roster));
    let here = at(&scene, None).unwrap();
    assert_eq!((here.position.0, here.log), (scene.relay.len(), scene.relay.hash_at(scene.relay.len())));
    assert_eq!(at(&scene, Some(Position(before))).unwrap().log, scene.relay.hash_at(before));
    for unknown in [behind - 1, behind] {
        assert_eq!(at(&scene, Some(Position(unknown))), None);
    }
    assert_eq!(scene.rig.device.stored_log(workspace).begun_at().unwrap(), state.at);
    // What was compared is known to hold as long as the hash there is.
    let compared = bowline_device::Comparable { position: Position(behind), ..here };
    let now = scene.rig.now;
    scene.rig.device.remember_compared(workspace, &compared, true, now).unwrap();
    let remembered = scene.rig.device.stored_log(workspace).compared().unwrap().unwrap();
    assert_eq!((remembered.log, remembered.roster), (None, Since::Same));
    scene.rig.device.remember_compared(workspace, &comparable, true, now).unwrap();
    assert_eq!(scene.rig.device.stored_log(workspace).compared().unwrap().unwrap().log, Some(true));
    let wrong = bowline_device::Comparable { log: LogHash::from_bytes([9; 32]), ..comparable };
    scene.rig.device.remember_compared(workspace, &wrong, true, now).unwrap();
    assert_eq!(scene.rig.device.stored_log(workspace).compared().unwrap().unwrap().log, Some(false));
}

#[test]
fn an_audit_tells_what_stays_and_everything_behind_it() {
    let (scene, mut state, [_, behind]) = scene();
    let told = |scene: &Scene| {
        let mut audit = scene.rig.device.stored_log(scene.rig.workspace()).audit().unwrap();
        let mut rows = Vec::new();
        while let Some(more) = audit.next_rows().unwrap() {
            rows.extend(more);
        }
        rows
    };
    let rows = told(&scene);
    let places: Vec<u64> = rows.iter().filter_map(|row| Some(row.position?.0)).collect();
    assert!(
        (1..=scene.relay.len())
            .filter(|at| state.is_live(Position(*at)) || *at > state.at.0)
            .all(|at| places.contains(&at))
    );
    assert!(!places.contains(&(behind + 1)));
    let of = |rows: &[bowline_device::Audited], at| {
        rows.iter().find(|row| row.position == Some(Position(at))).unwrap().did
    };
    assert_eq!(of(&rows, behind), Did::Shared);
    // An entry that stands in for others is not the first of its document.
    let wire = scene.relay.entry(behind).header().doc;
    let document = state.documents.iter_mut().find(|it| it.doc == wire).unwrap();
    document.snapshot = Some(Position(behind));
    let bytes = encode(&state);
    scene.rig.device.store().connection().execute("UPDATE begun SET state = ?1", [bytes]).unwrap();
    assert_eq!(of(&told(&scene), behind), Did::Edited);
}

#[test]
fn a_relay_that_is_restored_behind_the_state_has_the_log_cut_back_there() {
    let (mut scene, state, _) = scene();
    let place = scene.relay.len();
    let kept = scene.relay.restored(place, 21);
    for _ in 0..2 {
        scene.write();
    }
    scene.sync();
    scene.rig.disconnect();
    scene.relay = kept;
    scene.sync();
    let mut scene = scene.reopen();
    scene.sync();
    assert_eq!(scene.rig.status().fault, None);
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(scene.relay.len(), place + 2, "what was lost is there again");
}

#[test]
fn nobody_goes_on_with_a_log_that_parts_from_this_one_below_the_state() {
    let (mut scene, state, [before, _]) = scene();
    let (workspace, now) = (scene.rig.workspace(), scene.rig.now);
    let mut other = scene.relay.restored(before, 21);
    let looked = scene.rig.try_look(&mut other);
    assert!(matches!(looked, Look::Failed(SurveyFailed::LetGo(at)) if at == state.at), "{looked:?}");
    let again = Looking::MadeAgain(Token("the token".to_owned()));
    let made = scene.rig.device.survey(workspace, (None, &again), now).map(drop);
    assert!(matches!(made, Err(Error::LetGo(_, at)) if at == state.at), "{made:?}");
}

#[test]
fn what_was_to_come_again_and_is_gone_from_the_log_is_sent_no_more() {
    let mut scene = Scene::new();
    let place = scene.relay.len();
    let restored = scene.relay.restored(place, 21);
    scene.write();
    let ours = {
        scene.sync();
        let ours = scene.rig.conversation("ours");
        scene.rig.talk(&mut scene.relay);
        ours
    };
    scene.rig.disconnect();
    scene.relay = restored;
    scene.rig.connect(&scene.relay);
    let sent = scene.rig.take_sent();
    assert!(rows_again(&scene) > 1);
    // The relay takes what is sent again, and is not heard.
    for entry in sent.iter().flat_map(entries_of) {
        scene.relay.put(entry);
    }
    assert!(scene.relay.len() > place + 1);
    scene.rig.disconnect();
    scene.write_lasting();
    let state = scene.let_go();
    scene.rig.sent.clear();
    scene.sync();
    assert_eq!((rows_again(&scene), begun(&scene.rig)), (0, Some(state.clone())));
    let mut scene = scene.reopen();
    scene.sync();
    assert_eq!(scene.rig.appended(), []);
    assert_begun(&scene.rig, &scene.relay, &state);
    assert!(rows_in(&scene.rig, EntryState::LetGo) > 1);
    assert!(is_sent(&scene.rig, ours));
    assert!(sent.iter().any(|frame| matches!(frame, Frame::Append { .. })));
    assert_eq!(position(&scene.rig), scene.relay.len());
    assert_eq!(check(&scene.rig).faults, []);
}

fn rows_again(scene: &Scene) -> usize {
    scene.rig.device.store().read().ids_again(scene.rig.workspace()).unwrap().len()
}

#[test]
fn a_relay_that_was_restored_to_below_the_state_is_not_followed_and_breaks_nothing() {
    let (mut scene, state, [before, _]) = scene();
    scene.rig.disconnect();
    let mut restored = scene.relay.restored(before, 21);
    scene.rig.sync(&mut restored);
    assert_eq!(scene.rig.status().fault, Some(RelayFault::BelowCheckpoint(state.at)));
    assert_eq!(scene.rig.status().behind.map(|it| it.reason), Some(LineReason::BelowCheckpoint));
    let (workspace, end) = (scene.rig.workspace(), scene.relay.len());
    assert!(scene.rig.device.poll_close(workspace));
    assert_eq!((scene.rig.device.needs_reopening(), position(&scene.rig)), (false, end));
    scene.rig.disconnect();
    let mut scene = scene.reopen();
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(scene.rig.status().behind, None);
}

#[test]
fn parts_that_waited_for_one_without_its_body_are_forgotten_with_it() {
    for later in [0, 1] {
        let mut scene = Scene::new();
        let text = "all of it or nothing ".repeat(90_000);
        let entries = scene.owner.parts(&scene.relay, &message(scene.owner.id(), doc(9), &text));
        let first = scene.relay.len() + 1;
        for entry in &entries {
            scene.relay.put(entry.to_signed());
        }
        scene.relay.withholds.insert(first + later);
        scene.sync();
        let incomplete = |scene: &Scene| {
            let read = scene.rig.device.store().read();
            read.count_incomplete(scene.rig.workspace()).unwrap()
        };
        assert_eq!((incomplete(&scene), scene.rig.status().withheld.map(|it| it.entries)), (2, Some(1)));
        scene.rig.disconnect();
        scene.write();
        let state = scene.let_go();
        scene.sync();
        assert_begun(&scene.rig, &scene.relay, &state);
        assert_eq!((incomplete(&scene), scene.rig.status().withheld), (0, None));
    }
}

#[test]
fn what_is_given_up_below_the_state_is_put_aside_here_as_well() {
    let mut scene = Scene::new();
    let here = scene.write();
    scene.sync();
    assert_eq!(scene.text(1), ["message 1"]);
    scene.rig.disconnect();
    let lost = Lost { epochs: Vec::new(), entries: vec![scene.relay.entry(here).id()] };
    scene.owner.put_record(&mut scene.relay, &Record::Lost(lost));
    let state = scene.let_go();
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(scene.rig.status().quarantined.len(), 1);
    assert!(scene.rig.try_texts(doc(1)).is_err());
    assert!(scene.rig.notices.iter().any(|it| matches!(it, Notice::GivenUp { entries: 1, own: 0, .. })));
}

#[test]
fn two_histories_prove_a_fork_to_others_from_the_states_place_on() {
    let (scene, state, [_, behind]) = scene();
    let workspace = scene.rig.workspace();
    // The relay has signed something else at a place than what its log has there.
    for (at, is_shown) in [(state.at.0, true), (state.at.0 + 1, true), (behind, false)] {
        let other = scene.relay.sign(at, LogHash::from_bytes([9; 32]));
        let what = [encode(&other), encode(&scene.relay.head())].concat();
        let store = scene.rig.device.store();
        store.connection().execute("DELETE FROM evidence", ()).unwrap();
        let kept = "INSERT INTO evidence (ws, kind, at, what) VALUES (?1, 1, 1, ?2)";
        store.connection().execute(kept, (workspace.as_bytes(), what)).unwrap();
        let caught = scene.rig.device.caught(workspace).unwrap();
        let proven = caught[0].evidence.as_ref().map(|it| it.verify().is_ok());
        assert_eq!(proven, is_shown.then_some(true), "at {at}");
    }
}

#[test]
fn what_a_process_that_has_ended_stored_aside_goes_once_the_log_goes_on_without_it() {
    let mut scene = Scene::new();
    scene.sync();
    scene.rig.disconnect();
    scene.write_lasting();
    scene.let_go();
    scene.bring_kept();
    let mut scene = scene.reopen();
    assert_ne!(kept(&scene.rig), []);
    scene.relay.let_go = None;
    scene.sync();
    assert_eq!((position(&scene.rig), begun(&scene.rig)), (scene.relay.len(), None));
    assert_eq!(kept(&scene.rig), []);
}
