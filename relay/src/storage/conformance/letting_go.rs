//! States in pieces, and entries that go by one.

use bowline_wire::frame::StatePiece;
use bowline_wire::ids::{Position, StateDigest, WorkspaceId};
use bowline_wire::log::{Run, Stood};

use super::{ALL, Open, Scribe, assert_misuse};
use crate::storage::{LettingGo, Storage, Usage};

fn piece(digest: u8, offset: u64, bytes: &[u8]) -> StatePiece {
    StatePiece { digest: StateDigest::from_bytes([digest; 32]), len: 9, offset, bytes: bytes.to_vec() }
}

pub(super) fn states_are_kept_in_pieces<S: Storage>(open: Open<'_, S>) {
    let (mut one, mut two) = (Scribe::new(1), Scribe::new(2));
    open().commit(&[one.next(1), two.next(1)]).unwrap();
    let (here, there) = (one.workspace(), two.workspace());
    let read = |of: WorkspaceId, digest: u8| {
        let (storage, mut bytes) = (open(), Vec::new());
        loop {
            let digest = StateDigest::from_bytes([digest; 32]);
            let more = storage.read_state(of, digest, bytes.len() as u64).unwrap();
            if more.is_empty() {
                return bytes;
            }
            bytes.extend(more);
        }
    };
    assert_eq!(read(here, 7), b"");
    assert_misuse(&open().add_to_state(WorkspaceId::ZERO, &piece(7, 0, b"x")));
    open().add_to_state(here, &piece(7, 0, b"state")).unwrap();
    for offset in [0, 4, 6] {
        assert_misuse(&open().add_to_state(here, &piece(7, offset, b"x")));
    }
    open().add_to_state(here, &piece(7, 5, b"ment")).unwrap();
    open().add_to_state(here, &piece(8, 0, b"other")).unwrap();
    open().add_to_state(there, &piece(8, 0, b"there")).unwrap();
    assert_eq!((read(here, 7), read(here, 8)), (b"statement".to_vec(), b"other".to_vec()));
    let inside = open().read_state(here, StateDigest::from_bytes([7; 32]), 7).unwrap();
    assert_eq!(inside, b"nt");
    open().drop_states(here, Some(StateDigest::from_bytes([8; 32]))).unwrap();
    assert_eq!((read(here, 7), read(here, 8)), (vec![], b"other".to_vec()));
    open().drop_states(here, None).unwrap();
    assert_eq!((read(here, 8), read(there, 8)), (vec![], b"there".to_vec()));
}

pub(super) fn entries_go_in_steps_and_what_stays_is_found<S: Storage>(open: Open<'_, S>) {
    let (mut of, mut other) = (Scribe::new(1), Scribe::new(2));
    let record = of.roster_entry();
    let first = of.commit_of(vec![record]);
    let contents = of.next(20);
    let rows = [first.rows.clone(), contents.rows.clone()].concat();
    open().commit(&[first, other.next(20)]).unwrap();
    open().commit(&[contents]).unwrap();
    let live = vec![Run { first: Position(1), count: 2 }, Run { first: Position(9), count: 3 }];
    let stood = Stood { at: Position(18), digest: StateDigest::from_bytes([7; 32]), since: Position(20) };
    let hash = rows.get(17).map(|row| row.hash);
    let by = LettingGo { stood, hash, len: 9, live: live.clone(), swept: Position::START };
    assert_misuse(&open().begin_letting_go(WorkspaceId::ZERO, &by));
    assert_eq!(open().unswept().unwrap(), []);
    open().begin_letting_go(of.workspace(), &by).unwrap();
    let ids = open().ids_in(of.workspace(), &live).unwrap();
    assert_eq!(ids.iter().map(|(at, _, _)| at.0).collect::<Vec<_>>(), [1, 2, 9, 10, 11]);
    let mut usage = open().log(of.workspace()).unwrap().unwrap().usage;
    // Each time as after a crash.
    loop {
        let by = open().log(of.workspace()).unwrap().unwrap().letting_go.unwrap();
        if by.is_done() {
            break;
        }
        assert_eq!(open().unswept().unwrap(), [of.workspace()]);
        let swept = open().let_some_go(of.workspace(), &by).unwrap();
        assert!(swept.up_to > by.swept);
        usage = usage.without(swept.freed);
        let stored = open().log(of.workspace()).unwrap().unwrap();
        assert_eq!((stored.usage, stored.letting_go), (usage, Some(LettingGo { swept: swept.up_to, ..by })));
    }
    assert_eq!(open().unswept().unwrap(), []);
    let stays: Vec<_> = rows.iter().filter(|row| by.keeps(row.position)).collect();
    let mut counted = Usage::default();
    for row in &stays {
        counted.add(&row.entry);
    }
    assert_eq!(usage, counted);
    let storage = open();
    let page = storage.read(of.workspace(), Position::START, ALL).unwrap();
    assert!(page.entries.iter().map(|(at, _)| *at).eq(stays.iter().map(|row| row.position)));
    for row in &rows {
        let (stays, header) = (by.keeps(row.position), row.entry.header());
        let hash = storage.hash_at(of.workspace(), row.position).unwrap();
        let at = storage.position_of(of.workspace(), row.entry.id()).unwrap();
        let found = storage.header_at(of.workspace(), &header.chain(), header.seq).unwrap();
        assert_eq!(
            (hash.is_some(), at.is_some(), found.is_some()),
            (stays, stays, stays),
            "{:?}",
            row.position
        );
    }
    assert_eq!(storage.read(other.workspace(), Position::START, ALL).unwrap().entries.len(), 20);
    drop(storage);
    let more = of.next(2);
    open().commit(&[more]).unwrap();
    assert_eq!(open().log(of.workspace()).unwrap().unwrap().position, Position(23));
}
