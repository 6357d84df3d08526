//! Logs that go on under other keys, and logs that are known to have lost entries.

use bowline_wire::head::{Head, SeenHead};
use bowline_wire::ids::{LogHash, LogId, Position, Signature, WorkspaceId};
use bowline_wire::successor::{SaidSuccessor, Successor};

use super::{Open, Scribe, admission};
use crate::keys::{Identity, LogKey, LogSecret};
use crate::storage::{Continued, NewLog, Storage, StorageError};

fn key(number: u8) -> LogKey {
    LogKey::from(&LogSecret::from_bytes([number; 32]))
}

fn said(scribe: &Scribe, old: u8, new: u8) -> SaidSuccessor {
    let (workspace, position, hash) = (scribe.workspace(), Position(1), LogHash::ZERO);
    let successor = Successor { workspace, old: key(old).id(), position, hash, new: key(new).id() };
    Identity::from_secret(&[5; 32]).sign_successor(successor, &key(old)).unwrap()
}

/// The log of a scribe goes on through these keys, from that of the first.
fn goes_on(scribe: &Scribe, keys: &[u8]) -> Continued {
    let successors = keys.windows(2).map(|pair| said(scribe, pair[0], pair[1])).collect();
    let secret = key(*keys.last().unwrap()).secret();
    Continued { workspace: scribe.workspace(), secret, successors, tips: Vec::new() }
}

pub(super) fn a_log_that_was_lost_stays_lost<S: Storage>(open: Open<'_, S>) {
    let (mut lost, mut other, mut old) = (Scribe::new(1), Scribe::new(2), Scribe::new(3));
    old.draft = 0;
    let mut storage = open();
    storage.commit(&[lost.next(1), other.next(1), old.next(1)]).unwrap();
    let is_lost = |storage: &S, of: &Scribe| {
        let stored = storage.log(of.workspace()).unwrap().unwrap();
        assert_eq!(stored.is_lost, admission(storage, of).unwrap().is_lost);
        stored.is_lost
    };
    assert!(!storage.has_lost().unwrap() && !is_lost(&storage, &lost));
    let (log, hash, signature) = (LogId::ZERO, LogHash::ZERO, Signature::ZERO);
    let head = SeenHead { log, position: Position(9), hash, signature };
    assert!(matches!(storage.note_lost(WorkspaceId::ZERO, &head), Err(StorageError::Misuse(_))));
    storage.note_lost(old.workspace(), &head).unwrap();
    assert!(!storage.has_lost().unwrap(), "nobody can do anything about a log of another draft");
    storage.note_lost(lost.workspace(), &head).unwrap();
    drop(storage);
    let storage = open();
    assert!(storage.has_lost().unwrap() && is_lost(&storage, &lost) && !is_lost(&storage, &other));
}

pub(super) fn logs_go_on_under_other_keys<S: Storage>(open: Open<'_, S>) {
    let (mut one, mut two, absent) = (Scribe::new(1), Scribe::new(2), Scribe::new(3));
    let entries = [one.content(3), two.content(3)];
    let [first, second] = entries;
    let commits = [one.commit_of(vec![first]), two.commit_of(vec![second])];
    open().commit(&commits).unwrap();
    let head =
        Head { workspace: one.workspace(), log: key(1).id(), position: Position(9), hash: LogHash::ZERO };
    let head = key(1).sign(head).unwrap();
    assert!(!open().has_lost().unwrap());
    open().note_lost(one.workspace(), &head).unwrap();
    assert!(open().has_lost().unwrap());
    let misuse = StorageError::Misuse("there is no such log");
    assert_eq!(
        open().continue_logs(&[goes_on(&one, &[1, 7]), goes_on(&absent, &[3, 8])]),
        Err(misuse.clone())
    );
    assert_eq!(open().note_lost(absent.workspace(), &head), Err(misuse));
    assert!(open().log(one.workspace()).unwrap().unwrap().successors.is_empty(), "all or none");
    assert!(open().has_lost().unwrap());
    assert_eq!(open().continued_at(one.workspace()).unwrap(), None);
    open().continue_logs(&[goes_on(&one, &[1, 7])]).unwrap();
    assert!(!open().has_lost().unwrap());
    assert_eq!(open().continued_at(one.workspace()).unwrap(), Some(Position(1)));
    let more = one.next(1);
    open().commit(&[more]).unwrap();
    assert_eq!(
        open().continued_at(one.workspace()).unwrap(),
        Some(Position(1)),
        "where it was, not where it is"
    );
    let mut again = Scribe::new(6);
    let mut begins = again.next(2);
    let (identity, lost) = (Identity::from_secret(&[5; 32]), key(5).id());
    let begun = identity.sign_beginning(again.workspace(), lost, key(6).id()).unwrap();
    begins.create = begins.create.map(|made| NewLog { begins_again: vec![begun], ..made });
    open().commit(&[begins]).unwrap();
    assert_eq!(open().log(again.workspace()).unwrap().unwrap().successors, [begun]);
    assert_eq!(open().continued_at(again.workspace()).unwrap(), Some(Position::START));
    let tips = open().tips(one.workspace()).unwrap();
    let less: Vec<_> =
        tips.iter().map(|(chain, tip)| (*chain, bowline_wire::log::ChainTip { seq: 77, ..*tip })).collect();
    open().continue_logs(&[Continued { tips: less.clone(), ..goes_on(&one, &[7, 8, 9]) }]).unwrap();
    assert_eq!(open().tips(one.workspace()).unwrap(), less);
    let stored = open().log(one.workspace()).unwrap().unwrap();
    assert_eq!(stored.secret.as_bytes(), &[9; 32]);
    assert_eq!(stored.successors, [said(&one, 1, 7), said(&one, 7, 8), said(&one, 8, 9)]);
    assert_eq!((stored.position, stored.draft), (Position(2), bowline_wire::draft::DRAFT));
    assert_eq!(open().continued_at(one.workspace()).unwrap(), Some(Position(2)), "it was continued again");
    assert_eq!(open().continued_at(two.workspace()).unwrap(), None);
    let other = open().log(two.workspace()).unwrap().unwrap();
    assert_eq!((other.secret.as_bytes(), other.successors.len()), (&[2; 32], 0));
}
