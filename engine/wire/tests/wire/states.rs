//! The state of a log at a place: its bytes, and that whoever begins from it judges all that follows as those do who have everything.

use std::collections::BTreeMap;

use bowline_wire::checkpoint::Freed;
use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::Entry;
use bowline_wire::head::Head;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::log::{
    ChainEnd, DocumentState, Log, Part, Pin, Run, SignedWord, State, StateFault, live_digest,
};
use bowline_wire::roster::Roster;
use bowline_wire::roster::record::Record;
use bowline_wire::successor::Succession;
use bowline_wire::weight::{Weight, Weights};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::checkpoints::word;
use crate::log_rules::{Cast, cast};
use crate::support::*;

/// The state of a log at its head, of which these sums go. Only roster records stay.
fn state_of(story: &Story, freed: Vec<Freed>) -> State {
    let log = &story.log;
    let mut ends: Vec<ChainEnd> =
        log.tips().map(|(chain, tip)| ChainEnd { chain: *chain, tip: *tip }).collect();
    ends.sort_by_key(|end| end.chain);
    let mut parts: BTreeMap<WireDoc, Vec<Part>> = BTreeMap::new();
    for it in log.weights().iter() {
        parts.entry(it.doc).or_default().push(Part { user: it.user, word: None, sum: it.sum });
    }
    let documents = parts.into_iter().map(|(doc, parts)| DocumentState { doc, snapshot: None, parts });
    let mut live: Vec<Run> = Vec::new();
    for (at, _) in records_of(story) {
        match live.last_mut().filter(|run| run.first.0 + run.count == at.position.0) {
            Some(run) => run.count += 1,
            None => live.push(Run { first: at.position, count: 1 }),
        }
    }
    let stays = records_of(story).into_iter().map(|(at, entry)| (at.position, entry.id(), at.time));
    State {
        at: log.head().position,
        hash: log.head().hash,
        time: log.time(),
        roster: log.roster().hash(),
        records: log.roster().points().len() as u64,
        said: log.checkpoints().clone(),
        ends,
        documents: documents.collect(),
        freed,
        live_digest: live_digest(stays),
        live,
        pins: Vec::new(),
    }
}

fn records_of(story: &Story) -> Vec<(Moment, &Entry)> {
    let all = story.entries.iter().zip(&story.times).zip(1..);
    let at = |time: LogTime, position| Moment { position: Position(position), time };
    let all = all.map(|((entry, time), position)| (at(*time, position), entry));
    all.filter(|(_, entry)| entry.header().entry_type == EntryType::Roster).collect()
}

fn begun(state: &State, story: &Story) -> Result<Log, StateFault> {
    let none = Succession::stored(story.workspace(), &[]).unwrap();
    let roster = Roster::new(story.workspace());
    state.begin(story.workspace(), (story.log.head().log, &none), roster, records_of(story))
}

/// What somebody does next.
type Step = [u8; 4];

/// A log that goes on, and, from a place on, the same log as somebody has it who began from its state there.
struct Both {
    story: Story,
    people: Vec<Author>,
    from_state: Option<(Position, Log)>,
    /// How many devices were let in.
    newcomers: usize,
    /// How many entries both took, and how many both refused.
    judged: (usize, usize),
}

impl Both {
    fn new() -> Self {
        let (ana, ben) = (Author::new("ana"), Author::new("ben"));
        let mut story = Story::begun_by(&ana);
        story.invited(&ana, &ben);
        Self { story, people: vec![ana, ben], from_state: None, newcomers: 0, judged: (0, 0) }
    }

