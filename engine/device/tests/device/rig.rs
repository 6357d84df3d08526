//! A device, its line, and a hand on its database's commits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bowline_core::document::Role;
use bowline_core::sync::{GoingOn, LinkState, Pins, Recipient, ShownLog, Token, keys_in_records};
use bowline_crypto::{DeviceKeys, TicketSecret};
use bowline_device::{Code, CodeKind, Device, Error};
use bowline_device::{Look, Looking, Missing, Notice, WorkspaceStatus};
use bowline_store::{Connection, Store};
use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{DocId, Millis, Moment, WorkspaceId};

use crate::author::{Author, rng};
use crate::opening::Opening;
use crate::relay::FakeRelay;

/// Refuses a commit, counted from when it was set; later ones go through.
#[derive(Clone, Default)]
pub(crate) struct Commits(Arc<AtomicI64>);

impl Commits {
    pub(crate) fn refuse(&self, nth: i64) {
        self.0.store(nth, Ordering::SeqCst);
    }

    /// Whether the commit that was to be refused has been.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.load(Ordering::SeqCst) <= 0
    }

    fn watch(&self, connection: &mut Connection) {
        let left = Arc::clone(&self.0);
        connection.commit_hook(Some(move || left.fetch_sub(1, Ordering::SeqCst) == 1)).unwrap();
    }
}

pub(crate) struct Rig {
    pub(crate) device: Device,
    pub(crate) now: Millis,
    pub(crate) commits: Commits,
    /// Everything the line was given, in order.
    pub(crate) sent: Vec<Frame>,
    /// What the line has not been given yet.
    waiting: VecDeque<Frame>,
    /// What was said on the line.
    opening: Opening,
    pub(crate) notices: Vec<Notice>,
    keys: [u8; 64],
    seed: u64,
    workspace: WorkspaceId,
}

impl Rig {
    /// A device without a workspace.
    pub(crate) fn new(seed: u8) -> Self {
        let keys = *DeviceKeys::generate(&mut rng(seed.into())).to_bytes();
        let commits = Commits::default();
        let mut store = Store::in_memory().unwrap();
        commits.watch(store.connection_mut());
        let seed = u64::from(seed) << 32;
        Self {
            device: open(store, &keys, seed).unwrap(),
            now: Millis(1_700_000_000_000),
            commits,
            sent: Vec::new(),
            waiting: VecDeque::new(),
            opening: Opening::default(),
            notices: Vec::new(),
            keys,
            seed,
            workspace: WorkspaceId::ZERO,
        }
    }

    /// The maker of a workspace of which the relay knows nothing yet.
    pub(crate) fn creator(seed: u8) -> (Self, FakeRelay) {
        let mut rig = Self::new(seed);
        let relay = rig.begin_workspace(seed);
        (rig, relay)
    }

    /// Makes a workspace, which is this one's from now on.
    pub(crate) fn begin_workspace(&mut self, seed: u8) -> FakeRelay {
        self.workspace = self.device.create_workspace("relay", "the token", self.now).unwrap();
        FakeRelay::new(seed, self.workspace)
    }

    /// The line is to this workspace's relay from now on.
    pub(crate) fn return_to(&mut self, workspace: WorkspaceId) {
        self.workspace = workspace;
    }

    /// A Member of somebody's workspace, with everything of it known here.
    pub(crate) fn member() -> (Self, Author, FakeRelay) {
        let (mut owner, mut relay) = Author::owner(1);
        let secret = owner.put_ticket(&mut relay, false);
        let mut rig = Self::new(2);
        rig.join(&code(&relay, &secret));
        rig.sync(&mut relay);
        rig.sync(&mut relay);
        assert!(rig.status().member);
        assert_eq!(rig.device.link_state(rig.workspace).unwrap(), LinkState::Live);
        rig.sent.clear();
        rig.notices.clear();
        (rig, owner, relay)
    }

    /// A code for a new member, once the relay has it.
    pub(crate) fn invited(&mut self, relay: &mut FakeRelay) -> Code {
        let key = self.device.invite(self.workspace, self.now).unwrap();
        self.talk(relay);
        self.device.code(self.workspace, key).unwrap().unwrap()
    }

    pub(crate) fn join(&mut self, code: &Code) {
        self.workspace = self.device.join(code, self.now).unwrap();
    }

    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    pub(crate) fn keys(&self) -> &[u8; 64] {
        &self.keys
    }

