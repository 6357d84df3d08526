//! Whatever a member makes up, what honest people have said is in something that stays and counts, and whoever begins from a state judges
//! snapshots as whoever has kept everything.

use std::collections::BTreeSet;

use bowline_core::checkpoint::Ledger;
use bowline_core::consent::{Answer, Facts, Holding, Said, SnapshotHeader, Told};
use bowline_core::document::ChangeHash;
use bowline_wire::confirm::Word;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{Position, WireDoc};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::support::*;

const DOCS: [WireDoc; 2] = [DOC, OTHER_DOC];

/// Ana's workspace, in which Ben and Carl are honest as she is, and Mallory is not.
struct World {
    story: Story,
    honest: Vec<Author>,
    mallory: Author,
    rng: ChaCha8Rng,
    snapshots: Vec<(WireDoc, Position)>,
    by_mallory: Vec<(WireDoc, Position)>,
}

impl World {
    fn new(number: u64) -> Self {
        let honest: Vec<Author> = ["ana", "ben", "carl"].map(Author::new).to_vec();
        let mallory = Author::new("mallory");
        let everybody: Vec<&Author> = honest.iter().chain([&mallory]).collect();
        let (story, rng) = (Story::of(&everybody), ChaCha8Rng::seed_from_u64(number));
        Self { story, honest, mallory, rng, snapshots: vec![], by_mallory: vec![] }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.next_u64() % bound as u64).unwrap()
    }

    fn covers(&mut self) -> Position {
        let here = self.story.here().0;
        Position(here - here.min([0, 0, 4, 12][self.below(4)]))
    }

    /// Somebody honest does something.
    fn step(&mut self) {
        let who = self.below(self.honest.len());
        let (author, doc) = (self.honest[who].clone(), DOCS[self.below(2)]);
        match self.below(8) {
            0..4 => {
                self.story.says(&author, doc);
            }
            4 => {
                let covers = self.covers();
                let at = self.story.snapshot(&author, doc, covers);
                self.snapshots.push((doc, at));
            }
            _ => self.looks_at_one(&author),
        }
    }

    /// Confirms one of the last snapshots, or disputes it, by what counts.
    fn looks_at_one(&mut self, author: &Author) {
        let back = 1 + self.below(4);
        let Some((doc, at)) = self.snapshots.len().checked_sub(back).map(|it| self.snapshots[it]) else {
            return;
        };
        // Nobody honest speaks of one that is gone, and by the state such a row says nothing.
        if self.story.base().is_some_and(|base| at <= base.at && !base.is_live(at)) {
            return;
        }
        let covers = self.story.stored_at(at).entry.header().covers;
        let (right, holds) = (self.story.counts(doc, covers), self.story.holds(at));
        let set = |of: &[(ChangeHash, _)]| of.iter().map(|(change, _)| *change).collect::<BTreeSet<_>>();
        if set(&right) == set(holds) {
            self.story.confirms(author, &[at]);
        } else {
            let all = digest(doc, set(&right).into_iter().collect());
            self.story.row(author, at, Word::Disputes(all));
        }
    }

    fn mallory_does_something(&mut self) {
        let (mallory, doc) = (self.mallory.clone(), DOCS[self.below(2)]);
        let last = self.snapshots.last().copied();
        match self.below(9) {
            0 => {
                let at = self.story.says(&mallory, doc);
                self.by_mallory.push((doc, at));
            }
            1 => {
                let which = self.below(self.by_mallory.len() + 1);
                if let Some((doc, at)) = self.by_mallory.get(which).copied() {
                    self.story.repeats(&mallory, doc, at);
                }
            }
            2..5 => {
                let covers = self.covers();
                let mut holds = self.story.counts(doc, covers);
                for _ in 0..=self.below(3) {
                    if !holds.is_empty() {
                        let left_out = self.below(holds.len());
                        holds.remove(left_out);
                    }
                }
                let at = self.story.snapshot_of(&mallory, doc, covers, holds);
                self.snapshots.push((doc, at));
            }
            5 => {
                let covers = self.covers();
                let mut holds = self.story.counts(doc, covers);
                let made_up = ChangeHash::from_bytes(seed(&format!("made up at {covers}")));
                holds.push((made_up, self.honest[0].actor()));
                let at = self.story.snapshot_of(&mallory, doc, covers, holds);
                self.snapshots.push((doc, at));
            }
            what => {
                let Some((_, at)) = last else { return };
                match what {
                    6 => self.story.confirms(&mallory, &[at]),
                    7 => self.story.row(&mallory, at, GARBAGE),
                    _ => self.story.disputes(&mallory, at),
                };
            }
        }
    }

    /// A checkpoint comes to stand. How many entries are gone by it.
    fn round(&mut self) -> u64 {
        for _ in 0..self.below(40) {
            if self.below(3) == 0 { self.mallory_does_something() } else { self.step() }
        }
        let state = self.story.state();
        let [ana, ben] = [0, 1].map(|number: usize| self.honest[number].clone());
        self.story.checkpoint(&state, &ana, &ben);
        state.at.0 - state.live.iter().map(|run| run.count).sum::<u64>()
    }

    /// Everything that is said by those who are honest is in an entry of theirs that stays, or in a snapshot that stays and stands for them.
    fn nothing_is_lost(&self, of: &[Author]) {
        let base = self.story.base().unwrap();
        let stays = |at: Position| at > base.at || base.is_live(at);
        let ledger = self.ledger();
        let judged = self.story.judged(&ledger, |_| true);
        for (author, doc) in of.iter().flat_map(|author| DOCS.map(|doc| (author, doc))) {
            let mut held: BTreeSet<ChangeHash> = BTreeSet::new();
            for kept in ledger.documents().filter(|kept| kept.doc() == doc) {
                for snapshot in kept.snapshots() {
                    let Some(Answer::Stands(how)) = judged.get(&snapshot.position) else { continue };
                    if how.for_user(author.user()).is_some() {
                        held.extend(self.story.holds(snapshot.position).iter().map(|(change, _)| change));
                    }
                }
            }
            let entries = self.story.says_all().filter(|it| stays(it.position) && it.author == author.id());
            held.extend(entries.flat_map(|it| &it.changes));
            for (change, actor) in self.story.counts(doc, self.story.here()) {
                assert!(actor != author.actor() || held.contains(&change), "{} in {doc}", author.name);
            }
        }
    }

    fn ledger(&self) -> Ledger<'_> {
        let listed = self.story.stored.iter().map(|it| it.listed(&self.story.log));
        Ledger::new(&self.story.log, self.story.base(), listed).unwrap()
    }

    /// Of whom a snapshot does not cover less than the state says that they have signed, it stands for them by the state and what is left as
    /// it does by everything. Says for how many.
    fn it_is_judged_as_by_everything(&self) -> usize {
        let ledger = self.ledger();
        let judged = self.story.judged(&ledger, |_| true);
        let mut compared = 0;
        for kept in ledger.documents() {
            let facts = Everything::of(&self.story, kept.doc());
            let told = facts.told(ledger.people());
            for snapshot in kept.snapshots() {
                let by_key = |changes: &[ChangeHash]| digest(kept.doc(), changes.to_vec());
                let all =
                    Facts::new(told.clone()).stands(snapshot, self.story.holds(snapshot.position), &by_key);
                let here = &judged[&snapshot.position];
                let (Answer::Stands(all), Answer::Stands(here)) = (&all, here) else {
                    assert_eq!(&all, here);
                    continue;
                };
                for author in &self.honest {
                    let base = self.story.base().unwrap();
                    let is_known = base.documents.iter().any(|it| it.doc == kept.doc());
                    let signed = is_known.then(|| word(base, kept.doc(), author)).flatten();
                    if signed.is_none_or(|(covers, _)| covers <= snapshot.covers) {
                        let stands = [all, here].map(|how| how.for_user(author.user()).is_some());
                        assert_eq!(stands[0], stands[1], "{} at {}", author.name, snapshot.position);
                        compared += usize::from(stands[0]);
                    }
                }
            }
        }
        compared
    }
}