    fn take(&mut self, [what, who, which, how]: Step) {
        let author = self.people[usize::from(who) % self.people.len()].clone();
        self.story.clock = self.story.clock.plus(u64::from(how));
        let story = &self.story;
        let any = Position(u64::from(which) % story.position().0 + 1);
        let entry = match what % 16 {
            0..8 => self.content(&author, which, how),
            8 => author.sign(story.draft(&author, EntryType::Witness), &[]),
            9 | 10 => word(story, &author, any, (if how % 2 == 0 { "one" } else { "two" }, &[])),
            11 => return self.let_in(&author),
            12 => {
                let of = self.people[usize::from(which) % self.people.len()].clone();
                story.record_by(&author, &story.removal_of(&author, &of, vec![]))
            }
            13 => story.record_by(&author, &Record::Complaint { epoch: story.roster().epoch().unwrap() }),
            // A life before is there again, or another one begins.
            14 => self.content(&author.reborn(&format!("life {}", which % 3)), which, how),
            _ => self.stray(&author, any, how),
        };
        self.judge(&entry);
    }

    fn content(&self, author: &Author, which: u8, how: u8) -> Entry {
        let doc = WireDoc::from_bytes([which % 4 + 1; 16]);
        let weight = Weight::of(1 << (20 + how % 8));
        let header = self.story.draft(author, EntryType::Changes);
        author.sign(Header { doc, weight, ..header }, &[which, how])
    }

    /// Whether nobody compares a head that was seen at a place, or everybody does.
    fn is_alike(&self, at: Position) -> bool {
        let floor = self.story.log.checkpoints().stood().map_or(Position::START, |stood| stood.at);
        at < floor || self.from_state.as_ref().is_none_or(|(from, _)| at >= *from)
    }

    /// Content that names another place, number, roster or chain than it should, perhaps.
    fn stray(&self, author: &Author, at: Position, how: u8) -> Entry {
        let story = &self.story;
        let mut header = story.draft(author, EntryType::Changes);
        match how % 6 {
            5 if self.is_alike(at) => {
                let hash = LogHash::from_bytes(seed("another story"));
                let seen = story.sign_head(Head { position: at, hash, ..story.log.head() });
                (header.seen, header.held) = (Some(seen.into()), at);
            }
            0 => (header.seen, header.held) = (Some(story.seen_at(at)), Position(at.0 / 2)),
            1 => (header.seen, header.held) = (Some(story.seen_at(at)), at),
            2 if header.seq > 1 => header.seq += 1,
            3 if header.seq > 1 => header.prev = EntryId::from_bytes([7; 32]),
            _ => {
                let points = story.roster().points();
                header.roster = points[usize::try_from(at.0).unwrap() % points.len()].hash;
            }
        }
        author.sign(header, &[how])
    }

    fn let_in(&mut self, by: &Author) {
        self.newcomers += 1;
        let (name, secret) = (format!("newcomer {}", self.newcomers), format!("code {}", self.newcomers));
        let (newcomer, secret) = (Author::new(&name), Secret::new(&secret));
        let ticket = Record::Link(secret.ticket());
        self.judge(&self.story.record_by(by, &ticket));
        let join = self.story.entrance(&secret, &newcomer, false);
        if self.judge(&self.story.join_by(&newcomer, &join)) {
            self.people.push(newcomer);
        }
    }

    /// Asks both about an entry, and appends it if it may stand. Whether it does.
    fn judge(&mut self, entry: &Entry) -> bool {
        let said = self.story.check(entry).map(drop);
        if let Some((from, log)) = &mut self.from_state {
            let hashes = &self.story.hashes;
            let hash_at = |at: Position| {
                let hash = hashes.get(usize::try_from(at.0).unwrap()).copied();
                hash.filter(|_| at > *from)
            };
            let time = log.time_at(self.story.clock);
            let theirs = log.check(entry, time, hash_at);
            assert_eq!(theirs.as_ref().map(drop), said.as_ref().copied(), "{:?}", entry.header());
            if let Ok(accepted) = theirs {
                let placed = log.append(accepted);
                self.judged.0 += 1;
                assert_eq!(placed, self.story.put(entry));
                return true;
            }
            self.judged.1 += 1;
            return false;
        }
        if said.is_ok() {
            self.story.put(entry);
        }
        said.is_ok()
    }

