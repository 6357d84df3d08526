//! Who is in a workspace: decisions of the person here, and the roster records that carry them out.

use std::collections::BTreeSet;

use bowline_core::sync::{NotReady, Pins};
use bowline_crypto::{DeviceKeys, NewEpoch, TicketSecret};
use bowline_store::{IntentN, IntentRow, Reader, Tx};
use bowline_wire::ids::{
    Commitment, DeviceId, EntryId, HpkePublicKey, Millis, TicketKey, UserId, WorkspaceId,
};
use bowline_wire::limits::MAX_CUT;
use bowline_wire::log::Log;
use bowline_wire::roster::record::{Cut, Record, Rekey, Ticket};
use bowline_wire::roster::{Deed, Outcome, Roster, TicketStage, Void};

use crate::lent::Lent;
use crate::rows::insert_offered;
use crate::workspace::Workspaces;
use crate::workspace::code::{Code, CodeKind, Lifetime};
use crate::workspace::intent::{Decision, Intent, ticket_closing};
use crate::workspace::sealed_values::{self, AtRest};
use crate::{Damage, Error, Notice};

impl Workspaces {
    /// Stores the decision to let somebody in by a code with a new secret.
    pub(crate) fn open_door(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        lifetime: Lifetime,
    ) -> Result<TicketKey, Error> {
        let secret = TicketSecret::generate(&mut *lent.random);
        self.open_with(lent, workspace, lifetime, secret)
    }

    /// Stores a decision, to be carried out when the workspace is driven next.
    pub(crate) fn decide(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        decision: Decision,
    ) -> Result<(), Error> {
        self.check_role(lent.keys, workspace, &decision)?;
        self.check_room(lent, workspace, &decision)?;
        let number = decision.number();
        let value = Intent { decision, entry: None }.to_bytes();
        let sealed = AtRest { keys: lent.keys, random: &mut *lent.random }.seal(INTENT, &value);
        lent.store.transaction(|tx| tx.insert_intent(workspace, number, &sealed, lent.now))?;
        Ok(())
    }

    /// An error if the role in which this device is in a workspace, as far as the log is here, does not permit a decision: then nobody
    /// has to be asked.
    fn check_role(
        &self,
        keys: &DeviceKeys,
        workspace: WorkspaceId,
        decision: &Decision,
    ) -> Result<(), Error> {
        match self.forbidden_deed(keys, workspace, decision)? {
            Some(deed) => Err(Error::NotPermitted(deed)),
            None => Ok(()),
        }
    }

    /// An error if this person has written so much of records that the log, as far as it is here, does not take the one for a decision.
    fn check_room(
        &self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        decision: &Decision,
    ) -> Result<(), Error> {
        let replica = self.replica(workspace)?;
        let Some(roster) = replica.log().map(Log::roster) else {
            return Ok(());
        };
        let own = roster.device(&self.device_in(lent.keys, workspace)).map(|device| device.user);
        // A record takes its time to make, and none is longer than what is left before that.
        if !own.is_some_and(|own| roster.record_bytes(&own).are_scarce()) {
            return Ok(());
        }
        match self.record_for(lent, workspace, (decision, lent.now))? {
            Ok(record) if !replica.has_room_for_record(&record) => Err(Error::RecordsSpent),
            _ => Ok(()),
        }
    }

    /// What a decision would do, if the role of this device, as far as the log is here, does not permit that.
    fn forbidden_deed(
        &self,
        keys: &DeviceKeys,
        workspace: WorkspaceId,
        decision: &Decision,
    ) -> Result<Option<Deed>, Error> {
        let Some(roster) = self.replica(workspace)?.log().map(Log::roster) else {
            return Ok(None);
        };
        let device = self.device_in(keys, workspace);
        let deed = roster.device(&device).and_then(|own| decision.deed(own.user, roster));
        let role = roster.role(&device);
        Ok(deed.filter(|deed| role.is_some_and(|role| !role.may(*deed))))
    }

    /// The code of an open invite or link that was made on this device.
    pub(crate) fn code(
        &self,
        read: Reader<'_>,
        keys: &DeviceKeys,
        workspace: WorkspaceId,
        ticket: TicketKey,
    ) -> Result<Option<Code>, Error> {
        let replica = self.replica(workspace)?;
        let open =
            |log: &&Log| log.roster().ticket(&ticket).is_some_and(|ticket| ticket.stage == TicketStage::Open);
        let Some(log) = replica.log().filter(open) else {
            return Ok(None);
        };
        let Some(Decision::Open { kind, secret, .. }) = kept_code(read, keys, workspace, &ticket)? else {
            return Ok(None);
        };
        let row = read.workspace(workspace)?.ok_or(Error::NoWorkspace(workspace))?;
        let head = log.head();
        let roster = log.roster().hash();
        let pins = Pins { log: head.log, position: head.position, hash: head.hash, roster };
        Ok(Some(Code { relay: row.relay, workspace, kind, pins, secret }))
    }

