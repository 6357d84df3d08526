//! Who may do what in a workspace: one table, by which the fold, relays and devices decide alike.

use super::record::Record;
use super::{Role, Roster, Void};
use crate::header::Header;
use crate::ids::{DeviceId, LogTime, RosterHash, UserId};

/// Something that is done in a workspace and that depends on somebody's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// Reads and writes documents, of whatever kind, approvals in tasks among them.
    Write,
    /// Looks at who did what.
    Audit,
    /// Lets another person in.
    Invite,
    /// Closes an invite.
    CloseInvite,
    /// Closes an invite or link that lets nobody in any more.
    CloseOver,
    /// Lets another device of its own user in.
    Link,
    /// Closes a link of its own user.
    CloseLink,
    /// Removes another device of its own user.
    RemoveOwnDevice,
    /// Removes a device of another user.
    RemoveOthersDevice,
    /// Removes a person with all devices.
    RemoveMember,
    /// Leaves the workspace.
    Leave,
    /// Begins an epoch that is due.
    Rekey,
    /// Says that the key of the newest epoch has not come.
    Complain,
    /// Hands keys on that others lack, which everybody who holds them can.
    HandOn,
    /// Offers ownership to a Member, or takes the offer back.
    HandOver,
    /// Takes the ownership that is on offer.
    TakeOver,
    /// Moves the workspace to another relay.
    Move,
    /// Lets a Member write more records than one may.
    Allow,
    /// Gives up what never comes.
    GiveUp,
    /// Writes a record that this version does not know, after which nobody who does not know it seals anything.
    WriteUnknown,
}

/// Every deed with its name on the page, and whether the Owner and a Member may do it. PROTOCOL.md prints this table, and a test
/// compares the two.
pub const PERMITTED: [(Deed, &str, bool, bool); 20] = [
    (Deed::Write, "documents", true, true),
    (Deed::Audit, "audit", true, true),
    (Deed::Invite, "Invite", true, false),
    (Deed::CloseInvite, "CloseInvite", true, false),
    (Deed::CloseOver, "CloseInvite, CloseLink of a code that is over", true, true),
    (Deed::Link, "Link", true, true),
    (Deed::CloseLink, "CloseLink", true, true),
    (Deed::RemoveOwnDevice, "RemoveDevice of the same user's", true, true),
    (Deed::RemoveOthersDevice, "RemoveDevice of another user's", true, false),
    (Deed::RemoveMember, "RemoveMember", true, false),
    (Deed::Leave, "Leave", true, true),
    (Deed::Rekey, "Rekey", true, true),
    (Deed::Complain, "Complaint", true, true),
    (Deed::HandOn, "Rewrap, Fill", true, true),
    (Deed::HandOver, "HandOver", true, false),
    (Deed::TakeOver, "TakeOver", false, true),
    (Deed::Move, "Move", true, false),
    (Deed::Allow, "Allow", true, false),
    (Deed::GiveUp, "Lost", true, false),
    (Deed::WriteUnknown, "an unknown record", true, false),
];

impl Role {
    /// Whether somebody in this role may do it.
    pub fn may(self, deed: Deed) -> bool {
        PERMITTED.iter().any(|(row, _, owner, member)| {
            *row == deed
                && match self {
                    Self::Owner => *owner,
                    Self::Member => *member,
                }
        })
    }
}

impl Deed {
    /// What a record is that did this by somebody who may not.
    pub fn void(self) -> Void {
        match self {
            Self::RemoveOthersDevice => Void::NotOwnUser,
            Self::TakeOver => Void::NotOffered,
            _ => Void::NotOwner,
        }
    }
}

impl Roster {
    /// The role in which an active device writes.
    pub fn role(&self, device: &DeviceId) -> Option<Role> {
        let device = self.device(device).filter(|device| device.is_active())?;
        Some(self.user(&device.user)?.role)
    }

    /// The role that an active device had by the roster of this hash; `None` as well if that roster is not known.
    fn role_at(&self, device: &DeviceId, roster: &RosterHash) -> Option<Role> {
        let device = self.device(device).filter(|device| device.is_active())?;
        let (number, _) = self.point(roster)?;
        let owner = self.ownerships().iter().rev().find(|owner| owner.since <= number)?.user;
        Some(if owner == device.user { Role::Owner } else { Role::Member })
    }

    /// Whether an active device may do it, and if not, what a record is by which it did.
    pub fn permits(&self, device: &DeviceId, deed: Deed) -> Result<(), Void> {
        let role = self.role(device).ok_or(Void::AuthorNotActive)?;
        if role.may(deed) { Ok(()) } else { Err(deed.void()) }
    }

    /// What removing `target` is for a device of `by`; `None` if it is not active, so that there is nothing to remove.
    pub fn removal_of(&self, target: &DeviceId, by: UserId) -> Option<Deed> {
        let target = self.device(target).filter(|device| device.is_active())?;
        Some(if target.user == by { Deed::RemoveOwnDevice } else { Deed::RemoveOthersDevice })
    }

    /// Whether the role of a record's author permits the record at this time of the log, and if not, what the record is. Genesis and Join come
    /// before any role.
    pub fn check_role(&self, author: &DeviceId, record: &Record, at: LogTime) -> Result<(), Void> {
        match self.deed_of(author, record, at)? {
            Some(deed) => self.permits(author, deed),
            None => Ok(()),
        }
    }

    /// Whether an active author's role permits a record neither now, at this time of the log, nor by the roster that its header names: then the author knew it.
    /// Who wrote as the Owner and was not it any more when the record came has done nothing wrong.
    pub fn is_forbidden(&self, header: &Header, record: &Record, at: LogTime) -> bool {
        let author = &header.device;
        let Ok(Some(deed)) = self.deed_of(author, record, at) else { return false };
        let may = |role: Option<Role>| role.is_some_and(|role| role.may(deed));
        self.is_active(author) && !may(self.role(author)) && !may(self.role_at(author, &header.roster))
    }

    /// What a record does that depends on a role; `None` if nothing. An error if its author is not active.
    fn deed_of(&self, author: &DeviceId, record: &Record, at: LogTime) -> Result<Option<Deed>, Void> {
        let is_over = |key| self.ticket(key).is_some_and(|ticket| ticket.is_over(at));
        Ok(Some(match record {
            Record::Genesis { .. } | Record::Join(_) => return Ok(None),
            Record::Invite(_) => Deed::Invite,
            Record::CloseInvite(key) | Record::CloseLink(key) if is_over(key) => Deed::CloseOver,
            Record::CloseInvite(_) => Deed::CloseInvite,
            Record::Link(_) => Deed::Link,
            Record::CloseLink(_) => Deed::CloseLink,
            Record::RemoveDevice { device, .. } => {
                let by =
                    self.device(author).filter(|device| device.is_active()).ok_or(Void::AuthorNotActive)?;
                // If there is nothing to remove, the fold says why that is void.
                return Ok(self.removal_of(device, by.user));
            }
            Record::RemoveMember { .. } => Deed::RemoveMember,
            Record::Leave { .. } => Deed::Leave,
            Record::Rekey(_) => Deed::Rekey,
            Record::Complaint { .. } => Deed::Complain,
            Record::Rewrap { .. } | Record::Fill { .. } => Deed::HandOn,
            Record::HandOver { .. } => Deed::HandOver,
            Record::TakeOver => Deed::TakeOver,
            Record::Move(_) => Deed::Move,
            Record::Allow { .. } => Deed::Allow,
            Record::Lost(_) => Deed::GiveUp,
            Record::Unknown(_) => Deed::WriteUnknown,
        }))
    }
}