    pub(crate) fn status(&self) -> WorkspaceStatus {
        self.device.status(self.workspace).unwrap()
    }

    /// The process ends, whatever it was doing, and another one begins.
    pub(crate) fn reopened(self) -> Self {
        self.try_reopened().unwrap()
    }

    pub(crate) fn try_reopened(self) -> Result<Self, Error> {
        let seed = self.seed + 1;
        let store = Store::from_connection(self.device.into_store().into_connection()).unwrap();
        Ok(Self {
            device: open(store, &self.keys, seed)?,
            sent: Vec::new(),
            waiting: VecDeque::new(),
            opening: Opening::default(),
            notices: Vec::new(),
            seed,
            ..self
        })
    }

    /// Another device on a copy of this one's database as it is now.
    pub(crate) fn copied(&self) -> Self {
        let mut copy = Connection::open_in_memory().unwrap();
        self.device.store().copy_to(&mut copy).unwrap();
        let commits = Commits::default();
        let mut store = Store::from_connection(copy).unwrap();
        commits.watch(store.connection_mut());
        let seed = self.seed + (1 << 16);
        Self {
            device: open(store, &self.keys, seed).unwrap(),
            now: self.now,
            commits,
            sent: Vec::new(),
            waiting: VecDeque::new(),
            opening: Opening::default(),
            notices: Vec::new(),
            keys: self.keys,
            seed,
            workspace: self.workspace,
        }
    }

    pub(crate) fn try_receive(&mut self, frame: &Frame) -> Result<(), Error> {
        self.look_at_sent();
        let frame = self.opening.signs(frame.clone());
        let done = self.device.handle_frame(self.workspace, &encode(&frame), self.now);
        while let Some(notice) = self.device.poll_notice() {
            self.notices.push(notice);
        }
        done
    }

    pub(crate) fn receive(&mut self, frame: &Frame) {
        self.try_receive(frame).unwrap();
    }

    /// Reads what the device wants to send, as far as it has come, which is to be given away later.
    fn look_at_sent(&mut self) {
        while let Some(bytes) = self.device.poll_transmit(self.workspace) {
            let frame = decode::<Frame>(&bytes).unwrap();
            self.opening.hears(&frame);
            if matches!(frame, Frame::Hello(_)) {
                // What the line before was not given is given to nobody.
                self.waiting.clear();
            }
            self.waiting.push_back(frame);
        }
    }

    /// Takes what the device wants to send, and gives it to nobody.
    pub(crate) fn take_sent(&mut self) -> Vec<Frame> {
        self.look_at_sent();
        let taken: Vec<Frame> = self.waiting.drain(..).collect();
        self.sent.extend(taken.iter().cloned());
        taken
    }

    /// Gives the relay what the device sends, and the device the answers, until nothing more is said.
    pub(crate) fn try_talk(&mut self, relay: &mut FakeRelay) -> Result<(), Error> {
        loop {
            let sent = self.take_sent();
            if sent.is_empty() {
                return Ok(());
            }
            for answer in sent.into_iter().flat_map(|frame| relay.answer(frame)).collect::<Vec<_>>() {
                self.try_receive(&answer)?;
            }
        }
    }

    /// Opens a line that is cut after so many answers; the relay has heard everything that was sent by then.
    pub(crate) fn try_sync_until(&mut self, relay: &mut FakeRelay, answers: usize) -> Result<(), Error> {
        self.device.handle_connected(self.workspace, None, self.now)?;
        let mut left = answers;
        loop {
            let sent = self.take_sent();
            if sent.is_empty() {
                return Ok(());
            }
            for answer in sent.into_iter().flat_map(|frame| relay.answer(frame)).collect::<Vec<_>>() {
                if left == 0 {
                    return self.device.handle_disconnected(self.workspace);
                }
                left -= 1;
                self.try_receive(&answer)?;
            }
        }
    }

    pub(crate) fn talk(&mut self, relay: &mut FakeRelay) {
        self.try_talk(relay).unwrap();
    }

    pub(crate) fn try_sync(&mut self, relay: &mut FakeRelay) -> Result<(), Error> {
        self.device.handle_connected(self.workspace, None, self.now)?;
        self.try_talk(relay)
    }

    pub(crate) fn sync(&mut self, relay: &mut FakeRelay) {
        self.try_sync(relay).unwrap();
    }

    pub(crate) fn disconnect(&mut self) {
        self.device.handle_disconnected(self.workspace).unwrap();
        self.waiting.clear();
    }

