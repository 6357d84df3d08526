//! Two processes on one home: what one writes, the other neither hides nor loses.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bowline_core::document::{ActorId, Document, Kind, MessageId, Pen, Role};
use bowline_core::sync::{GoingOn, ShownLog};
use bowline_crypto::DeviceKeys;
use bowline_device::{Device, Error, Look, Looking, Notice, OnlyHere, Random, Shared};
use bowline_store::Store;
use bowline_wire::codec::{decode, encode};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{DocId, Millis};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, TryCryptoRng, TryRng};

use crate::author::{Author, rng};
use crate::importing::{import, import_into, session, source};
use crate::named::{self, Story};
use crate::relay::FakeRelay;
use crate::rig::{Rig, code, look_at};

const NOW: Millis = Millis(1_700_000_000_000);

/// A home on the disk that goes away with the test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    fn store(&self) -> Store {
        Store::open(&self.0.join("bowline.db")).unwrap()
    }

    fn open(&self, seed: u64) -> Device {
        self.open_with(Box::new(rng(seed)))
    }

    fn open_with(&self, random: Random) -> Device {
        Device::open(self.store(), DeviceKeys::generate(&mut rng(2)), random).unwrap()
    }

    /// A copy of this one, which nobody has open.
    fn copied(&self, name: &str) -> Self {
        let copy = Self::new(name);
        std::fs::create_dir_all(&copy.0).unwrap();
        std::fs::copy(self.0.join("bowline.db"), copy.0.join("bowline.db")).unwrap();
        copy
    }

    /// Puts a message beside a document, under the actor that a process with this seed has in the document's workspace: it is
    /// only here.
    fn put_aside(&self, seed: u64, id: DocId, text: &str) {
        let mut store = self.store();
        let row = store.read().find_doc(id).unwrap().unwrap();
        let workspace = store.read().workspace(row.ws.unwrap()).unwrap().unwrap();
        let mut process = [0; 8];
        rng(seed).fill_bytes(&mut process);
        process.iter_mut().zip(workspace.incarnation.as_bytes()).for_each(|(byte, of_life)| *byte ^= of_life);
        let device = DeviceKeys::generate(&mut rng(2)).id();
        let pen = Pen { actor: ActorId::for_device(device, process), now: NOW };
        let mut document = Document::create(Kind::Conversation);
        let mut conversation = document.conversation_mut(pen).unwrap();
        let message = MessageId::from_bytes([7; 4]);
        let change = conversation.append_message(message, Role::User, text, NOW).unwrap().unwrap();
        let put = store.transaction(|tx| {
            tx.insert_change_aside(row.n, &change)?;
            tx.set_uncounted(row.n)
        });
        put.unwrap();
    }
}

/// What happens in another process when this one asks for chance the next time.
type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Chance for one process: asking for it is where another one comes between.
struct Interrupted {
    random: ChaCha20Rng,
    meanwhile: Meanwhile,
}

impl TryRng for Interrupted {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.random.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.random.try_next_u64()
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(happens) = meanwhile {
            happens();
        }
        self.random.try_fill_bytes(to)
    }
}

impl TryCryptoRng for Interrupted {}

/// A process between whose steps another one comes.
fn interrupted(home: &Home) -> (Device, Meanwhile) {
    let meanwhile = Meanwhile::default();
    let random = Interrupted { random: rng(10), meanwhile: Arc::clone(&meanwhile) };
    (home.open_with(Box::new(random)), meanwhile)
}

