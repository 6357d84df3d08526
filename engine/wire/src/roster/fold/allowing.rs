//! How many bytes of records a Member may write, whom that binds, and how the Owner allows more.

use super::removal::going_by_leave;
use super::rights::{is_owner, live_author};
use crate::header::Header;
use crate::ids::{LogTime, UserId};
use crate::roster::record::Record;
use crate::roster::{Role, Roster, User, Void};

impl Roster {
    /// Whether a record may stand next at this time of the log, behind so many bytes of records by its author's user that are not counted yet.
    pub fn has_room_for_record(&self, header: &Header, record: &Record, now: LogTime, before: u64) -> bool {
        let Some(user) = bound_by(self, header) else { return true };
        let left = self.record_bytes(&user).left();
        before.saturating_add(header.body_len.into()) <= left || is_farewell(self, header, record, now)
    }

    /// Whether the Owner may allow a user more, and if not, why that would be void.
    pub fn may_be_allowed(&self, user: &UserId) -> Result<(), Void> {
        if !matches!(self.users.get(user), Some(User { role: Role::Member, removed: false })) {
            return Err(Void::TargetNotActive);
        }
        if self.record_bytes(user).may_be_raised() { Ok(()) } else { Err(Void::NotSpent) }
    }
}

/// Counts a record for whoever it binds.
pub(super) fn count_bytes(roster: &mut Roster, header: &Header) {
    if let Some(user) = bound_by(roster, header) {
        roster.record_bytes.entry(user).or_default().write(header.body_len.into());
    }
}

/// Lets a Member write as much again, who has used up half of what is allowed or more: a device of the Owner could else be had to write such
/// records without end.
pub(super) fn allow(roster: &mut Roster, header: &Header, user: UserId) -> Result<Option<Void>, Void> {
    live_author(roster, header)?;
    roster.may_be_allowed(&user)?;
    roster.record_bytes.entry(user).or_default().raise();
    Ok(None)
}

/// The Member for whom a record counts. What the Owner writes binds nobody. Whoever comes in by a record is nobody here yet, and what lets
/// somebody in is bounded by the code for it.
fn bound_by(roster: &Roster, header: &Header) -> Option<UserId> {
    let user = roster.devices.get(&header.device)?.user;
    (!is_owner(roster, user)).then_some(user)
}

/// Whether a record is a Leave that would be applied, after which its author writes nothing more. One that is void could be written again
/// and again.
fn is_farewell(roster: &Roster, header: &Header, record: &Record, now: LogTime) -> bool {
    match record {
        Record::Leave { whole_user, cut } if roster.unknown.is_none() => {
            going_by_leave(roster, header, (*whole_user, cut), now).is_ok()
        }
        _ => false,
    }
}