    /// A line that is let in and has said nothing more.
    pub(crate) fn connect(&mut self, relay: &FakeRelay) {
        self.greet();
        self.receive(&relay.welcome());
    }

    /// A line on which the device has said who it is.
    pub(crate) fn greet(&mut self) {
        self.device.handle_connected(self.workspace, None, self.now).unwrap();
        self.receive(&FakeRelay::challenge());
    }

    pub(crate) fn say(&mut self, id: DocId, text: &str) {
        self.device.say(id, Role::User, text, self.now).unwrap();
    }

    pub(crate) fn conversation(&mut self, title: &str) -> DocId {
        self.device.create_conversation(Some(title), self.now).unwrap()
    }

    /// What is said in a conversation.
    pub(crate) fn texts(&mut self, id: DocId) -> Vec<String> {
        self.try_texts(id).unwrap()
    }

    pub(crate) fn try_texts(&mut self, id: DocId) -> Result<Vec<String>, Error> {
        let shown = self.device.show(id, self.now)?;
        let texts = shown.transcript.entries.iter().filter_map(|entry| entry.message().map(|(_, text)| text));
        Ok(texts.collect())
    }

    /// Every entry that was sent, in order, as often as it was.
    pub(crate) fn appended(&self) -> Vec<Entry> {
        let signed = self.sent.iter().flat_map(entries_of);
        signed.map(|entry| entry.verify(self.workspace()).unwrap()).collect()
    }
}

pub(crate) fn entries_of(frame: &Frame) -> Vec<SignedEntry> {
    match frame {
        Frame::Append { entries } => entries.clone(),
        _ => Vec::new(),
    }
}

fn open(store: Store, keys: &[u8; 64], seed: u64) -> Result<Device, Error> {
    Device::open(store, DeviceKeys::from_bytes(keys), Box::new(rng(seed)))
}

/// Looks at a relay's log on a line of its own.
pub(crate) fn look_at(
    device: &mut Device,
    (workspace, how): (WorkspaceId, &Looking),
    relay: &mut FakeRelay,
    now: Millis,
) -> Look {
    let mut survey = device.survey(workspace, (None, how), now).unwrap();
    let (mut opening, mut answers) = (Opening::default(), VecDeque::new());
    loop {
        while let Some(frame) = survey.poll_transmit() {
            opening.hears(&frame);
            answers.extend(relay.answer(frame));
        }
        let frame = opening.signs(answers.pop_front().expect("the look waits for nothing"));
        match device.look(workspace, &mut survey, &encode(&frame), now).unwrap() {
            Look::On => {}
            looked => return looked,
        }
    }
}

/// Two members of one workspace, both with everything in it.
pub(crate) fn two() -> (Rig, Rig, FakeRelay) {
    let (one, mut owner, mut relay) = Rig::member();
    let secret = owner.put_ticket(&mut relay, false);
    let mut other = Rig::new(3);
    other.join(&code(&relay, &secret));
    other.sync(&mut relay);
    other.sync(&mut relay);
    assert!(other.status().member);
    (one, other, relay)
}

/// Until each has what the other has.
pub(crate) fn exchange(one: &mut Rig, other: &mut Rig, relay: &mut FakeRelay) {
    for _ in 0..3 {
        one.sync(relay);
        other.sync(relay);
    }
}

/// Lets `other` in again, which has forgotten the workspace, and brings both into step.
pub(crate) fn join_again(one: &mut Rig, other: &mut Rig, relay: &mut FakeRelay) {
    let workspace = one.workspace();
    let key = one.device.link_device(workspace, one.now).unwrap();
    one.sync(relay);
    let code = one.device.code(workspace, key).unwrap().unwrap();
    other.join(&code);
    for _ in 0..3 {
        exchange(one, other, relay);
    }
}

/// What the maker of an invite would hand over now.
pub(crate) fn code(relay: &FakeRelay, secret: &TicketSecret) -> Code {
    let head = relay.log().head();
    Code {
        relay: "relay".to_owned(),
        workspace: head.workspace,
        kind: CodeKind::Invite,
        pins: Pins {
            log: head.log,
            position: head.position,
            hash: head.hash,
            roster: relay.log().roster().hash(),
        },
        secret: TicketSecret::from_bytes(&secret.to_bytes()),
    }
}