    pub(super) fn offer_record(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        record: &Record,
        intent: Option<(IntentN, Intent)>,
    ) -> Result<(), Error> {
        let entry = self
            .with_replica(lent, workspace, |replica, cx| replica.write_record(record, cx))?
            .ok_or(Error::Bug("the roster record just written is refused"))?;
        let mut rest = AtRest { keys: lent.keys, random: &mut *lent.random };
        let is_stored = lent.store.transaction(|tx| -> Result<bool, Error> {
            if let Some((n, mut intent)) = intent {
                // Another process may have cancelled it in the meantime: then nothing of it leaves.
                if !tx.intents(workspace)?.iter().any(|row| row.n == n) {
                    return Ok(false);
                }
                intent.entry = Some(entry.id());
                update_intent(tx, &mut rest, n, &intent)?;
            }
            insert_offered(tx, &entry, None)?;
            Ok(true)
        })?;
        if is_stored {
            self.linked(workspace)?.replica.offer(entry, lent.now);
        }
        Ok(())
    }

    pub(super) fn roster(&self, workspace: WorkspaceId) -> Result<&Roster, Error> {
        Ok(self.replica(workspace)?.log().ok_or(NotReady::CatchingUp)?.roster())
    }

    pub(super) fn rekey(
        &self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        to: &BTreeSet<HpkePublicKey>,
    ) -> Result<Option<Rekey>, Error> {
        let linked = self.linked.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        // Not the key in force: who had to have that could be kept from ever beginning another epoch.
        let Some((keyring, log)) = linked.replica.keyring().zip(linked.replica.log()) else {
            return Ok(None);
        };
        let recipients: Vec<HpkePublicKey> = to.iter().cloned().collect();
        let new = NewEpoch {
            recipients: &recipients,
            epochs: log.roster().epochs(),
            roster: log.roster().hash(),
            author: self.device_in(lent.keys, workspace),
        };
        match keyring.rekey(&new, &mut *lent.random) {
            Ok(rekey) => Ok(Some(rekey)),
            Err(why) => {
                tracing::warn!(%why, "no rekey can be made");
                Ok(None)
            }
        }
    }

    /// The record that carries out a decision made at a time of the clock here, or why none could.
    pub(super) fn record_for(
        &self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        (decision, since): (&Decision, Millis),
    ) -> Result<Result<Record, Void>, Error> {
        // It may have been made before this device knew its role, and a relay would refuse the record again and again.
        if let Some(deed) = self.forbidden_deed(lent.keys, workspace, decision)? {
            return Ok(Err(deed.void()));
        }
        if let Some(why) =
            decision.comes_too_late(self.device_in(lent.keys, workspace), self.roster(workspace)?)
        {
            return Ok(Err(why));
        }
        Ok(match decision {
            Decision::Open { kind, secret, expires } => {
                let linked = self.linked.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
                let expires = linked.log_now(lent.now).plus(expires.since(since));
                match self.ticket_record(workspace, secret, (expires, *kind))? {
                    Some(ticket) => Ok(match kind {
                        CodeKind::Invite => Record::Invite(ticket),
                        CodeKind::Link | CodeKind::Recovery => Record::Link(ticket),
                    }),
                    None => Err(Void::WrongRecipients),
                }
            }
            Decision::Close(kind, key) => Ok(ticket_closing(*kind, *key)),
            Decision::RemoveDevice(device) => {
                let cut = self.cut(workspace, |id| id == device)?;
                let device = *device;
                self.removal(lent, workspace, |rekey| Record::RemoveDevice {
                    device,
                    cut: cut.clone(),
                    rekey,
                })?
            }
            Decision::RemoveMember(user) => {
                let roster = self.roster(workspace)?;
                let devices: BTreeSet<DeviceId> = devices_of(roster, *user);
                let cut = self.cut(workspace, |id| devices.contains(id))?;
                let user = *user;
                self.removal(lent, workspace, |rekey| Record::RemoveMember { user, cut: cut.clone(), rekey })?
            }
            Decision::Leave { whole_user } => {
                let me = self.device_in(lent.keys, workspace);
                let roster = self.roster(workspace)?;
                let mine = roster.device(&me).map(|device| device.user);
                let devices = match mine {
                    Some(user) if *whole_user => devices_of(roster, user),
                    _ => BTreeSet::from([me]),
                };
                Ok(Record::Leave {
                    whole_user: *whole_user,
                    cut: self.cut(workspace, |id| devices.contains(id))?,
                })
            }
            Decision::HandOver(user) => Ok(Record::HandOver { user: *user }),
            Decision::TakeOver => Ok(Record::TakeOver),
            Decision::Move(to) => Ok(Record::Move(to.clone())),
            Decision::Allow(user) => Ok(Record::Allow { user: *user }),
            Decision::GiveUp(lost) => Ok(Record::Lost(lost.clone())),
        })
    }