/// What the whole log says of a document.
struct Everything {
    snapshots: Vec<SnapshotHeader>,
    said: Vec<Said>,
    entries: Vec<Holding>,
}

impl Everything {
    fn of(story: &Story, doc: WireDoc) -> Self {
        let of_doc = |at: Position| story.stored_at(at).entry.header().doc == doc;
        let (mut snapshots, mut said) = (Vec::new(), Vec::new());
        for it in &story.stored {
            let (header, position, author) = (it.entry.header(), it.at.position, it.entry.header().device);
            if header.entry_type == EntryType::Snapshot && header.doc == doc {
                let (covers, digests) = (header.covers, header.digests.unwrap());
                snapshots.push(SnapshotHeader { position, author, covers, digests });
            }
            let rows = it.rows().iter().filter(|row| of_doc(row.snapshot));
            said.extend(rows.map(|row| Said { position, author, row: *row }));
        }
        let entries = story.says_all().filter(|it| of_doc(it.position)).cloned().collect();
        Self { snapshots, said, entries }
    }

    fn told<'f>(&'f self, people: &'f bowline_core::consent::People) -> Told<'f> {
        let Self { snapshots, said, entries } = self;
        let writers = entries.iter().filter_map(|it| people.user(it.author)).collect();
        Told { people, snapshots, said, signed: &[], writers, entries: entries.iter().collect() }
    }
}

#[test]
fn nothing_that_honest_people_say_is_lost_whatever_a_member_makes_up() {
    let (mut gone, mut compared) = (0, 0);
    for number in 0..60 {
        let mut world = World::new(number);
        let everybody = world.honest.clone();
        for round in 0..8 {
            if round == 5 {
                let carl = world.honest.remove(2);
                world.story.removes(&world.honest[0].clone(), &carl);
            }
            gone += world.round();
            world.nothing_is_lost(&everybody);
            compared += world.it_is_judged_as_by_everything();
        }
    }
    assert!(gone > 10_000 && compared > 1000, "{gone} {compared}");
}
