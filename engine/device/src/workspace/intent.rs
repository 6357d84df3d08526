//! What a person decided about a workspace and its log does not show yet. Kept durably until the log has answered.

use bowline_crypto::TicketSecret;
use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use bowline_wire::ids::{DeviceId, EntryId, Millis, TicketKey, UserId};
use bowline_wire::limits::MAX_BODY;
use bowline_wire::roster::record::{Lost, Move, Record};
use bowline_wire::roster::{Deed, Roster, Void};
use zeroize::Zeroizing;

use crate::workspace::code::CodeKind;

/// A decision that becomes a roster record as soon as a relay can be reached.
#[derive(Debug)]
pub enum Decision {
    /// Let somebody in by a code.
    Open {
        /// Whom to let in.
        kind: CodeKind,
        /// The code's secret.
        secret: TicketSecret,
        /// When it is over by the clock of the device that makes it. Until its record stands in the log, this counts from the decision.
        expires: Millis,
    },
    /// Close an invite or link.
    Close(CodeKind, TicketKey),
    /// Remove a device.
    RemoveDevice(DeviceId),
    /// Remove a member with all devices.
    RemoveMember(UserId),
    /// Leave; with all devices of this user or with this one.
    Leave {
        /// With all of them.
        whole_user: bool,
    },
    /// Offer ownership to a Member, or, to this person's own user, take the offer back.
    HandOver(UserId),
    /// Take the ownership that is on offer.
    TakeOver,
    /// Move to another relay.
    Move(Move),
    /// Allow a Member to write more records.
    Allow(UserId),
    /// Give up content that never comes: no more than [`MAX_GIVEN_UP`](bowline_wire::limits::MAX_GIVEN_UP) of either.
    GiveUp(Lost),
}

impl Decision {
    /// Whether somebody else is to be out.
    pub(crate) fn is_removal(&self) -> bool {
        matches!(self, Self::RemoveDevice(_) | Self::RemoveMember(_))
    }

    /// Whether nothing may be sealed before the log has answered: the person wants someone not to read it.
    pub fn stops_sealing(&self) -> bool {
        self.is_removal() || matches!(self, Self::Leave { .. })
    }

    /// What carrying it out is for a device of `by`; `None` if there is nothing to carry out.
    pub(crate) fn deed(&self, by: UserId, roster: &Roster) -> Option<Deed> {
        Some(match self {
            Self::Open { kind: CodeKind::Invite, .. } => Deed::Invite,
            Self::Open { kind: CodeKind::Link | CodeKind::Recovery, .. } => Deed::Link,
            Self::Close(CodeKind::Invite, _) => Deed::CloseInvite,
            Self::Close(CodeKind::Link | CodeKind::Recovery, _) => Deed::CloseLink,
            Self::RemoveDevice(device) => return roster.removal_of(device, by),
            Self::RemoveMember(_) => Deed::RemoveMember,
            Self::Leave { .. } => Deed::Leave,
            Self::HandOver(_) => Deed::HandOver,
            Self::TakeOver => Deed::TakeOver,
            Self::Move(_) => Deed::Move,
            Self::Allow(_) => Deed::Allow,
            Self::GiveUp(_) => Deed::GiveUp,
        })
    }

    /// Why nothing would come of it any more, by what the roster says of others who were faster.
    pub(crate) fn comes_too_late(&self, device: DeviceId, roster: &Roster) -> Option<Void> {
        match self {
            Self::TakeOver => {
                let own = roster.device(&device).map(|it| it.user);
                (own.is_none() || roster.offer().map(|offer| offer.to) != own).then_some(Void::NotOffered)
            }
            // Another device of the Owner's was first, or the Member has gone.
            Self::Allow(user) => roster.may_be_allowed(user).err(),
            Self::GiveUp(lost) => (!roster.given_up().lacks_any_of(lost)).then_some(Void::GivenUp),
            // Another device of the Owner's was first, and everybody follows that one.
            Self::Move(to) => (roster.moves().len() as u64 != to.generation).then_some(Void::Outrun),
            _ => None,
        }
    }

