//! Promise P5: a document is a function of its accepted entries, in whatever order and batches they came. And P4 as far
//! as it is in here: what honest devices said stays said, even if one was cloned and somebody forges.

use crate::support::{Author, Sealed, assemble, device, is_pristine, open, shown, texts};
use automerge::legacy::{Key, OpId, OpType};
use automerge::{ActorId as RawActor, Change, ExpandedChange};
use bowline_core::document::{ActorId, Document, Extent, Incoming, Kind, NeedsRebuild, Pen, Source};
use proptest::prelude::*;

const CONVERSATION: Kind = Kind::Conversation;
/// Device number of the one that forges.
const EVE: u8 = 9;

/// What an engine does with a document, in memory.
struct Replica {
    author: Author,
    entries: Vec<Sealed>,
    unsettled: Vec<Sealed>,
    actors: u8,
}

impl Replica {
    fn new(number: u8) -> Self {
        Self { author: Author::conversation(number), entries: Vec::new(), unsettled: Vec::new(), actors: 0 }
    }

    /// A copy of the whole machine, running process included.
    fn cloned(&self, actors: u8) -> Self {
        Self {
            author: self.author.clone(),
            entries: self.entries.clone(),
            unsettled: self.unsettled.clone(),
            actors,
        }
    }

    fn receive(&mut self, new: &[Sealed]) {
        let fresh: Vec<_> = new.iter().filter(|new| !self.has(new)).cloned().collect();
        self.entries.extend(fresh.iter().cloned());
        let handed: Vec<_> = fresh.into_iter().chain(self.unsettled.clone()).collect();
        match self.author.document.apply(&open(&handed)) {
            Ok(applied) => {
                let cut = applied.refused.iter().filter(|it| it.extent == Extent::Part).map(|it| it.entry);
                let waits: Vec<_> = applied.unsettled.iter().copied().chain(cut).collect();
                self.unsettled = handed.into_iter().filter(|one| waits.contains(&one.entry)).collect();
            }
            Err(NeedsRebuild) => self.rebuild(),
        }
    }

    fn rebuild(&mut self) {
        let me = device(self.author.number);
        let rows = self.author.unsealed.concat();
        let mut all = open(&self.entries);
        all.push(Incoming::local(me, &rows));
        let assembled = Document::assemble(CONVERSATION, &all);
        self.author.document = assembled.document;
        // Entries come in any order here, so what is cut is handed in with all that comes.
        let cut = assembled.refused.iter().filter(|it| it.extent == Extent::Part).map(|it| it.entry);
        let waits: Vec<_> = assembled.unsettled.iter().copied().chain(cut).collect();
        self.unsettled = self.entries.iter().filter(|one| waits.contains(&one.entry)).cloned().collect();

        let lost: Vec<_> = assembled.lost.into_iter().filter(|lost| lost.actor.belongs_to(me)).collect();
        self.author.unsealed.retain(|row| lost.iter().all(|lost| lost.bytes != *row));
        if lost.is_empty() {
            return;
        }
        self.actors += 1;
        self.author.pen.actor = ActorId::for_device(me, [self.author.number, self.actors, 1, 1, 1, 1, 1, 1]);
        let changes: Vec<&[u8]> = lost.iter().map(|lost| &lost.bytes[..]).collect();
        self.author.unsealed.extend(self.author.document.recommit(self.author.pen, &changes).unwrap());
    }

    fn seal(&mut self, world: &mut Vec<Sealed>, source: Source) {
        let number = u8::try_from(world.len() + 1).unwrap();
        let sealed = match source {
            Source::Snapshot if is_pristine(&self.author.document) => return,
            Source::Snapshot => {
                self.author.unsealed.clear();
                self.author.snapshot(number)
            }
            Source::Changes if self.author.unsealed.is_empty() => return,
            Source::Changes => self.author.seal(number),
        };
        self.entries.push(sealed.clone());
        world.push(sealed);
    }

    fn has(&self, sealed: &Sealed) -> bool {
        self.entries.iter().any(|entry| entry.entry == sealed.entry)
    }
}

#[derive(Clone, Debug)]
enum Act {
    Say,
    Title,
    Label(bool),
    Trash(bool),
    Seal,
    Snapshot,
    Receive(prop::sample::Index),
    Clone,
    Forge(Forgery, prop::sample::Index),
}

#[derive(Clone, Copy, Debug)]
enum Forgery {
    /// Says something else under another device's actor and number.
    AnotherText,
    /// Skips operation counters.
    Counters,
    /// Overwrites what it has not seen.
    Unseen,
    /// Removes what was said.
    Remove,
    /// Flips a bit.
    Bit,
    /// Leaves a change out.
    Gap,
}

