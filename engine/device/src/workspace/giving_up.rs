//! Content that the Owner has given up: what of it is here is put aside, and what this device wrote in it is sealed anew.

use std::collections::BTreeSet;

use bowline_core::sync::Verdict;
use bowline_crypto::{DeviceKeys, Keyring};
use bowline_store::{DocN, EntryRow, EntryState, EntryWithBody, Tx};
use bowline_wire::header::Part;
use bowline_wire::ids::{DeviceId, Lane, Millis, Position, WorkspaceId};
use bowline_wire::roster::record::{Lost, Record};
use bowline_wire::roster::{GivenUp, Outcome};

use crate::lent::Lent;
use crate::rows::entry_of;
use crate::workspace::Workspaces;
use crate::workspace::again::{make_anew, was_accepted};
use crate::workspace::entries::reopen;
use crate::workspace::quarantine::{QuarantineReason, is_given_up};
use crate::workspace::taken::Consequences;
use crate::workspace::unsealing::unseal_again;
use crate::{Error, Notice};

/// Entries that are read at once, without their bodies.
const READ_AT_ONCE: usize = 1024;

/// What giving content up takes.
pub(super) struct GivingUp<'a> {
    workspace: WorkspaceId,
    given_up: &'a GivenUp,
    /// Who this device is in the workspace.
    own: DeviceId,
    /// Everybody who it is or was there.
    own_ids: BTreeSet<DeviceId>,
    keyring: Option<&'a Keyring>,
}

/// What was put aside because it is given up.
#[derive(Default)]
pub(super) struct PutAside {
    /// How many entries that counted before, or hold this device's own words that were not here.
    entries: u64,
    /// How many of them are this device's own.
    own: u64,
    /// Documents in which entries count no more, or words are unsealed, that the document in memory and its base do not know of.
    docs: BTreeSet<DocN>,
}

impl PutAside {
    /// Has the documents made anew, once everything was put aside.
    pub(super) fn finish(&self, tx: &Tx<'_>) -> Result<(), Error> {
        self.docs.iter().try_for_each(|doc| make_anew(tx, *doc))
    }

    /// What the person is told; nothing if nothing was put aside.
    pub(super) fn notice(&self, workspace: WorkspaceId) -> Option<Notice> {
        let (entries, own) = (self.entries, self.own);
        (entries > 0).then_some(Notice::GivenUp { workspace, entries, own })
    }
}

