//! Removal restores: whatever one member has written, with every key that a member has, the others seal again once the Owner has removed
//! that member, and newcomers come in.
//!
//! Random histories over the roster's fold and real keys. Honest devices do what the engine does: they take what is wrapped to them, begin an
//! epoch where they may and have to, and complain. The hostile member writes any record at any moment, with garbage inside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, in their own functions too"
)]

use bowline_crypto::{DeviceKeys, EpochKey, Keyring, NewEpoch, TicketSecret, open_wrap};
use bowline_wire::hash;
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::{
    BodyHash, Commitment, DeviceId, EntryId, EpochId, HpkePublicKey, Incarnation, Lane, LogId, LogTime,
    Moment, Position, RelayId, RosterHash, Salt, Suite, UserId, WireDoc, WorkspaceId,
};
use bowline_wire::roster::record::{Join, Move, Record, Rekey, Ticket, Wrap};
use bowline_wire::roster::{Admits, Epoch, Outcome, Roster, TicketKind, TicketStage};
use bowline_wire::weight::Weight;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Histories that are tried; each is made from its number, which a failure names.
const HISTORIES: u64 = 200;

const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([7; 32]);

/// A device, with the code by which it came.
struct Device {
    keys: DeviceKeys,
    ticket: Option<TicketSecret>,
    keyring: Option<Keyring>,
}

/// A record that was applied, and the roster's epochs after it.
struct Applied {
    record: Record,
    on: RosterHash,
    began: bool,
    epochs: usize,
}

struct History {
    rng: ChaCha20Rng,
    roster: Roster,
    applied: Vec<Applied>,
    written: u64,
    honest: Vec<Device>,
    hostile: Vec<Device>,
    /// Links of the hostile member's that are open.
    links: Vec<TicketSecret>,
}

fn rekey_in(record: &Record) -> Option<&Rekey> {
    match record {
        Record::Rekey(rekey) | Record::RemoveDevice { rekey, .. } | Record::RemoveMember { rekey, .. } => {
            Some(rekey)
        }
        _ => None,
    }
}

/// An epoch that a device begins on this roster.
fn new_epoch<'r>(roster: &'r Roster, author: DeviceId, recipients: &'r [HpkePublicKey]) -> NewEpoch<'r> {
    NewEpoch { recipients, epochs: roster.epochs(), roster: roster.hash(), author }
}

impl Device {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        Self { keys: DeviceKeys::generate(rng), ticket: None, keyring: None }
    }

    /// Takes what an applied record has for this device, as `HandedOut` and `learn_keys` of the engine do.
    fn look_at(&mut self, applied: &Applied, history: Option<&[u8]>, roster: &Roster) {
        let epochs = &roster.epochs()[..applied.epochs];
        let newest = epochs.last().unwrap();
        let Some(recipients) = roster.recipients_of(&applied.on, &applied.record) else { return };
        let wraps = match &applied.record {
            record if applied.began => rekey_in(record).unwrap().wraps.as_slice(),
            Record::Invite(ticket) | Record::Link(ticket) => std::slice::from_ref(&ticket.wrap),
            _ => return,
        };
        let ticket = self.ticket.as_ref().map(TicketSecret::hpke);
        let secrets = [Some(self.keys.hpke()), ticket.as_ref()];
        let opened = secrets.into_iter().flatten().find_map(|secret| {
            let own = secret.publics();
            let (to, wrap) = recipients.iter().zip(wraps).find(|(to, _)| own.contains(to))?;
            open_wrap(wrap, to, WORKSPACE, newest.commitment, secret).ok()
        });
        let Some(key) = opened else { return };
        if let Some(keyring) = &mut self.keyring {
            let _ = keyring.take_newest(key, history, epochs);
        } else {
            let found = Keyring::from_newest(WORKSPACE, key, history, epochs);
            self.keyring = found.ok().map(|(keyring, _)| keyring);
        }
    }

    fn is_ready(&self, roster: &Roster) -> bool {
        self.keyring.as_ref().is_some_and(|keyring| {
            keyring.names_documents() && Some(keyring.newest_epoch()) == roster.epoch()
        })
    }
}