    /// Begins the second log from the state here, of which some sums go.
    fn begin(&mut self, most: u64) -> (Position, Vec<Freed>) {
        let freed: Vec<Freed> = (self.story.log.weights().iter())
            .filter(|it| it.sum / 2 % (most + 1) > 0)
            .map(|it| Freed { doc: it.doc, user: it.user, sum: it.sum / 2 % (most + 1) })
            .collect();
        let state = state_of(&self.story, freed.clone());
        let state: State = decode(&encode(&state)).unwrap();
        self.from_state = Some((state.at, begun(&state, &self.story).unwrap()));
        (state.at, freed)
    }

    /// Has the checkpoint at a place come to stand, if it can: the Owner opens it, and whoever is in says the same.
    fn confirm(&mut self, about: Position, freed: &[Freed]) {
        let owner = self.people[0].clone();
        self.judge(&word(&self.story, &owner, about, ("the state", freed)));
        for author in self.people.clone() {
            self.judge(&word(&self.story, &author, about, ("the state", &[])));
        }
    }
}

/// Steps up to the place of the state, between there and where its checkpoint may come to stand, and after that; and how much it frees of a sum at most.
type History = (Vec<Step>, Vec<Step>, Vec<Step>, u32);

fn history() -> impl Strategy<Value = History> {
    (vec(any::<Step>(), 0..40), vec(any::<Step>(), 0..10), vec(any::<Step>(), 0..30), any::<u32>())
}

/// Takes a history; also whether the checkpoint came to stand, and freed something.
fn played((before, between, after, most): History) -> (Both, bool, bool) {
    let mut both = Both::new();
    for step in before {
        both.take(step);
    }
    let (at, freed) = both.begin(most.into());
    for step in between {
        both.take(step);
    }
    both.confirm(at, &freed);
    let is_stood = both.story.log.checkpoints().stood().is_some_and(|stood| stood.at == at);
    for step in after {
        both.take(step);
    }
    (both, is_stood, !freed.is_empty())
}

proptest! {
    #[test]
    fn whoever_begins_from_a_state_judges_what_follows_as_everybody_does(history in history()) {
        let (both, ..) = played(history);
        let (_, log) = both.from_state.unwrap();
        let theirs = &both.story.log;
        prop_assert_eq!((log.head(), log.time()), (theirs.head(), theirs.time()));
        prop_assert_eq!(log.weights(), theirs.weights());
        prop_assert_eq!(log.roster().hash(), theirs.roster().hash());
        prop_assert!(log.tips().eq(theirs.tips()));
        prop_assert_eq!(log.checkpoints(), theirs.checkpoints());
    }
}

#[test]
fn the_histories_are_eventful() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut stood, mut freed, mut took, mut refused) = (0, 0, 0, 0);
    for _ in 0..100 {
        let (both, is_stood, has_freed) = played(history().new_tree(&mut runner).unwrap().current());
        stood += usize::from(is_stood);
        freed += usize::from(is_stood && has_freed);
        took += both.judged.0;
        refused += both.judged.1;
    }
    assert!(stood > 40 && freed > 20 && took > 1000 && refused > 300, "{stood} {freed} {took} {refused}");
}

/// States with and without each thing that they may say.
pub(crate) fn samples() -> Vec<(&'static str, WorkspaceId, State)> {
    let (mut story, plain) = small();
    let (ana, about) = (Author::new("ana"), story.position());
    let freed = vec![Freed { doc: plain.documents[0].doc, user: ana.user(), sum: 1 }];
    story.put(&word(&story, &ana, about, ("open", &freed)));
    let mut full = state_of(&story, freed);
    full.pins = vec![Pin { at: Position(2), hash: story.hash_at(Position(2)).unwrap() }];
    full.documents[0].snapshot = Some(about);
    let digest = SnapshotDigest::from_bytes(seed("own changes"));
    let said = SignedWord { digest, covers: Position(3), said: about };
    full.documents[0].parts[0].word = Some(said);
    vec![("plain", story.workspace(), plain), ("with everything", story.workspace(), full)]
}

