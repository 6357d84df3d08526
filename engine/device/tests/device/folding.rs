//! A document that only this device writes into: its change rows do not pile up, and dropping them loses nothing.

use bowline_wire::ids::DocId;

use crate::relay::FakeRelay;
use crate::rig::Rig;

/// Messages after which there is something to fold for sure.
const MANY: usize = 300;

fn count(rig: &Rig, sql: &str) -> i64 {
    rig.device.store().connection().query_row(sql, (), |row| row.get(0)).unwrap()
}

fn rows(rig: &Rig) -> i64 {
    count(rig, "SELECT count(*) FROM change")
}

fn bases(rig: &Rig) -> i64 {
    count(rig, "SELECT count(*) FROM base")
}

fn said(count: usize) -> Vec<String> {
    (0..count).map(|turn| turn.to_string()).collect()
}

fn say(rig: &mut Rig, id: DocId, count: usize) {
    for text in said(count) {
        rig.say(id, &text);
    }
}

/// A member with a conversation of which everything is on the log.
fn settled() -> (Rig, FakeRelay, DocId) {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("mine alone");
    say(&mut rig, id, MANY);
    rig.talk(&mut relay);
    assert_eq!(rig.status().queued, 0);
    (rig, relay, id)
}

#[test]
fn rows_that_are_on_the_log_go_into_a_base() {
    let (mut rig, mut relay, id) = settled();
    let (before, said_before) = (rows(&rig), rig.texts(id).len());
    say(&mut rig, id, MANY);
    assert_eq!(bases(&rig), 1);
    assert!(rows(&rig) < before, "only what was just said is not on the log yet");
    rig.talk(&mut relay);
    assert_eq!(rig.status().queued, 0);
    let all = [said(said_before), said(MANY)].concat();
    assert_eq!(rig.texts(id), all);
    assert_eq!(rig.reopened().texts(id), all);
}

#[test]
fn a_process_that_finds_many_folds_them() {
    let (rig, _, id) = settled();
    let mut rig = rig.reopened();
    assert!(rows(&rig) > 256);
    assert_eq!(rig.texts(id), said(MANY));
    assert_eq!((rows(&rig), bases(&rig)), (0, 1));
    assert_eq!(rig.reopened().texts(id), said(MANY));
}

#[test]
fn what_is_not_on_the_log_keeps_its_row() {
    let (mut rig, mut relay) = Rig::creator(1);
    let id = rig.conversation("offline");
    say(&mut rig, id, MANY);
    let mut rig = rig.reopened();
    assert_eq!(rig.texts(id), said(MANY));
    assert_eq!((rows(&rig), bases(&rig)), (1 + i64::try_from(MANY).unwrap(), 0));
    rig.sync(&mut relay);
    rig.sync(&mut relay);
    assert_eq!(rig.status().queued, 0);
    assert_eq!(rig.texts(id), said(MANY));
}

#[test]
fn a_process_that_ends_while_folding_loses_nothing() {
    let (rig, _, id) = settled();
    let before = rows(&rig);
    let mut rig = rig.reopened();
    rig.commits.refuse(1);
    assert!(rig.try_texts(id).is_err(), "the commit that folds");
    assert!(rig.commits.is_spent());
    assert_eq!((rows(&rig), bases(&rig)), (before, 0), "both or neither");
    let mut rig = rig.reopened();
    assert_eq!(rig.texts(id), said(MANY));
    assert_eq!((rows(&rig), bases(&rig)), (0, 1));
}

#[test]
fn a_base_that_is_damaged_after_its_rows_have_gone_is_made_anew_from_the_entries() {
    let (rig, _, id) = settled();
    let mut rig = rig.reopened();
    rig.texts(id);
    assert_eq!(rows(&rig), 0);
    rig.device.store().connection().execute("UPDATE base SET bytes = x'00'", ()).unwrap();
    assert_eq!(rig.reopened().texts(id), said(MANY));
}
