//! Removal restores: whatever one member has written, with every key that a member has, the others seal again once the Owner has removed
//! that member, newcomers come in and read what the others read, and of those who were removed nobody opens what is sealed after that. Epochs
//! that the Owner gives up on the way take nothing of that away: nobody seals in one, and whoever lacks only those lacks nothing.
//!
//! Random histories over the roster's fold and real keys. Honest devices take keys and hand them on by the engine's own code, and write what
//! it writes unasked, now and then on a roster that is not the newest any more. The hostile member writes any record at any moment, with garbage
//! inside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, in their own functions too"
)]

mod honest;
mod hostile;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use bowline_crypto::{DeviceKeys, Keyring, NewEpoch, TicketSecret};
use bowline_wire::entry::Entry;
use bowline_wire::ids::{
    Commitment, DeviceId, HpkePublicKey, Incarnation, LogTime, Millis, Moment, Position, RosterHash, Suite,
    UserId, WorkspaceId,
};
use bowline_wire::roster::record::{Join, Record, Rekey};
use bowline_wire::roster::{Epoch, Outcome, Roster, TicketStage, Void};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::Context;
use super::handing_on::Lacking;
use super::keys::{HandedOut, Recipient};
use super::writing::{first_header, genesis};

/// Histories in CI; each is made from its number, which a failure names.
const HISTORIES: u64 = 2_000;

/// Histories with `--nightly`.
const NIGHTLY_HISTORIES: u64 = 100_000;

/// One history of so many has keys of X-Wing's, which take several times as long as those of X25519 and are to the roster the same.
const XWING_EACH: u64 = 32;

/// Steps before the removal.
const STEPS: usize = 30;

/// How often all honest devices look for something to write, after which they have to be at rest.
const ROUNDS_TO_REST: usize = 100;

/// Honest devices, and hostile ones, that are in at a time. Whoever else comes only takes time.
const MOST_IN: usize = 6;

/// A rekey with nothing in it, to ask whom one would be for.
const NO_REKEY: Rekey = Rekey { commitment: Commitment::ZERO, history: Vec::new(), wraps: Vec::new() };

/// A device, with the code by which it came.
struct Device {
    keys: DeviceKeys,
    ticket: Option<TicketSecret>,
    keyring: Option<Keyring>,
    lacking: Lacking,
}

/// A record that was applied, and the roster directly after it.
struct Applied {
    entry: Entry,
    rekey_void: Option<Void>,
    roster: Roster,
}

/// Which device writes.
#[derive(Clone, Copy)]
enum By {
    Honest(usize),
    Hostile(usize),
}

struct History {
    rng: ChaCha20Rng,
    suite: Suite,
    workspace: WorkspaceId,
    roster: Roster,
    records: Vec<Applied>,
    written: u64,
    /// Milliseconds of the log's time.
    now: u64,
    honest: Vec<Device>,
    hostile: Vec<Device>,
    /// The hostile member's codes that nobody has come by yet.
    links: Vec<TicketSecret>,
}

impl Device {
    fn new(rng: &mut ChaCha20Rng, ticket: Option<TicketSecret>) -> Self {
        Self { keys: DeviceKeys::generate(rng), ticket, keyring: None, lacking: Lacking::default() }
    }

    fn id(&self) -> DeviceId {
        self.keys.id()
    }

    fn recipient(&self) -> Recipient<'_> {
        Recipient { device: self.keys.hpke(), ticket: self.ticket.as_ref() }
    }

    /// Takes what an applied record has for this device. Whom its rekey wraps wrongly is worked out by the first who has the key.
    fn learn(&mut self, entry: &Entry, roster: &Roster, otherwise: &mut Option<BTreeSet<HpkePublicKey>>) {
        let recipient = Recipient { device: self.keys.hpke(), ticket: self.ticket.as_ref() };
        let Some(keyring) = &mut self.keyring else { return };
        recipient.learn(entry, roster, (keyring, &mut self.lacking), |begun, keyring| {
            otherwise.get_or_insert_with(|| begun.wrapped_otherwise(keyring)).clone()
        });
    }

    fn has_key_in_force(&self, roster: &Roster) -> bool {
        self.keyring.as_ref().is_some_and(|keyring| Some(keyring.newest_epoch()) == roster.epoch())
    }

    fn is_ready(&self, roster: &Roster) -> bool {
        self.has_key_in_force(roster) && self.names_documents()
    }

    fn names_documents(&self) -> bool {
        self.keyring.as_ref().is_some_and(Keyring::names_documents)
    }

    /// A rekey for exactly these, by whoever has whatever keys.
    fn rekey(&self, on: RosterHash, to: &BTreeSet<HpkePublicKey>, history: &mut Chance<'_>) -> Rekey {
        let to: Vec<HpkePublicKey> = to.iter().cloned().collect();
        let new =
            NewEpoch { recipients: &to, epochs: history.roster.epochs(), roster: on, author: self.id() };
        self.keyring.as_ref().unwrap().rekey(&new, history.rng).unwrap()
    }
}