/// A workspace of two with a document of each, and its state.
fn small() -> (Story, State) {
    let Cast { mut story, ana, ben } = cast();
    story.put(&story.content_by(&ana));
    story.put(&story.content_by(&ben));
    let state = state_of(&story, vec![]);
    (story, state)
}

/// Breaks a rule of states.
type Spoil = Box<dyn Fn(&mut State)>;

#[test]
fn a_state_that_breaks_a_rule_is_not_read() {
    let (_, state) = small();
    let row = |doc: u8| DocumentState { doc: WireDoc::from_bytes([doc; 16]), snapshot: None, parts: vec![] };
    let part = |user: u8| Part { user: UserId::from_bytes([user; UserId::LEN]), word: None, sum: 1 };
    let pin = |at| Pin { at: Position(at), hash: LogHash::from_bytes([1; 32]) };
    let run = |first, count| Run { first: Position(first), count };
    let broken: Vec<(&str, Spoil)> = vec![
        ("chains that are not ascending", Box::new(|state| state.ends.reverse())),
        ("a chain twice", Box::new(|state| state.ends.insert(0, state.ends[0].clone()))),
        ("documents that are not ascending", Box::new(move |state| state.documents = vec![row(2), row(1)])),
        ("a document twice", Box::new(move |state| state.documents = vec![row(1), row(1)])),
        (
            "a user twice",
            Box::new(move |state| {
                state.documents = vec![DocumentState { parts: vec![part(1), part(1)], ..row(1) }];
            }),
        ),
        ("runs that touch", Box::new(move |state| state.live = vec![run(1, 1), run(2, 1)])),
        ("a run of nothing", Box::new(move |state| state.live = vec![run(1, 0)])),
        ("a run that begins before the log", Box::new(move |state| state.live = vec![run(0, 1)])),
        ("what stays behind the place", Box::new(move |state| state.live = vec![run(state.at.0, 2)])),
        ("a run without end", Box::new(move |state| state.live = vec![run(1, u64::MAX), run(3, 1)])),
        ("pins that are not ascending", Box::new(move |state| state.pins = vec![pin(2), pin(1)])),
        ("a pin at the place", Box::new(move |state| state.pins = vec![pin(state.at.0)])),
    ];
    let read = |state: &State| decode::<State>(&encode(state));
    assert_eq!(read(&state).unwrap(), state);
    for (what, spoil) in broken {
        let mut spoilt = state.clone();
        spoil(&mut spoilt);
        assert!(read(&spoilt).is_err(), "{what}");
    }
}

#[test]
fn a_state_says_what_stays_and_the_hashes_that_somebody_may_still_compare() {
    let (_, mut state) = small();
    state.live = vec![Run { first: Position(1), count: 2 }, Run { first: Position(4), count: 1 }];
    state.pins = vec![Pin { at: Position(2), hash: LogHash::from_bytes([2; 32]) }];
    let live: Vec<u64> = (0..8).filter(|at| state.is_live(Position(*at))).collect();
    assert_eq!(live, [1, 2, 4]);
    assert_eq!(state.hash_at(Position(2)), Some(LogHash::from_bytes([2; 32])));
    assert_eq!(state.hash_at(Position(3)), None);
    assert_eq!(state.hash_at(state.at), Some(state.hash));
}

#[test]
fn the_digest_of_a_state_is_of_its_workspace_and_of_all_that_it_says() {
    let (story, state) = small();
    let digest = state.digest(story.workspace());
    assert_ne!(digest, state.digest(WorkspaceId::ZERO));
    let mut changed = state.clone();
    changed.documents[0].parts[0].sum += 1;
    assert_ne!(digest, changed.digest(story.workspace()));
    assert_ne!(digest, State { live_digest: [0; 32], ..state }.digest(story.workspace()));
}

