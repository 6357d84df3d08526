//! Entries: what they go through, and the questions asked of many.

use crate::common::{
    WHY, at, chain, entry_id, insert_doc, insert_entry, new_doc, new_entry, on_log, refused, store, wire,
    write, ws,
};
use bowline_store::{
    Attempt, EntryN, EntryRow, EntryState, NewEntry, StateCounts, Store, StoreError, StoredReason, Withheld,
};
use bowline_wire::ids::{Lane, Millis, Position, Signature, WireDoc};

fn row(store: &Store, n: EntryN) -> EntryRow {
    store.read().entry(n).unwrap().unwrap()
}

#[test]
fn an_entry_is_read_back_as_inserted_by_every_name_it_has() {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let reason = StoredReason { number: u16::MAX, detail: Some("wrong key".to_owned()) };
    let n = insert_entry(
        &mut store,
        &NewEntry {
            state: EntryState::Quarantined,
            reason: Some(&reason),
            applied: true,
            entry_type: 65_535,
            ..on_log(ws(1), 4, 9, Some(doc))
        },
    );
    let expected = EntryRow {
        n,
        ws: ws(1),
        id: entry_id(4),
        chain: chain(1, Lane::Content),
        seq: 4,
        entry_type: 65_535,
        wire: Some(wire(4)),
        doc: Some(doc),
        place: Some(at(9)),
        state: EntryState::Quarantined,
        reason: Some(reason.clone()),
        applied: true,
        header: b"header".to_vec(),
        signature: Signature::from_bytes([5; 64]),
    };
    let read = store.read();
    assert_eq!(read.entry(n).unwrap().as_ref(), Some(&expected));
    assert_eq!(read.entry_by_id(ws(1), entry_id(4)).unwrap().as_ref(), Some(&expected));
    assert_eq!(read.log_hash_at(ws(1), Position(9)).unwrap(), at(9).log_hash);
    assert_eq!(read.body(n).unwrap(), Some(b"body".to_vec()));

    assert_eq!(read.entry_by_id(ws(2), entry_id(4)).unwrap(), None);
    assert_eq!(read.log_hash_at(ws(2), Position(9)).unwrap(), None);
}

#[test]
fn a_stretch_of_the_log_comes_whole_and_no_more_of_it_than_asked_for() {
    let mut store = store();
    for n in 1..=5 {
        insert_entry(&mut store, &on_log(ws(1), n, u64::from(n), None));
    }
    insert_entry(&mut store, &on_log(ws(2), 9, 3, None));
    let stretch = |after, to, bytes| -> Vec<(u64, Option<Vec<u8>>)> {
        let found = store.read().stretch_with_bodies(ws(1), Position(after), Position(to), bytes).unwrap();
        found.into_iter().map(|it| (it.entry.place.unwrap().pos.0, it.body)).collect()
    };
    let with_body = |pos| (pos, Some(b"body".to_vec()));
    assert_eq!(stretch(1, 4, usize::MAX), [2, 3, 4].map(with_body));
    let one = b"header".len() + b"body".len();
    assert_eq!(stretch(0, 5, 2 * one), [1, 2].map(with_body));
    assert_eq!(stretch(0, 5, 1), [1].map(with_body), "at least one");
    assert_eq!(stretch(5, 5, usize::MAX), []);
}

#[test]
fn whose_entry_stands_at_a_position_and_since_when() {
    let mut store = store();
    insert_entry(&mut store, &on_log(ws(1), 4, 9, None));
    let author = chain(1, Lane::Content).device;
    assert_eq!(store.read().author_at(ws(1), Position(9)).unwrap(), Some((at(9).time, author)));
    assert_eq!(store.read().author_at(ws(1), Position(8)).unwrap(), None);
    assert_eq!(store.read().author_at(ws(2), Position(9)).unwrap(), None);
}

