//! Documents, their lists, bases and changes.

use std::collections::BTreeSet;

use crate::common::{doc_id, insert_doc, insert_entry, new_doc, new_entry, refused, store, wire, write, ws};
use bowline_store::{
    DocFilter, DocN, DocRow, DocShown, DocUpdate, NewDoc, OnlyHere, Place, Store, StoreError, Summary, Trash,
    WrittenDoc,
};
use bowline_wire::ids::Millis;

fn row(store: &Store, n: DocN) -> DocRow {
    store.read().doc(n).unwrap().unwrap()
}

fn listed(store: &Store, filter: DocFilter) -> Vec<DocN> {
    store.read().list_docs(&filter).unwrap().into_iter().map(|row| row.n).collect()
}

/// Moves a document to the trash.
fn trash(store: &mut Store, n: DocN) {
    let DocRow { heads, state, summary, .. } = row(store, n);
    let update = DocUpdate { heads: &heads, state, summary: &summary, deleted_at: Some(Millis(77)) };
    write(store, |tx| tx.update_doc(n, &update));
}

#[test]
fn a_document_is_read_back_as_inserted() {
    let mut store = store();
    let new = NewDoc { deleted_at: Some(Millis(8)), ..new_doc(Some(ws(1)), 1) };
    let n = insert_doc(&mut store, &new);
    let expected = DocRow {
        n,
        ws: Some(ws(1)),
        id: doc_id(1),
        wire: Some(wire(1)),
        rev: 1,
        heads: b"heads".to_vec(),
        state: 2,
        kind: 1,
        summary: new.summary,
        deleted_at: Some(Millis(8)),
        created_at: Millis(5),
        log_id: None,
        kept: false,
        only_here: OnlyHere::Nothing,
    };
    assert_eq!(row(&store, n), expected);
}

#[test]
fn a_document_is_found_by_its_id_here_and_by_the_one_its_log_knows() {
    let mut store = store();
    let local = insert_doc(&mut store, &new_doc(None, 1));
    let shared = insert_doc(&mut store, &NewDoc { log_id: Some(doc_id(1)), ..new_doc(Some(ws(1)), 2) });
    let same = insert_doc(&mut store, &new_doc(Some(ws(1)), 3));
    let find = |id| store.read().find_doc(id).unwrap().map(|row| row.n);
    assert_eq!((find(doc_id(1)), find(doc_id(2)), find(doc_id(9))), (Some(local), Some(shared), None));
    let known = |place, id| store.read().find_in_log(place, id).unwrap().map(|row| row.n);
    assert_eq!((known(ws(1), doc_id(1)), known(ws(1), doc_id(3))), (Some(shared), Some(same)));
    assert_eq!((known(ws(1), doc_id(2)), known(ws(2), doc_id(1))), (None, None));
    let on_wire = |place, id| store.read().find_on_wire(place, id).unwrap().map(|row| row.n);
    assert_eq!((on_wire(ws(1), wire(2)), on_wire(ws(2), wire(2))), (Some(shared), None));
}

#[test]
fn an_id_is_taken_once_wherever_the_document_is_and_once_in_each_log() {
    let mut store = store();
    insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    for place in [None, Some(ws(1)), Some(ws(2))] {
        let again = NewDoc { wire: None, ..new_doc(place, 1) };
        assert!(matches!(refused(&mut store, |tx| tx.insert_doc(&again)), StoreError::AlreadyThere(_)));
    }
    let in_log = NewDoc { log_id: Some(doc_id(1)), ..new_doc(Some(ws(1)), 3) };
    assert!(matches!(refused(&mut store, |tx| tx.insert_doc(&in_log)), StoreError::AlreadyThere(_)));
    let same_wire = NewDoc { wire: Some(wire(1)), ..new_doc(Some(ws(1)), 2) };
    assert!(matches!(refused(&mut store, |tx| tx.insert_doc(&same_wire)), StoreError::AlreadyThere(_)));
}

#[test]
fn a_document_needs_its_workspace_and_a_wire_id_needs_one() {
    let mut store = store();
    let nowhere = new_doc(Some(ws(3)), 1);
    assert!(matches!(refused(&mut store, |tx| tx.insert_doc(&nowhere)), StoreError::Refused(_)));
    let local_on_wire = NewDoc { wire: Some(wire(1)), ..new_doc(None, 1) };
    assert!(matches!(refused(&mut store, |tx| tx.insert_doc(&local_on_wire)), StoreError::Refused(_)));
}