#[test]
fn what_stays_is_bound_by_place_id_and_time_of_each() {
    let one = (Position(1), EntryId::from_bytes([1; 32]), LogTime::START);
    let other = [
        (Position(2), one.1, one.2),
        (one.0, EntryId::from_bytes([2; 32]), one.2),
        (one.0, one.1, LogTime::at_most(Millis(1))),
    ];
    for other in other {
        assert_ne!(live_digest([one]), live_digest([other]));
    }
    assert_ne!(live_digest([one]), live_digest([one, one]));
}

#[test]
fn no_log_is_begun_by_records_that_are_not_the_states() {
    let (story, state) = small();
    assert!(begun(&state, &story).is_ok());
    let none = Succession::stored(story.workspace(), &[]).unwrap();
    let begin = |state: &State, records: Vec<(Moment, &Entry)>| {
        let id = story.log.head().log;
        let roster = Roster::new(story.workspace());
        state.begin(story.workspace(), (id, &none), roster, records).map(drop)
    };
    let records = records_of(&story);
    let short = records[..records.len() - 1].to_vec();
    assert_eq!(begin(&state, short), Err(StateFault::OtherRoster));
    let mut swapped = records.clone();
    swapped.swap(1, 2);
    assert_eq!(begin(&state, swapped), Err(StateFault::RecordsOutOfPlace));
    let early = State { at: Position(records[1].0.position.0), ..state.clone() };
    assert_eq!(begin(&early, records.clone()), Err(StateFault::RecordsOutOfPlace));
    let mut dead = state.clone();
    dead.live.clear();
    assert_eq!(begin(&dead, records.clone()), Err(StateFault::RecordsOutOfPlace));
    let ahead = records.iter().map(|(at, entry)| {
        let time = LogTime::at_most(Millis(at.time.millis().0 + 1_000_000));
        (Moment { time, ..*at }, *entry)
    });
    assert_eq!(begin(&state, ahead.collect()), Err(StateFault::RecordsOutOfPlace));
    let other = State { records: state.records + 1, ..state };
    assert_eq!(begin(&other, records), Err(StateFault::OtherRoster));
}

#[test]
fn whoever_knows_the_first_records_begins_with_those_behind_them() {
    let (story, state) = small();
    let none = Succession::stored(story.workspace(), &[]).unwrap();
    let records = records_of(&story);
    let whole = begun(&state, &story).unwrap();
    for known in 0..=records.len() {
        let (before, behind) = records.split_at(known);
        let roster = Roster::replay(story.workspace(), before.to_vec());
        let id = story.log.head().log;
        let log = state.begin(story.workspace(), (id, &none), roster, behind.to_vec()).unwrap();
        assert_eq!((log.head(), log.roster().hash()), (whole.head(), whole.roster().hash()));
        assert_eq!(log.roster().points(), whole.roster().points());
    }
    let all = Roster::replay(story.workspace(), records.clone());
    let id = story.log.head().log;
    let twice = state.begin(story.workspace(), (id, &none), all, records).map(drop);
    assert_eq!(twice, Err(StateFault::RecordsOutOfPlace));
}

#[test]
fn a_log_that_was_begun_from_a_state_knows_the_hashes_that_the_state_says_also_when_it_was_restored() {
    let (story, mut state) = small();
    let pin = Pin { at: Position(2), hash: story.hashes[2] };
    state.pins = vec![pin];
    let whole = Log::restore(
        story.log.head(),
        story.log.time(),
        story.roster().clone(),
        story.log.tips().map(|(chain, tip)| (*chain, *tip)),
        Weights::restore(story.log.weights().iter()),
        story.log.checkpoints().clone(),
    );
    assert_eq!((whole.begun_at(), whole.hash_below(state.at)), (Position::START, None));
    for log in [begun(&state, &story).unwrap(), whole.begun_from(&state)] {
        assert_eq!(log.begun_at(), state.at);
        let known: Vec<Option<LogHash>> = (0..=state.at.0).map(|at| log.hash_below(Position(at))).collect();
        let mut expected = vec![None; known.len()];
        (expected[2], expected[known.len() - 1]) = (Some(pin.hash), Some(state.hash));
        assert_eq!(known, expected);
    }
}