/// What making a rekey takes of a history.
struct Chance<'h> {
    roster: &'h Roster,
    rng: &'h mut ChaCha20Rng,
}

impl History {
    fn begin(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let suite = if seed.is_multiple_of(XWING_EACH) { Suite::XWing } else { Suite::X25519 };
        let mut owner = Device::new(&mut rng, None);
        let mut cx = Context { keys: &owner.keys, now: Millis(0), random: &mut rng, hash_at: &|_| None };
        let (entry, keyring) = genesis(suite, Incarnation::ZERO, &mut cx).unwrap();
        let (workspace, at) = (keyring.workspace(), Moment { position: Position(1), time: LogTime::START });
        let mut roster = Roster::new(workspace);
        assert_eq!(roster.apply_entry(at, &entry), Some(Outcome::Applied { rekey_void: None }));
        owner.keyring = Some(keyring);
        let records = vec![Applied { entry, rekey_void: None, roster: roster.clone() }];
        let honest = vec![owner];
        let (hostile, links) = (Vec::new(), Vec::new());
        Self { rng, suite, workspace, roster, records, written: 1, now: 0, honest, hostile, links }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % limit
    }

    /// Whether it happens, one time of so many.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// Writes a record on a roster, and shows it to everybody if it counts. Whether it does.
    fn write(&mut self, by: By, on: RosterHash, record: &Record) -> bool {
        self.written += 1;
        self.now += [0, 5, 700, 4_000][self.below(4)];
        let keys = match by {
            By::Honest(n) => &self.honest[n].keys,
            By::Hostile(n) => &self.hostile[n].keys,
        };
        // Each record begins a chain, since nothing here asks what stands before it in one.
        let (body, life) = (record.to_body(), Incarnation::from_bytes(self.written.to_be_bytes()));
        let header = first_header(self.workspace, keys.id(), life, on, &body);
        let entry = keys.sign_header(header, body).unwrap();
        let at = Moment { position: Position(self.written), time: LogTime::at_most(Millis(self.now)) };
        let Some(Outcome::Applied { rekey_void }) = self.roster.apply_entry(at, &entry) else { return false };
        self.show(&entry, rekey_void);
        self.records.push(Applied { entry, rekey_void, roster: self.roster.clone() });
        true
    }

    fn show(&mut self, entry: &Entry, rekey_void: Option<Void>) {
        let (roster, mut otherwise) = (&self.roster, None);
        for device in self.honest.iter_mut().chain(&mut self.hostile) {
            if rekey_void.is_none() && roster.is_active(&device.id()) {
                device.learn(entry, roster, &mut otherwise);
            }
        }
    }

    /// A roster that an author may still take for the newest.
    fn some_roster(&mut self) -> RosterHash {
        let points = self.roster.points().len();
        let late = if self.once_in(4) { self.below(4) } else { 0 };
        self.roster.points()[points - 1 - late.min(points - 1)].hash
    }

    /// Which of these devices are in.
    fn active(&self, devices: &[Device]) -> Vec<usize> {
        (0..devices.len()).filter(|n| self.roster.is_active(&devices[*n].id())).collect()
    }

    /// What the records so far hand out to somebody who has no keys, as [`keys_in_records`](super::keys_in_records) finds it.
    fn keys_for(&self, recipient: &Recipient<'_>) -> Option<Keyring> {
        let mut handed_out = HandedOut::new(self.workspace, recipient);
        for applied in &self.records {
            handed_out.look_at(&applied.entry, applied.rekey_void, &applied.roster);
        }
        handed_out.keyring().ok()
    }

    fn user(&self, device: &Device) -> UserId {
        self.roster.device(&device.id()).unwrap().user
    }

