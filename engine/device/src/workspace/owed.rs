//! What a log owes that has lost a part: who was out of the workspace stays out, and what let nobody in any more lets nobody in. Until the
//! log holds it again, nothing is sealed to those who were removed.

use std::collections::BTreeSet;

use bowline_core::sync::Replica;
use bowline_crypto::DeviceKeys;
use bowline_store::{Reader, Tx};
use bowline_wire::codec::{Canonical, DecodeError, Reader as CborReader, Writer, decode, encode};
use bowline_wire::ids::{DeviceId, TicketKey, UserId, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::{Roster, TicketKind, TicketStage};

use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::code::CodeKind;
use crate::workspace::intent::Decision;
use crate::workspace::roster::intents;
use crate::{Damage, Error};

/// Name of the value that is there while a log gets again what it had: what has to be in force in the end.
const OWED: &str = "sent-again";

/// Something that was in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// A device is out.
    Device(DeviceId),
    /// A user is out, with all devices.
    Member(UserId),
    /// A code lets nobody in.
    Code(CodeKind, TicketKey),
}

/// Which codes of a log that has lost a part let nobody in any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codes {
    /// Those that were closed. What was used is used again when the Join comes again.
    Closed,
    /// Those that were used as well.
    ClosedOrUsed,
}

impl Owed {
    /// What was in force by one roster and may not be by another one of the same workspace.
    pub(super) fn between(before: &Roster, after: &Roster, codes: Codes) -> Vec<Self> {
        let is_out = |user: UserId| {
            let mut devices = before.devices().filter(|(_, device)| device.user == user);
            devices.all(|(_, device)| !device.is_active())
        };
        let users: BTreeSet<UserId> =
            before.devices().map(|(_, it)| it.user).filter(|it| is_out(*it)).collect();
        let gone = before.devices().filter(|(_, it)| !it.is_active() && !users.contains(&it.user));
        let is_spent = |stage: TicketStage| match stage {
            TicketStage::Open => false,
            TicketStage::Closed => true,
            TicketStage::Used(_) => codes == Codes::ClosedOrUsed,
        };
        let spent = before.tickets().filter(|(_, ticket)| is_spent(ticket.stage));
        let members = users.iter().map(|user| Self::Member(*user));
        let devices = gone.map(|(device, _)| Self::Device(*device));
        let codes = spent.map(|(key, ticket)| Self::Code(ticket.admits.into(), *key));
        members.chain(devices).chain(codes).filter(|owed| !owed.is_settled(after)).collect()
    }

    /// Whether it is not in force.
    pub(super) fn has_lapsed(&self, roster: &Roster) -> bool {
        match self {
            Self::Device(device) => roster.is_active(device),
            Self::Member(user) => {
                roster.devices().any(|(_, device)| device.user == *user && device.is_active())
            }
            Self::Code(_, key) => roster.ticket(key).is_some_and(|it| it.stage == TicketStage::Open),
        }
    }

    /// Whether it is in force for good: whoever is out never comes back. Somebody whom the log does not know yet may still come with it.
    fn is_settled(&self, roster: &Roster) -> bool {
        let is_known = match self {
            Self::Device(device) => roster.device(device).is_some(),
            Self::Member(user) => roster.user(user).is_some(),
            Self::Code(_, key) => roster.ticket(key).is_some(),
        };
        is_known && !self.has_lapsed(roster)
    }

    /// Whether it keeps somebody from reading.
    pub(super) fn is_removal(&self) -> bool {
        matches!(self, Self::Device(_) | Self::Member(_))
    }

    /// Whether `device` may bring it about.
    fn may_be_decided_by(&self, device: DeviceId, roster: &Roster) -> bool {
        let Some((own, role)) = roster.device(&device).map(|it| it.user).zip(roster.role(&device)) else {
            return false;
        };
        let is_theirs = match self {
            Self::Device(_) | Self::Code(CodeKind::Invite, _) => true,
            Self::Member(user) => *user != own,
            Self::Code(CodeKind::Link | CodeKind::Recovery, key) => {
                roster.ticket(key).is_some_and(|it| it.admits.kind == TicketKind::Link(own))
            }
        };
        is_theirs && Decision::from(*self).deed(own, roster).is_some_and(|deed| role.may(deed))
    }

    fn is(&self, decision: &Decision) -> bool {
        match (self, decision) {
            (Self::Device(device), Decision::RemoveDevice(other)) => device == other,
            (Self::Member(user), Decision::RemoveMember(other)) => user == other,
            (Self::Code(kind, key), Decision::Close(other, closed)) => (kind, key) == (other, closed),
            _ => false,
        }
    }
}

impl From<Owed> for Decision {
    fn from(owed: Owed) -> Self {
        match owed {
            Owed::Device(device) => Self::RemoveDevice(device),
            Owed::Member(user) => Self::RemoveMember(user),
            Owed::Code(kind, key) => Self::Close(kind, key),
        }
    }
}