    /// The number under which the store keeps it.
    pub(crate) fn number(&self) -> u8 {
        match self {
            Self::Open { kind: CodeKind::Invite, .. } => 1,
            Self::Open { kind: CodeKind::Link, .. } => 2,
            Self::Close(CodeKind::Invite, _) => 3,
            // Either is closed by one record.
            Self::Close(CodeKind::Link | CodeKind::Recovery, _) => 4,
            Self::RemoveDevice(_) => 5,
            Self::RemoveMember(_) => 6,
            Self::Leave { .. } => 7,
            Self::HandOver(_) => 8,
            Self::TakeOver => 9,
            Self::Move(_) => 10,
            Self::Open { kind: CodeKind::Recovery, .. } => 11,
            Self::Allow(_) => 12,
            Self::GiveUp(_) => 13,
        }
    }
}

/// The record that closes a code.
pub(crate) fn ticket_closing(kind: CodeKind, key: TicketKey) -> Record {
    match kind {
        CodeKind::Invite => Record::CloseInvite(key),
        CodeKind::Link | CodeKind::Recovery => Record::CloseLink(key),
    }
}

/// A decision, and the entry that is to carry it out, if one was written.
#[derive(Debug)]
pub struct Intent {
    /// What was decided.
    pub decision: Decision,
    /// The offered entry.
    pub entry: Option<EntryId>,
}

impl Intent {
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(encode(self))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes)
    }
}

impl Canonical for Intent {
    fn write(&self, to: &mut Writer) {
        to.array(3).u64(self.decision.number().into());
        to.option(self.entry.as_ref(), |to, entry| entry.write(to));
        match &self.decision {
            Decision::Open { secret, expires, .. } => {
                to.array(2).bytes(secret.to_bytes().as_ref()).u64(expires.0);
            }
            Decision::Close(_, key) => {
                to.value(key);
            }
            Decision::RemoveDevice(device) => {
                to.value(device);
            }
            Decision::RemoveMember(user) | Decision::HandOver(user) | Decision::Allow(user) => {
                to.value(user);
            }
            Decision::Leave { whole_user } => {
                to.bool(*whole_user);
            }
            Decision::TakeOver => {
                to.array(0);
            }
            Decision::Move(it) => {
                to.bytes(&Record::Move(it.clone()).to_body());
            }
            Decision::GiveUp(lost) => {
                to.bytes(&Record::Lost(lost.clone()).to_body());
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let number = from.u8()?;
        let entry = from.option(EntryId::read)?;
        let decision = match number {
            1 => read_open(from, CodeKind::Invite)?,
            2 => read_open(from, CodeKind::Link)?,
            3 => Decision::Close(CodeKind::Invite, from.value()?),
            4 => Decision::Close(CodeKind::Link, from.value()?),
            5 => Decision::RemoveDevice(from.value()?),
            6 => Decision::RemoveMember(from.value()?),
            7 => Decision::Leave { whole_user: from.bool()? },
            8 => Decision::HandOver(from.value()?),
            9 => {
                from.array(0)?;
                Decision::TakeOver
            }
            10 => match Record::parse(from.bytes("move", MAX_BODY)?)? {
                Record::Move(to) => Decision::Move(to),
                _ => return Err(DecodeError::Rule("a move is a record of its own")),
            },
            11 => read_open(from, CodeKind::Recovery)?,
            12 => Decision::Allow(from.value()?),
            13 => match Record::parse(from.bytes("giving up", MAX_BODY)?)? {
                Record::Lost(lost) => Decision::GiveUp(lost),
                _ => return Err(DecodeError::Rule("giving up is a record of its own")),
            },
            number => {
                return Err(DecodeError::UnknownNumber { what: "decision", number: number.into() });
            }
        };
        Ok(Self { decision, entry })
    }
}

fn read_open(from: &mut Reader<'_>, kind: CodeKind) -> Result<Decision, DecodeError> {
    from.array(2)?;
    let secret = Zeroizing::new(from.fixed::<32>()?);
    Ok(Decision::Open { kind, secret: TicketSecret::from_bytes(&secret), expires: Millis(from.u64()?) })
}

#[cfg(test)]
mod tests;
