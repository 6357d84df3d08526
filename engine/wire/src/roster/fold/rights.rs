//! What a record needs of whoever writes it, and of the roster that it builds on.

use crate::header::Header;
use crate::ids::{EpochId, HpkePublicKey, Moment, UserId};
use crate::roster::record::Record;
use crate::roster::{Device, Role, Roster, Void};

/// A record that is applied.
#[derive(Clone, Copy)]
pub(super) struct Place<'r> {
    /// Where and when it stands.
    pub(super) at: Moment,
    /// The epoch that it begins, if it begins any.
    pub(super) epoch: EpochId,
    pub(super) header: &'r Header,
    pub(super) record: &'r Record,
}

pub(super) fn author<'r>(roster: &'r Roster, header: &Header) -> Result<&'r Device, Void> {
    roster.devices.get(&header.device).filter(|device| device.is_active()).ok_or(Void::AuthorNotActive)
}

/// The author, who has to be a live device: recovery phrases hold keys but do not make them.
pub(super) fn live_author<'r>(roster: &'r Roster, header: &Header) -> Result<&'r Device, Void> {
    author(roster, header).and_then(|device| if device.recovery { Err(Void::Recovery) } else { Ok(device) })
}

pub(super) fn is_owner(roster: &Roster, user: UserId) -> bool {
    roster.users.get(&user).is_some_and(|user| user.role == Role::Owner)
}

pub(super) fn on_head(roster: &Roster, header: &Header) -> Result<(), Void> {
    if header.roster == roster.hash() { Ok(()) } else { Err(Void::NotOnHead) }
}

/// Whether a key is of a suite that the workspace takes.
pub(super) fn takes(roster: &Roster, hpke: &HpkePublicKey) -> Result<(), Void> {
    if hpke.suite() >= roster.suite { Ok(()) } else { Err(Void::WeakSuite) }
}