#[test]
fn without_a_place_are_those_that_were_refused_or_put_apart() {
    let mut store = store();
    let aside = |n, state, reason| NewEntry { state, reason, ..new_entry(ws(1), n, None) };
    insert_entry(&mut store, &aside(1, EntryState::Refused, Some(&WHY)));
    insert_entry(&mut store, &aside(2, EntryState::Offered, None));
    insert_entry(&mut store, &aside(3, EntryState::Quarantined, Some(&WHY)));
    insert_entry(&mut store, &on_log(ws(1), 4, 1, None));
    let placed = NewEntry { place: Some(at(2)), ..aside(5, EntryState::Quarantined, Some(&WHY)) };
    insert_entry(&mut store, &placed);
    let found: Vec<_> = store.read().without_a_place(ws(1)).unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(found, [entry_id(1), entry_id(3)]);
}

#[test]
fn an_entry_without_a_body_has_none() {
    let mut store = store();
    let n = insert_entry(&mut store, &NewEntry { body: None, ..on_log(ws(1), 1, 1, None) });
    assert_eq!(store.read().body(n).unwrap(), None);
    let found = store.read().accepted_in_chain(ws(1), &chain(1, Lane::Content), 1).unwrap().unwrap();
    assert_eq!((found.entry.n, found.body), (n, None));
}

#[test]
fn an_id_and_a_position_are_taken_once_in_a_workspace() {
    let mut store = store();
    insert_entry(&mut store, &on_log(ws(1), 1, 1, None));
    for taken in [on_log(ws(1), 1, 2, None), on_log(ws(1), 2, 1, None)] {
        assert!(matches!(refused(&mut store, |tx| tx.insert_entry(&taken)), StoreError::AlreadyThere(_)));
    }
    insert_entry(&mut store, &on_log(ws(2), 1, 1, None));
}

#[test]
fn state_position_and_reason_must_go_together() {
    let offered = new_entry(ws(1), 1, None);
    for (what, wrong) in [
        ("on the log without a position", NewEntry { state: EntryState::OnLog, ..offered }),
        ("offered with a position", NewEntry { place: Some(at(1)), ..offered }),
        ("quarantined without a reason", NewEntry { state: EntryState::Quarantined, ..offered }),
        ("refused without a reason", NewEntry { state: EntryState::Refused, ..offered }),
        ("offered with a reason", NewEntry { reason: Some(&WHY), ..offered }),
        ("of no workspace", NewEntry { ws: ws(3), ..offered }),
    ] {
        let error = refused(&mut store(), |tx| tx.insert_entry(&wrong));
        assert!(matches!(error, StoreError::Refused(_)), "{what}: {error:?}");
    }
}

#[test]
fn an_offered_or_refused_entry_is_placed_once() {
    let mut store = store();
    let offered = insert_entry(&mut store, &new_entry(ws(1), 1, None));
    let denied = insert_entry(&mut store, &new_entry(ws(1), 2, None));
    write(&mut store, |tx| tx.set_entry_state(denied, EntryState::Refused, Some(&WHY)));
    for (n, pos) in [(offered, 1), (denied, 2)] {
        write(&mut store, |tx| tx.place_entry(n, at(pos)));
        let placed = row(&store, n);
        assert_eq!((placed.state, placed.place, placed.reason), (EntryState::OnLog, Some(at(pos)), None));
        let again = refused(&mut store, |tx| tx.place_entry(n, at(7)));
        assert!(matches!(again, StoreError::WrongState(_)));
    }
    let third = insert_entry(&mut store, &new_entry(ws(1), 3, None));
    let taken = refused(&mut store, |tx| tx.place_entry(third, at(1)));
    assert!(matches!(taken, StoreError::AlreadyThere(_)));
}

#[test]
fn quarantine_keeps_the_position_and_can_be_lifted() {
    let mut store = store();
    let n = insert_entry(&mut store, &on_log(ws(1), 1, 5, None));
    write(&mut store, |tx| tx.set_entry_state(n, EntryState::Quarantined, Some(&WHY)));
    let held = row(&store, n);
    assert_eq!((held.place, held.reason), (Some(at(5)), Some(WHY.clone())));
    write(&mut store, |tx| tx.set_entry_state(n, EntryState::OnLog, None));
    assert_eq!(row(&store, n).reason, None);
    let back = refused(&mut store, |tx| tx.set_entry_state(n, EntryState::Offered, None));
    assert!(matches!(back, StoreError::Refused(_)), "what is on the log is not offered again");
    let nobody = refused(&mut store, |tx| tx.set_entry_state(EntryN(99), EntryState::UpdateNeeded, None));
    assert!(matches!(nobody, StoreError::NoSuchRow("entry")));
}

