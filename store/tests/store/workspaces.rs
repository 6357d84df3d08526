//! Workspaces and what hangs on them: small values, chains, keys, intents, evidence.

use crate::common::{
    chain, cursor, insert_doc, insert_entry, new_doc, new_workspace, on_log, refused, store, write, ws,
};
use bowline_store::{Cursor, StoreError, WorkspaceRow};
use bowline_wire::ids::{Incarnation, Lane, LogId, Millis, Position};

#[test]
fn a_value_of_the_device_is_read_back_until_it_is_deleted() {
    let mut store = store();
    assert_eq!(store.read().meta("device").unwrap(), None);
    write(&mut store, |tx| tx.put_meta("device", b"old"));
    write(&mut store, |tx| tx.put_meta("device", b"new"));
    assert_eq!(store.read().meta("device").unwrap(), Some(b"new".to_vec()));
    write(&mut store, |tx| tx.delete_meta("device"));
    assert_eq!(store.read().meta("device").unwrap(), None);
}

#[test]
fn a_workspace_is_read_back_as_inserted_and_has_no_cursor() {
    let store = store();
    let expected = WorkspaceRow {
        id: ws(1),
        incarnation: Incarnation::from_bytes([1; 8]),
        state: 3,
        draft: 1,
        relay: "wss://relay.example:443".to_owned(),
        created_at: Millis(1_001),
        cursor: None,
    };
    assert_eq!(store.read().workspace(ws(1)).unwrap(), Some(expected));
    assert_eq!(store.read().workspace(ws(3)).unwrap(), None);
    let all: Vec<_> = store.read().workspaces().unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(all, [ws(1), ws(2)]);
}

#[test]
fn a_workspace_is_inserted_once() {
    let error = refused(&mut store(), |tx| tx.insert_workspace(&new_workspace(1)));
    assert!(matches!(error, StoreError::AlreadyThere(_)));
}

#[test]
fn cursor_incarnation_and_state_change_alone() {
    let mut store = store();
    let other_log = Cursor { log: LogId::from_bytes([8; 32]), pos: Position::START, head: None, ..cursor(0) };
    for moved in [cursor(3), cursor(4), other_log] {
        write(&mut store, |tx| tx.set_cursor(ws(1), &moved));
        assert_eq!(store.read().workspace(ws(1)).unwrap().unwrap().cursor, Some(moved));
    }
    write(&mut store, |tx| tx.set_incarnation(ws(1), Incarnation::from_bytes([99; 8])));
    write(&mut store, |tx| tx.set_workspace_state(ws(1), 200));
    let row = store.read().workspace(ws(1)).unwrap().unwrap();
    assert_eq!((row.incarnation, row.state), (Incarnation::from_bytes([99; 8]), 200));
    let untouched = store.read().workspace(ws(2)).unwrap().unwrap();
    assert_eq!((untouched.cursor, untouched.state), (None, 3));
}

#[test]
fn what_is_not_there_cannot_be_changed() {
    let mut store = store();
    for error in [
        refused(&mut store, |tx| tx.set_cursor(ws(3), &cursor(1))),
        refused(&mut store, |tx| tx.set_incarnation(ws(3), Incarnation::ZERO)),
        refused(&mut store, |tx| tx.set_workspace_state(ws(3), 1)),
        refused(&mut store, |tx| tx.delete_workspace(ws(3))),
    ] {
        assert!(matches!(error, StoreError::NoSuchRow("workspace")), "{error:?}");
    }
    for error in [
        refused(&mut store, |tx| tx.put_state(ws(3), "pin", b"x")),
        refused(&mut store, |tx| tx.put_chain(ws(3), &chain(1, Lane::Control), b"x")),
        refused(&mut store, |tx| tx.insert_intent(ws(3), 1, b"x", Millis(1))),
    ] {
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    }
}

#[test]
fn a_number_that_sqlite_cannot_hold_is_an_error() {
    let error = refused(&mut store(), |tx| tx.set_cursor(ws(1), &cursor(1 << 63)));
    assert!(matches!(error, StoreError::NumberTooLarge));
}

#[test]
fn small_values_belong_to_their_workspace() {
    let mut store = store();
    write(&mut store, |tx| {
        tx.put_state(ws(1), "pin", b"old")?;
        tx.put_state(ws(1), "pin", b"one")?;
        tx.put_state(ws(2), "pin", b"two")
    });
    assert_eq!(store.read().state(ws(1), "pin").unwrap().unwrap().as_slice(), b"one");
    write(&mut store, |tx| tx.delete_state(ws(1), "pin"));
    assert_eq!(store.read().state(ws(1), "pin").unwrap(), None);
    assert_eq!(store.read().state(ws(2), "pin").unwrap().unwrap().as_slice(), b"two");
}