fn forgery() -> impl Strategy<Value = Forgery> {
    prop_oneof![
        4 => Just(Forgery::AnotherText),
        1 => Just(Forgery::Counters),
        1 => Just(Forgery::Unseen),
        1 => Just(Forgery::Remove),
        1 => Just(Forgery::Bit),
        1 => Just(Forgery::Gap),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => Just(Act::Say),
        2 => Just(Act::Title),
        1 => any::<bool>().prop_map(Act::Label),
        1 => any::<bool>().prop_map(Act::Trash),
        5 => Just(Act::Seal),
        1 => Just(Act::Snapshot),
        6 => any::<prop::sample::Index>().prop_map(Act::Receive),
        1 => Just(Act::Clone),
        2 => (forgery(), any::<prop::sample::Index>()).prop_map(|(how, of)| Act::Forge(how, of)),
    ]
}

/// All entries there came to be, and what honest devices said.
struct Story {
    replicas: Vec<Replica>,
    entries: Vec<Sealed>,
    said: Vec<String>,
    forged: Vec<Sealed>,
}

fn tell(acts: &[(prop::sample::Index, Act)]) -> Story {
    let replicas = (1..=3).map(Replica::new).collect();
    let mut story = Story { replicas, entries: Vec::new(), said: Vec::new(), forged: Vec::new() };
    for (who, act) in acts {
        story.perform(*who, act);
    }
    story
}

impl Story {
    fn perform(&mut self, who: prop::sample::Index, act: &Act) {
        let turn = self.said.len();
        let who = who.index(self.replicas.len());
        let replica = &mut self.replicas[who];
        match act {
            Act::Say => {
                let text = format!("{who}-{turn}");
                replica.author.said = u32::try_from(turn).unwrap();
                let before = replica.author.document.conversation().unwrap().transcript();
                replica.author.say(&text);
                let after = replica.author.document.conversation().unwrap().transcript();
                let said = after.leaf.map(|leaf| &after.entries[leaf]).unwrap();
                assert_eq!(said.parent, before.leaf, "under the active leaf");
                self.said.push(text);
            }
            Act::Title => drop(replica.author.title(&format!("title {who} {turn}"))),
            Act::Label(on) => {
                let pen = replica.author.pen;
                let change =
                    replica.author.document.conversation_mut(pen).unwrap().set_label("work", *on).unwrap();
                replica.author.unsealed.extend(change);
            }
            Act::Trash(delete) => {
                let Author { document, pen, .. } = &mut replica.author;
                let change = if *delete { document.delete(*pen) } else { document.restore(*pen) };
                replica.author.unsealed.extend(change.unwrap());
            }
            Act::Seal => replica.seal(&mut self.entries, Source::Changes),
            Act::Snapshot => replica.seal(&mut self.entries, Source::Snapshot),
            Act::Receive(upto) => {
                let count = upto.index(self.entries.len() + 1);
                let some: Vec<_> =
                    self.entries.iter().skip(count / 2).step_by(1 + count % 3).cloned().collect();
                replica.receive(&some);
            }
            Act::Clone if self.replicas.len() < 5 => {
                let clone = self.replicas[who].cloned(100 + u8::try_from(self.replicas.len()).unwrap());
                self.replicas.push(clone);
            }
            Act::Clone => {}
            Act::Forge(how, of) => self.forge(*how, *of),
        }
    }

    fn forge(&mut self, how: Forgery, of: prop::sample::Index) {
        let is_forged = |entry: &Sealed| self.forged.iter().any(|forged| forged.entry == entry.entry);
        let is_honest = |entry: &&Sealed| entry.source == Source::Changes && !is_forged(entry);
        let sources: Vec<_> = self.entries.iter().filter(is_honest).collect();
        let Some(victim) = (!sources.is_empty()).then(|| of.get(&sources)) else {
            return;
        };
        let mut changes: Vec<Vec<u8>> = split(&victim.bytes);
        let last = changes.pop().unwrap();
        let mut change = ExpandedChange::from(&Change::try_from(&last[..]).unwrap());
        let operation = &mut change.operations[0];
        match how {
            Forgery::AnotherText => operation.action = OpType::Put("forged".into()),
            Forgery::Counters => change.start_op = (change.start_op.get() + 7).try_into().unwrap(),
            Forgery::Unseen => {
                let stranger = ActorId::for_device(device(1 + victim.bytes[8] % 3), [2; 8]);
                operation.pred = vec![OpId(5, RawActor::from(*stranger.as_bytes()))].into();
            }
            Forgery::Remove => operation.action = OpType::Delete,
            Forgery::Bit => operation.key = Key::Map("flipped".into()),
            Forgery::Gap => drop(changes.pop()),
        }
        let mut forged = Change::from(change).raw_bytes().to_vec();
        if matches!(how, Forgery::Bit) {
            let middle = forged.len() / 2;
            forged[middle] ^= 4;
        }
        changes.push(forged);
        let number = u8::try_from(self.entries.len() + 1).unwrap();
        // In the name of another, or as a copy of that other's home that is in the wrong hands.
        let author = if number % 4 == 0 { EVE } else { victim.author.as_bytes()[0] };
        let forged = Sealed::new(number, author, Source::Changes, changes.concat());
        self.forged.push(forged.clone());
        self.entries.push(forged);
    }

