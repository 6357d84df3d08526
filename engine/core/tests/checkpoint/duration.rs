//! How long it takes to compute the state of a workspace with many documents, and of one with a long one.

use std::collections::BTreeMap;
use std::time::Instant;

use bowline_core::checkpoint::{Ledger, Listed, Verdict};
use bowline_core::consent::{Answer, Holding};
use bowline_core::document::{ActorId, ChangeHash};
use bowline_wire::confirm::{Row, Word};
use bowline_wire::hash::log_hash;
use bowline_wire::header::{Digests, EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::log::{Checkpoints, Log, State};
use bowline_wire::weight::{Weights, Written};

use crate::support::*;

/// Documents of so many changes by two users each; the one makes a snapshot of each, and the other confirms it.
struct Large {
    log: Log,
    entries: Vec<(Header, Vec<Row>, Position)>,
    holdings: BTreeMap<WireDoc, Vec<Holding>>,
    actors: [(DeviceId, ActorId); 2],
}

fn doc(number: usize) -> WireDoc {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    WireDoc::from_bytes(bytes)
}

/// What a snapshot of a document holds.
fn holds(holdings: &[Holding], actors: [(DeviceId, ActorId); 2]) -> Vec<(ChangeHash, ActorId)> {
    let actor = |it: &Holding| actors.iter().find(|(device, _)| *device == it.author).unwrap().1;
    holdings.iter().flat_map(|it| it.changes.iter().map(move |change| (*change, actor(it)))).collect()
}

impl Large {
    fn of(docs: usize, changes: usize) -> Self {
        let people = [Author::new("ana"), Author::new("ben")];
        let story = Story::of(&[&people[0], &people[1]]);
        let actors = [0, 1].map(|number: usize| (people[number].id(), people[number].actor()));
        let (entries, holdings) = (Vec::new(), BTreeMap::new());
        let mut large = Self { log: story.log.clone(), entries, holdings, actors };
        for it in &story.stored {
            large.entries.push((it.entry.header().clone(), vec![], Position::START));
        }
        let kinds = [
            (0, EntryType::Changes),
            (1, EntryType::Changes),
            (0, EntryType::Snapshot),
            (1, EntryType::Confirm),
        ];
        let [by_ana, by_ben, whole, confirm] = kinds.map(|(who, kind)| story.draft(&people[who], kind));
        let changes_by = [by_ana, by_ben];
        let mut written = Vec::new();
        for number in 0..docs {
            for change in 0..changes {
                let header = Header { doc: doc(number), ..changes_by[change % 2].clone() };
                let position = large.push(header, vec![]);
                let mut hash = [0; 32];
                hash[..8].copy_from_slice(&position.0.to_be_bytes());
                let (author, changes) = (people[change % 2].id(), vec![ChangeHash::from_bytes(hash)]);
                large.holdings.entry(doc(number)).or_default().push(Holding { position, author, changes });
            }
            for author in &people {
                let sum = changes as u64 / 2 * WEIGHT.most();
                written.push(Written { doc: doc(number), user: author.user(), sum });
            }
            let held = holds(&large.holdings[&doc(number)], actors);
            let own = |author: usize| {
                let (_, actor) = actors[author];
                held.iter().filter(move |(_, by)| *by == actor).map(|(hash, _)| *hash)
            };
            let of = |hashes: Vec<ChangeHash>| digest(doc(number), hashes);
            let all = of(held.iter().map(|(hash, _)| *hash).collect());
            let digests = Some(Digests { all, own: of(own(0).collect()) });
            let by_ben = Word::Confirms(Some(of(own(1).collect())));
            let header = Header { doc: doc(number), digests, ..whole.clone() };
            let snapshot = large.push(header, vec![]);
            large.push(confirm.clone(), vec![Row { snapshot, word: by_ben }]);
        }
        let beginning = large.log.beginning();
        let hash = large.listed().fold(beginning, |hash, it| log_hash(hash, it.id, it.at.time));
        let position = Position(large.entries.len() as u64);
        let head = bowline_wire::head::Head { position, hash, ..large.log.head() };
        let (time, roster) = (large.log.time(), large.log.roster().clone());
        large.log = Log::restore(head, time, roster, [], Weights::restore(written), Checkpoints::default());
        large
    }

    /// A snapshot covers everything before it.
    fn push(&mut self, header: Header, rows: Vec<Row>) -> Position {
        let before = Position(self.entries.len() as u64);
        let covers = if header.entry_type == EntryType::Snapshot { before } else { Position::START };
        self.entries.push((header, rows, covers));
        before.next()
    }

    fn listed(&self) -> impl Iterator<Item = Listed<'_>> {
        self.entries.iter().zip(1..).map(|((header, rows, covers), position)| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&u64::to_be_bytes(position));
            let at = Moment { position: Position(position), time: self.log.time() };
            let verdict = Verdict::Accepted { covers: *covers, rows, seen: None };
            Listed { at, id: EntryId::from_bytes(id), header, verdict }
        })
    }

    fn state(&self) -> State {
        let ledger = Ledger::new(&self.log, None, self.listed()).unwrap();
        let mut judged: BTreeMap<Position, Answer> = BTreeMap::new();
        for kept in ledger.documents() {
            let holdings = &self.holdings[&kept.doc()];
            let facts = kept.facts(ledger.people(), holdings);
            for snapshot in kept.snapshots() {
                let by_key = |changes: &[ChangeHash]| digest(kept.doc(), changes.to_vec());
                let answer = facts.stands(snapshot, &holds(holdings, self.actors), &by_key);
                judged.insert(snapshot.position, answer);
            }
        }
        ledger.state(&judged).unwrap()
    }
}

#[test]
fn many_documents_and_long_ones_take_as_long_as_what_is_in_them() {
    for (docs, changes) in [(100, 100), (1000, 100), (1, 100_000), (10_000, 10)] {
        let large = Large::of(docs, changes);
        let begun = Instant::now();
        let state = large.state();
        println!("{docs} documents of {changes} entries: {} ms", begun.elapsed().as_millis());
        assert_eq!(state.documents.iter().filter(|it| it.snapshot.is_some()).count(), docs);
        assert_eq!(state.freed.len(), (docs * 2).min(bowline_wire::limits::MAX_FREED));
        let live: u64 = state.live.iter().map(|run| run.count).sum();
        assert_eq!(live, 3 + docs as u64, "the records, and a snapshot of each");
    }
}
