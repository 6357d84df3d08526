//! Histories: what people do and what goes wrong, drawn from a seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::World;
use super::faults::{Fault, Rates};
use bowline_engine::CodeKind;
use bowline_engine::device::DocumentState;
use bowline_wire::ids::DocId;

/// Bytes of a message that takes three parts.
const MUCH: usize = 1_600_000;

/// One thing that happens. Numbers name whoever or whatever there is, so that a history stays one when steps are left
/// out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A device begins a conversation.
    Create(usize),
    /// A device says something in a conversation.
    Say(usize, usize),
    /// A device says so much in a conversation that it goes in parts, and something stops some milliseconds later.
    SayMuch(usize, usize, u64),
    /// A device gives a conversation another title.
    Retitle(usize, usize),
    /// A device moves a conversation to the trash.
    Delete(usize, usize),
    /// A device takes a conversation out of the trash.
    Undelete(usize, usize),
    /// A device is given a name.
    Rename(usize),
    /// A device looks at everything it has.
    Look(usize),
    /// A new device joins by an invite or link of another.
    Join(usize, bool),
    /// Two devices open a door each, at the same time.
    OpenTwice(usize, usize, bool),
    /// A device removes another.
    Remove(usize, usize),
    /// A device removes another's person.
    RemoveMember(usize, usize),
    /// Two devices remove one each, at the same time.
    RemoveTwice(usize, usize, usize),
    /// A device leaves.
    Leave(usize),
    /// The network is gone for a device.
    Cut(usize),
    /// The network is back for a device.
    Heal(usize),
    /// A device loses power.
    Crash(usize),
    /// A device loses power in one of its next commits.
    CrashAtCommit(usize, u32),
    /// A device loses power between storing and sending.
    CrashBeforeSend(usize),
    /// The relay loses power.
    CrashRelay,
    /// The relay loses power in one of its next commits, before or after storing.
    CrashRelayAtCommit(u32, bool),
    /// A copy of a device's database is made.
    BackUp(usize),
    /// The copy is put in place.
    RestoreBackup(usize),
    /// A second machine goes on with a copy of a device's database.
    Clone(usize),
    /// A device stops reading for some time.
    Stall(usize, u64),
    /// Two devices import one session, each with a line of its own.
    ImportTwice(usize, usize),
    /// A device keeps a conversation to itself.
    KeepLocal(usize, usize),
    /// A device shares a conversation, or what is only there of it.
    Share(usize, usize),
    /// A device forgets the workspace.
    Forget(usize),
    /// A device that has forgotten the workspace joins it again.
    Rejoin(usize),
    /// The relay withholds bodies from now on.
    Withhold,
    /// The relay withholds nothing any more.
    GiveBack,
    /// An operator makes a backup of the relay.
    BackUpRelay,
    /// The relay serves its backup.
    PutRelayBack,
    /// The relay is restored from its backup, or from what was put back before.
    RestoreRelay,
    /// A person links a device whose program makes up two stories under one actor, for a conversation.
    MakeUpTwins(usize, usize),
    /// The programs that make things up publish one thing each.
    TellOfTwins,
    /// A device's line breaks, and from now on what was said on earlier lines is said again on later ones.
    Replay(usize),
    /// Nothing is said again any more.
    StopReplaying,
    /// Programs of the Owner's and of somebody else's make a checkpoint stand, and the relay lets go what it may.
    Checkpoint(usize),
    /// Time passes.
    Wait(u64),
}

/// What happens in one world.
#[derive(Clone, Debug)]
pub struct History {
    /// Makes everything that is not said here: keys, latencies, losses.
    pub seed: u64,
    /// How the network behaves.
    pub rates: Rates,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl History {
    /// The history of a seed: that of [`History::in_one_place`], and in between documents are moved about.
    pub fn of(seed: u64) -> Self {
        let mut history = Self::in_one_place(seed);
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x91AC_E500);
        for _ in 0..4 + random.next_u32() % 8 {
            let at = random.next_u32() as usize % (history.steps.len() + 1);
            history.steps.insert(at, Step::draw_move(&mut random));
        }
        history.withhold_at_times();
        history.restore_relay_at_times();
        history.publish_twins_at_times();
        history.replay_at_times();
        history
    }