/// Notes what a log owes that has just lost a part, beside what it owed already.
pub(super) fn put(tx: &Tx<'_>, workspace: WorkspaceId, more: Vec<Owed>) -> Result<(), Error> {
    let mut owed = owed(**tx, workspace)?.unwrap_or_default();
    owed.extend(more.into_iter().filter(|it| !owed.contains(it)).collect::<Vec<_>>());
    Ok(tx.put_state(workspace, OWED, &encode(&List(owed)))?)
}

/// Whether a log has lost a part, and does not hold all of it again that was in force.
pub(super) fn is_lacking(read: Reader<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
    Ok(read.state(workspace, OWED)?.is_some())
}

/// What a log owes; `None` if it has lost nothing, or holds all of it again.
fn owed(read: Reader<'_>, workspace: WorkspaceId) -> Result<Option<Vec<Owed>>, Error> {
    let Some(bytes) = read.state(workspace, OWED)? else {
        return Ok(None);
    };
    Ok(Some(decode::<List>(&bytes).map_err(|_| Error::Damaged(Damage::Decision))?.0))
}

/// Whether a removal or leave is decided and not yet answered by the log, or was in force in what the log has lost: nothing is sealed
/// until it is.
pub(super) fn awaits_removal(read: Reader<'_>, keys: &DeviceKeys, replica: &Replica) -> Result<bool, Error> {
    let workspace = replica.workspace();
    let is_decided = intents(read, keys, workspace)?.iter().any(|it| it.intent.decision.stops_sealing());
    Ok(is_decided || owes_removal(read, workspace, replica)?)
}

/// Whether somebody is in again who was removed.
fn owes_removal(read: Reader<'_>, workspace: WorkspaceId, replica: &Replica) -> Result<bool, Error> {
    let Some(roster) = replica.log().map(Log::roster) else {
        return Ok(false);
    };
    let owed = owed(read, workspace)?.unwrap_or_default();
    Ok(owed.iter().any(|it| it.is_removal() && it.has_lapsed(roster)))
}

impl Workspaces {
    /// Decides again what the log owes and this device may bring about, once everything that was sent again is answered, and forgets
    /// what is in force. Whether anything was done.
    pub(super) fn settle_owed(&mut self, lent: &mut Lent<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
        let Some(before) = owed(lent.read(), workspace)? else {
            return Ok(false);
        };
        let device = self.device_in(lent.keys, workspace);
        let Some(roster) = self.replica(workspace)?.log().map(Log::roster) else {
            return Ok(false);
        };
        let remaining: Vec<Owed> = before.iter().filter(|it| !it.is_settled(roster)).copied().collect();
        let is_due = |it: &&Owed| it.has_lapsed(roster) && it.may_be_decided_by(device, roster);
        let due: Vec<Owed> = remaining.iter().filter(is_due).copied().collect();
        let pending = if due.is_empty() { Vec::new() } else { intents(lent.read(), lent.keys, workspace)? };
        let mut is_decided = false;
        for owed in due {
            if pending.iter().any(|it| owed.is(&it.intent.decision)) {
                continue;
            }
            let decision = Decision::from(owed);
            if self.record_for(lent, workspace, (&decision, lent.now))?.is_ok() {
                self.decide(lent, workspace, decision)?;
                is_decided = true;
            }
        }
        let is_less = remaining.len() < before.len() || remaining.is_empty();
        if is_less {
            lent.store.transaction(|tx| {
                if remaining.is_empty() {
                    tx.delete_state(workspace, OWED)
                } else {
                    tx.put_state(workspace, OWED, &encode(&List(remaining.clone())))
                }
            })?;
        }
        Ok(is_decided || is_less)
    }
}

struct List(Vec<Owed>);

impl Canonical for List {
    fn write(&self, to: &mut Writer) {
        to.array(self.0.len());
        for owed in &self.0 {
            match owed {
                Owed::Device(device) => to.array(2).u64(0).value(device),
                Owed::Member(user) => to.array(2).u64(1).value(user),
                Owed::Code(CodeKind::Invite, key) => to.array(2).u64(2).value(key),
                Owed::Code(CodeKind::Link, key) => to.array(2).u64(3).value(key),
                Owed::Code(CodeKind::Recovery, key) => to.array(2).u64(4).value(key),
            };
        }
    }
    fn read(from: &mut CborReader<'_>) -> Result<Self, DecodeError> {
        let len = from.array_up_to("what a log owes", usize::MAX)?;
        let mut list = Vec::new();
        for _ in 0..len {
            from.array(2)?;
            list.push(match from.u8()? {
                0 => Owed::Device(from.value()?),
                1 => Owed::Member(from.value()?),
                2 => Owed::Code(CodeKind::Invite, from.value()?),
                3 => Owed::Code(CodeKind::Link, from.value()?),
                4 => Owed::Code(CodeKind::Recovery, from.value()?),
                number => {
                    return Err(DecodeError::UnknownNumber { what: "what is owed", number: number.into() });
                }
            });
        }
        Ok(Self(list))
    }
}
