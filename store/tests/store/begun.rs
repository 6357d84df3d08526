//! What a log needs that is begun from a state: entries on their way in, the state, and what the log had of ours and has let go.

use crate::common::{
    WHY, at, entry_id, insert_doc, insert_entry, new_doc, new_entry, on_log, refused, store, write, ws,
};
use bowline_store::{EntryN, EntryState, Kept, LogPlace, NewEntry, StateCounts, Store, StoreError};
use bowline_wire::ids::{LogTime, Millis, Moment, Position};

fn moment(pos: u64) -> Moment {
    Moment { position: Position(pos), time: LogTime::at_most(Millis(pos)) }
}

fn kept(pos: u64, entry: &[u8]) -> Kept {
    Kept { pos: Position(pos), time: moment(pos).time, entry: entry.to_vec() }
}

/// A store with entries aside at places 2, 5 and 6.
fn with_kept() -> Store {
    let mut store = store();
    write(&mut store, |tx| {
        tx.keep(ws(1), moment(2), b"two")?;
        tx.keep(ws(1), moment(5), b"five")?;
        tx.keep(ws(1), moment(6), b"six")?;
        tx.keep(ws(2), moment(2), b"another log's")
    });
    store
}

#[test]
fn what_is_stored_aside_is_read_back_in_order_and_a_piece_at_a_time() {
    let store = with_kept();
    let read = |after, bytes| store.read().kept(ws(1), Position(after), bytes).unwrap();
    let all = [kept(2, b"two"), kept(5, b"five"), kept(6, b"six")];
    assert_eq!(read(0, usize::MAX), all);
    assert_eq!(read(0, 7), all[..2]);
    assert_eq!(read(2, 1), all[1..2], "at least one");
    assert_eq!(read(6, usize::MAX), []);
}

#[test]
fn what_is_stored_aside_is_no_entry_and_nothing_else_sees_it() {
    let store = with_kept();
    let read = store.read();
    assert_eq!(read.count_by_state(ws(1)).unwrap(), StateCounts::default());
    assert_eq!(read.stretch(ws(1), Position::START, Position(9), 9).unwrap(), []);
    assert_eq!(read.without_a_place(ws(1)).unwrap(), []);
}

#[test]
fn a_place_is_stored_aside_once() {
    let again = refused(&mut with_kept(), |tx| tx.keep(ws(1), moment(5), b"another"));
    assert!(matches!(again, StoreError::AlreadyThere(_)), "{again}");
    let nowhere = refused(&mut with_kept(), |tx| tx.keep(ws(3), moment(5), b"nowhere"));
    assert!(matches!(nowhere, StoreError::Refused(_)), "{nowhere}");
}

#[test]
fn what_is_stored_aside_is_dropped_for_its_workspace_alone_and_goes_with_it() {
    let mut store = with_kept();
    write(&mut store, |tx| tx.drop_kept(ws(1)));
    let read = |store: &Store, of| store.read().kept(ws(of), Position::START, usize::MAX).unwrap();
    assert_eq!(read(&store, 1), []);
    assert_eq!(read(&store, 2), [kept(2, b"another log's")]);
    write(&mut store, |tx| tx.delete_workspace(ws(2)));
    assert_eq!(read(&store, 2), []);
}

#[test]
fn the_newest_state_from_which_a_log_was_begun_is_kept_until_its_workspace_goes() {
    let mut store = store();
    assert_eq!(store.read().begun(ws(1)).unwrap(), None);
    write(&mut store, |tx| tx.put_begun(ws(1), b"old"));
    write(&mut store, |tx| tx.put_begun(ws(1), b"new"));
    assert_eq!(store.read().begun(ws(1)).unwrap(), Some(b"new".to_vec()));
    assert_eq!(store.read().begun_up_to(ws(1), 2).unwrap(), Some(b"ne".to_vec()));
    assert_eq!(store.read().begun_up_to(ws(1), 9).unwrap(), Some(b"new".to_vec()));
    assert_eq!(store.read().begun(ws(2)).unwrap(), None);
    write(&mut store, |tx| tx.delete_workspace(ws(1)));
    assert_eq!(store.read().begun(ws(1)).unwrap(), None);
}

#[test]
fn an_entry_below_the_state_has_a_place_whose_hash_is_not_known() {
    let mut store = store();
    let place = LogPlace { log_hash: None, ..at(4) };
    let n = insert_entry(&mut store, &NewEntry { place: Some(place), ..on_log(ws(1), 1, 4, None) });
    let offered = insert_entry(&mut store, &new_entry(ws(1), 2, None));
    write(&mut store, |tx| tx.place_entry(offered, LogPlace { log_hash: None, ..at(5) }));
    let read = store.read();
    assert_eq!(read.entry(n).unwrap().unwrap().place, Some(place));
    assert_eq!(read.log_hash_at(ws(1), Position(4)).unwrap(), None);
    assert_eq!(read.log_hash_at(ws(1), Position(5)).unwrap(), None);
    assert_eq!(read.author_at(ws(1), Position(4)).unwrap().unwrap().0, place.time);
    store.integrity_check().unwrap();
}

