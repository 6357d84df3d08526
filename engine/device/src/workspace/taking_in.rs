//! Entries on their way into the database, with all that follows from them, in one transaction: a stretch of the log, or what stays of it
//! below a checkpoint.

use std::collections::BTreeSet;

use bowline_core::sync::{Ingested, Phase, Recipient, Verdict};
use bowline_crypto::{KeySnapshot, Keyring};
use bowline_store::{Cursor, LogPlace, Tx};
use bowline_wire::codec::encode;
use bowline_wire::ids::{DeviceId, Incarnation, Millis, Position, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::{Outcome, Roster, Standing};

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::again::{look_at_lost_again, put_keys};
use crate::workspace::connection::put_heard;
use crate::workspace::effects::is_join_record;
use crate::workspace::entries::{open_with, store_entry};
use crate::workspace::giving_up::{GivingUp, PutAside};
use crate::workspace::keys_at_rest::find_keys;
use crate::workspace::log_state::put_log_state;
use crate::workspace::roster::{forget_spent_codes, settle_decision};
use crate::workspace::sealed_values::AtRest;
use crate::workspace::taken::{Consequences, mark_stale};
use crate::workspace::workspaces::{stage, state};
use crate::workspace::{joining_code, membership, withheld};
use crate::{Error, Notice};

/// What entries bring besides themselves.
pub(super) struct Brought {
    /// Whether the keyring has changed.
    pub(super) keys_changed: bool,
    /// Whether the code's secret has done its work.
    pub(super) joined: bool,
    /// In which life this device goes on, if it begins another one.
    pub(super) new_incarnation: Option<Incarnation>,
    /// Whether the entries were written just now.
    pub(super) is_news: bool,
}

/// Entries on their way into the database, and what has followed from them so far.
pub(super) struct TakingIn<'a> {
    workspace: WorkspaceId,
    /// Who this device is in the workspace.
    own: DeviceId,
    now: Millis,
    keys: Option<KeySnapshot>,
    giving: Option<GivingUp<'a>>,
    rest: AtRest<'a>,
    after: Consequences,
    put_aside: PutAside,
    /// Where roster records stood.
    records: BTreeSet<Position>,
    /// The devices that came in.
    came: BTreeSet<DeviceId>,
    /// Whether something of this device's was among them.
    has_own: bool,
}

impl TakingIn<'_> {
    /// Stores an entry in its place, and draws what follows from it alone.
    pub(super) fn take(&mut self, tx: &Tx<'_>, place: LogPlace, verdict: &Verdict) -> Result<(), Error> {
        let taken = store_entry(tx, self.workspace, (place, verdict), self.keys.as_ref(), self.now)?;
        let was_here = taken.again;
        if !was_here {
            self.after.hear(place.time, verdict);
        }
        self.after.add(self.workspace, taken);
        if let Some(giving) = &self.giving {
            giving.follow(tx, verdict, was_here, &mut self.put_aside)?;
        }
        self.has_own |= matches!(verdict, Verdict::Own(_));
        if let Verdict::Roster(entry, outcome) = verdict {
            let decided = (entry.id(), *outcome);
            let told = settle_decision(tx, &mut self.rest, self.workspace, decided, self.now)?;
            self.after.notices.extend(told);
            self.records.insert(place.pos);
            let is_join = is_join_record(entry.body(), entry.header().entry_type.number());
            if is_join && matches!(outcome, Outcome::Applied { .. }) {
                self.came.insert(entry.header().device);
            }
        }
        Ok(())
    }

    /// Tells the person of something.
    pub(super) fn tell(&mut self, notice: Notice) {
        self.after.notices.push(notice);
    }

    /// Something of this device's has come that was not stored again.
    pub(super) fn note_own(&mut self) {
        self.has_own = true;
    }

    /// Draws what follows from all of them together. The keys that were found in them, if there were none before.
    fn end(
        &mut self,
        tx: &Tx<'_>,
        (roster, joined): (Option<&Roster>, bool),
        recipient: &Recipient<'_>,
    ) -> Result<Option<(Vec<u8>, Keyring)>, Error> {
        self.put_aside.finish(tx)?;
        let has_moved = !self.records.is_empty();
        if let Some(roster) = roster.filter(|_| has_moved) {
            forget_spent_codes(tx, self.workspace, roster)?;
            look_at_lost_again(tx, self.workspace, self.own, &self.moved(roster))?;
        }
        if (has_moved || joined) && self.keys.is_none() {
            return find_keys(tx, self.workspace, recipient, &mut self.rest);
        }
        Ok(None)
    }

    /// The devices that came into the workspace by them, or went.
    fn moved(&self, roster: &Roster) -> BTreeSet<DeviceId> {
        let went = roster.devices().filter_map(|(device, it)| match &it.standing {
            Standing::Removed { position, .. } => self.records.contains(position).then_some(*device),
            Standing::Active => None,
        });
        self.came.iter().copied().chain(went).collect()
    }

    /// Stores keys, and opens what waited for them.
    fn learn(&mut self, tx: &Tx<'_>, sealed: &[u8], keyring: &Keyring) -> Result<(), Error> {
        put_keys(tx, self.workspace, sealed)?;
        open_with(tx, self.workspace, keyring, self.now, &mut self.after)?;
        self.giving.as_ref().map_or(Ok(()), |giving| giving.unseal_with(tx, keyring))
    }

    /// Notes when others were heard.
    fn note_heard(&self, tx: &Tx<'_>, is_news: bool) -> Result<(), Error> {
        for (device, logged) in &self.after.heard {
            let at = if is_news { self.now } else { logged.millis().min(self.now) };
            put_heard(tx, self.workspace, *device, at, self.now)?;
        }
        Ok(())
    }
}

