//! What is remembered of imports.

use bowline_store::{ImportRow, LineHash, Store, StoreError};

use crate::common::{doc_id, refused, store, write};

const SOURCE: &str = "openclaw/session/a";

fn hash(n: u8) -> LineHash {
    [n; 8]
}

/// All remembered lines, read stretch by stretch.
fn lines(store: &Store, source: &str) -> Vec<LineHash> {
    let mut all = Vec::new();
    while let Some((first, lines)) = store.read().import_lines(source, all.len() as u64).unwrap() {
        assert_eq!(first, all.len() as u64, "stretches follow one another");
        all.extend(lines);
    }
    all
}

#[test]
fn what_is_remembered_of_a_source_is_replaced_and_forgotten_as_a_whole() {
    let mut store = store();
    assert_eq!(store.read().import(SOURCE).unwrap(), None);
    for (doc, value) in [(1, b"one"), (2, b"two")] {
        write(&mut store, |tx| tx.put_import(SOURCE, doc_id(doc), value));
        let expected = ImportRow { doc: doc_id(doc), value: value.to_vec() };
        assert_eq!(store.read().import(SOURCE).unwrap(), Some(expected));
    }
    write(&mut store, |tx| tx.put_import_lines(SOURCE, 0, &[hash(1)]));
    write(&mut store, |tx| tx.delete_import(SOURCE));
    assert_eq!((store.read().import(SOURCE).unwrap(), lines(&store, SOURCE)), (None, vec![]));
}

#[test]
fn lines_are_added_in_stretches_and_cut_where_others_take_their_place() {
    let mut store = store();
    write(&mut store, |tx| tx.put_import(SOURCE, doc_id(1), b""));
    write(&mut store, |tx| tx.put_import("openclaw/session/b", doc_id(2), b""));
    write(&mut store, |tx| tx.put_import_lines("openclaw/session/b", 0, &[hash(9)]));
    write(&mut store, |tx| tx.put_import_lines(SOURCE, 0, &[hash(1), hash(2), hash(3)]));
    write(&mut store, |tx| tx.put_import_lines(SOURCE, 3, &[hash(4), hash(5)]));
    assert_eq!(lines(&store, SOURCE), [1, 2, 3, 4, 5].map(hash));
    assert_eq!(store.read().import_lines(SOURCE, 5).unwrap(), None);
    write(&mut store, |tx| tx.put_import(SOURCE, doc_id(1), b"more"));
    write(&mut store, |tx| tx.put_import_lines(SOURCE, 2, &[hash(6), hash(7)]));
    assert_eq!(lines(&store, SOURCE), [1, 2, 6, 7].map(hash));
    write(&mut store, |tx| tx.put_import_lines(SOURCE, 2, &[]));
    assert_eq!(lines(&store, SOURCE), [1, 2].map(hash));
    write(&mut store, |tx| tx.put_import_lines(SOURCE, 0, &[hash(8)]));
    assert_eq!(lines(&store, SOURCE), [8].map(hash));
    assert_eq!(lines(&store, "openclaw/session/b"), [hash(9)]);
    store.integrity_check().unwrap();
}

#[test]
fn lines_need_their_source() {
    let outcome = refused(&mut store(), |tx| tx.put_import_lines(SOURCE, 0, &[hash(1)]));
    assert!(matches!(outcome, StoreError::Refused(_)));
}

#[test]
fn sources_of_one_document_can_become_those_of_another_with_what_is_remembered_of_them() {
    let mut store = store();
    write(&mut store, |tx| tx.put_import(SOURCE, doc_id(1), b"one"));
    write(&mut store, |tx| tx.put_import_lines(SOURCE, 0, &[hash(1)]));
    write(&mut store, |tx| tx.put_import("openclaw/session/b", doc_id(2), b"two"));
    write(&mut store, |tx| tx.move_imports(doc_id(1), doc_id(3)));
    let read = store.read();
    let row = |doc, value: &[u8]| Some(ImportRow { doc: doc_id(doc), value: value.to_vec() });
    assert_eq!(read.import(SOURCE).unwrap(), row(3, b"one"));
    assert_eq!(read.import("openclaw/session/b").unwrap(), row(2, b"two"));
    assert_eq!(read.import_lines(SOURCE, 0).unwrap(), Some((0, vec![hash(1)])));
    assert!(!read.is_imported(doc_id(1)).unwrap() && read.is_imported(doc_id(3)).unwrap());
}
