//! What a member writes who means harm: any record, on any roster, with garbage inside.

use std::collections::BTreeSet;

use bowline_crypto::{EpochKey, TicketSecret};
use bowline_wire::ids::{
    Commitment, EntryId, EpochId, HpkePublicKey, LogId, RelayId, RosterHash, TicketKey, UserId,
};
use bowline_wire::roster::Epoch;
use bowline_wire::roster::record::{Lost, Move, Record, Rekey, Ticket, Wrap};
use rand_core::Rng;

use super::{By, Chance, Device, History, MOST_IN, NO_REKEY};

const EMPTY: Wrap = Wrap { encapsulated: Vec::new(), ciphertext: Vec::new() };

impl History {
    pub(super) fn hostile_step(&mut self) {
        let active = self.active(&self.hostile);
        if active.is_empty() {
            return;
        }
        let n = active[self.below(active.len())];
        let on = self.some_roster();
        if active.len() < MOST_IN && self.once_in(5) {
            return self.join_by_own_link(on);
        }
        let record = match self.below(21) {
            0..=3 => return self.link(n, on),
            4 if active.len() > 1 => Record::Leave { whole_user: false, cut: vec![] },
            5 if self.once_in(8) => Record::Leave { whole_user: true, cut: vec![] },
            6 => Record::Complaint { epoch: self.some_epoch().id },
            7 => Record::CloseLink(self.some_ticket()),
            8 => Record::CloseInvite(self.some_ticket()),
            9..=10 => self.removal_of_own(n, active, on),
            11 => Record::HandOver { user: self.some_user() },
            12 => Record::TakeOver,
            13 => {
                let (relay, log) = (RelayId::from_bytes(self.bytes()), LogId::from_bytes(self.bytes()));
                Record::Move(Move { generation: 0, address: String::new(), relay, log })
            }
            14 => Record::RemoveMember { user: self.some_user(), cut: vec![], rekey: self.bad_rekey(n, on) },
            15 => self.bad_rewrap(n, on),
            16 => self.bad_fill(n),
            17 => Record::Allow { user: self.some_user() },
            18 => return self.give_up_as_member(n, on),
            _ => Record::Rekey(self.bad_rekey(n, on)),
        };
        self.write(By::Hostile(n), on, &record);
    }

    /// Gives up an epoch, and whatever the Owner has not: a Member cannot.
    fn give_up_as_member(&mut self, n: usize, on: RosterHash) {
        let (epochs, entries) = (vec![self.some_epoch().id], vec![EntryId::from_bytes(self.bytes())]);
        let counts = self.write(By::Hostile(n), on, &Record::Lost(Lost { epochs, entries }));
        assert!(!counts, "a Member gives nothing up");
    }

    /// Opens a link, with a wrap that opens or not.
    fn link(&mut self, n: usize, on: RosterHash) {
        let secret = TicketSecret::generate(&mut self.rng);
        let hpke = secret.hpke_public(self.suite);
        let honest = self.hostile[n].keyring.as_ref().filter(|_| self.rng.next_u32().is_multiple_of(2));
        let wrap = honest.and_then(|keyring| keyring.wrap_newest(&hpke).ok()).unwrap_or(EMPTY);
        let expires = if self.once_in(2) { 0 } else { u64::MAX >> 1 };
        let recovery = self.once_in(4);
        let ticket = Ticket { key: secret.ticket_key(), hpke, expires, recovery, wrap };
        if self.write(By::Hostile(n), on, &Record::Link(ticket)) {
            self.links.push(secret);
        }
    }

    /// One more device of the hostile member's comes in, whatever the code's time: the relay may be in it.
    fn join_by_own_link(&mut self, on: RosterHash) {
        let Some(secret) = self.links.pop() else { return };
        let mut new = Device::new(&mut self.rng, None);
        let Some(join) = self.join_of(&new, &secret) else { return };
        new.ticket = Some(secret);
        new.keyring = self.keys_for(&new.recipient());
        self.hostile.push(new);
        if !self.write(By::Hostile(self.hostile.len() - 1), on, &join) {
            self.links.extend(self.hostile.pop().and_then(|device| device.ticket));
        }
    }

    fn removal_of_own(&mut self, n: usize, active: Vec<usize>, on: RosterHash) -> Record {
        let target = active[self.below(active.len())];
        let device = self.hostile[target].id();
        let draft = |rekey| Record::RemoveDevice { device, cut: vec![], rekey };
        let stay = self.roster.recipients_of(&on, &draft(NO_REKEY)).unwrap_or_default();
        draft(self.bad_rekey_for(n, on, stay))
    }