    /// The Join of a newcomer by this code.
    fn join_of(&self, newcomer: &Device, secret: &TicketSecret) -> Option<Record> {
        let admits = self.roster.ticket(&secret.ticket_key())?.admits;
        let hpke = newcomer.keys.hpke_public(self.suite);
        let proof = secret.prove_join(self.workspace, newcomer.id(), &hpke, admits);
        Some(Record::Join(Join { ticket: secret.ticket_key(), hpke, recovery: admits.recovery, proof }))
    }

    /// The Owner removes the hostile member, and honest devices write what they have to until nobody has to.
    fn restore(&mut self) {
        let (owner, on) = (self.owner(), self.roster.hash());
        let user = self.user(&self.hostile[0]);
        let draft = |rekey| Record::RemoveMember { user, cut: vec![], rekey };
        let header = first_header(self.workspace, self.honest[owner].id(), Incarnation::ZERO, on, &[]);
        // Whoever has left by themselves cannot be removed any more.
        if let Ok(stay) = self.roster.recipients_after(&header, &draft(NO_REKEY)) {
            let mut chance = Chance { roster: &self.roster, rng: &mut self.rng };
            let rekey = self.honest[owner].rekey(on, &stay, &mut chance);
            assert!(self.write(By::Honest(owner), on, &draft(rekey)), "the Owner removes a Member");
        }
        self.rest();
    }

    /// Honest devices write what they have to until nobody has to, not even later.
    fn rest(&mut self) {
        for _ in 0..ROUNDS_TO_REST {
            let active = self.active(&self.honest);
            if active.into_iter().any(|n| self.upkeep(n)) {
                continue;
            }
            let waits = |n: &usize| !self.honest[*n].is_ready(&self.roster);
            if !self.active(&self.honest).iter().any(waits) {
                return;
            }
            self.now += 6_000;
        }
        panic!("honest devices do not come to rest");
    }

    fn check(&self) {
        assert!(!self.roster.is_rekey_due());
        assert!(self.roster.epoch().is_some_and(|newest| !self.roster.given_up().has_epoch(&newest)));
        let owner = self.honest[self.owner()].keyring.as_ref().unwrap();
        for n in self.active(&self.honest) {
            assert!(self.honest[n].is_ready(&self.roster), "device {n} does not seal");
            let keyring = self.honest[n].keyring.as_ref().unwrap();
            let is_read =
                |epoch: &&Epoch| owner.holds(epoch.id) && !self.roster.given_up().has_epoch(&epoch.id);
            for epoch in self.roster.epochs().iter().filter(is_read) {
                assert!(keyring.holds(epoch.id), "device {n} does not read what the remover reads");
            }
        }
        let newest = self.roster.epoch().unwrap();
        let came = self.hostile.iter().map(|device| (device, device.ticket.as_ref()));
        let links = self.links.iter().map(|link| (&self.hostile[0], Some(link)));
        for (device, ticket) in came.chain(links) {
            assert!(!self.roster.is_active(&device.id()));
            let recipient = Recipient { device: device.keys.hpke(), ticket };
            assert!(
                !self.keys_for(&recipient).is_some_and(|it| it.holds(newest)),
                "who was removed reads on"
            );
        }
        let open = self.roster.tickets().filter(|(_, ticket)| ticket.stage == TicketStage::Open);
        let is_hostile = |id: &DeviceId| self.hostile.iter().any(|device| device.id() == *id);
        assert_eq!(open.filter(|(_, ticket)| is_hostile(&ticket.maker)).count(), 0);
    }

    fn run(seed: u64) {
        let mut history = Self::begin(seed);
        // The hostile member comes like anybody, with every key, and two honest ones are there.
        for _ in 0..3 {
            assert!(history.let_in(0, Code::Invite));
        }
        let hostile = history.honest.pop().unwrap();
        history.hostile.push(hostile);
        for _ in 0..STEPS {
            if history.once_in(2) { history.honest_step() } else { history.hostile_step() }
        }
        history.restore();
        history.check();
        let owner = history.owner();
        assert!(history.let_in(owner, Code::Invite), "a newcomer comes in");
        history.rest();
        history.check();
    }
}

/// Whom a code lets in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Invite,
    Link,
    Recovery,
}

#[test]
fn whatever_a_member_has_written_the_others_seal_again_once_that_member_is_removed() {
    let is_nightly = std::env::var_os("BOWLINE_NIGHTLY").is_some_and(|value| value == "1");
    let count = if is_nightly { NIGHTLY_HISTORIES } else { HISTORIES };
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    let told = std::panic::catch_unwind(|| History::run(seed));
                    assert!(told.is_ok(), "history {seed}");
                }
            });
        }
    });
}
