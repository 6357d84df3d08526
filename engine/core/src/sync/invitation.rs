//! What the record behind a code says, as a person is shown it before they join.

use std::collections::BTreeSet;

use bowline_wire::ids::{DeviceId, Millis, RosterHash, TicketKey, UserId};
use bowline_wire::roster::{CodeKind, Role, Roster, TicketKind};

/// What the record behind a code says, and the roster beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Whom the code lets in.
    pub kind: CodeKind,
    /// The device that made the code.
    pub maker: DeviceId,
    /// The person whose device that is. By a link, a newcomer is another device of theirs.
    pub maker_user: UserId,
    /// What that person may do.
    pub maker_role: Role,
    /// What whoever joins may do.
    pub role: Role,
    /// When the record was made, in the log's time.
    pub made: Millis,
    /// After when it lets nobody in, in the log's time.
    pub over_after: Millis,
    /// People who are in the workspace.
    pub people: usize,
    /// Devices that are in the workspace.
    pub devices: usize,
    /// The roster that all this was read from. A code that is held to it lets in as it was shown.
    pub roster: RosterHash,
}

impl Invitation {
    /// What a roster says of a ticket.
    pub(super) fn of(roster: &Roster, key: TicketKey) -> Option<Self> {
        let ticket = roster.ticket(&key)?;
        let maker_user = roster.device(&ticket.maker)?.user;
        let maker_role = roster.user(&maker_user)?.role;
        let active = || roster.devices().filter(|(_, device)| device.is_active());
        Some(Self {
            kind: ticket.admits.into(),
            maker: ticket.maker,
            maker_user,
            maker_role,
            role: match ticket.admits.kind {
                TicketKind::Invite => Role::Member,
                TicketKind::Link(user) => roster.user(&user)?.role,
            },
            made: ticket.made.millis(),
            over_after: ticket.over_after(),
            people: active().map(|(_, device)| device.user).collect::<BTreeSet<_>>().len(),
            devices: active().count(),
            roster: roster.hash(),
        })
    }
}