    /// The history of a seed in which the relay loses and withholds nothing, and lets go by checkpoints.
    pub fn with_checkpoints(seed: u64) -> Self {
        let mut history = Self::of(seed);
        // Not yet: a device that has begun from a state follows no relay that was restored to before it; one that lacks a body which has been
        // let go waits for it, and one that kept an entry which waits shows it once it can, until devices read by what stands.
        let is_not_yet = |step: &Step| {
            let of_relay = matches!(step, Step::BackUpRelay | Step::PutRelayBack | Step::RestoreRelay);
            of_relay || matches!(step, Step::Withhold | Step::MakeUpTwins(..) | Step::TellOfTwins)
        };
        history.steps.retain(|step| !is_not_yet(step));
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0xC4EC_4B01);
        let mut pick = || random.next_u32() as usize;
        for _ in 0..2 + pick() % 3 {
            let at = pick() % (history.steps.len() + 1);
            history.steps.insert(at, Step::Checkpoint(pick()));
        }
        history
    }

    /// In one history of four a program of a member's publishes what has one actor and one number, bit by bit.
    fn publish_twins_at_times(&mut self) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 0x7815_7815);
        let mut pick = || random.next_u32() as usize;
        if !pick().is_multiple_of(4) {
            return;
        }
        let mut at = pick() % self.steps.len();
        self.steps.insert(at, Step::MakeUpTwins(pick(), pick()));
        for _ in 0..5 {
            at += 1 + pick() % (self.steps.len() - at);
            self.steps.insert(at, Step::TellOfTwins);
        }
    }

    /// In one history of five somebody says again what was said on earlier lines, for some time and perhaps to the end.
    fn replay_at_times(&mut self) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 0x0EC4_00E5);
        let mut pick = || random.next_u32() as usize;
        if !pick().is_multiple_of(5) {
            return;
        }
        let from = pick() % self.steps.len();
        let to = from + 1 + pick() % self.steps.len();
        self.steps.insert(from, Step::Replay(pick()));
        if to < self.steps.len() {
            self.steps.insert(to, Step::StopReplaying);
        }
    }

    /// In one history of five the relay is restored from a backup, perhaps twice, and perhaps after it has served that for a while.
    fn restore_relay_at_times(&mut self) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 0xBAC0_0BAC);
        let mut upto = |limit: usize| random.next_u32() as usize % limit;
        if upto(5) > 0 {
            return;
        }
        // Of two copies of one database the relay may take the other one's words in the place of those that are lost, and whoever would
        // have to write these again may be gone. And a code that was in use then may lead nowhere.
        self.steps.retain(|step| !matches!(step, Step::Clone(_) | Step::Rejoin(_)));
        let mut from = 0;
        for _ in 0..=upto(2) {
            from += upto(self.steps.len() + 1 - from);
            let mut to = from + 1 + upto(self.steps.len() + 1 - from);
            self.steps.insert(from, Step::BackUpRelay);
            self.steps.insert(to.min(self.steps.len()), Step::RestoreRelay);
            if upto(4) > 0 {
                self.steps.insert((from + 1 + upto(to - from)).min(self.steps.len() - 1), Step::PutRelayBack);
                to += 1;
            }
            // A backup of what was put back and not restored is of the log that goes.
            from = (to + 1).min(self.steps.len());
        }
    }

    /// In one history of four the relay withholds bodies, once or twice for some time, perhaps to the end.
    fn withhold_at_times(&mut self) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 0xB0D1_E500);
        let mut upto = |limit: usize| random.next_u32() as usize % limit;
        if upto(4) > 0 {
            return;
        }
        for _ in 0..=upto(2) {
            let from = upto(self.steps.len());
            let to = from + 1 + upto(self.steps.len());
            self.steps.insert(from, Step::Withhold);
            if to < self.steps.len() {
                self.steps.insert(to, Step::GiveBack);
            }
        }
    }

    /// The history of a seed in which every document stays where it was begun.
    pub fn in_one_place(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x0B0E_11E5);
        let mut upto = |limit: u32| random.next_u32() % limit;
        let rates = match upto(4) {
            0 => Rates::CALM,
            _ => Rates {
                loss: upto(30),
                delay: upto(100),
                duplication: upto(40),
                reordering: upto(60),
                disconnect: upto(15),
            },
        };
        let steps = (0..20 + upto(30)).map(|_| Step::draw(&mut random)).collect();
        Self { seed, rates, steps }
    }
}

impl Step {
    fn draw_move(random: &mut ChaCha8Rng) -> Self {
        let kind = random.next_u32() % 16;
        let mut pick = || random.next_u32() as usize;
        let (one, two) = (pick(), pick());
        match kind {
            0..4 => Self::ImportTwice(one, two),
            4..8 => Self::KeepLocal(one, two),
            8..12 => Self::Share(one, two),
            12..14 => Self::Forget(one),
            _ => Self::Rejoin(one),
        }
    }

