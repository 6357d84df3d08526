//! What honest devices write: on a person's word, and unasked.

use bowline_crypto::TicketSecret;
use bowline_wire::ids::{EpochId, LogTime, Millis, TicketKey};
use bowline_wire::roster::record::{Lost, Record, Ticket};
use bowline_wire::roster::{CodeKind, Role, TicketStage, TicketState};

use super::{Applied, By, Chance, Code, Device, History, MOST_IN, NO_REKEY};
use crate::sync::handing_on::Lacking;

/// Milliseconds of the log's time for which a device waits for a key that others hand on.
const HANDED_ON_WITHIN: u64 = 10_000;

impl History {
    /// An honest device of the Owner's.
    pub(super) fn owner(&self) -> usize {
        let is_owners = |n: &usize| self.roster.role(&self.honest[*n].id()) == Some(Role::Owner);
        self.live().into_iter().find(is_owners).expect("the Owner is there")
    }

    /// Honest devices that are in and are not phrases on paper.
    pub(super) fn live(&self) -> Vec<usize> {
        let mut active = self.active(&self.honest);
        active.retain(|n| !self.is_phrase(*n));
        active
    }

    fn is_phrase(&self, n: usize) -> bool {
        self.roster.device(&self.honest[n].id()).is_some_and(|device| device.recovery)
    }

    /// An honest device makes a code. `None` if it has no keys to give, or may not.
    fn open(&mut self, by: usize, code: Code, lasts: u64) -> Option<TicketSecret> {
        let secret = TicketSecret::generate(&mut self.rng);
        let hpke = secret.hpke_public(self.suite);
        if !self.honest[by].is_ready(&self.roster) {
            return None;
        }
        let wrap = self.honest[by].keyring.as_ref()?.wrap_newest(&hpke).unwrap();
        let (expires, recovery) = (self.now + lasts, code == Code::Recovery);
        let ticket = Ticket { key: secret.ticket_key(), hpke, expires, recovery, wrap };
        let record = if code == Code::Invite { Record::Invite(ticket) } else { Record::Link(ticket) };
        let on = self.roster.hash();
        self.write(By::Honest(by), on, &record).then_some(secret)
    }

    /// An honest device lets another one in, and that comes, unless the code is over before it does. Whether it is in.
    pub(super) fn let_in(&mut self, by: usize, code: Code) -> bool {
        let Some(secret) = self.open(by, code, CodeKind::Invite.usual()) else { return false };
        // Something may happen before the newcomer comes.
        if self.once_in(2) && !self.hostile.is_empty() {
            self.hostile_step();
        }
        self.come(secret)
    }

    fn come(&mut self, secret: TicketSecret) -> bool {
        let now = LogTime::at_most(Millis(self.now));
        let is_over = |ticket: &TicketState| ticket.is_over(now);
        if self.roster.ticket(&secret.ticket_key()).is_none_or(is_over) {
            return false; // the relay lets nobody in by it
        }
        let mut newcomer = Device::new(&mut self.rng, None);
        let Some(join) = self.join_of(&newcomer, &secret) else { return false };
        newcomer.ticket = Some(secret);
        newcomer.keyring = self.keys_for(&newcomer.recipient());
        if newcomer.keyring.is_none() {
            return false;
        }
        self.honest.push(newcomer);
        let on = self.roster.hash();
        let is_in = self.write(By::Honest(self.honest.len() - 1), on, &join);
        if !is_in {
            self.honest.pop();
        }
        is_in
    }

    /// What an honest device writes unasked, as `unasked` of the device does. Whether there was anything.
    pub(super) fn upkeep(&mut self, n: usize) -> bool {
        let Some(record) = self.unasked(n) else { return false };
        let on = self.roster.hash();
        assert!(self.write(By::Honest(n), on, &record), "void: {record:?}");
        true
    }

    fn unasked(&mut self, n: usize) -> Option<Record> {
        let (roster, device, id) = (&self.roster, &self.honest[n], self.honest[n].id());
        let keyring = device.keyring.as_ref().filter(|_| roster.is_active(&id) && !self.is_phrase(n))?;
        let may_rekey = roster.may_rekey(&id);
        let now = LogTime::at_most(Millis(self.now));
        let open = roster.tickets().filter(|(_, ticket)| ticket.stage == TicketStage::Open);
        for (key, ticket) in open.filter(|(_, ticket)| ticket.is_over(now)) {
            if ticket.maker == id || (roster.is_rekey_due() && may_rekey) {
                return Some(closing(ticket.admits.into(), *key));
            }
        }
        let began = roster.began().map_or(Millis(0), |began| began.time.millis());
        let may_come = roster.behind().contains(&id) && now.millis().since(began) <= HANDED_ON_WITHIN;
        let lacks_key = !device.has_key_in_force(roster) && !may_come;
        let is_needed = roster.is_rekey_due() || roster.has_closed_ticket(&self.user(device)) || lacks_key;
        if is_needed && may_rekey {
            let (on, to) = (roster.hash(), roster.recipients());
            let mut chance = Chance { roster, rng: &mut self.rng };
            return Some(Record::Rekey(device.rekey(on, &to, &mut chance)));
        }
        if (lacks_key || !keyring.names_documents()) && !roster.has_complaint() {
            return Some(Record::Complaint { epoch: roster.epoch()? });
        }
        if device.has_key_in_force(roster) { device.lacking.record(keyring, roster, &id) } else { None }
    }