#[test]
fn an_update_changes_the_whole_row_and_counts_the_revision() {
    let mut store = store();
    let n = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let other = insert_doc(&mut store, &new_doc(Some(ws(1)), 2));
    let summary = Summary {
        title: "new".to_owned(),
        updated_at: Millis(9),
        count: 7,
        preview: "text".to_owned(),
        marks: vec![3],
    };
    let update = DocUpdate { heads: b"h2", state: 5, summary: &summary, deleted_at: Some(Millis(3)) };
    assert_eq!(write(&mut store, |tx| tx.update_doc(n, &update)), 2);
    assert_eq!(write(&mut store, |tx| tx.update_doc(n, &update)), 3);
    let changed = row(&store, n);
    assert_eq!((changed.rev, changed.state, changed.deleted_at), (3, 5, Some(Millis(3))));
    assert_eq!((changed.heads.as_slice(), changed.summary), (&b"h2"[..], summary.clone()));
    assert_eq!(row(&store, other).rev, 1);
    let nobody = refused(&mut store, |tx| tx.update_doc(DocN(99), &update));
    assert!(matches!(nobody, StoreError::NoSuchRow("document")));
}

#[test]
fn content_does_not_print() {
    let shown = format!("{:?}", new_doc(None, 1));
    assert!(!shown.contains("doc 1") && !shown.contains("once upon"), "{shown}");
}

#[test]
fn lists_are_newest_first_and_show_what_was_asked_for() {
    let mut store = store();
    let old = insert_doc(&mut store, &new_doc(None, 1));
    let shared = insert_doc(&mut store, &NewDoc { kind: 2, ..new_doc(Some(ws(1)), 2) });
    let new = insert_doc(&mut store, &new_doc(None, 3));
    let gone = insert_doc(&mut store, &new_doc(None, 4));
    trash(&mut store, gone);
    let elsewhere = insert_doc(&mut store, &new_doc(Some(ws(2)), 5));

    let all = DocFilter::default();
    assert_eq!(listed(&store, all), [elsewhere, new, shared, old]);
    assert_eq!(listed(&store, DocFilter { place: Place::Local, ..all }), [new, old]);
    assert_eq!(listed(&store, DocFilter { place: Place::In(ws(1)), ..all }), [shared]);
    assert_eq!(listed(&store, DocFilter { place: Place::In(ws(3)), ..all }), []);
    assert_eq!(listed(&store, DocFilter { kind: Some(2), ..all }), [shared]);
    assert_eq!(listed(&store, DocFilter { limit: Some(2), ..all }), [elsewhere, new]);
    assert_eq!(listed(&store, DocFilter { trash: Trash::Only, ..all }), [gone]);
    assert_eq!(
        listed(&store, DocFilter { trash: Trash::With, place: Place::Local, ..all }),
        [gone, new, old]
    );
}

#[test]
fn a_base_is_replaced_and_goes_with_its_document() {
    let mut store = store();
    let n = insert_doc(&mut store, &new_doc(None, 1));
    assert_eq!(store.read().base(n).unwrap(), None);
    write(&mut store, |tx| tx.put_base(n, b"old"));
    write(&mut store, |tx| tx.put_base(n, b"new"));
    assert_eq!(store.read().base(n).unwrap(), Some(b"new".to_vec()));
    write(&mut store, |tx| tx.delete_doc(n));
    assert_eq!(store.read().base(n).unwrap(), None);
    assert!(matches!(refused(&mut store, |tx| tx.put_base(DocN(99), b"x")), StoreError::Refused(_)));
}