#[test]
fn offered_entries_come_control_lane_first_then_as_they_were_made() {
    let mut store = store();
    let content = insert_entry(&mut store, &new_entry(ws(1), 1, None));
    let next = insert_entry(&mut store, &new_entry(ws(1), 2, None));
    let control = NewEntry { chain: chain(1, Lane::Control), ..new_entry(ws(1), 3, None) };
    let control = insert_entry(&mut store, &control);
    insert_entry(&mut store, &on_log(ws(1), 4, 1, None));
    insert_entry(&mut store, &new_entry(ws(2), 5, None));
    let offered: Vec<_> = store.read().offered(ws(1)).unwrap().into_iter().map(|entry| entry.n).collect();
    assert_eq!(offered, [control, content, next]);
}

#[test]
fn a_document_is_told_what_it_lacks_and_what_it_is_made_of() {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let late = insert_entry(&mut store, &on_log(ws(1), 1, 20, Some(doc)));
    let early = insert_entry(&mut store, &on_log(ws(1), 2, 10, Some(doc)));
    let own = insert_entry(&mut store, &NewEntry { applied: true, ..on_log(ws(1), 3, 15, Some(doc)) });
    insert_entry(&mut store, &new_entry(ws(1), 4, Some(doc)));
    let control = NewEntry { chain: chain(1, Lane::Control), ..on_log(ws(1), 5, 16, Some(doc)) };
    insert_entry(&mut store, &control);
    let unknown = insert_entry(&mut store, &on_log(ws(1), 6, 17, None));

    let unapplied = |store: &Store| -> Vec<_> {
        store
            .read()
            .unapplied(doc, Position::START, usize::MAX)
            .unwrap()
            .into_iter()
            .map(|found| found.entry.n)
            .collect()
    };
    assert_eq!(unapplied(&store), [early, late]);
    assert_eq!(
        store.read().unapplied(doc, Position::START, usize::MAX).unwrap()[0].body.as_deref(),
        Some(&b"body"[..])
    );
    assert_eq!(store.read().docs_with_unapplied().unwrap(), [doc]);
    let some = |after: u64, bytes| -> Vec<_> {
        let found = store.read().unapplied(doc, Position(after), bytes).unwrap();
        found.into_iter().map(|found| found.entry.n).collect()
    };
    let one = b"body".len();
    assert_eq!((some(0, 2 * one), some(0, 2 * one - 1)), (vec![early, late], vec![early]));
    assert_eq!((some(0, 0), some(10, 0), some(20, 0)), (vec![early], vec![late], vec![]), "at least one");

    write(&mut store, |tx| tx.mark_applied(&[early, late]));
    assert_eq!(unapplied(&store), []);
    assert_eq!(store.read().docs_with_unapplied().unwrap(), []);
    write(&mut store, |tx| tx.set_entry_doc(unknown, doc));
    assert_eq!(unapplied(&store), [unknown]);
    let accepted = store.read().accepted(doc).unwrap();
    let accepted: Vec<_> = accepted.into_iter().map(|found| (found.entry.n, found.entry.applied)).collect();
    assert_eq!(accepted, [(early, true), (own, true), (unknown, false), (late, true)]);
    let nobody = refused(&mut store, |tx| tx.mark_applied(&[early, EntryN(99)]));
    assert!(matches!(nobody, StoreError::NoSuchRow("entry")));
}