    fn draw(random: &mut ChaCha8Rng) -> Self {
        let kind = random.next_u32() % 100;
        let mut pick = || random.next_u32() as usize;
        let (one, two, three) = (pick(), pick(), pick());
        match kind {
            0..6 => Self::Create(one),
            // Rarely, because it takes as long as hundreds of others.
            6 if three % 4 == 0 => Self::SayMuch(one, two, (three / 4 % 16) as u64),
            6..36 => Self::Say(one, two),
            36..40 => Self::Retitle(one, two),
            40..42 => Self::Delete(one, two),
            42..44 => Self::Undelete(one, two),
            44..46 => Self::Rename(one),
            46..49 => Self::Look(one),
            49..53 => Self::Join(one, two % 2 == 0),
            53..57 => Self::OpenTwice(one, two, three % 2 == 0),
            57..59 => Self::Remove(one, two),
            59..60 => Self::RemoveMember(one, two),
            60..63 => Self::RemoveTwice(one, two, three),
            63..64 => Self::Leave(one),
            64..68 => Self::Cut(one),
            68..71 => Self::Heal(one),
            71..74 => Self::Crash(one),
            74..79 => Self::CrashAtCommit(one, u32::try_from(two % 4).unwrap_or(0)),
            79..82 => Self::CrashBeforeSend(one),
            82..84 => Self::CrashRelay,
            84..87 => Self::CrashRelayAtCommit(u32::try_from(one % 3).unwrap_or(0), two % 2 == 0),
            87..89 => Self::BackUp(one),
            89..91 => Self::RestoreBackup(one),
            91..93 => Self::Clone(one),
            93..95 => Self::Stall(one, (two % 3_000) as u64),
            _ => Self::Wait((one % 4_000) as u64),
        }
    }
}

impl World {
    /// The world every history begins in: a person with two devices, and a guest with one.
    pub fn found(&mut self) {
        self.device("laptop").create_workspace();
        self.advance(1_000);
        for (name, kind) in [("desktop", CodeKind::Link), ("ben", CodeKind::Invite)] {
            self.let_in("laptop", name, kind);
            self.advance(2_000);
        }
        self.device("laptop").create("plans");
        self.advance(500);
    }

    /// A new device joins by a door that `host` opens. Whether it came to that.
    pub fn let_in(&mut self, host: &str, guest: &str, kind: CodeKind) -> bool {
        let Some(ticket) = self.device(host).open(kind) else {
            return false;
        };
        for _ in 0..40 {
            self.advance(50);
            let Some(index) = self.machines.iter().position(|machine| machine.name == host) else {
                return false;
            };
            let Some(workspace) = self.workspace else {
                return false;
            };
            if matches!(self.machines[index].device_ref().code(workspace, ticket), Ok(Some(_))) {
                return self.device(guest).join(ticket);
            }
        }
        false
    }

    /// Does one step.
    pub fn act(&mut self, number: usize, step: &Step) {
        self.note(format!("step {number}: {step:?}"));
        match *step {
            Step::Create(device) => self.on(device).create(&format!("conversation {number}")),
            Step::Say(device, document) => {
                if let Some(document) = self.document(document) {
                    self.on(device).say(document, &format!("message {number}"));
                }
            }
            Step::SayMuch(device, document, millis) => self.say_much(number, device, document, millis),
            Step::Retitle(device, document) => {
                if let Some(document) = self.document(document) {
                    self.on(device).retitle(document, &format!("title {number}"));
                }
            }
            Step::Delete(device, document) | Step::Undelete(device, document) => {
                if let Some(document) = self.document(document) {
                    self.on(device).delete(document, matches!(step, Step::Delete(..)));
                }
            }
            Step::Rename(device) => self.on(device).rename(&format!("name {number}")),
            Step::Look(device) => self.on(device).look(),
            Step::Join(device, invite) => self.join_step(device, invite),
            Step::OpenTwice(one, two, invite) => self.open_twice(one, two, invite),
            Step::Remove(by, target) => {
                let target = self.on(target).id();
                self.on(by).remove(target);
            }
            Step::RemoveMember(by, target) => {
                let target = self.on(target).id();
                self.on(by).remove_member_of(target);
            }
            Step::RemoveTwice(one, two, target) => self.remove_twice(one, two, target),
            Step::Leave(device) => self.on(device).leave(),
            Step::Cut(device) => self.on(device).cut(),
            Step::Heal(device) => self.on(device).heal(),
            Step::Crash(device) => self.on(device).crash(),
            Step::CrashAtCommit(device, commits) => self.on(device).crash_at_commit(commits),
            Step::CrashBeforeSend(device) => self.on(device).crash_before_sending(),
            Step::CrashRelay => self.crash_relay(),
            Step::CrashRelayAtCommit(commits, stored) => self.crash_relay_at_commit(commits, stored),
            Step::BackUp(device) => self.on(device).back_up(),
            Step::RestoreBackup(number) => {
                let kept = (0..self.machines.len()).filter(|index| self.machines[*index].copy.is_some());
                let kept: Vec<usize> = kept.collect();
                if let Some(at) = number.checked_rem(kept.len()) {
                    self.on(kept[at]).restore_backup();
                }
            }
            Step::Clone(device) => self.on(device).clone_machine(),
            Step::Stall(device, millis) => {
                self.on(device).stall(true);
                self.advance(millis);
                self.on(device).stall(false);
            }
            Step::ImportTwice(..)
            | Step::KeepLocal(..)
            | Step::Share(..)
            | Step::Forget(_)
            | Step::Rejoin(_) => self.act_on_places(number, step),
            Step::Withhold => self.relay.withhold(true),
            Step::GiveBack => self.relay.withhold(false),
            Step::BackUpRelay => self.relay.back_up(),
            Step::PutRelayBack => self.put_relay_back(),
            Step::RestoreRelay => self.restore_relay(),
            Step::MakeUpTwins(device, document) => self.make_up_twins(number, device, document),
            Step::TellOfTwins => self.tell_of_twins(),
            Step::Replay(device) => self.on(device).replay(),
            Step::StopReplaying => self.eavesdropper.replay(false),
            Step::Checkpoint(number) => self.checkpoint_by_any(number),
            Step::Wait(millis) => self.advance(millis),
        }
        self.advance(number as u64 % 97);
    }