fn joined(home: &Home) -> (Device, Author, FakeRelay) {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut device = home.open(13);
    device.join(&code(&relay, &secret), NOW).unwrap();
    sync(&mut device, &mut relay);
    sync(&mut device, &mut relay);
    (device, owner, relay)
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sync(device: &mut Device, relay: &mut FakeRelay) {
    let workspace = relay.log().head().workspace;
    device.handle_connected(workspace, None, NOW).unwrap();
    while let Some(bytes) = device.poll_transmit(workspace) {
        for answer in relay.answer(decode::<Frame>(&bytes).unwrap()) {
            device.handle_frame(workspace, &encode(&answer), NOW).unwrap();
        }
    }
}

fn texts(device: &mut Device, id: DocId) -> Vec<String> {
    let entries = device.show(id, NOW).unwrap().transcript.entries;
    entries.iter().filter_map(|entry| entry.message().map(|(_, text)| text)).collect()
}

#[test]
fn what_another_process_wrote_is_sent_and_stays_in_view() {
    let home = Home::new("other-process");
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut syncing = home.open(10);
    syncing.join(&code(&relay, &secret), NOW).unwrap();
    sync(&mut syncing, &mut relay);
    sync(&mut syncing, &mut relay);
    let id = syncing.create_conversation(Some("shared"), NOW).unwrap();
    syncing.say(id, Role::User, "by the one that syncs", NOW).unwrap();
    assert_eq!(texts(&mut syncing, id).len(), 1);

    let mut editing = home.open(11);
    editing.say(id, Role::User, "by the one that edits", NOW).unwrap();
    assert_eq!(texts(&mut editing, id).len(), 2);
    sync(&mut syncing, &mut relay);
    assert_eq!(texts(&mut syncing, id).len(), 2);
    // So much comes from others that a base is saved, and rows that are on the log are dropped.
    for round in 0..40 {
        owner.put_message(&mut relay, id, &format!("by somebody else {round}"));
        sync(&mut syncing, &mut relay);
        assert!(texts(&mut syncing, id).len() >= 3);
    }
    for device in [&mut syncing, &mut editing, &mut home.open(12)] {
        let shown = texts(device, id);
        assert!(shown.contains(&"by the one that edits".to_owned()), "{shown:?}");
        assert!(shown.contains(&"by the one that syncs".to_owned()), "{shown:?}");
        assert_eq!(shown.len(), 42);
    }
}

/// A process that syncs a conversation with a message that its relay, which was put back and written to, does not have any more.
fn syncing_before_a_relay_was_put_back(home: &Home) -> (Device, FakeRelay, DocId) {
    let (mut syncing, mut owner, mut relay) = joined(home);
    let mut back = relay.rolled_back(relay.len());
    let id = syncing.create_conversation(Some("kept"), NOW).unwrap();
    syncing.say(id, Role::User, "lost", NOW).unwrap();
    sync(&mut syncing, &mut relay);
    syncing.handle_disconnected(relay.log().head().workspace).unwrap();
    owner.put_message(&mut back, DocId::from_bytes([4; 16]), "another story");
    (syncing, back, id)
}

/// Another process on this home decides to go on with what a relay shows.
fn decide_elsewhere(home: &Home, back: &mut FakeRelay) -> ShownLog {
    let workspace = back.log().head().workspace;
    let mut deciding = home.open(14);
    let Look::Done(shown) = look_at(&mut deciding, (workspace, &Looking::AsItIs), back, NOW) else {
        panic!()
    };
    deciding.go_on_with(workspace, &shown, GoingOn::Accept, NOW).unwrap();
    *shown
}

#[test]
fn what_another_process_has_decided_about_the_log_is_taken_up_by_the_one_that_syncs() {
    let home = Home::new("decided-elsewhere");
    let (mut syncing, mut back, id) = syncing_before_a_relay_was_put_back(&home);
    let workspace = back.log().head().workspace;
    let shown = decide_elsewhere(&home, &mut back);
    // Until it is told, nothing of what it has in memory goes over what was decided.
    let late = syncing.go_on_with(workspace, &shown, GoingOn::Accept, NOW);
    assert!(matches!(late, Err(Error::LogMoved(_))), "{late:?}");
    syncing.handle_store_changed(NOW).unwrap();
    sync(&mut syncing, &mut back);
    let status = syncing.status(workspace).unwrap();
    assert_eq!((status.signed, status.queued, status.offered), (Some(back.head()), 0, 0));
    assert_eq!(texts(&mut syncing, id), ["lost"]);
}

#[test]
fn what_another_process_has_caught_a_relay_at_stops_the_one_that_syncs() {
    let home = Home::new("caught-elsewhere");
    let (mut syncing, mut back, _) = syncing_before_a_relay_was_put_back(&home);
    let workspace = back.log().head().workspace;
    let mut looking = home.open(14);
    assert!(matches!(look_at(&mut looking, (workspace, &Looking::AsItIs), &mut back, NOW), Look::Done(_)));
    assert!(looking.is_distrusted(workspace).unwrap() && !syncing.is_distrusted(workspace).unwrap());
    syncing.handle_store_changed(NOW).unwrap();
    assert!(syncing.is_distrusted(workspace).unwrap());
}

#[test]
fn a_process_that_dials_right_after_a_decision_shows_nothing_of_what_was_given_up() {
    let home = Home::new("dials-after-a-decision");
    let (mut syncing, mut back, _) = syncing_before_a_relay_was_put_back(&home);
    let workspace = back.log().head().workspace;
    let shown = decide_elsewhere(&home, &mut back);
    // Nobody has told this process that the store has changed.
    syncing.handle_connected(workspace, None, NOW).unwrap();
    let mut proofs = Vec::new();
    while let Some(bytes) = syncing.poll_transmit(workspace) {
        let frame = decode::<Frame>(&bytes).unwrap();
        if let Frame::Proof(proof) = &frame {
            proofs.push(proof.head);
        }
        for answer in back.answer(frame) {
            syncing.handle_frame(workspace, &encode(&answer), NOW).unwrap();
        }
    }
    assert_eq!(
        proofs,
        [Some(shown.cut().head)],
        "an honest relay would take another one for a loss of its own"
    );
    assert_eq!(syncing.status(workspace).unwrap().signed, Some(back.head()));
}

#[test]
fn a_document_that_was_found_before_another_process_wrote_is_as_it_is_now() {
    let home = Home::new("found-before");
    let (mut one, mut other) = (home.open(10), home.open(11));
    let id = one.create_conversation(Some("x"), NOW).unwrap();
    assert!(texts(&mut one, id).is_empty(), "it is in memory now");
    let found = one.find(id).unwrap();
    other.say(id, Role::User, "by another process", NOW).unwrap();
    assert_eq!(one.show(found.clone(), NOW).unwrap().transcript.entries.len(), 1);
    one.delete(id, NOW).unwrap();
    let found = one.find(id).unwrap();
    other.restore_deleted(id, NOW).unwrap();
    one.delete(found, NOW).unwrap();
    assert!(one.list(true).unwrap().iter().any(|it| it.id == id && it.deleted_at.is_some()));
}

#[test]
fn a_process_that_was_opened_before_the_keys_came_puts_nothing_aside() {
    let home = Home::new("old-keys");
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut syncing = home.open(10);
    let workspace = syncing.join(&code(&relay, &secret), NOW).unwrap();
    let mut editing = home.open(11);
    sync(&mut syncing, &mut relay);
    let id = DocId::from_bytes([9; 16]);
    owner.put_message(&mut relay, id, "sealed before it was in");
    sync(&mut syncing, &mut relay);
    // It cannot read the message, and leaves it to those who can.
    assert_eq!(texts(&mut editing, id).len(), 0);
    assert!(editing.status(workspace).unwrap().quarantined.is_empty());
    assert_eq!(texts(&mut syncing, id), ["sealed before it was in"]);
    assert_eq!(texts(&mut home.open(12), id), ["sealed before it was in"]);
}

#[test]
fn what_an_import_adds_beside_what_another_process_writes_meanwhile_is_in_view() {
    let home = Home::new("import-beside");
    let (mut syncing, mut owner, mut relay) = joined(&home);
    let id = import(&mut Rig::new(7), &session(1, &[])).id;
    owner.put_message(&mut relay, id, "theirs");
    sync(&mut syncing, &mut relay);
    let (mut importing, meanwhile) = interrupted(&home);
    assert_eq!(texts(&mut importing, id), ["theirs"]);
    let mut other = home.open(11);
    let says = move || assert!(other.say(id, Role::User, "meanwhile", NOW).is_ok());
    *meanwhile.lock().unwrap() = Some(Box::new(says));
    import_into(&mut importing, NOW, &source(), &session(1, &[]));
    assert!(meanwhile.lock().unwrap().is_none(), "another process came between");
    for device in [&mut importing, &mut home.open(12)] {
        let mut shown = texts(device, id);
        shown.sort();
        assert_eq!(shown, ["meanwhile", "text 0", "theirs"]);
        while device.index_one(NOW).unwrap() {}
        assert_eq!(device.list(false).unwrap()[0].only_here, OnlyHere::Parts(1));
    }
}

#[test]
fn what_can_not_be_one_with_the_workspaces_becomes_one_document_whoever_of_two_looks_first() {
    let home = Home::new("apart-once");
    let mut making = home.open(14);
    making.create_workspace("relay", "the token", NOW).unwrap();
    let id = making.create_conversation(Some("plans"), NOW).unwrap();
    making.say(id, Role::User, "in the workspace", NOW).unwrap();
    drop(making);
    home.put_aside(14, id, "under a number that is taken");
    let (mut looking, meanwhile) = interrupted(&home);
    let mut other = home.open(11);
    *meanwhile.lock().unwrap() = Some(Box::new(move || drop(texts(&mut other, id))));
    assert_eq!(texts(&mut looking, id), ["in the workspace"]);
    assert!(meanwhile.lock().unwrap().is_none(), "another process came between");
    for device in [&mut looking, &mut home.open(12)] {
        let mut shown: Vec<_> =
            device.list(false).unwrap().into_iter().map(|it| texts(device, it.id)).collect();
        shown.sort();
        assert_eq!(shown, [["in the workspace"], ["under a number that is taken"]]);
    }
}

#[test]
fn sharing_what_can_not_be_one_with_the_workspaces_says_that_nothing_was_put_in() {
    let home = Home::new("apart-shared");
    let mut device = home.open(14);
    device.create_workspace("relay", "the token", NOW).unwrap();
    let id = device.create_conversation(Some("plans"), NOW).unwrap();
    device.say(id, Role::User, "in the workspace", NOW).unwrap();
    drop(device);
    home.put_aside(14, id, "under a number that is taken");
    let mut device = home.open(11);
    let workspace = device.workspaces().next().unwrap();
    assert_eq!(device.share(id, workspace, NOW).unwrap(), Shared::Unchanged);
    let apart = device.list(false).unwrap().into_iter().find(|it| it.id != id).unwrap();
    assert_eq!(apart.workspace, None, "what was only here is a document of its own, still only here");
    assert_eq!(texts(&mut device, apart.id), ["under a number that is taken"]);
}

#[test]
fn an_edit_that_lost_against_a_copys_is_made_again_in_view_of_what_is_only_here() {
    let home = Home::new("lost-and-aside");
    let (mut first, _, mut relay) = joined(&home);
    let id = first.create_conversation(Some("plans"), NOW).unwrap();
    sync(&mut first, &mut relay);
    drop(first);
    let copy = home.copied("lost-and-aside-copy");
    let says = |home: &Home, text: &str| assert!(home.open(20).say(id, Role::User, text, NOW).is_ok());
    says(&home, "one");
    says(&copy, "two");
    sync(&mut home.open(21), &mut relay);
    copy.put_aside(22, id, "only here");
    let mut looking = copy.open(23);
    sync(&mut looking, &mut relay);
    let notices: Vec<Notice> = std::iter::from_fn(|| looking.poll_notice()).collect();
    assert!(notices.iter().any(|it| matches!(it, Notice::WrittenAgain { .. })), "{notices:?}");
    for device in [&mut looking, &mut copy.open(24)] {
        let mut shown = texts(device, id);
        shown.sort();
        assert_eq!(shown, ["one", "only here", "two"]);
    }
}

#[test]
fn a_log_that_another_process_has_begun_from_a_state_is_read_by_that_state() {
    for is_told in [false, true] {
        let home = Home::new(&format!("begun-elsewhere-{is_told}"));
        let mut story = Story::new();
        let secret = story.owner.put_ticket(&mut story.relay, false);
        let mut syncing = home.open(13);
        syncing.join(&code(&story.relay, &secret), NOW).unwrap();
        sync(&mut syncing, &mut story.relay);
        let mut reading = home.open(14);
        let words = [&story.owner, &story.other].map(|author| Some(story.word(author)));
        story.lets_go(story.state(words, &[]));
        sync(&mut syncing, &mut story.relay);
        if is_told {
            reading.handle_store_changed(NOW).unwrap();
        }
        let read = |device: &mut Device| {
            let shown = texts(device, named::DOC);
            BTreeSet::from_iter(shown)
        };
        let all = BTreeSet::from(["by the other", "by the owner"].map(str::to_owned));
        let early = device_texts_or_nothing(&mut reading);
        assert!(early.is_subset(&all));
        if is_told {
            assert_eq!(early, all);
        }
        reading.handle_store_changed(NOW).unwrap();
        for device in [&mut syncing, &mut reading, &mut home.open(15)] {
            assert_eq!(read(device), all, "told before: {is_told}");
        }
    }
}

/// What a process shows of the document, if it shows it.
fn device_texts_or_nothing(device: &mut Device) -> BTreeSet<String> {
    let shown = device.show(named::DOC, NOW).map(|shown| shown.transcript.entries);
    let shown = shown.unwrap_or_default();
    shown.iter().filter_map(|entry| entry.message().map(|(_, text)| text)).collect()
}
