//! Carrying out what the sync machine asks for: first on the disk, then on the line.

use bowline_core::sync::{Effect, RelayFault};
use bowline_crypto::DeviceKeys;
use bowline_store::{EntryState, Store};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{Lane, Millis, Position, WorkspaceId};
use bowline_wire::roster::record::Record;

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::rows::insert_offered;
use crate::workspace::Workspaces;
use crate::workspace::again::put_keys;
use crate::workspace::behind::{self, Behind};
use crate::workspace::clocks;
use crate::workspace::connection::{HeardBefore, put_heard, put_holding};
use crate::workspace::entries::{open_with, read_again};
use crate::workspace::evidence;
use crate::workspace::joining_code;
use crate::workspace::keys_at_rest::seal_keys;
use crate::workspace::membership;
use crate::workspace::quarantine::refused;
use crate::workspace::roster::release_decision;
use crate::workspace::sealed_values::AtRest;
use crate::workspace::taken::{Consequences, mark_stale};
use crate::workspace::workspaces::{CURRENT, stage, state};
use crate::{Error, Notice};

/// Entries of content whose refusal is remembered for each workspace: their headers, some hundred bytes each. More come only
/// from a relay that refuses everything.
const REFUSED_KEPT: u32 = 256;

impl Workspaces {
    pub(super) fn carry_out(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        effect: Effect,
    ) -> Result<(), Error> {
        match effect {
            Effect::Send(frame) => self.transmit(workspace, &frame),
            Effect::Ingest(ingested) => self.ingest(lent, documents, workspace, &ingested),
            Effect::Bodies(bodies) => self.take_bodies(lent, documents, workspace, bodies),
            Effect::Supply(positions) => self.supply(lent, workspace, &positions),
            Effect::OfferJoin(entry) => self.offer_join(lent, documents, workspace, &entry),
            Effect::Refused { entry, reason } => {
                let mut rest = AtRest { keys: lent.keys, random: &mut *lent.random };
                let mut is_join = false;
                lent.store.transaction(|tx| -> Result<(), Error> {
                    if let Some(row) = tx.entry_by_id(workspace, entry)? {
                        is_join = is_join_record(tx.body(row.n)?.as_deref(), row.entry_type);
                        tx.set_entry_state(row.n, EntryState::Refused, Some(&refused(reason)))?;
                        tx.unseal(row.n)?;
                        // What it held is sealed again: a relay that refuses without end would fill the disk with the same.
                        if row.chain.lane == Lane::Content {
                            tx.forget_body(row.n)?;
                            tx.forget_refused(workspace, REFUSED_KEPT)?;
                        }
                    }
                    release_decision(tx, &mut rest, workspace, entry)
                })?;
                // What became of a Join is told by whether the device is in.
                if !is_join {
                    lent.notices.push(Notice::Refused { workspace, entry, reason });
                }
                Ok(())
            }
            Effect::Followed(said) => Self::note_successors(lent, workspace, said),
            Effect::Keep(entries) => Self::keep(lent, workspace, entries),
            Effect::DropKept => Self::drop_kept(lent, workspace),
            Effect::Begin(begun) => self.begin(lent, documents, workspace, &begun),
            Effect::CutBack(cut) => self.cut_back(lent, workspace, *cut),
            Effect::NotTakenAgain { entry, reason } => {
                self.not_taken_again(lent, documents, workspace, (entry, reason))
            }
            Effect::Holds { device, position, at } => {
                let now = lent.now;
                Ok(lent.store.transaction(|tx| match put_holding(tx, workspace, device, position)? {
                    // The relay says the same again at each start.
                    HeardBefore::Yes => Ok(()),
                    HeardBefore::No => put_heard(tx, workspace, device, at, now),
                })?)
            }
            Effect::NewIncarnation(incarnation) => {
                Ok(lent.store.transaction(|tx| tx.set_incarnation(workspace, incarnation))?)
            }
            Effect::Joined => {
                let known = lent.read().workspace(workspace)?;
                // The way in may have been begun anew, and is told of once.
                if known.is_none_or(|row| row.state != stage::MEMBER) {
                    lent.store.transaction(|tx| {
                        tx.set_workspace_state(workspace, stage::MEMBER)?;
                        tx.put_meta(CURRENT, workspace.as_bytes())
                    })?;
                    lent.notices.push(Notice::Joined(workspace));
                }
                Ok(())
            }
            Effect::Met { relay, line } => {
                self.linked(workspace)?.met = line;
                let known = lent.read().state(workspace, state::RELAY)?;
                if known.is_some_and(|known| known.as_slice() == relay.as_bytes()) {
                    return Ok(());
                }
                Ok(lent.store.transaction(|tx| tx.put_state(workspace, state::RELAY, relay.as_bytes()))?)
            }
            Effect::Clocks(now) => {
                self.linked(workspace)?.clocks = Some(now);
                Ok(clocks::note(lent.store, workspace, &now)?)
            }
            Effect::LetIn => {
                membership::note(lent.store, workspace, membership::TURNED_AWAY, None, lent.now)?;
                Ok(behind::clear(lent.store, workspace)?)
            }
            Effect::TurnedAway(reason) => {
                membership::note(lent.store, workspace, membership::TURNED_AWAY, Some(reason), lent.now)?;
                Ok(())
            }
            Effect::HeldUp(reason) => {
                let is_news = membership::note(lent.store, workspace, membership::HELD_UP, reason, lent.now)?;
                if let Some(reason) = reason.filter(|_| is_news) {
                    lent.notices.push(Notice::HeldUp { workspace, reason });
                }
                Ok(())
            }
            Effect::JoinFailed(why) => {
                lent.store.transaction(|tx| {
                    tx.set_workspace_state(workspace, stage::FAILED)?;
                    joining_code::forget_secret(tx, workspace)
                })?;
                lent.notices.push(Notice::JoinFailed(workspace, why));
                Ok(())
            }
            // Only an inquiry is told, which has a replica of its own.
            Effect::Invited(_) => Ok(()),
            Effect::Fault(fault) => self.note_fault(lent, workspace, fault),
            Effect::Close => {
                self.linked(workspace)?.close = true;
                Ok(())
            }
        }
    }

