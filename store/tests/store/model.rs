//! Random histories against a model that is nothing but maps: what is unsealed, offered, on the log and to be applied,
//! through rollbacks, refused commits and reopening.

use std::collections::BTreeMap;

use bowline_store::{ChangeN, DocN, EntryN, EntryState, NewEntry, StateCounts, Store, StoreError, Tx};
use bowline_wire::ids::{EntryId, Lane, Position, WorkspaceId};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{WHY, at, chain, new_doc, new_entry, store, ws};

#[derive(Clone, Copy, Debug)]
enum Step {
    NewDoc { place: Option<u8> },
    OnDoc(Index, DocStep),
    OnEntry(Index, EntryStep),
}

#[derive(Clone, Copy, Debug)]
enum DocStep {
    Edit,
    Seal,
    Receive,
    Apply,
    Move { to: Option<u8> },
    Compact,
}

#[derive(Clone, Copy, Debug)]
enum EntryStep {
    Place,
    Refuse,
    Quarantine,
    LetGo,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Commit,
    RollBack,
    CommitFails,
    CommitAndReopen,
}

#[derive(Clone, Debug)]
struct Entry {
    ws: WorkspaceId,
    doc: DocN,
    state: EntryState,
    pos: Option<u64>,
    applied: bool,
}

#[derive(Clone, Debug, Default)]
struct Model {
    docs: BTreeMap<DocN, Option<WorkspaceId>>,
    changes: BTreeMap<ChangeN, (DocN, Option<EntryN>)>,
    entries: BTreeMap<EntryN, Entry>,
    made: u8,
    log_end: u64,
}

impl Model {
    fn unsealed(&self, doc: DocN) -> Vec<ChangeN> {
        self.changes.iter().filter(|(_, change)| **change == (doc, None)).map(|(n, _)| *n).collect()
    }

    fn next_id(&mut self) -> EntryId {
        self.made += 1;
        EntryId::from_bytes([self.made; 32])
    }

    /// Takes a step in the store and in the model. A step that makes no sense now is left out.
    fn run(&mut self, tx: &Tx<'_>, step: Step) -> Result<(), StoreError> {
        match step {
            Step::NewDoc { place } => {
                self.made += 1;
                let place = place.map(ws);
                self.docs.insert(tx.insert_doc(&new_doc(place, self.made))?, place);
                Ok(())
            }
            Step::OnDoc(index, step) if !self.docs.is_empty() => {
                let (doc, place) = *index.get(&self.docs.iter().map(|(n, at)| (*n, *at)).collect::<Vec<_>>());
                self.on_doc(tx, doc, place, step)
            }
            Step::OnEntry(index, step) if !self.entries.is_empty() => {
                let n = *index.get(&self.entries.keys().copied().collect::<Vec<_>>());
                self.on_entry(tx, n, step)
            }
            Step::OnDoc(..) | Step::OnEntry(..) => Ok(()),
        }
    }