    fn bad_rekey(&mut self, n: usize, on: RosterHash) -> Rekey {
        let to = self.roster.recipients_of(&on, &Record::Rekey(NO_REKEY)).unwrap_or_default();
        self.bad_rekey_for(n, on, to)
    }

    /// A rekey as the hostile member makes it, for exactly these or for whomever.
    fn bad_rekey_for(&mut self, n: usize, on: RosterHash, mut to: BTreeSet<HpkePublicKey>) -> Rekey {
        if self.once_in(6) {
            to.pop_first();
        }
        if self.hostile[n].keyring.is_some() && self.once_in(2) {
            return self.spoilt_rekey(n, on, &to);
        }
        let commitment = match self.below(3) {
            0 => self.some_epoch().commitment,
            1 => Commitment::from_bytes(self.bytes()),
            _ => EpochKey::generate(&mut self.rng).commitment(),
        };
        let len = self.below(100);
        Rekey { commitment, history: vec![3; len], wraps: vec![EMPTY; to.len()] }
    }

    /// A key that some get and others do not, with a history that is cut, spoilt, or left out.
    fn spoilt_rekey(&mut self, n: usize, on: RosterHash, to: &BTreeSet<HpkePublicKey>) -> Rekey {
        let mut chance = Chance { roster: &self.roster, rng: &mut self.rng };
        let mut rekey = self.hostile[n].rekey(on, to, &mut chance);
        for at in 0..rekey.wraps.len() {
            if self.once_in(2) {
                rekey.wraps[at].ciphertext = vec![1; 48];
            }
        }
        match self.below(4) {
            0 => rekey.history.clear(),
            1 => rekey.history[0] ^= 1,
            2 => rekey.history.truncate(16),
            _ => {}
        }
        rekey
    }

    /// Wraps of which some are good, some are empty and some hold garbage, or too few.
    fn bad_rewrap(&mut self, n: usize, on: RosterHash) -> Record {
        let epoch = if self.once_in(8) { self.some_epoch().id } else { self.newest() };
        let draft = Record::Rewrap { epoch, wraps: vec![] };
        let devices = self.roster.recipients_of(&on, &draft).unwrap_or_default();
        let some: BTreeSet<HpkePublicKey> =
            devices.iter().filter(|_| self.rng.next_u32().is_multiple_of(2)).cloned().collect();
        let mut wraps = match &self.hostile[n].keyring {
            Some(keyring) => keyring.rewrap(&devices, &some),
            None => vec![EMPTY; devices.len()],
        };
        for wrap in &mut wraps {
            if self.rng.next_u32().is_multiple_of(4) {
                wrap.ciphertext = vec![7; 48];
            }
        }
        if self.once_in(8) {
            wraps.pop();
        }
        Record::Rewrap { epoch, wraps }
    }

    /// Earlier keys, good or altered, or what only looks like some.
    fn bad_fill(&mut self, n: usize) -> Record {
        let epochs: BTreeSet<EpochId> = self.roster.epochs().iter().map(|epoch| epoch.id).collect();
        let keyring = self.hostile[n].keyring.as_ref();
        let filled = keyring.and_then(|keyring| keyring.fill(&epochs, self.roster.epochs()));
        let len = self.below(200);
        let mut sealed = filled.unwrap_or_else(|| vec![9; len]);
        if self.once_in(2) {
            sealed.iter_mut().last().into_iter().for_each(|byte| *byte ^= 1);
        }
        Record::Fill { epoch: self.newest(), sealed }
    }

    pub(super) fn newest(&self) -> EpochId {
        self.roster.epoch().unwrap()
    }

    pub(super) fn some_epoch(&mut self) -> Epoch {
        let at = self.below(self.roster.epochs().len());
        self.roster.epochs()[at]
    }

    fn some_user(&mut self) -> UserId {
        let at = self.below(self.roster.users().count());
        *self.roster.users().nth(at).unwrap().0
    }

    /// A ticket of anybody's, or one that there never was.
    fn some_ticket(&mut self) -> TicketKey {
        let at = self.below(self.roster.tickets().count() + 1);
        let found = self.roster.tickets().nth(at).map(|(key, _)| *key);
        found.unwrap_or_else(|| TicketKey::from_bytes(self.bytes()))
    }
}