impl Workspaces {
    /// Stores a stretch of the log, and all that follows from it, in one transaction.
    pub(super) fn ingest(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        ingested: &Ingested,
    ) -> Result<(), Error> {
        let cursor =
            cursor_of(ingested).ok_or(Error::Bug("the sync machine gave an empty stretch of the log"))?;
        let Ingested { keys_changed, joined, new_incarnation, is_news, .. } = *ingested;
        let brought = Brought { keys_changed, joined, new_incarnation, is_news };
        self.take_in(lent, documents, (workspace, &brought, None), |tx, taking| {
            if withheld::begins(**tx, workspace, ingested)? {
                taking.tell(Notice::Withheld(workspace));
            }
            tx.set_cursor(workspace, &cursor)?;
            // What a process that has ended stored aside, of a log that goes on from here after all.
            tx.drop_kept(workspace)?;
            for item in &ingested.entries {
                let placed = &item.placed;
                let log_hash = Some(placed.hash);
                let place = LogPlace { pos: placed.position, time: placed.time, log_hash };
                taking.take(tx, place, &item.verdict)?;
            }
            put_log_state(tx, workspace, ingested)
        })
    }

    /// Stores entries in one transaction, with what they bring and all that follows. `store` has them taken in, and stores what the log is
    /// with them. The roster is that of `at`, or else of the replica's log.
    pub(super) fn take_in(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        (workspace, brought, at): (WorkspaceId, &Brought, Option<&Log>),
        store: impl FnOnce(&Tx<'_>, &mut TakingIn<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let changed = if brought.keys_changed { self.keys_to_store(lent, workspace)? } else { None };
        let linked = self.linked.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        let roster = at.or(linked.replica.log()).map(Log::roster);
        let keyring = linked.replica.keyring().cloned();
        let ticket =
            if keyring.is_none() { joining_code::ticket(lent.read(), lent.keys, workspace)? } else { None };
        let recipient =
            Recipient { device: self.keys_in(lent.keys, workspace).hpke(), ticket: ticket.as_ref() };
        let is_removed = matches!(linked.replica.phase(), Phase::Removed) && !linked.removed;
        let has_reached_decided = linked.replica.decided().is_none();
        let mut taking = TakingIn {
            workspace,
            own: self.device_in(lent.keys, workspace),
            now: lent.now,
            keys: keyring.as_ref().map(Keyring::snapshot),
            giving: self.giving_up(lent.keys, workspace),
            rest: AtRest { keys: lent.keys, random: &mut *lent.random },
            after: Consequences::default(),
            put_aside: PutAside::default(),
            records: BTreeSet::new(),
            came: BTreeSet::new(),
            has_own: false,
        };
        let mut learned = changed.zip(keyring);
        lent.store.transaction(|tx| -> Result<(), Error> {
            store(tx, &mut taking)?;
            let found = taking.end(tx, (roster, brought.joined), &recipient)?;
            if found.is_some() {
                learned = found;
            }
            if let Some((sealed, keyring)) = &learned {
                taking.learn(tx, sealed, keyring)?;
            }
            taking.note_heard(tx, brought.is_news)?;
            if let Some(incarnation) = brought.new_incarnation {
                tx.set_incarnation(workspace, incarnation)?;
                taking.tell(Notice::OtherLife(workspace));
            }
            if brought.joined {
                joining_code::forget(tx, workspace)?;
            }
            if is_removed {
                membership::note_removal(tx, workspace, taking.now)?;
            }
            if taking.has_own {
                tx.delete_state(workspace, membership::HELD_UP)?;
            }
            if has_reached_decided {
                tx.delete_state(workspace, state::DECIDED)?;
            }
            tx.delete_state(workspace, state::TOKEN)?;
            Ok(tx.set_workspace_state(workspace, stage::MEMBER)?)
        })?;
        let TakingIn { after, put_aside, .. } = taking;
        let learned = learned.map(|(_, keyring)| keyring);
        self.note_taken(lent, documents, (workspace, learned), (after, &put_aside))
    }

    /// What is in memory follows what was stored, and the person is told.
    fn note_taken(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        (workspace, learned): (WorkspaceId, Option<Keyring>),
        (mut after, put_aside): (Consequences, &PutAside),
    ) -> Result<(), Error> {
        mark_stale(lent, documents, &after.touched)?;
        let linked = self.linked(workspace)?;
        if let Some(keyring) = learned {
            linked.replica.take_keys(keyring);
        }
        if matches!(linked.replica.phase(), Phase::Removed) && !std::mem::replace(&mut linked.removed, true) {
            after.notices.push(Notice::Removed(workspace));
        }
        let told = put_aside.notice(workspace);
        if told.is_some() {
            // What is in memory may hold what counts no more.
            documents.forget_all();
            self.note_first_withheld(lent, workspace)?;
        }
        lent.notices.extend(after.notices);
        lent.notices.extend(told.into_iter().collect());
        Ok(())
    }
}

fn cursor_of(ingested: &Ingested) -> Option<Cursor> {
    let last = ingested.entries.last()?;
    Some(Cursor {
        log: ingested.head.log,
        pos: last.placed.position,
        time: last.placed.time,
        hash: last.placed.hash,
        head: Some(encode(&ingested.head)),
    })
}