    fn on_doc(
        &mut self,
        tx: &Tx<'_>,
        doc: DocN,
        place: Option<WorkspaceId>,
        step: DocStep,
    ) -> Result<(), StoreError> {
        match (step, place) {
            (DocStep::Edit, _) => {
                self.changes.insert(tx.insert_change(doc, b"edit")?, (doc, None));
            }
            (DocStep::Seal, Some(ws)) => {
                let changes = self.unsealed(doc);
                let new = NewEntry { id: self.next_id(), applied: true, ..new_entry(ws, 0, Some(doc)) };
                let n = tx.insert_entry(&new)?;
                tx.mark_sealed(&changes, n)?;
                for change in changes {
                    self.changes.insert(change, (doc, Some(n)));
                }
                self.entries
                    .insert(n, Entry { ws, doc, state: EntryState::Offered, pos: None, applied: true });
            }
            (DocStep::Receive, Some(ws)) => {
                self.log_end += 1;
                let pos = Some(self.log_end);
                let new = NewEntry {
                    id: self.next_id(),
                    chain: chain(2, Lane::Content),
                    place: pos.map(at),
                    state: EntryState::OnLog,
                    ..new_entry(ws, 0, Some(doc))
                };
                let entry = Entry { ws, doc, state: EntryState::OnLog, pos, applied: false };
                self.entries.insert(tx.insert_entry(&new)?, entry);
            }
            (DocStep::Apply, _) => {
                let lacking: Vec<_> = tx
                    .unapplied(doc, Position::START, usize::MAX)?
                    .into_iter()
                    .map(|found| found.entry.n)
                    .collect();
                tx.mark_applied(&lacking)?;
                for n in lacking {
                    self.entries.get_mut(&n).unwrap().applied = true;
                }
            }
            (DocStep::Move { to }, place) => {
                let to = to.map(ws);
                tx.set_doc_workspace(doc, to, None)?;
                self.docs.insert(doc, to);
                if to != place {
                    self.changes
                        .values_mut()
                        .filter(|change| change.0 == doc)
                        .for_each(|change| change.1 = None);
                }
            }
            (DocStep::Compact, _) => {
                let sealed: Vec<_> =
                    tx.changes(doc)?.into_iter().filter(|c| c.entry.is_some()).map(|c| c.n).collect();
                tx.delete_changes(&sealed)?;
                self.changes.retain(|_, change| change.0 != doc || change.1.is_none());
            }
            (DocStep::Seal | DocStep::Receive, None) => {}
        }
        Ok(())
    }

    fn on_entry(&mut self, tx: &Tx<'_>, n: EntryN, step: EntryStep) -> Result<(), StoreError> {
        let entry = self.entries.get_mut(&n).unwrap();
        match (step, entry.state) {
            (EntryStep::Place, EntryState::Offered | EntryState::Refused | EntryState::LetGo) => {
                self.log_end += 1;
                tx.place_entry(n, at(self.log_end))?;
                (entry.state, entry.pos) = (EntryState::OnLog, Some(self.log_end));
            }
            (EntryStep::Place, _) => {
                let outcome = tx.place_entry(n, at(self.log_end + 1));
                assert!(matches!(outcome, Err(StoreError::WrongState(_))));
            }
            (EntryStep::Refuse, EntryState::Offered) => {
                tx.set_entry_state(n, EntryState::Refused, Some(&WHY))?;
                tx.unseal(n)?;
                entry.state = EntryState::Refused;
                self.changes
                    .values_mut()
                    .filter(|change| change.1 == Some(n))
                    .for_each(|change| change.1 = None);
            }
            (EntryStep::Quarantine, EntryState::OnLog) => {
                tx.set_entry_state(n, EntryState::Quarantined, Some(&WHY))?;
                entry.state = EntryState::Quarantined;
            }
            (EntryStep::LetGo, EntryState::Offered) => {
                tx.let_go(n)?;
                entry.state = EntryState::LetGo;
            }
            (EntryStep::Refuse | EntryStep::Quarantine | EntryStep::LetGo, _) => {}
        }
        Ok(())
    }

