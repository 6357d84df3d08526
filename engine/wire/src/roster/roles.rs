//! Who may do what in a workspace: one table, by which the fold, relays and devices decide alike.

use super::record::Record;
use super::{Role, Roster, Void};
use crate::ids::{DeviceId, LogTime, UserId};

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
    /// Writes a record that this version does not know, after which nobody who does not know it seals anything.
    WriteUnknown,
}

/// Every deed with its name on the page, and whether the Owner and a Member may do it. PROTOCOL.md prints this table, and a test
/// compares the two.
pub const PERMITTED: [(Deed, &str, bool, bool); 15] = [
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
        let is_over = |key| self.ticket(key).is_some_and(|ticket| ticket.is_over(at));
        let deed = match record {
            Record::Genesis { .. } | Record::Join(_) => return Ok(()),
            Record::Invite(_) => Deed::Invite,
            Record::CloseInvite(key) | Record::CloseLink(key) if is_over(key) => Deed::CloseOver,
            Record::CloseInvite(_) => Deed::CloseInvite,
            Record::Link(_) => Deed::Link,
            Record::CloseLink(_) => Deed::CloseLink,
            Record::RemoveDevice { device, .. } => {
                let by =
                    self.device(author).filter(|device| device.is_active()).ok_or(Void::AuthorNotActive)?;
                match self.removal_of(device, by.user) {
                    Some(deed) => deed,
                    // The fold says why that is void.
                    None => return Ok(()),
                }
            }
            Record::RemoveMember { .. } => Deed::RemoveMember,
            Record::Leave { .. } => Deed::Leave,
            Record::Rekey(_) => Deed::Rekey,
            Record::Complaint { .. } => Deed::Complain,
            Record::Rewrap { .. } | Record::Fill { .. } => Deed::HandOn,
            Record::Unknown(_) => Deed::WriteUnknown,
        };
        self.permits(author, deed)
    }
}