/// Entries of ours in each way in which the log may have had them: offered, on the log, withheld, refused.
fn ours(store: &mut Store) -> [EntryN; 4] {
    let doc = insert_doc(store, &new_doc(Some(ws(1)), 1));
    let placed = |n, pos, state| NewEntry { state, ..on_log(ws(1), n, pos, Some(doc)) };
    let refused =
        NewEntry { state: EntryState::Refused, reason: Some(&WHY), ..new_entry(ws(1), 4, Some(doc)) };
    let rows = [
        insert_entry(store, &new_entry(ws(1), 1, Some(doc))),
        insert_entry(store, &placed(2, 7, EntryState::OnLog)),
        insert_entry(store, &NewEntry { body: None, ..placed(3, 8, EntryState::Withheld) }),
        insert_entry(store, &refused),
    ];
    write(store, |tx| {
        tx.note_withheld(rows[2], Millis(1))?;
        rows.iter().try_for_each(|n| {
            let change = tx.insert_change(doc, b"edit")?;
            tx.mark_sealed(&[change], *n)
        })
    });
    rows
}

#[test]
fn what_the_log_has_let_go_is_neither_sent_nor_damage_and_stays_sealed() {
    let mut store = store();
    let rows = ours(&mut store);
    write(&mut store, |tx| rows.iter().try_for_each(|n| tx.let_go(*n)));
    let read = store.read();
    assert_eq!(read.offered(ws(1)).unwrap(), []);
    assert_eq!(read.ids_again(ws(1)).unwrap(), []);
    assert_eq!(read.without_a_place(ws(1)).unwrap(), []);
    assert_eq!(read.withheld_of_workspace(ws(1)).unwrap(), None);
    assert_eq!(read.count_by_state(ws(1)).unwrap(), StateCounts::default());
    assert_eq!(read.docs_with_unsealed(Some(ws(1))).unwrap(), []);
    for n in rows {
        let row = read.entry(n).unwrap().unwrap();
        assert_eq!((row.state, row.place, row.reason), (EntryState::LetGo, None, None));
        assert!(read.changes(row.doc.unwrap()).unwrap().iter().any(|change| change.entry == Some(n)));
    }
    store.integrity_check().unwrap();
}

#[test]
fn a_document_knows_whether_something_of_it_was_let_go() {
    let mut store = store();
    let rows = ours(&mut store);
    let doc = store.read().entry(rows[0]).unwrap().unwrap().doc.unwrap();
    assert!(!store.read().has_let_go(doc).unwrap());
    write(&mut store, |tx| tx.let_go(rows[0]));
    assert!(store.read().has_let_go(doc).unwrap());
}

#[test]
fn what_was_let_go_was_made_after_what_was_refused_before() {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let refused = NewEntry {
        state: EntryState::Refused,
        reason: Some(&WHY),
        applied: true,
        ..new_entry(ws(1), 1, Some(doc))
    };
    insert_entry(&mut store, &refused);
    assert!(store.read().was_refused(doc, 1).unwrap());
    let later = insert_entry(&mut store, &new_entry(ws(1), 2, Some(doc)));
    write(&mut store, |tx| tx.let_go(later));
    assert!(!store.read().was_refused(doc, 1).unwrap());
}

#[test]
fn what_comes_back_to_the_log_after_all_has_a_place_again() {
    let mut store = store();
    let [offered, ..] = ours(&mut store);
    write(&mut store, |tx| tx.let_go(offered));
    write(&mut store, |tx| tx.place_entry(offered, at(9)));
    let row = store.read().entry(offered).unwrap().unwrap();
    assert_eq!((row.state, row.place), (EntryState::OnLog, Some(at(9))));
}

#[test]
fn parts_that_belong_to_no_document_are_found_up_to_a_place() {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    for n in 1..=4 {
        insert_entry(&mut store, &on_log(ws(1), n, n.into(), None));
    }
    insert_entry(&mut store, &on_log(ws(1), 5, 5, Some(doc)));
    insert_entry(&mut store, &NewEntry { applied: true, ..on_log(ws(1), 6, 6, None) });
    insert_entry(&mut store, &on_log(ws(1), 7, 7, None));
    let found = |after, to, limit| -> Vec<_> {
        let rows = store.read().incomplete(ws(1), Position(after), Position(to), limit).unwrap();
        rows.into_iter().map(|row| row.id).collect()
    };
    assert_eq!(found(1, 6, 9), [2, 3, 4].map(entry_id));
    assert_eq!(found(0, 9, 2), [1, 2].map(entry_id));
}