    fn check(&self, store: &Store) {
        let read = store.read();
        for place in [None, Some(ws(1)), Some(ws(2))] {
            let expected: Vec<_> = self
                .docs
                .iter()
                .filter(|(n, found)| **found == place && !self.unsealed(**n).is_empty())
                .map(|(n, _)| *n)
                .collect();
            assert_eq!(read.docs_with_unsealed(place).unwrap(), expected);
        }
        for doc in self.docs.keys() {
            let unsealed: Vec<_> = read.unsealed(*doc).unwrap().into_iter().map(|change| change.n).collect();
            assert_eq!(unsealed, self.unsealed(*doc));
            let accepted = self.by_position(|e| e.doc == *doc && e.state == EntryState::OnLog);
            let found: Vec<_> = read.accepted(*doc).unwrap().into_iter().map(|found| found.entry.n).collect();
            assert_eq!(found, accepted);
            let unapplied = self.by_position(|e| e.doc == *doc && e.state == EntryState::OnLog && !e.applied);
            let found: Vec<_> = read
                .unapplied(*doc, Position::START, usize::MAX)
                .unwrap()
                .into_iter()
                .map(|found| found.entry.n)
                .collect();
            assert_eq!(found, unapplied);
        }
        for workspace in [ws(1), ws(2)] {
            let of = |state| self.entries.iter().filter(move |(_, e)| e.ws == workspace && e.state == state);
            let offered: Vec<_> = of(EntryState::Offered).map(|(n, _)| *n).collect();
            let found: Vec<_> = read.offered(workspace).unwrap().into_iter().map(|entry| entry.n).collect();
            assert_eq!(found, offered);
            let count = |state| of(state).count() as u64;
            let counts = StateCounts {
                offered: count(EntryState::Offered),
                on_log: count(EntryState::OnLog),
                quarantined: count(EntryState::Quarantined),
                refused: count(EntryState::Refused),
                update_needed: 0,
                withheld: 0,
            };
            assert_eq!(read.count_by_state(workspace).unwrap(), counts);
        }
        store.integrity_check().unwrap();
    }

    fn by_position(&self, matches: impl Fn(&Entry) -> bool) -> Vec<EntryN> {
        let mut found: Vec<_> = self.entries.iter().filter(|(_, entry)| matches(entry)).collect();
        found.sort_by_key(|(_, entry)| entry.pos);
        found.into_iter().map(|(n, _)| *n).collect()
    }
}

#[derive(Debug)]
struct RolledBack;

impl From<StoreError> for RolledBack {
    fn from(error: StoreError) -> Self {
        assert!(matches!(error, StoreError::CommitRefused), "{error:?}");
        Self
    }
}

fn play(transactions: &[(Vec<Step>, End)]) {
    let (mut store, mut model) = (store(), Model::default());
    for (steps, end) in transactions {
        let refuse = matches!(end, End::CommitFails);
        store.connection_mut().commit_hook(Some(move || refuse)).unwrap();
        let mut after = model.clone();
        let outcome = store.transaction(|tx| {
            for step in steps {
                after.run(tx, *step).unwrap();
            }
            if matches!(end, End::RollBack) { Err(RolledBack) } else { Ok(()) }
        });
        let kept = matches!(end, End::Commit | End::CommitAndReopen);
        assert_eq!(outcome.is_ok(), kept);
        if kept {
            model = after;
        }
        if matches!(end, End::CommitAndReopen) {
            store = Store::from_connection(store.into_connection()).unwrap();
        }
        model.check(&store);
    }
}

fn step() -> impl Strategy<Value = Step> {
    let place = || prop_oneof![Just(None), Just(Some(1)), Just(Some(2))];
    let on_doc = prop_oneof![
        4 => Just(DocStep::Edit),
        3 => Just(DocStep::Seal),
        2 => Just(DocStep::Receive),
        1 => Just(DocStep::Apply),
        1 => place().prop_map(|to| DocStep::Move { to }),
        1 => Just(DocStep::Compact),
    ];
    let on_entry = prop_oneof![
        3 => Just(EntryStep::Place),
        1 => Just(EntryStep::Refuse),
        1 => Just(EntryStep::Quarantine),
        1 => Just(EntryStep::LetGo),
    ];
    prop_oneof![
        2 => place().prop_map(|place| Step::NewDoc { place }),
        12 => (any::<Index>(), on_doc).prop_map(|(index, step)| Step::OnDoc(index, step)),
        5 => (any::<Index>(), on_entry).prop_map(|(index, step)| Step::OnEntry(index, step)),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Commit),
        1 => Just(End::RollBack),
        1 => Just(End::CommitFails),
        1 => Just(End::CommitAndReopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_reads_as_the_maps_say(
        transactions in prop::collection::vec((prop::collection::vec(step(), 0..10), end()), 1..20),
    ) {
        play(&transactions);
    }
}