#[test]
fn the_latest_tip_of_each_chain_is_kept() {
    let mut store = store();
    write(&mut store, |tx| {
        tx.put_chain(ws(1), &chain(1, Lane::Content), b"old")?;
        tx.put_chain(ws(1), &chain(1, Lane::Content), b"content")?;
        tx.put_chain(ws(1), &chain(1, Lane::Control), b"control")?;
        tx.put_chain(ws(2), &chain(1, Lane::Control), b"elsewhere")
    });
    let expected =
        [(chain(1, Lane::Control), b"control".to_vec()), (chain(1, Lane::Content), b"content".to_vec())];
    assert_eq!(store.read().chains(ws(1)).unwrap(), expected);
}

#[test]
fn intents_are_kept_in_order_until_they_are_done() {
    let mut store = store();
    let (invite, link) = write(&mut store, |tx| {
        let invite = tx.insert_intent(ws(1), 1, b"secret of ana", Millis(10))?;
        let link = tx.insert_intent(ws(1), 2, b"link", Millis(5))?;
        tx.insert_intent(ws(2), 1, b"elsewhere", Millis(1))?;
        Ok((invite, link))
    });
    write(&mut store, |tx| tx.update_intent(link, b"changed"));
    let intents = store.read().intents(ws(1)).unwrap();
    let seen: Vec<_> = intents.iter().map(|i| (i.n, i.kind, i.value.as_slice(), i.created_at)).collect();
    assert_eq!(seen, [(invite, 1, &b"secret of ana"[..], Millis(10)), (link, 2, b"changed", Millis(5))]);
    assert!(!format!("{intents:?}").contains(&format!("{:?}", b"secret of ana".as_slice())));

    write(&mut store, |tx| tx.delete_intent(invite));
    assert_eq!(store.read().intents(ws(1)).unwrap().len(), 1);
    for error in [
        refused(&mut store, |tx| tx.delete_intent(invite)),
        refused(&mut store, |tx| tx.update_intent(invite, b"x")),
    ] {
        assert!(matches!(error, StoreError::NoSuchRow("intent")));
    }
}

#[test]
fn the_same_evidence_is_kept_once_with_its_first_time() {
    let mut store = store();
    let insert =
        |tx: &bowline_store::Tx<'_>, kind, what: &[u8], at| tx.insert_evidence(ws(1), kind, what, Millis(at));
    assert!(write(&mut store, |tx| insert(tx, 1, b"two heads", 10)));
    assert!(!write(&mut store, |tx| insert(tx, 1, b"two heads", 20)));
    assert!(write(&mut store, |tx| insert(tx, 2, b"two heads", 30)));
    let evidence = store.read().evidence(ws(1)).unwrap();
    let seen: Vec<_> = evidence.iter().map(|e| (e.kind, e.what.as_slice(), e.at)).collect();
    assert_eq!(seen, [(1, &b"two heads"[..], Millis(10)), (2, b"two heads", Millis(30))]);
}

#[test]
fn forgetting_a_workspace_takes_everything_but_documents_and_evidence() {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let entry = insert_entry(&mut store, &on_log(ws(1), 1, 1, Some(doc)));
    let kept = insert_entry(&mut store, &on_log(ws(2), 1, 1, None));
    write(&mut store, |tx| {
        let change = tx.insert_change(doc, b"edit")?;
        tx.mark_sealed(&[change], entry)?;
        tx.begin_attempt(&[entry])?;
        tx.put_state(ws(1), "pin", b"x")?;
        tx.put_chain(ws(1), &chain(1, Lane::Control), b"x")?;
        tx.insert_intent(ws(1), 1, b"x", Millis(1))?;
        tx.insert_evidence(ws(1), 1, b"x", Millis(1)).map(drop)
    });

    let error = refused(&mut store, |tx| tx.delete_workspace(ws(1)));
    assert!(matches!(error, StoreError::WrongState(_)), "a document still belongs to it");
    write(&mut store, |tx| {
        tx.set_doc_workspace(doc, None, None)?;
        tx.delete_workspace(ws(1))
    });

    let read = store.read();
    assert_eq!(read.workspace(ws(1)).unwrap(), None);
    assert_eq!(read.entry(entry).unwrap(), None);
    assert_eq!(read.body(entry).unwrap(), None);
    assert_eq!(read.attempts().unwrap(), []);
    assert_eq!(read.state(ws(1), "pin").unwrap(), None);
    assert_eq!(read.chains(ws(1)).unwrap(), []);
    assert_eq!(read.intents(ws(1)).unwrap(), []);
    assert_eq!(read.evidence(ws(1)).unwrap().len(), 1);
    assert_eq!(read.unsealed(doc).unwrap().len(), 1);
    assert!(read.doc(doc).unwrap().is_some());
    assert!(read.entry(kept).unwrap().is_some());
    store.integrity_check().unwrap();
}