#[test]
fn changes_are_unsealed_until_an_entry_holds_them_and_again_when_it_failed() {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let entry = insert_entry(&mut store, &new_entry(ws(1), 1, Some(doc)));
    let (one, two, three) = write(&mut store, |tx| {
        Ok((tx.insert_change(doc, b"1")?, tx.insert_change(doc, b"2")?, tx.insert_change(doc, b"3")?))
    });
    write(&mut store, |tx| tx.mark_sealed(&[one, two], entry));

    let unsealed = |store: &Store| -> Vec<_> {
        store.read().unsealed(doc).unwrap().into_iter().map(|change| (change.n, change.bytes)).collect()
    };
    assert_eq!(unsealed(&store), [(three, b"3".to_vec())]);
    let all: Vec<_> =
        store.read().changes(doc).unwrap().into_iter().map(|change| (change.n, change.entry)).collect();
    assert_eq!(all, [(one, Some(entry)), (two, Some(entry)), (three, None)]);

    let twice = refused(&mut store, |tx| tx.mark_sealed(&[three, two], entry));
    assert!(matches!(twice, StoreError::WrongState(_)));
    assert_eq!(unsealed(&store).len(), 1, "nothing of the failed transaction stays");

    write(&mut store, |tx| tx.unseal(entry));
    assert_eq!(unsealed(&store).len(), 3);
    assert_eq!(store.read().unsealed_sizes(doc).unwrap(), [(one, 1), (two, 1), (three, 1)]);
    let up_to = |last| -> Vec<_> {
        store.read().unsealed_up_to(doc, last).unwrap().into_iter().map(|change| change.n).collect()
    };
    assert_eq!((up_to(one), up_to(two)), (vec![one], vec![one, two]));
    write(&mut store, |tx| tx.delete_changes(&[one, two]));
    assert_eq!(unsealed(&store).len(), 1);
    write(&mut store, |tx| tx.delete_changes_of(doc));
    assert_eq!(unsealed(&store), []);
    let nowhere = refused(&mut store, |tx| tx.insert_change(DocN(99), b"x"));
    assert!(matches!(nowhere, StoreError::NoSuchRow("document")));
}

#[test]
fn unsealed_work_is_listed_for_its_own_place_only() {
    let mut store = store();
    let local = insert_doc(&mut store, &new_doc(None, 1));
    let here = insert_doc(&mut store, &new_doc(Some(ws(1)), 2));
    let there = insert_doc(&mut store, &new_doc(Some(ws(2)), 3));
    let idle = insert_doc(&mut store, &new_doc(Some(ws(1)), 4));
    for doc in [local, here, here, there] {
        write(&mut store, |tx| tx.insert_change(doc, b"edit"));
    }
    let docs = |place| store.read().docs_with_unsealed(place).unwrap();
    assert_eq!((docs(None), docs(Some(ws(1))), docs(Some(ws(2)))), (vec![local], vec![here], vec![there]));
    assert!(!docs(Some(ws(1))).contains(&idle));
}

#[test]
fn a_document_that_moves_takes_its_changes_along_unsealed() {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(None, 1));
    write(&mut store, |tx| tx.insert_change(doc, b"1"));

    write(&mut store, |tx| tx.set_doc_workspace(doc, Some(ws(1)), None));
    assert_eq!((row(&store, doc).ws, row(&store, doc).wire), (Some(ws(1)), None));
    assert_eq!(store.read().docs_with_unsealed(Some(ws(1))).unwrap(), [doc]);
    assert_eq!(store.read().docs_with_unsealed(None).unwrap(), []);

    let entry = insert_entry(&mut store, &new_entry(ws(1), 1, Some(doc)));
    let change = store.read().changes(doc).unwrap()[0].n;
    write(&mut store, |tx| tx.mark_sealed(&[change], entry));
    write(&mut store, |tx| tx.set_doc_workspace(doc, Some(ws(1)), Some(wire(1))));
    assert_eq!(row(&store, doc).wire, Some(wire(1)));
    assert_eq!(store.read().docs_with_unsealed(Some(ws(1))).unwrap(), [], "it did not move");

    write(&mut store, |tx| tx.set_doc_workspace(doc, None, None));
    assert_eq!(store.read().docs_with_unsealed(None).unwrap(), [doc]);
}

#[test]
fn a_document_does_not_move_onto_another() {
    let mut store = store();
    let local = insert_doc(&mut store, &new_doc(None, 1));
    insert_doc(&mut store, &NewDoc { log_id: Some(doc_id(1)), ..new_doc(Some(ws(1)), 2) });
    let error = refused(&mut store, |tx| tx.set_doc_workspace(local, Some(ws(1)), None));
    assert!(matches!(error, StoreError::AlreadyThere(_)));
    assert_eq!(row(&store, local).ws, None);
}