/// The Owner's device, and a member.
pub(crate) fn owner_and_member() -> (Rig, Author, FakeRelay) {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let code = rig.invited(&mut relay);
    let member = Author::join(7, &code.secret, &mut relay);
    rig.sync(&mut relay);
    rig.sent.clear();
    rig.notices.clear();
    (rig, member, relay)
}

/// Somebody who comes in by an invite that the rig makes, with everything of the workspace known there.
pub(crate) fn newcomer(rig: &mut Rig, relay: &mut FakeRelay, seed: u8) -> Rig {
    let code = rig.invited(relay);
    let mut newcomer = Rig::new(seed);
    newcomer.join(&code);
    for _ in 0..2 {
        newcomer.sync(relay);
    }
    newcomer
}

/// Another device of the rig's person, by a link that the rig makes.
pub(crate) fn linked(rig: &mut Rig, relay: &mut FakeRelay, seed: u8) -> Author {
    let (workspace, now) = (rig.workspace(), rig.now);
    let ticket = rig.device.link_device(workspace, now).unwrap();
    rig.sync(relay);
    let code = rig.device.code(workspace, ticket).unwrap().unwrap();
    let own = Author::join(seed, &code.secret, relay);
    rig.sync(relay);
    own
}

/// The author takes the keys that others have wrapped to it on the log, or to the ticket that it came by.
pub(crate) fn take_keys(author: &mut Author, ticket: Option<&TicketSecret>, relay: &FakeRelay) {
    let records: Vec<(Moment, Entry)> = relay
        .roster_records()
        .into_iter()
        .map(|(position, logged)| {
            let at = Moment { position, time: logged.time };
            (at, logged.entry.verify(relay.workspace()).unwrap())
        })
        .collect();
    let recipient = Recipient { device: author.keys.hpke(), ticket };
    author.keyring = keys_in_records(relay.workspace(), &records, &recipient).unwrap();
}

/// The signed entries of one document on the relay.
pub(crate) fn entries_on(relay: &FakeRelay, author: &Author, doc: DocId) -> Vec<Entry> {
    let wire = author.keyring.wire_doc(doc).unwrap();
    relay.verified().filter(|entry| entry.header().doc == wire).collect()
}

impl Rig {
    /// Looks at a relay's log on a line of its own.
    pub(crate) fn look(&mut self, relay: &mut FakeRelay) -> ShownLog {
        let looked = self.try_look(relay);
        let Look::Done(shown) = looked else { unreachable!("{looked:?}") };
        *shown
    }

    pub(crate) fn try_look(&mut self, relay: &mut FakeRelay) -> Look {
        look_at(&mut self.device, (self.workspace, &Looking::AsItIs), relay, self.now)
    }

    /// What a relay's log lacks of what is known here.
    pub(crate) fn missing(&mut self, relay: &mut FakeRelay) -> Missing {
        let shown = self.look(relay);
        self.device.missing(self.workspace, &shown).unwrap()
    }

    /// A person looks, and decides to go on with what is shown.
    pub(crate) fn try_go_on(&mut self, relay: &mut FakeRelay, how: GoingOn) -> Result<(), Error> {
        let shown = self.look(relay);
        self.device.go_on_with(self.workspace, &shown, how, self.now)
    }

    /// A person decides, and everything that follows is done.
    pub(crate) fn go_on(&mut self, relay: &mut FakeRelay, how: GoingOn) {
        self.try_go_on(relay, how).unwrap();
        self.sync(relay);
    }

    /// A person has the workspace made again at a relay that has lost it, and decides.
    pub(crate) fn decide_to_make_again(&mut self, relay: &mut FakeRelay, how: GoingOn) {
        let looking = Looking::MadeAgain(Token("the token".to_owned()));
        let looked = look_at(&mut self.device, (self.workspace, &looking), relay, self.now);
        let Look::Done(shown) = looked else { unreachable!("{looked:?}") };
        self.device.go_on_with(self.workspace, &shown, how, self.now).unwrap();
    }

    /// The same, and everything that follows is done.
    pub(crate) fn make_again(&mut self, relay: &mut FakeRelay, how: GoingOn) {
        self.decide_to_make_again(relay, how);
        self.sync(relay);
    }

    /// Opens a line that brings the whole log and then no answer any more.
    pub(crate) fn sync_without_answers(&mut self, relay: &FakeRelay) {
        let after = self.status().signed.map_or(0, |head| head.position.0);
        self.connect(relay);
        if after < relay.len() {
            self.receive(&relay.frame(after + 1, relay.len()));
        }
        self.take_sent();
    }
}