    fn offer_join(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        entry: &Entry,
    ) -> Result<(), Error> {
        let keys = self.keys_to_store(lent, workspace)?;
        let keyring = self.replica(workspace)?.keyring().cloned();
        let giving = self.giving_up(lent.keys, workspace);
        let mut after = Consequences::default();
        let now = lent.now;
        lent.store.transaction(|tx| -> Result<(), Error> {
            insert_offered(tx, entry, None)?;
            if let Some((sealed, keyring)) = keys.as_ref().zip(keyring.as_ref()) {
                put_keys(tx, workspace, sealed)?;
                // Of the log there may be something here already, if the way in was begun anew.
                open_with(tx, workspace, keyring, now, &mut after)?;
                giving.as_ref().map_or(Ok(()), |giving| giving.unseal_with(tx, keyring))?;
            }
            Ok(())
        })?;
        mark_stale(lent, documents, &after.touched)
    }

    pub(super) fn keys_to_store(
        &self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
    ) -> Result<Option<Vec<u8>>, Error> {
        let linked = self.linked.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        let keyring = linked.replica.keyring();
        Ok(keyring.map(|keyring| seal_keys(keyring, lent.keys, &mut *lent.random)))
    }

    pub(super) fn note_fault(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        fault: RelayFault,
    ) -> Result<(), Error> {
        let now = lent.now;
        lent.store.transaction(|tx| evidence::keep(tx, workspace, &fault, now))?;
        let shown = match &fault {
            RelayFault::Rollback { theirs, .. } => Some(theirs.position),
            RelayFault::OtherLog { .. }
            | RelayFault::LogLost
            | RelayFault::OtherSuccessor { .. }
            | RelayFault::HalfSuccessor
            | RelayFault::BegunAgain
            | RelayFault::BelowCheckpoint(_) => Some(Position::START),
            RelayFault::TimeAhead(_) => Some(Position(u64::MAX)),
            _ => None,
        };
        let is_news = match shown {
            Some(shown) => {
                let behind = Behind { reason: (&fault).into(), since: now, shown };
                behind::note(lent.store, workspace, behind)?
            }
            None => true,
        };
        let linked = self.linked(workspace)?;
        linked.fault = Some(fault.clone());
        linked.line_fault = Some(fault.clone());
        // It is so again on every line, until the relay shows the log again.
        if is_news {
            lent.notices.push(Notice::RelayFault(workspace, Box::new(fault)));
        }
        Ok(())
    }

    /// After an update, what needed one is looked at again.
    pub(crate) fn retry_after_update(&mut self, store: &mut Store, keys: &DeviceKeys) -> Result<(), Error> {
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        if store.read().meta(VERSION)?.as_deref() == Some(version) {
            return Ok(());
        }
        let workspaces: Vec<_> = self.ids().map(|id| (id, self.keyrings().of(id).cloned())).collect();
        let mut moved = Vec::new();
        store.transaction(|tx| -> Result<(), Error> {
            for (workspace, keyring) in &workspaces {
                if self.follow_given_up(tx, *workspace, keys)? {
                    moved.push(*workspace);
                }
                if let Some(keyring) = keyring {
                    // No clock is at hand: a time that lies ahead is seen to when the document is loaded.
                    let any = Millis(u64::MAX);
                    read_again(tx, *workspace, &keyring.snapshot(), EntryState::UpdateNeeded, any)?;
                }
            }
            Ok(tx.put_meta(VERSION, version)?)
        })?;
        // What is waited for is another thing now.
        for workspace in moved {
            if let Some(row) = store.read().workspace(workspace)? {
                self.follow(store.read(), keys, &row)?;
            }
        }
        Ok(())
    }
}

/// Name of the value that says which version opened this database last.
const VERSION: &str = "version";

/// Whether an entry of this type with this body is a Join.
pub(super) fn is_join_record(body: Option<&[u8]>, entry_type: u16) -> bool {
    entry_type == EntryType::Roster.number()
        && body.is_some_and(|body| matches!(Record::parse(body), Ok(Record::Join(_))))
}
