//! Logs that go on round by round: whoever begins from a state, and whoever has kept everything, come to the same states, and what stays is
//! bounded.

use bowline_wire::confirm::Word;
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::{Position, SnapshotDigest, WireDoc};
use bowline_wire::log::State;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::support::*;

const DOCS: [WireDoc; 3] = [DOC, OTHER_DOC, WireDoc::from_bytes([3; 16])];

/// A workspace in which anything happens.
struct Rounds {
    story: Story,
    people: Vec<Author>,
    rng: ChaCha8Rng,
    snapshots: Vec<Position>,
    /// Changes that may still be given up.
    recent: Vec<(WireDoc, Position)>,
}

impl Rounds {
    fn new(number: u64) -> Self {
        let people: Vec<Author> = ["ana", "ben", "carl", "dora"].map(Author::new).to_vec();
        let story = Story::of(&people.iter().collect::<Vec<_>>());
        let rng = ChaCha8Rng::seed_from_u64(number);
        Self { story, people, rng, snapshots: Vec::new(), recent: Vec::new() }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.next_u64() % bound as u64).unwrap()
    }

    /// Somebody does something.
    fn step(&mut self) {
        let who = self.below(self.people.len());
        let author = self.people[who].clone();
        let doc = DOCS[self.below(DOCS.len())];
        let here = self.story.here();
        match self.below(24) {
            0..9 => {
                let at = self.story.says(&author, doc);
                self.recent.push((doc, at));
            }
            9 => drop(self.story.says_in_parts(&author, doc, 3)),
            10 => drop(self.story.part(&author, doc, Part { index: 0, count: 2 })),
            11..14 => self.snapshot(&author, doc),
            14..18 => self.confirm(&author),
            18 => self.say_of_one(&author, Word::Disputes(SnapshotDigest::from_bytes([9; 32]))),
            19 => self.say_of_one(&author, GARBAGE),
            20 => drop(self.story.writes(&author, EntryType::Witness, ZERO)),
            21 => drop(self.story.code(&author, &format!("code {here}"), self.story.clock.plus(60 * 1000))),
            22 => self.give_up(),
            _ => {
                let header = self.story.draft(&author, EntryType::Changes);
                let gap = Header { doc, seq: header.seq + 7, prev: seed_id(), ..header };
                self.story.pass(&author.sign(gap, b"sealed"));
            }
        }
        self.story.clock = self.story.clock.plus(1000);
    }

    /// A snapshot of what counts, or of nearly that.
    fn snapshot(&mut self, author: &Author, doc: WireDoc) {
        let here = self.story.here();
        let covers = if self.below(3) == 0 { Position(here.0 - here.0.min(3)) } else { here };
        let mut holds = self.story.counts(doc, covers);
        if !holds.is_empty() && self.below(5) == 0 {
            let left_out = self.below(holds.len());
            holds.remove(left_out);
        }
        let parts = 1 + u32::try_from(self.below(2)).unwrap();
        let places = self.story.snapshot_in_parts(author, (doc, parts), covers, holds);
        self.snapshots.push(places[places.len() - 1]);
    }

    /// Somebody confirms one or several of the last snapshots.
    fn confirm(&mut self, author: &Author) {
        let from = self.snapshots.len().saturating_sub(1 + self.below(3));
        if from < self.snapshots.len() {
            self.story.confirms(author, &self.snapshots[from..]);
        }
    }

    fn say_of_one(&mut self, author: &Author, word: Word) {
        if let Some(last) = self.snapshots.last() {
            self.story.row(author, *last, word);
        }
    }

    fn give_up(&mut self) {
        if self.recent.is_empty() {
            return;
        }
        let which = self.below(self.recent.len());
        let (doc, at) = self.recent.swap_remove(which);
        self.story.gives_up(&self.people[0].clone(), &[at]);
        self.story.counts_no_more(doc, at);
    }

    /// The state here, to which everybody comes: who has kept everything, and who began from any state that stood.
    fn state(&self) -> State {
        let state = self.story.state();
        if let Some(base) = self.story.base() {
            let log = self.story.begun(base);
            let kept = |at: Position| at > base.at || base.is_live(at);
            assert_eq!(self.story.state_by(&log, kept).as_ref(), Ok(&state));
        }
        state
    }

    /// A checkpoint comes to stand, with more happening before it does.
    fn round(&mut self) -> State {
        for _ in 0..self.below(30) {
            self.step();
        }
        let state = self.state();
        for _ in 0..self.below(5) {
            self.step();
        }
        let [owner, other] = [0, 1].map(|number: usize| self.people[number].clone());
        self.story.checkpoint(&state, &owner, &other);
        self.recent.clear();
        state
    }
}

#[test]
fn whoever_has_kept_everything_and_whoever_began_from_a_state_come_to_the_same_states() {
    let (mut named, mut freed, mut gone, mut disputed) = (0, 0, 0, 0);
    for number in 0..24 {
        let mut rounds = Rounds::new(number);
        for round in 0..8 {
            if round == 5 {
                let carl = rounds.people.remove(2);
                rounds.story.removes(&rounds.people[0].clone(), &carl);
            }
            let state = rounds.round();
            named += state.documents.iter().filter(|it| it.snapshot.is_some()).count();
            freed += state.freed.len();
            let live: u64 = state.live.iter().map(|run| run.count).sum();
            gone += state.at.0 - live;
            let is_confirm = |it: &&Stored| it.entry.header().entry_type == EntryType::Confirm;
            let confirms = rounds.story.stored.iter().filter(is_confirm);
            disputed += confirms.filter(|it| state.is_live(it.at.position)).count();
        }
    }
    assert!(named > 150 && freed > 150 && gone > 4000 && disputed > 40, "{named} {freed} {gone} {disputed}");
}

#[test]
fn round_after_round_as_much_stays_as_is_in_use() {
    let mut rounds = Rounds::new(1);
    let mut most = 0;
    for _ in 0..40 {
        for author in rounds.people.clone() {
            for doc in DOCS {
                rounds.story.says(&author, doc);
            }
        }
        let made = DOCS.map(|doc| {
            let maker = rounds.people[rounds.snapshots.len() % 4].clone();
            rounds.snapshot_of_all(&maker, doc)
        });
        // Dora signs in the first round alone.
        let signing = if rounds.snapshots.len() == DOCS.len() { 4 } else { 3 };
        for author in &rounds.people[..signing] {
            rounds.story.confirms(author, &made);
        }
        let state = rounds.state();
        let [owner, other] = [0, 1].map(|number: usize| rounds.people[number].clone());
        rounds.story.checkpoint(&state, &owner, &other);
        let is_record = |it: &&Stored| it.entry.header().entry_type == EntryType::Roster;
        let of_dora = rounds.people[3].id();
        let stays = rounds.story.stored.iter().filter(|it| state.is_live(it.at.position));
        let others = stays.filter(|it| !is_record(it) && it.entry.header().device != of_dora).count();
        most = most.max(others);
    }
    assert_eq!(most, DOCS.len(), "the snapshots, and what dora has said since she was there");
}

impl Rounds {
    fn snapshot_of_all(&mut self, author: &Author, doc: WireDoc) -> Position {
        let at = self.story.snapshot(author, doc, self.story.here());
        self.snapshots.push(at);
        at
    }
}