#[test]
fn an_earlier_part_is_found_by_its_number_and_counted_until_the_last_one_has_come() {
    let mut store = store();
    let content = chain(1, Lane::Content);
    let part = |n, pos| NewEntry { chain: content, seq: 7, ..on_log(ws(1), n, pos, None) };
    // Of several entries with one number only the accepted one counts.
    let aside = NewEntry { state: EntryState::Quarantined, reason: Some(&WHY), ..part(1, 4) };
    insert_entry(&mut store, &aside);
    insert_entry(&mut store, &NewEntry { chain: content, seq: 7, ..new_entry(ws(1), 2, None) });
    let accepted = insert_entry(&mut store, &part(3, 5));
    let found = |store: &Store, chain, seq| {
        let found = store.read().accepted_in_chain(ws(1), &chain, seq).unwrap();
        found.map(|found| (found.entry.n, found.body))
    };
    assert_eq!(found(&store, content, 7), Some((accepted, Some(b"body".to_vec()))));
    assert_eq!(found(&store, content, 6), None);
    assert_eq!(found(&store, chain(1, Lane::Control), 7), None);
    assert_eq!(found(&store, chain(2, Lane::Content), 7), None);

    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    insert_entry(&mut store, &on_log(ws(1), 8, 8, Some(doc)));
    insert_entry(&mut store, &NewEntry { chain: chain(1, Lane::Control), ..on_log(ws(1), 9, 9, None) });
    assert_eq!(store.read().count_incomplete(ws(1)).unwrap(), 1);
    assert_eq!(store.read().count_incomplete(ws(2)).unwrap(), 0);
    write(&mut store, |tx| tx.mark_applied(&[accepted]));
    assert_eq!(store.read().count_incomplete(ws(1)).unwrap(), 0);
}

#[test]
fn a_refusal_is_known_until_another_of_its_kind_is_offered() {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    // As what a device has written is stored.
    let snapshot = |n| NewEntry { entry_type: 2, applied: true, ..new_entry(ws(1), n, Some(doc)) };
    let was_refused = |store: &Store, entry_type| store.read().was_refused(doc, entry_type).unwrap();
    let first = insert_entry(&mut store, &snapshot(1));
    assert!(!was_refused(&store, 2));
    write(&mut store, |tx| tx.set_entry_state(first, EntryState::Refused, Some(&WHY)));
    assert!(was_refused(&store, 2) && !was_refused(&store, 1));
    let theirs = NewEntry { chain: chain(2, Lane::Content), entry_type: 2, ..on_log(ws(1), 2, 5, Some(doc)) };
    insert_entry(&mut store, &theirs);
    assert!(was_refused(&store, 2), "another device's is none of ours");
    let second = insert_entry(&mut store, &snapshot(3));
    assert!(!was_refused(&store, 2));
    write(&mut store, |tx| tx.set_entry_state(second, EntryState::Refused, Some(&WHY)));
    assert!(was_refused(&store, 2));
    write(&mut store, |tx| tx.place_entry(second, at(6)));
    assert!(!was_refused(&store, 2), "it is on the log after all");
    write(&mut store, |tx| tx.set_entry_state(second, EntryState::Quarantined, Some(&WHY)));
    assert!(!was_refused(&store, 2), "and was there once it was put aside");
}

#[test]
fn a_refusal_of_what_was_taken_apart_holds_nothing_up() {
    let mut store = store();
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let snapshot = NewEntry { entry_type: 2, applied: true, ..new_entry(ws(1), 1, Some(doc)) };
    let first = insert_entry(&mut store, &snapshot);
    write(&mut store, |tx| tx.refuse_again(first, EntryState::Refused, &WHY));
    assert!(store.read().was_refused(doc, 2).unwrap());
    write(&mut store, |tx| tx.note_taken_apart(first));
    assert!(!store.read().was_refused(doc, 2).unwrap());
}

#[test]
fn the_log_is_read_by_type_and_by_state() {
    let mut store = store();
    let control =
        |n, pos| NewEntry { chain: chain(2, Lane::Control), entry_type: 16, ..on_log(ws(1), n, pos, None) };
    let join = insert_entry(&mut store, &control(1, 2));
    let genesis = insert_entry(&mut store, &control(2, 1));
    let held = NewEntry { state: EntryState::Quarantined, reason: Some(&WHY), ..control(3, 3) };
    let held = insert_entry(&mut store, &held);
    let newer = NewEntry { state: EntryState::UpdateNeeded, ..on_log(ws(1), 4, 4, None) };
    let newer = insert_entry(&mut store, &newer);
    let own = insert_entry(&mut store, &new_entry(ws(1), 5, None));

    let read = store.read();
    let roster: Vec<_> = read.control_by_type(ws(1), 16).unwrap().into_iter().map(|e| e.entry.n).collect();
    assert_eq!(roster, [genesis, join]);
    assert_eq!(read.control_by_type(ws(1), 17).unwrap(), []);

    let in_state = |state| -> Vec<_> {
        read.entries_in_state(ws(1), state).unwrap().into_iter().map(|entry| entry.n).collect()
    };
    assert_eq!(in_state(EntryState::Offered), [own]);
    assert_eq!(in_state(EntryState::OnLog), [genesis, join]);
    assert_eq!(in_state(EntryState::Quarantined), [held]);
    assert_eq!(in_state(EntryState::UpdateNeeded), [newer]);
    assert_eq!(in_state(EntryState::Refused), []);
    let counts =
        StateCounts { offered: 1, on_log: 2, quarantined: 1, refused: 0, update_needed: 1, withheld: 0 };
    assert_eq!(read.count_by_state(ws(1)).unwrap(), counts);
    assert_eq!(read.count_by_state(ws(2)).unwrap(), StateCounts::default());
}