impl History {
    fn begin(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut owner = Device::new(&mut rng);
        let key = EpochKey::generate(&mut rng);
        let genesis = Record::Genesis {
            nonce: [0; 16],
            device: owner.keys.id(),
            suite: Suite::XWing,
            hpke: owner.keys.hpke_public(Suite::XWing),
            commitment: key.commitment(),
        };
        let mut history = Self {
            rng,
            roster: Roster::new(WORKSPACE),
            applied: Vec::new(),
            written: 0,
            honest: Vec::new(),
            hostile: Vec::new(),
            links: Vec::new(),
        };
        let device = owner.keys.id();
        assert!(history.write(device, RosterHash::ZERO, genesis));
        owner.keyring = Some(Keyring::genesis(WORKSPACE, history.roster.epoch().unwrap(), key));
        history.honest.push(owner);
        history
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % limit
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    fn header(device: DeviceId, roster: RosterHash) -> Header {
        Header {
            workspace: WORKSPACE,
            device,
            incarnation: Incarnation::ZERO,
            lane: Lane::Control,
            seq: 1,
            prev: EntryId::ZERO,
            seen: None,
            held: Position::START,
            roster,
            epoch: EpochId::ZERO,
            entry_type: EntryType::Roster,
            doc: WireDoc::ZERO,
            covers: Position::START,
            digests: None,
            weight: Weight::NONE,
            part: Part::WHOLE,
            salt: Salt::ZERO,
            body_len: 0,
            body_hash: BodyHash::ZERO,
        }
    }

    /// Writes a record on a roster, and lets every honest device look at it. Whether it was applied.
    fn write(&mut self, by: DeviceId, on: RosterHash, record: Record) -> bool {
        // What does not parse is not even on a log.
        if Record::parse(&record.to_body()).as_ref() != Ok(&record) {
            return false;
        }
        self.written += 1;
        let id = EntryId::from_bytes(hash::sha256(&[&self.written.to_be_bytes()]));
        let before = self.roster.epochs().len();
        let header = Self::header(by, on);
        let outcome = self.roster.apply(
            Moment { position: Position(self.written), time: LogTime::START },
            id,
            &header,
            &record,
        );
        let Outcome::Applied { .. } = outcome else { return false };
        let epochs = self.roster.epochs().len();
        self.applied.push(Applied { record, on, began: before > 0 && epochs > before, epochs });
        let last = self.applied.len() - 1;
        for n in 0..self.honest.len() {
            self.show(n, last..last + 1);
        }
        true
    }

    /// Shows applied records to an honest device.
    fn show(&mut self, honest: usize, records: std::ops::Range<usize>) {
        for at in records {
            let began = self.applied[..=at].iter().rev().find(|it| it.began);
            let history = began.map(|it| rekey_in(&it.record).unwrap().history.as_slice());
            let applied = &self.applied[at];
            self.honest[honest].look_at(applied, history, &self.roster);
        }
    }

    /// A roster that an honest author may still take for the newest.
    fn some_roster(&mut self) -> RosterHash {
        let points = self.roster.points().len();
        let late = if self.below(4) == 0 { self.below(4) } else { 0 };
        self.roster.points()[points - 1 - late.min(points - 1)].hash
    }

    fn active(&self, devices: &[Device]) -> Vec<usize> {
        (0..devices.len()).filter(|n| self.roster.is_active(&devices[*n].keys.id())).collect()
    }

    /// An honest device lets another one in, and that comes.
    fn let_in(&mut self, by: usize, is_link: bool) -> bool {
        let secret = TicketSecret::generate(&mut self.rng);
        let hpke = secret.hpke_public(Suite::XWing);
        if !self.honest[by].is_ready(&self.roster) {
            return false;
        }
        let wrap = self.honest[by].keyring.as_ref().unwrap().wrap_newest(&hpke).unwrap();
        let ticket = Ticket { key: secret.ticket_key(), hpke, expires: u64::MAX >> 1, recovery: false, wrap };
        let (device, on) = (self.honest[by].keys.id(), self.roster.hash());
        let record = if is_link { Record::Link(ticket) } else { Record::Invite(ticket) };
        if !self.write(device, on, record) {
            return false;
        }
        // Something may happen before the newcomer comes.
        if self.below(2) == 0 && !self.hostile.is_empty() {
            self.hostile_step();
        }
        self.come(secret)
    }

    fn come(&mut self, secret: TicketSecret) -> bool {
        let mut newcomer = Device::new(&mut self.rng);
        let join = join_of(&self.roster, &newcomer, &secret);
        newcomer.ticket = Some(secret);
        let device = newcomer.keys.id();
        self.honest.push(newcomer);
        let n = self.honest.len() - 1;
        self.show(n, 0..self.applied.len());
        let on = self.roster.hash();
        let is_in = self.honest[n].keyring.is_some() && self.write(device, on, Record::Join(join));
        if !is_in {
            self.honest.pop();
        }
        is_in
    }

    /// What an honest device writes by itself. Whether there was anything.
    fn upkeep(&mut self, n: usize) -> bool {
        let device = self.honest[n].keys.id();
        let roster = &self.roster;
        let Some(keyring) = &self.honest[n].keyring else { return false };
        let has_key = Some(keyring.newest_epoch()) == roster.epoch();
        let record = if (roster.is_rekey_due() || !has_key) && roster.may_rekey(&device) {
            let to: Vec<_> = roster.recipients().into_iter().collect();
            Record::Rekey(keyring.rekey(&new_epoch(roster, device, &to), &mut self.rng).unwrap())
        } else if (!has_key || !keyring.names_documents())
            && !roster.has_complaint()
            && roster.is_active(&device)
        {
            Record::Complaint { epoch: roster.epoch().unwrap() }
        } else {
            return false;
        };
        let on = self.roster.hash();
        assert!(self.write(device, on, record.clone()), "void: {record:?}");
        true
    }

    fn honest_step(&mut self) {
        let active = self.active(&self.honest);
        let n = active[self.below(active.len())];
        let device = self.honest[n].keys.id();
        match self.below(10) {
            0..=2 => drop(self.let_in(n, true)),
            3..=4 => drop(self.let_in(0, false)),
            5 if n != 0 => {
                let on = self.some_roster();
                self.write(device, on, Record::Leave { whole_user: false, cut: vec![] });
            }
            6 => {
                // A rekey by somebody who has not heard of the last records.
                let on = self.some_roster();
                let to: Vec<_> = self.roster.recipients().into_iter().collect();
                let Some(keyring) = &self.honest[n].keyring else { return };
                let rekey = keyring.rekey(&new_epoch(&self.roster, device, &to), &mut self.rng).unwrap();
                self.write(device, on, Record::Rekey(rekey));
            }
            _ => drop(self.upkeep(n)),
        }
    }

    /// A rekey as the hostile member makes it, for exactly these or for whomever.
    fn bad_rekey(&mut self, by: DeviceId, to: Vec<HpkePublicKey>) -> Rekey {
        let commitment = match self.below(3) {
            0 => self.some_epoch().commitment,
            1 => Commitment::from_bytes(self.bytes()),
            _ => EpochKey::generate(&mut self.rng).commitment(),
        };
        let mut to = to;
        if self.below(6) == 0 {
            to.pop();
        }
        let honest = self.hostile.iter().find_map(|it| it.keyring.as_ref());
        if let Some(keyring) = honest.filter(|_| self.rng.next_u32().is_multiple_of(2)) {
            // A key that some get and others do not, with a history that is cut, spoilt, or left out.
            let mut rekey = keyring.rekey(&new_epoch(&self.roster, by, &to), &mut self.rng).unwrap();
            for at in 0..rekey.wraps.len() {
                if self.below(2) == 0 {
                    rekey.wraps[at].ciphertext = vec![1; 48];
                }
            }
            match self.below(4) {
                0 => rekey.history.clear(),
                1 => rekey.history[0] ^= 1,
                2 => rekey.history.truncate(16),
                _ => {}
            }
            return rekey;
        }
        let empty = |_| Wrap { encapsulated: vec![], ciphertext: vec![] };
        let len = self.below(100);
        Rekey { commitment, history: vec![3; len], wraps: to.into_iter().map(empty).collect() }
    }

    fn some_epoch(&mut self) -> Epoch {
        let at = self.below(self.roster.epochs().len());
        self.roster.epochs()[at]
    }

    fn hostile_step(&mut self) {
        let active = self.active(&self.hostile);
        if active.is_empty() {
            return;
        }
        let n = active[self.below(active.len())];
        let device = self.hostile[n].keys.id();
        let on = self.some_roster();
        let to: Vec<_> = self.roster.recipients().into_iter().collect();
        match self.below(15) {
            0..=2 => {
                let secret = TicketSecret::generate(&mut self.rng);
                let hpke = secret.hpke_public(Suite::XWing);
                let wrap = Wrap { encapsulated: vec![], ciphertext: vec![] };
                let ticket = Ticket { key: secret.ticket_key(), hpke, expires: 0, recovery: false, wrap };
                if self.write(device, on, Record::Link(ticket)) {
                    self.links.push(secret);
                }
            }
            3..=4 => {
                if let Some(secret) = self.links.pop() {
                    let new = Device::new(&mut self.rng);
                    let (join, id) = (join_of(&self.roster, &new, &secret), new.keys.id());
                    if self.write(id, on, Record::Join(join)) {
                        self.hostile.push(new);
                    }
                }
            }
            5 if active.len() > 1 => {
                self.write(device, on, Record::Leave { whole_user: false, cut: vec![] });
            }
            6 => {
                let epoch = self.some_epoch().id;
                self.write(device, on, Record::Complaint { epoch });
            }
            7 => {
                if let Some(secret) = self.links.pop() {
                    self.write(device, on, Record::CloseLink(secret.ticket_key()));
                }
            }
            8 => {
                let target = active[self.below(active.len())];
                let target = self.hostile[target].keys.id();
                let draft = |rekey| Record::RemoveDevice { device: target, cut: vec![], rekey };
                let header = Self::header(device, on);
                let nobody = Rekey { commitment: Commitment::ZERO, history: vec![], wraps: vec![] };
                let stay = self.roster.recipients_after(&header, &draft(nobody)).unwrap_or_default();
                let rekey = self.bad_rekey(device, stay.into_iter().collect());
                self.write(device, on, draft(rekey));
            }
            9 => {
                let honest = self.below(self.honest.len());
                let device_of = |it: &Device| UserId::of_first_device(it.keys.id());
                let user = if self.below(2) == 0 {
                    device_of(&self.hostile[n])
                } else {
                    device_of(&self.honest[honest])
                };
                self.write(device, on, Record::HandOver { user });
            }
            10 => drop(self.write(device, on, Record::TakeOver)),
            11 => {
                let (relay, log) = (RelayId::from_bytes(self.bytes()), LogId::from_bytes(self.bytes()));
                let to = Move { generation: 0, address: String::new(), relay, log };
                self.write(device, on, Record::Move(to));
            }
            _ => {
                let rekey = self.bad_rekey(device, to);
                self.write(device, on, Record::Rekey(rekey));
            }
        }
    }

    /// The Owner removes the hostile member, and honest devices write what they have to until nobody has to.
    fn restore(&mut self) {
        let user = UserId::of_first_device(self.hostile[0].keys.id());
        let (owner, on) = (self.honest[0].keys.id(), self.roster.hash());
        let draft = |rekey| Record::RemoveMember { user, cut: vec![], rekey };
        let nobody = Rekey { commitment: Commitment::ZERO, history: vec![], wraps: vec![] };
        let header = Self::header(owner, on);
        let stay = self.roster.recipients_after(&header, &draft(nobody));
        let stay: Vec<_> = stay.expect("the Owner removes a Member").into_iter().collect();
        let keyring = self.honest[0].keyring.as_ref().unwrap();
        let rekey = keyring.rekey(&new_epoch(&self.roster, owner, &stay), &mut self.rng).unwrap();
        assert!(self.write(owner, on, draft(rekey)));
        for _ in 0..20 {
            let active = self.active(&self.honest);
            if !active.into_iter().any(|n| self.upkeep(n)) {
                return;
            }
        }
        panic!("honest devices do not come to rest");
    }

    fn check(&self) {
        assert!(!self.roster.is_rekey_due());
        let owner = self.honest[0].keyring.as_ref().unwrap();
        for n in self.active(&self.honest) {
            assert!(self.honest[n].is_ready(&self.roster), "device {n} does not seal");
            let keyring = self.honest[n].keyring.as_ref().unwrap();
            for epoch in self.roster.epochs().iter().filter(|epoch| owner.holds(epoch.id)) {
                assert!(keyring.holds(epoch.id), "device {n} does not read what the remover reads");
            }
        }
        for device in &self.hostile {
            assert!(!self.roster.is_active(&device.keys.id()));
        }
        let open = self.roster.tickets().filter(|(_, ticket)| ticket.stage == TicketStage::Open);
        let by_hostile =
            open.filter(|(_, it)| self.hostile.iter().any(|device| device.keys.id() == it.maker));
        assert_eq!(by_hostile.count(), 0);
    }
}

fn join_of(roster: &Roster, newcomer: &Device, secret: &TicketSecret) -> Join {
    let (device, hpke) = (newcomer.keys.id(), newcomer.keys.hpke_public(Suite::XWing));
    let invite = Admits { kind: TicketKind::Invite, recovery: false };
    let admits = roster.ticket(&secret.ticket_key()).map_or(invite, |ticket| ticket.admits);
    let proof = secret.prove_join(WORKSPACE, device, &hpke, admits);
    Join { ticket: secret.ticket_key(), hpke, recovery: false, proof }
}

#[test]
fn whatever_a_member_has_written_the_others_seal_again_once_that_member_is_removed() {
    for seed in 0..HISTORIES {
        let told = std::panic::catch_unwind(|| {
            let mut history = History::begin(seed);
            // The hostile member comes like anybody, with every key, and two honest ones are there.
            assert!(history.let_in(0, false) && history.let_in(0, false) && history.let_in(0, false));
            let hostile = history.honest.pop().unwrap();
            history.hostile.push(hostile);
            for _ in 0..30 {
                if history.below(2) == 0 { history.honest_step() } else { history.hostile_step() }
            }
            history.restore();
            history.check();
            assert!(history.let_in(0, false), "a newcomer comes in");
            history.check();
        });
        assert!(told.is_ok(), "history {seed}");
    }
}