    pub(super) fn honest_step(&mut self) {
        let live = self.live();
        let n = live[self.below(live.len())];
        let has_room = self.active(&self.honest).len() < MOST_IN;
        match self.below(20) {
            0..=5 if !has_room => drop(self.upkeep(n)),
            0..=2 => drop(self.let_in(n, Code::Link)),
            3..=4 => drop(self.let_in(self.owner(), Code::Invite)),
            5 => drop(self.let_in(n, Code::Recovery)),
            6 => drop(self.open(n, Code::Link, 3_000)),
            7 => self.close_own(n),
            8 => self.leave(n),
            9 => self.rekey_late(n),
            10 => self.remove_device(n),
            11 => self.hand_over(n),
            12 => self.restart(n),
            13..=14 => self.give_up(),
            _ => drop(self.upkeep(n)),
        }
    }

    /// The Owner gives up the newest epoch or another one, if somebody lacks a key.
    fn give_up(&mut self) {
        let epoch = if self.once_in(2) { self.newest() } else { self.some_epoch().id };
        if !self.roster.has_complaint() || self.roster.given_up().has_epoch(&epoch) {
            return;
        }
        let (owner, on) = (self.owner(), self.roster.hash());
        let lost = Lost { epochs: vec![epoch], entries: vec![] };
        assert!(self.write(By::Honest(owner), on, &Record::Lost(lost)), "the Owner gives an epoch up");
        assert!(epoch != self.newest() || self.roster.is_rekey_due());
    }

    /// Starts again: of what was gathered in memory, the device has what the stored records say.
    fn restart(&mut self, n: usize) {
        let epoch = self.roster.epoch();
        let is_before = |applied: &&Applied| Some(EpochId::begun_by(applied.entry.id())) != epoch;
        let since = self.records.iter().skip_while(is_before).map(|applied| &applied.entry);
        let device = &mut self.honest[n];
        if let Some(keyring) = &device.keyring {
            device.lacking = Lacking::since(since, &self.roster, keyring);
        }
    }

    /// Closes a code that this device has made.
    fn close_own(&mut self, n: usize) {
        let id = self.honest[n].id();
        let is_own = |ticket: &TicketState| ticket.stage == TicketStage::Open && ticket.maker == id;
        let own = self.roster.tickets().find(|(_, ticket)| is_own(ticket));
        if let Some((key, admits)) = own.map(|(key, ticket)| (*key, ticket.admits)) {
            let on = self.some_roster();
            self.write(By::Honest(n), on, &closing(admits.into(), key));
        }
    }

    /// Leaves, unless the Owner would be gone with it, or the first epoch's key.
    fn leave(&mut self, n: usize) {
        if self.stays_without(n) {
            let on = self.some_roster();
            self.write(By::Honest(n), on, &Record::Leave { whole_user: false, cut: vec![] });
        }
    }

    /// Whether the Owner is still here without a device, and the first epoch's key, without which nobody seals: who has it alone goes once
    /// it is handed on.
    fn stays_without(&self, n: usize) -> bool {
        let is_owners = |n: &usize| self.roster.role(&self.honest[*n].id()) == Some(Role::Owner);
        let names_documents = |n: &usize| self.honest[*n].names_documents();
        let others: Vec<usize> = self.live().into_iter().filter(|other| *other != n).collect();
        others.iter().any(is_owners) && (others.iter().any(names_documents) || !names_documents(&n))
    }

    /// A rekey by somebody who has not heard of the last records.
    fn rekey_late(&mut self, n: usize) {
        let on = self.some_roster();
        let Some(to) = self.roster.recipients_of(&on, &Record::Rekey(NO_REKEY)) else { return };
        let mut chance = Chance { roster: &self.roster, rng: &mut self.rng };
        let rekey = self.honest[n].rekey(on, &to, &mut chance);
        self.write(By::Honest(n), on, &Record::Rekey(rekey));
    }

    /// The Owner takes an honest device out.
    fn remove_device(&mut self, n: usize) {
        let (owner, device) = (self.owner(), self.honest[n].id());
        if owner == n || !self.stays_without(n) {
            return;
        }
        let on = self.roster.hash();
        let draft = |rekey| Record::RemoveDevice { device, cut: vec![], rekey };
        let Some(to) = self.roster.recipients_of(&on, &draft(NO_REKEY)) else { return };
        let mut chance = Chance { roster: &self.roster, rng: &mut self.rng };
        let rekey = self.honest[owner].rekey(on, &to, &mut chance);
        self.write(By::Honest(owner), on, &draft(rekey));
    }

    /// The workspace goes over to an honest member.
    fn hand_over(&mut self, n: usize) {
        let (owner, user) = (self.owner(), self.user(&self.honest[n]));
        let on = self.roster.hash();
        if self.write(By::Honest(owner), on, &Record::HandOver { user }) && self.once_in(2) {
            let on = self.roster.hash();
            self.write(By::Honest(n), on, &Record::TakeOver);
        }
    }
}

fn closing(kind: CodeKind, key: TicketKey) -> Record {
    match kind {
        CodeKind::Invite => Record::CloseInvite(key),
        CodeKind::Link | CodeKind::Recovery => Record::CloseLink(key),
    }
}