#[test]
fn what_was_refused_for_good_is_forgotten_but_for_the_last_of_all_and_of_each_document() {
    let mut store = store();
    let docs = [1, 2].map(|n| insert_doc(&mut store, &new_doc(Some(ws(1)), n)));
    let mut refuse = |n, doc, new: NewEntry<'static>| {
        let new = NewEntry { state: EntryState::Refused, reason: Some(&WHY), doc, ..new };
        (n, insert_entry(&mut store, &new))
    };
    let first = refuse(1, Some(docs[0]), new_entry(ws(1), 1, None));
    let last = refuse(2, Some(docs[0]), new_entry(ws(1), 2, None));
    let other = [3, 4, 5].map(|n| refuse(n, Some(docs[1]), new_entry(ws(1), n, None)));
    let control = refuse(6, None, NewEntry { chain: chain(1, Lane::Control), ..new_entry(ws(1), 6, None) });
    let elsewhere = refuse(7, None, new_entry(ws(2), 7, None));
    write(&mut store, |tx| tx.forget_refused(ws(1), 2));
    let is_there = |(_, n): &(u8, EntryN)| store.read().entry(*n).unwrap().is_some();
    let stay = [last, other[1], other[2], control, elsewhere];
    assert!(stay.iter().all(is_there));
    assert!(![first, other[0]].iter().any(is_there));
}

#[test]
fn a_body_goes_and_comes_back_once() {
    let mut store = store();
    let n = insert_entry(&mut store, &new_entry(ws(1), 1, None));
    assert!(!write(&mut store, |tx| tx.put_missing_body(n, b"another")));
    write(&mut store, |tx| tx.forget_body(n));
    assert_eq!(store.read().body(n).unwrap(), None);
    assert!(write(&mut store, |tx| tx.put_missing_body(n, b"again")));
    assert_eq!(store.read().body(n).unwrap().as_deref(), Some(&b"again"[..]));
}

#[test]
fn attempts_are_those_of_a_document() {
    let mut store = store();
    let docs = [1, 2].map(|n| insert_doc(&mut store, &new_doc(Some(ws(1)), n)));
    let entries =
        [1, 2].map(|n| insert_entry(&mut store, &on_log(ws(1), n, n.into(), Some(docs[usize::from(n) - 1]))));
    write(&mut store, |tx| tx.begin_attempt(&entries));
    let at = |doc| store.read().attempts_at(doc).unwrap().into_iter().map(|it| it.entry).collect::<Vec<_>>();
    assert_eq!((at(docs[0]), at(docs[1])), (vec![entries[0]], vec![entries[1]]));
}