    /// Lets everybody receive and seal until nobody has anything new.
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 10, "committing lost changes again comes to an end");
            let before = self.entries.len();
            for replica in &mut self.replicas {
                replica.receive(&self.entries);
                replica.seal(&mut self.entries, Source::Changes);
            }
            if self.entries.len() == before {
                return;
            }
        }
    }
}

/// Concatenated changes, one by one.
fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut doc = automerge::Automerge::new();
    doc.load_incremental(CONVERSATION.first_change()).unwrap();
    let starts: Vec<_> =
        bytes.windows(4).enumerate().filter(|(_, four)| *four == [0x85, 0x6f, 0x4a, 0x83]).collect();
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([bytes.len()]);
    starts.iter().zip(ends).map(|((start, _), end)| bytes[*start..end].to_vec()).collect()
}

/// The document as one who gets the entries in this order, in batches of these sizes, comes to have it.
fn in_batches(entries: &[Sealed], sizes: &[usize]) -> Vec<String> {
    let mut replica = Replica::new(8);
    let mut rest = entries;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let (batch, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        replica.receive(batch);
        rest = later;
    }
    shown(&replica.author.document)
}

fn story() -> impl Strategy<Value = Vec<(prop::sample::Index, Act)>> {
    prop::collection::vec((any::<prop::sample::Index>(), act()), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_batching_of_the_same_entries_shows_the_same(
        acts in story(),
        order in any::<u64>(),
        sizes in prop::collection::vec(1_usize..6, 1..6),
    ) {
        let entries = tell(&acts).entries;
        let expected = shown(&assemble(CONVERSATION, &entries).document);
        let mut shuffled = entries;
        shuffled.sort_by_key(|sealed| u64::from(sealed.entry.as_bytes()[0]).wrapping_mul(order | 1).rotate_left(17));
        prop_assert_eq!(&shown(&assemble(CONVERSATION, &shuffled).document), &expected);
        prop_assert_eq!(&in_batches(&shuffled, &sizes), &expected);
        shuffled.reverse();
        prop_assert_eq!(&in_batches(&shuffled, &sizes), &expected);
    }

    #[test]
    fn what_is_shown_survives_being_saved_and_loaded(acts in story()) {
        let document = assemble(CONVERSATION, &tell(&acts).entries).document;
        let loaded = Document::load(CONVERSATION, &document.save()).unwrap();
        prop_assert_eq!(shown(&loaded), shown(&document));
        let snapshot = Sealed::new(250, 7, Source::Snapshot, document.save());
        let snapshot = snapshot.standing_alone_for(&[1, 2, 3, EVE]);
        prop_assert_eq!(shown(&assemble(CONVERSATION, &[snapshot]).document), shown(&document));
    }

    #[test]
    fn whatever_honest_devices_said_is_there_in_the_end_on_all_of_them(acts in story()) {
        let mut story = tell(&acts);
        story.settle();
        let expected = shown(&assemble(CONVERSATION, &story.entries).document);
        for replica in &story.replicas {
            prop_assert_eq!(&shown(&replica.author.document), &expected);
        }
        let shown = texts(&story.replicas[0].author.document);
        for text in &story.said {
            prop_assert!(shown.contains(text), "{} is gone", text);
        }
    }
}

/// The generator above reaches what it is for.
#[test]
fn stories_hold_conflicts_waiting_entries_and_refusals() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut lost, mut refused, mut unsettled) = (0, 0, 0);
    for _ in 0..60 {
        let entries = tell(&story().new_tree(&mut runner).unwrap().current()).entries;
        let assembled = assemble(CONVERSATION, &entries);
        lost += usize::from(!assembled.lost.is_empty());
        refused += usize::from(!assembled.refused.is_empty());
        unsettled += usize::from(assembled.unsettled.len() > assembled.lost.len());
    }
    assert!(
        lost > 3 && refused > 3,
        "{lost} with losers, {refused} with refusals, {unsettled} with waiting entries"
    );
}

/// A pen is copied with its machine; that it is `Copy` is what makes the clone above faithful.
#[test]
fn a_clone_writes_under_the_same_actor() {
    let replica = Replica::new(1);
    let clone = replica.cloned(1);
    let Pen { actor, .. } = replica.author.pen;
    assert_eq!(actor, clone.author.pen.actor);
}