#[test]
fn what_a_document_shows_is_written_only_at_the_revision_that_was_read() {
    let mut store = store();
    let n = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let before = row(&store, n);
    let summary = Summary { title: "new".to_owned(), ..Summary::default() };
    let only_here = OnlyHere::Parts(3);
    let shown = DocShown { heads: b"h2", summary: &summary, deleted_at: None, only_here };
    let written = write(&mut store, |tx| tx.update_shown(n, Some(1), &shown));
    assert_eq!(written, Some(WrittenDoc { rev: 2, ws: Some(ws(1)) }));
    assert_eq!(write(&mut store, |tx| tx.update_shown(n, Some(1), &shown)), None, "it has revision 2");
    assert_eq!(write(&mut store, |tx| tx.update_shown(n, None, &shown)).map(|it| it.rev), Some(3));
    assert_eq!(write(&mut store, |tx| tx.update_shown(DocN(99), None, &shown)), None);
    let after = row(&store, n);
    assert_eq!((after.state, after.rev), (before.state, 3), "how far its sealing is stays");
    let as_written = Summary { updated_at: Millis(1), ..summary };
    assert_eq!((after.heads.as_slice(), after.summary), (&b"h2"[..], as_written), "nobody has edited it");
    assert_eq!(after.only_here, only_here);
}

#[test]
fn documents_are_found_by_their_ids_and_titles_in_every_place() {
    let mut store = store();
    let here = insert_doc(&mut store, &new_doc(None, 2));
    let other = insert_doc(&mut store, &new_doc(Some(ws(2)), 3));
    let last = insert_doc(&mut store, &new_doc(None, 4));
    let between = |first, last| -> BTreeSet<DocN> {
        store.read().docs_between(doc_id(first), doc_id(last)).unwrap().iter().map(|row| row.n).collect()
    };
    assert_eq!(between(2, 2), BTreeSet::from([here]));
    assert_eq!(between(0, 3), BTreeSet::from([here, other]));
    assert_eq!(between(5, 9), BTreeSet::new());
    let row = row(&store, last);
    let titled = |kind, title: &str| -> Vec<DocN> {
        store.read().docs_titled(kind, title).unwrap().iter().map(|row| row.n).collect()
    };
    assert_eq!(titled(row.kind, &row.summary.title), [last]);
    assert_eq!(titled(row.kind + 1, &row.summary.title), []);
    assert_eq!(titled(row.kind, "no such title"), []);
}

#[test]
fn a_local_document_that_a_workspace_has_as_well_is_one_row_with_all_it_had_aside() {
    let mut store = store();
    let n = insert_doc(&mut store, &new_doc(None, 1));
    write(&mut store, |tx| {
        tx.put_base(n, b"base")?;
        tx.insert_change(n, b"edit")?;
        tx.set_aside(n, (ws(1), doc_id(7)), Some(wire(7)))
    });
    let read = store.read();
    let there = row(&store, n);
    assert_eq!((there.ws, there.in_log(), there.only_here), (Some(ws(1)), doc_id(7), OnlyHere::Uncounted));
    assert_eq!(read.docs_uncounted().unwrap(), [n]);
    assert_eq!((read.base(n).unwrap(), read.aside(n).unwrap()), (None, Some(b"base".to_vec())));
    assert_eq!((read.changes(n).unwrap().len(), read.changes_aside(n).unwrap().len()), (0, 1));
    assert!(read.docs_with_unsealed(Some(ws(1))).unwrap().is_empty(), "nothing of it leaves");

    let apart = insert_doc(&mut store, &new_doc(None, 2));
    write(&mut store, |tx| tx.move_aside(n, apart));
    let read = store.read();
    assert_eq!((read.base(apart).unwrap(), read.changes(apart).unwrap().len()), (Some(b"base".to_vec()), 1));
    assert_eq!((row(&store, n).only_here, read.aside(n).unwrap()), (OnlyHere::Nothing, None));
}

#[test]
fn nothing_of_a_document_that_is_kept_here_is_to_be_sealed() {
    let mut store = store();
    let n = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    write(&mut store, |tx| tx.insert_change(n, b"edit"));
    write(&mut store, |tx| tx.set_kept(n, true));
    assert!(row(&store, n).kept);
    assert!(store.read().docs_with_unsealed(Some(ws(1))).unwrap().is_empty());
    write(&mut store, |tx| tx.set_kept(n, false));
    assert_eq!(store.read().docs_with_unsealed(Some(ws(1))).unwrap(), [n]);
}