    fn ticket_record(
        &self,
        workspace: WorkspaceId,
        secret: &TicketSecret,
        (expires, kind): (Millis, CodeKind),
    ) -> Result<Option<Ticket>, Error> {
        let linked = self.linked.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        let Some(keyring) = linked.replica.keyring() else {
            return Ok(None);
        };
        let hpke = secret.hpke_public(self.roster(workspace)?.suite());
        let (key, recovery) = (secret.ticket_key(), kind == CodeKind::Recovery);
        let wrap = keyring.wrap_newest(&hpke).ok();
        Ok(wrap.map(|wrap| Ticket { key, hpke, expires: expires.0, recovery, wrap }))
    }

    /// The last known entry of every chain of these devices.
    fn cut(&self, workspace: WorkspaceId, of: impl Fn(&DeviceId) -> bool) -> Result<Vec<Cut>, Error> {
        let log = self.replica(workspace)?.log().ok_or(NotReady::CatchingUp)?;
        // What is left out counts up to what is on the log, which is where these tips are: nothing is lost by it, and
        // nobody escapes removal by opening chains without end.
        let tips = log.tips().filter(|(chain, _)| of(&chain.device)).take(MAX_CUT);
        Ok(tips
            .map(|(chain, tip)| Cut {
                device: chain.device,
                incarnation: chain.incarnation,
                lane: chain.lane,
                seq: tip.seq,
                id: tip.id,
            })
            .collect())
    }

    /// A removal with a rekey for exactly those who stay.
    fn removal(
        &self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        with: impl Fn(Rekey) -> Record,
    ) -> Result<Result<Record, Void>, Error> {
        let nobody = Rekey { commitment: Commitment::ZERO, history: Vec::new(), wraps: Vec::new() };
        let draft = with(nobody.clone());
        let replica = self.replica(workspace)?;
        let header = replica.record_header(&draft.to_body());
        let recipients = match self.roster(workspace)?.recipients_after(&header, &draft) {
            Ok(recipients) => recipients,
            Err(why) => return Ok(Err(why)),
        };
        // Without a rekey of its own the removal still takes effect, and another device rekeys.
        let rekey = self.rekey(lent, workspace, &recipients)?.unwrap_or(nobody);
        Ok(Ok(with(rekey)))
    }
}

/// The decisions that the log has not answered, in the order in which they were made.
pub(super) fn intents(
    read: Reader<'_>,
    keys: &DeviceKeys,
    workspace: WorkspaceId,
) -> Result<Vec<Decided>, Error> {
    read_intents(read.intents(workspace)?, keys)
}

/// Decisions that no record carries out yet, in the order in which records are to. Whoever leaves can do nothing afterwards: who is to be out is
/// out first, also where the log has lost that.
pub(super) fn in_order(decided: Vec<Decided>) -> Vec<Decided> {
    let is_unanswered = decided.iter().any(|it| it.intent.decision.is_removal() && it.intent.entry.is_some());
    let open = decided.into_iter().filter(|it| it.intent.entry.is_none());
    let is_leave = |it: &Decided| matches!(it.intent.decision, Decision::Leave { .. });
    let (leaving, mut open): (Vec<_>, Vec<_>) = open.partition(is_leave);
    if !is_unanswered {
        open.extend(leaving);
    }
    open
}

/// The decision that made a code on this device, if it is kept here.
pub(super) fn kept_code(
    read: Reader<'_>,
    keys: &DeviceKeys,
    workspace: WorkspaceId,
    ticket: &TicketKey,
) -> Result<Option<Decision>, Error> {
    let name = code_name(ticket);
    let Some(bytes) = read.state(workspace, &name)? else {
        return Ok(None);
    };
    let bytes = sealed_values::open(keys, &name, &bytes)?;
    let intent = Intent::from_bytes(&bytes).map_err(|_| Error::Damaged(Damage::Code))?;
    Ok(Some(intent.decision))
}