impl GivingUp<'_> {
    /// Draws the consequences of an entry that was stored just now: of a record, for what it gives up; of content, if it is given up, or
    /// ends a payload of which an earlier part is.
    pub(super) fn follow(
        &self,
        tx: &Tx<'_>,
        verdict: &Verdict,
        was_here: bool,
        done: &mut PutAside,
    ) -> Result<(), Error> {
        if self.given_up.is_empty() {
            return Ok(());
        }
        match verdict {
            Verdict::Roster(entry, Outcome::Applied { .. }) => match entry.body().map(Record::parse) {
                Some(Ok(Record::Lost(lost))) => self.give_up(tx, &lost, done),
                _ => Ok(()),
            },
            Verdict::GivenUp(entry)
            | Verdict::Own(entry)
            | Verdict::Content(entry)
            | Verdict::Withheld(entry) => {
                let Some(row) = tx.entry_by_id(self.workspace, entry.id())? else {
                    return Ok(());
                };
                let is_given_up = matches!(verdict, Verdict::GivenUp(_));
                if is_given_up || follows_given_up(tx, &row, entry.header().part)? {
                    self.put_aside(tx, &row, was_here, done)?;
                }
                Ok(())
            }
            Verdict::Roster(..) | Verdict::NotAcceptable(..) => Ok(()),
        }
    }

    /// Puts aside whatever is here of what a record gives up.
    fn give_up(&self, tx: &Tx<'_>, lost: &Lost, done: &mut PutAside) -> Result<(), Error> {
        if !lost.epochs.is_empty() {
            return self.look_at_all(tx, done);
        }
        for id in &lost.entries {
            if let Some(row) = tx.entry_by_id(self.workspace, *id)?
                && self.covers(&row)?
            {
                self.put_aside(tx, &row, true, done)?;
            }
        }
        Ok(())
    }

    /// Puts aside whatever is here of all that is given up.
    pub(super) fn look_at_all(&self, tx: &Tx<'_>, done: &mut PutAside) -> Result<(), Error> {
        let mut after = Position::START;
        loop {
            let rows = tx.stretch(self.workspace, after, Position(i64::MAX.unsigned_abs()), READ_AT_ONCE)?;
            let Some(last) = rows.last().and_then(|row| row.place) else {
                return Ok(());
            };
            after = last.pos;
            for row in rows {
                if self.covers(&row)? {
                    self.put_aside(tx, &row, true, done)?;
                }
            }
        }
    }

    /// Whether an entry that has a place is given up.
    fn covers(&self, row: &EntryRow) -> Result<bool, Error> {
        if row.chain.lane != Lane::Content || row.place.is_none() || !was_accepted(row) {
            return Ok(false);
        }
        let entry = entry_of(EntryWithBody { entry: row.clone(), body: None })?;
        Ok(self.given_up.covers(row.id, entry.header()))
    }

    /// Whether this device wrote an entry, whoever it was in the workspace then.
    fn is_ours(&self, row: &EntryRow) -> bool {
        self.own_ids.contains(&row.chain.device)
    }

    /// Puts the payload aside that an entry holds, or holds a part of. What is of this device is unsealed again before that, also of an entry
    /// that was not here before and was stored as given up: one by another life of it.
    fn put_aside(
        &self,
        tx: &Tx<'_>,
        row: &EntryRow,
        was_here: bool,
        done: &mut PutAside,
    ) -> Result<(), Error> {
        let payload = payload_of(tx, row)?;
        let is_own = self.is_ours(row);
        let is_sealed = |last: &&EntryRow| !is_given_up(last) || (!was_here && last.n == row.n);
        if let Some(last) = payload.last().filter(|last| is_own && is_sealed(last)) {
            let doc = unseal_again(tx, last, self.keyring)?;
            if last.doc.is_none() {
                done.docs.extend(doc);
            }
            if is_given_up(last) && doc.is_some() {
                done.entries += 1;
                done.own += 1;
            }
        }
        for row in payload.iter().filter(|row| !is_given_up(row)) {
            tx.put_aside(row.n, &QuarantineReason::GivenUp.plain())?;
            done.entries += 1;
            if is_own {
                done.own += 1;
            }
            // What the device wrote as another one is to be written again in its name.
            if row.chain.device != self.own {
                done.docs.extend(row.doc);
            }
        }
        Ok(())
    }

    /// Unseals what this device wrote into entries that were given up before it had the keys to open them.
    pub(super) fn unseal_with(&self, tx: &Tx<'_>, keyring: &Keyring) -> Result<(), Error> {
        if self.given_up.is_empty() {
            return Ok(());
        }
        let mut docs = BTreeSet::new();
        for row in tx.entries_in_state(self.workspace, EntryState::Quarantined)? {
            if is_given_up(&row) && row.place.is_some() && row.doc.is_none() && self.is_ours(&row) {
                docs.extend(unseal_again(tx, &row, Some(keyring))?);
            }
        }
        docs.iter().try_for_each(|doc| make_anew(tx, *doc))
    }

    /// Lets count again what is aside and what no record of the log gives up any more. Whether there was any.
    fn take_back(&self, tx: &Tx<'_>, now: Millis, after: &mut Consequences) -> Result<bool, Error> {
        let keys = self.keyring.map(Keyring::snapshot);
        let mut is_any = false;
        for row in tx.entries_in_state(self.workspace, EntryState::Quarantined)? {
            if !is_given_up(&row) || row.place.is_none() || self.covers_any(&payload_of(tx, &row)?)? {
                continue;
            }
            is_any = true;
            let (n, body) = (row.n, tx.body(row.n)?);
            if body.is_none() {
                tx.note_withheld(n, now)?;
                continue;
            }
            let entry = entry_of(EntryWithBody { entry: row, body })?;
            let (_, taken) = reopen(tx, n, &entry, keys.as_ref(), now)?;
            if let Some(doc) = taken.doc {
                tx.make_anew(doc)?;
            }
            after.add(self.workspace, taken);
        }
        Ok(is_any)
    }

    fn covers_any(&self, payload: &[EntryRow]) -> Result<bool, Error> {
        for row in payload {
            if self.covers(row)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether the part before this one is given up, and with it the payload.
fn follows_given_up(tx: &Tx<'_>, row: &EntryRow, part: Part) -> Result<bool, Error> {
    if part.index == 0 || row.seq == 0 {
        return Ok(false);
    }
    let before = tx.placed_in_chain(row.ws, &row.chain, row.seq - 1)?;
    Ok(before.iter().any(|row| was_accepted(row) && is_given_up(row)))
}

/// The entries with the parts of the payload that an entry belongs to, as far as they have a place here, in order.
fn payload_of(tx: &Tx<'_>, row: &EntryRow) -> Result<Vec<EntryRow>, Error> {
    let part_of = |row: &EntryRow| -> Result<Part, Error> {
        Ok(entry_of(EntryWithBody { entry: row.clone(), body: None })?.header().part)
    };
    let Part { index, count } = part_of(row)?;
    let Some(first) = row.seq.checked_sub(index.into()).filter(|_| count > 1) else {
        return Ok(vec![row.clone()]);
    };
    let mut payload = Vec::new();
    for index in 0..count {
        for found in tx.placed_in_chain(row.ws, &row.chain, first + u64::from(index))? {
            if was_accepted(&found) && part_of(&found)? == (Part { index, count }) {
                payload.push(found);
            }
        }
    }
    Ok(payload)
}

impl Workspaces {
    /// What giving content of a workspace up takes; `None` before its log is here.
    pub(super) fn giving_up(&self, keys: &DeviceKeys, workspace: WorkspaceId) -> Option<GivingUp<'_>> {
        let replica = &self.linked.get(&workspace)?.replica;
        let given_up = replica.log()?.roster().given_up();
        Some(GivingUp {
            workspace,
            given_up,
            own: self.device_in(keys, workspace),
            own_ids: self.own_ids(keys, workspace),
            keyring: replica.keyring(),
        })
    }

    /// Once everything that a log had lost was sent again: what is aside because of a record that did not come again counts as before.
    pub(super) fn take_back_given_up(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
    ) -> Result<bool, Error> {
        let Some(giving) = self.giving_up(lent.keys, workspace) else {
            return Ok(false);
        };
        let (now, mut after) = (lent.now, Consequences::default());
        let is_any = lent.store.transaction(|tx| giving.take_back(tx, now, &mut after))?;
        if is_any {
            self.note_first_withheld(lent, workspace)?;
        }
        lent.notices.extend(after.notices);
        Ok(is_any)
    }

    /// Tells the replica where the first entry stands whose body is withheld.
    pub(super) fn note_first_withheld(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
    ) -> Result<(), Error> {
        let first = lent.read().first_withheld(workspace)?;
        self.with_replica(lent, workspace, |replica, cx| replica.note_withheld_from(first, cx))
    }

    /// After an update: a record that this version knows and the one before did not is followed now. Whether anything was put aside.
    pub(super) fn follow_given_up(
        &self,
        tx: &Tx<'_>,
        workspace: WorkspaceId,
        keys: &DeviceKeys,
    ) -> Result<bool, Error> {
        let Some(giving) = self.giving_up(keys, workspace).filter(|it| !it.given_up.is_empty()) else {
            return Ok(false);
        };
        let mut done = PutAside::default();
        giving.look_at_all(tx, &mut done)?;
        done.finish(tx)?;
        Ok(done.entries > 0)
    }
}