#[test]
fn only_a_crash_with_one_entry_in_flight_counts_against_it() {
    let mut store = store();
    let [good, bad] = [1, 2].map(|n| insert_entry(&mut store, &on_log(ws(1), n, n.into(), None)));
    let start_again = |store: &mut Store| {
        write(store, |tx| {
            tx.count_crashes()?;
            assert!(tx.attempts()?.iter().all(|attempt| !attempt.in_flight));
            Ok(())
        });
    };
    let suspects = |store: &Store| -> Vec<_> {
        store.read().attempts().unwrap().into_iter().map(|a| (a.entry, a.crashes, a.in_flight)).collect()
    };

    write(&mut store, |tx| tx.begin_attempt(&[good, bad]));
    assert_eq!(suspects(&store), [(good, 0, true), (bad, 0, true)]);
    start_again(&mut store);
    assert_eq!(suspects(&store), [(good, 0, false), (bad, 0, false)], "either may have been the one");

    write(&mut store, |tx| tx.begin_attempt(&[good]));
    write(&mut store, |tx| tx.finish_attempt(&[good]));
    for crashes in 1..=3 {
        write(&mut store, |tx| tx.begin_attempt(&[bad]));
        start_again(&mut store);
        assert_eq!(suspects(&store), [(bad, crashes, false)]);
    }
    start_again(&mut store);
    let expected = Attempt { entry: bad, in_flight: false, crashes: 3 };
    assert_eq!(store.read().attempts().unwrap(), [expected], "a start without a crash counts nothing");
}

#[test]
fn a_withheld_entry_waits_in_its_place_until_its_body_comes() {
    let mut store = store();
    let wire = |n: u8| WireDoc::from_bytes([n; 16]);
    let bare = |pos: u8, doc| NewEntry {
        state: EntryState::Withheld,
        body: None,
        wire: Some(wire(doc)),
        ..on_log(ws(1), pos, pos.into(), None)
    };
    let first = insert_entry(&mut store, &bare(3, 1));
    let second = insert_entry(&mut store, &bare(5, 2));
    let third = insert_entry(&mut store, &bare(7, 1));
    let whole = insert_entry(&mut store, &on_log(ws(1), 4, 4, None));
    for (n, since) in [(first, 100), (second, 200), (third, 300), (first, 400)] {
        write(&mut store, |tx| tx.note_withheld(n, Millis(since)));
    }
    let behind = |store: &Store, after, limit| -> Vec<_> {
        let rows = store.read().withheld_behind(ws(1), Position(after), limit).unwrap();
        rows.into_iter().map(|row| row.n).collect()
    };
    assert_eq!((behind(&store, 0, 9), behind(&store, 3, 1)), (vec![first, second, third], vec![second]));
    let withheld = |entries, since| Some(Withheld { entries, since: Millis(since) });
    let of_doc = |store: &Store, doc| store.read().withheld_of_doc(ws(1), wire(doc)).unwrap();
    assert_eq!(
        (of_doc(&store, 1), of_doc(&store, 2), of_doc(&store, 3)),
        (withheld(2, 100), withheld(1, 200), None)
    );
    let of_workspace = |store: &Store, place| store.read().withheld_of_workspace(ws(place)).unwrap();
    assert_eq!((of_workspace(&store, 1), of_workspace(&store, 2)), (withheld(3, 100), None));
    assert_eq!(store.read().docs_withheld(ws(1)).unwrap(), 2);
    assert_eq!(store.read().count_by_state(ws(1)).unwrap().withheld, 3);
    let chain = store.read().entry(first).unwrap().unwrap();
    assert!(store.read().is_withheld_in_chain(ws(1), &chain.chain, chain.seq).unwrap());
    assert_eq!(store.read().accepted_in_chain(ws(1), &chain.chain, chain.seq).unwrap(), None);

    let not_withheld = refused(&mut store, |tx| tx.end_withheld(whole, b"again"));
    assert!(matches!(not_withheld, StoreError::WrongState(_)));
    let offered = insert_entry(&mut store, &new_entry(ws(1), 9, None));
    let not_placed = refused(&mut store, |tx| tx.note_withheld(offered, Millis(1)));
    assert!(matches!(not_placed, StoreError::WrongState(_)));

    assert_eq!(store.read().withheld_at(ws(1), Position(3)).unwrap().map(|row| row.n), Some(first));
    write(&mut store, |tx| tx.end_withheld(first, b"late"));
    assert_eq!(store.read().withheld_at(ws(1), Position(3)).unwrap(), None);
    let placed = store.read().placed_at(ws(1), Position(3)).unwrap().unwrap();
    assert_eq!((placed.entry.state, placed.body.as_deref()), (EntryState::OnLog, Some(&b"late"[..])));
    assert_eq!((of_doc(&store, 1), of_workspace(&store, 1)), (withheld(1, 300), withheld(2, 200)));
}
