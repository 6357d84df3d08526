//! What a log has lost: it comes again, or is put apart for good, and stays behind everything that has a place.

use crate::common::{
    at, doc_id, entry_id, insert_doc, insert_entry, new_doc, on_log, refused, store, write, ws,
};
use bowline_store::{DocN, EntryN, NewEntry, Store, StoreError};
use bowline_wire::ids::{EntryId, Position};

/// Four entries of one document, of which the last three have lost their places.
fn set_back() -> (Store, DocN, Vec<EntryN>) {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let rows: Vec<EntryN> =
        (1..=4).map(|n| insert_entry(&mut store, &on_log(ws(1), n, u64::from(n), Some(doc)))).collect();
    write(&mut store, |tx| tx.set_back(ws(1), Position(1)));
    (store, doc, rows)
}

fn again(store: &Store) -> Vec<EntryId> {
    store.read().ids_again(ws(1)).unwrap()
}

/// The document's accepted entries, in the order in which they count.
fn counting(store: &Store, doc: DocN) -> Vec<EntryId> {
    store.read().accepted(doc).unwrap().into_iter().map(|found| found.entry.id).collect()
}

#[test]
fn what_is_put_apart_does_not_come_again_and_counts_behind_everything_else() {
    let (mut store, doc, rows) = set_back();
    write(&mut store, |tx| tx.put_apart(rows[1]));
    assert_eq!(again(&store), [entry_id(3), entry_id(4)]);
    assert_eq!(counting(&store, doc), [1, 3, 4, 2].map(entry_id));
    assert_eq!(store.read().count_apart(ws(1)).unwrap(), 1);
    assert!(store.read().is_partly_apart(doc).unwrap());
    let last = store.read().last_placed(doc).unwrap().unwrap();
    assert_eq!(last, store.read().entry(rows[3]).unwrap().unwrap().place.unwrap().pos);
    for n in [rows[0], rows[1]] {
        let error = refused(&mut store, |tx| tx.put_apart(n));
        assert!(matches!(error, StoreError::WrongState(_)), "{error}");
    }
}

#[test]
fn what_is_apart_stays_where_it_is_when_more_is_lost() {
    let (mut store, doc, rows) = set_back();
    write(&mut store, |tx| tx.put_apart(rows[3]));
    let place = store.read().entry(rows[3]).unwrap().unwrap().place;
    write(&mut store, |tx| {
        tx.place_again(rows[1], at(2))?;
        tx.set_back(ws(1), Position(0))?;
        tx.put_apart(rows[0])
    });
    assert_eq!(store.read().entry(rows[3]).unwrap().unwrap().place, place);
    assert_eq!(again(&store), [entry_id(2), entry_id(3)]);
    assert_eq!(counting(&store, doc), [2, 3, 4, 1].map(entry_id));
}

#[test]
fn what_is_apart_and_comes_after_all_gets_its_place() {
    let (mut store, _, rows) = set_back();
    write(&mut store, |tx| {
        tx.put_apart(rows[1])?;
        tx.place_again(rows[1], at(2))
    });
    assert_eq!(store.read().entry(rows[1]).unwrap().unwrap().place, Some(at(2)));
    assert_eq!(store.read().count_apart(ws(1)).unwrap(), 0);
}

#[test]
fn once_its_author_has_written_into_the_document_again_nothing_is_missing() {
    let (mut store, doc, rows) = set_back();
    let other = insert_doc(&mut store, &new_doc(Some(ws(1)), 2));
    assert_eq!(doc_id(2), store.read().doc(other).unwrap().unwrap().id);
    write(&mut store, |tx| rows[1..].iter().try_for_each(|n| tx.put_apart(*n)));
    assert_eq!(store.read().count_apart(ws(1)).unwrap(), 3, "what is apart itself does not count");
    insert_entry(&mut store, &on_log(ws(1), 5, 2, Some(other)));
    assert!(store.read().is_partly_apart(doc).unwrap());
    let chain = crate::common::chain(2, bowline_wire::ids::Lane::Content);
    insert_entry(&mut store, &NewEntry { chain, ..on_log(ws(1), 6, 3, Some(doc)) });
    assert!(store.read().is_partly_apart(doc).unwrap(), "somebody else wrote that");
    insert_entry(&mut store, &on_log(ws(1), 7, 4, Some(doc)));
    assert!(!store.read().is_partly_apart(doc).unwrap());
    assert_eq!(store.read().count_apart(ws(1)).unwrap(), 0);
}