    pub(super) fn on(&mut self, number: usize) -> super::Handle<'_> {
        let index = number % self.machines.len();
        super::Handle { world: self, index }
    }

    pub(super) fn document(&self, number: usize) -> Option<DocId> {
        let index = number.checked_rem(self.documents.len())?;
        self.documents.get(index).copied()
    }

    fn join_step(&mut self, host: usize, invite: bool) {
        const GUESTS: usize = 4;
        let kind = if invite { CodeKind::Invite } else { CodeKind::Link };
        let guests = self.machines.iter().filter(|machine| machine.name.starts_with("guest")).count();
        if guests < GUESTS {
            let host = self.on(host).name();
            self.let_in(&host, &format!("guest {guests}"), kind);
        }
    }

    fn open_twice(&mut self, one: usize, two: usize, invite: bool) {
        let kind = if invite { CodeKind::Invite } else { CodeKind::Link };
        self.on(one).open(kind);
        self.on(two).open(kind);
        let distinct = one % self.machines.len() != two % self.machines.len();
        if distinct {
            self.fired.count(if invite { Fault::ConcurrentInvites } else { Fault::ConcurrentLinks });
        }
    }

    /// Three parts, which leave together and are answered one by one. There are few of these, so it is the next device that
    /// can send them, and the next conversation of which nothing is on its way.
    fn say_much(&mut self, number: usize, device: usize, document: usize, millis: u64) {
        let devices = device..device + self.machines.len();
        let device = devices.into_iter().find(|it| self.on(*it).seals()).unwrap_or(device);
        let synced = |state| matches!(state, Some(DocumentState::OnRelay | DocumentState::OnDevices(_)));
        let documents = document..document + self.documents.len();
        let documents: Vec<DocId> = documents.filter_map(|number| self.document(number)).collect();
        let document = documents.into_iter().find(|it| synced(self.on(device).state_of(*it)));
        let Some(document) = document.or_else(|| self.document(0)) else {
            return;
        };
        let mut noise = vec![0; MUCH];
        ChaCha8Rng::seed_from_u64(number as u64).fill_bytes(&mut noise);
        let noise: String = noise.iter().map(|byte| char::from(b'#' + byte % 57)).collect();
        self.on(device).say(document, &format!("message {number} {noise}"));
        self.advance(millis);
        let is_under_way = self.on(device).has_parts_on_their_way();
        match millis % 4 {
            0 => self.on(device).crash(),
            1 => self.on(device).cut(),
            2 => self.crash_relay(),
            _ => self.on(device + 1).crash(),
        }
        if is_under_way {
            self.fired.count(Fault::StoppedBetweenParts);
        }
    }

    fn remove_twice(&mut self, one: usize, two: usize, target: usize) {
        let len = self.machines.len();
        if one % len == two % len {
            return;
        }
        let (target, other) = (self.on(target).id(), self.on(one).id());
        self.on(one).remove(target);
        self.on(two).remove(if two.is_multiple_of(2) { target } else { other });
        self.fired.count(Fault::ConcurrentRemovals);
    }
}