/// Nothing comes of a decision, and the person is told this.
pub(super) fn end_decision(lent: &mut Lent<'_>, n: IntentN, told: Notice) -> Result<(), Error> {
    lent.store.transaction(|tx| tx.delete_intent(n))?;
    lent.notices.push(told);
    Ok(())
}

/// A roster record has come to stand in the log. If it was to carry out a decision of ours, that is settled now, or has
/// to be carried out anew; gives what to tell the person. Part of the transaction that stores the record.
pub(crate) fn settle_decision(
    tx: &Tx<'_>,
    rest: &mut AtRest<'_>,
    workspace: WorkspaceId,
    (entry, outcome): (EntryId, Outcome),
    now: Millis,
) -> Result<Option<Notice>, Error> {
    let intents = read_intents(tx.intents(workspace)?, rest.keys)?;
    let Some(found) = intents.into_iter().find(|it| it.intent.entry == Some(entry)) else {
        return Ok(None);
    };
    let Decided { n, mut intent, since } = found;
    match outcome {
        Outcome::Applied { .. } => {
            tx.delete_intent(n)?;
            let Decision::Open { kind, secret, expires } = &mut intent.decision else {
                return Ok(Some(Notice::Decided { workspace, entry }));
            };
            // From here on it is open: by the clock here it is over as long after this as it was to be good for.
            *expires = now.plus(expires.since(since));
            let (kind, ticket) = (*kind, secret.ticket_key());
            let name = code_name(&ticket);
            tx.put_state(workspace, &name, &rest.seal(&name, &intent.to_bytes()))?;
            Ok(Some(Notice::CodeReady { workspace, kind, ticket }))
        }
        // Epochs whose keys are missing are complained of anew, if a rekey was faster.
        Outcome::Void(Void::NotOnHead | Void::NoComplaint) => {
            intent.entry = None;
            update_intent(tx, rest, n, &intent)?;
            Ok(None)
        }
        Outcome::Void(why) => {
            tx.delete_intent(n)?;
            Ok(Some(Notice::DecisionVoid { workspace, why }))
        }
        Outcome::Unknown(_) => {
            tx.delete_intent(n)?;
            Ok(Some(Notice::DecisionVoid { workspace, why: Void::AfterUnknown }))
        }
    }
}

/// The decision that `entry` was to carry out is open again.
pub(crate) fn release_decision(
    tx: &Tx<'_>,
    rest: &mut AtRest<'_>,
    workspace: WorkspaceId,
    entry: EntryId,
) -> Result<(), Error> {
    for Decided { n, mut intent, .. } in read_intents(tx.intents(workspace)?, rest.keys)? {
        if intent.entry == Some(entry) {
            intent.entry = None;
            update_intent(tx, rest, n, &intent)?;
        }
    }
    Ok(())
}

/// Forgets the secrets of codes that no longer let anybody in.
pub(crate) fn forget_spent_codes(tx: &Tx<'_>, workspace: WorkspaceId, roster: &Roster) -> Result<(), Error> {
    for (ticket, state) in roster.tickets() {
        if state.stage != TicketStage::Open {
            tx.delete_state(workspace, &code_name(ticket))?;
        }
    }
    Ok(())
}

/// A decision that the log has not answered.
pub(super) struct Decided {
    pub(super) n: IntentN,
    pub(super) intent: Intent,
    /// When it was made.
    pub(super) since: Millis,
}

pub(super) fn read_intents(rows: Vec<IntentRow>, keys: &DeviceKeys) -> Result<Vec<Decided>, Error> {
    let read = |row: IntentRow| {
        let value = sealed_values::open(keys, INTENT, &row.value)?;
        let intent = Intent::from_bytes(&value).map_err(|_| Error::Damaged(Damage::Decision))?;
        Ok(Decided { n: row.n, intent, since: row.created_at })
    };
    rows.into_iter().map(read).collect()
}

fn update_intent(tx: &Tx<'_>, rest: &mut AtRest<'_>, n: IntentN, intent: &Intent) -> Result<(), Error> {
    Ok(tx.update_intent(n, &rest.seal(INTENT, &intent.to_bytes()))?)
}

/// Under which name decisions are sealed.
const INTENT: &str = "intent";

fn devices_of(roster: &Roster, user: UserId) -> BTreeSet<DeviceId> {
    roster
        .devices()
        .filter(|(_, device)| device.user == user && device.is_active())
        .map(|(id, _)| *id)
        .collect()
}

fn code_name(ticket: &TicketKey) -> String {
    format!("code/{ticket}")
}
