//! Ownership: the Owner offers it to a Member, and it is theirs once a device of theirs takes it over.
//!
//! Nobody becomes the Owner without having agreed, and nobody agrees to an offer other than the one that they have seen.

use super::closing::close_open;
use super::rights::{live_author, on_head};
use crate::header::Header;
use crate::ids::{Position, UserId};
use crate::roster::{Offer, Ownership, Role, Roster, TicketKind, User, Void};

/// Offers ownership to a Member, in the place of what was offered before, or takes the offer back if `to` is the Owner.
pub(super) fn hand_over(roster: &mut Roster, header: &Header, to: UserId) -> Result<Option<Void>, Void> {
    let own = live_author(roster, header)?.user;
    if to == own {
        return roster.offer.take().map(|_| None).ok_or(Void::NotOffered);
    }
    if !may_be_offered(roster, to) {
        return Err(Void::TargetNotActive);
    }
    roster.offer = Some(Offer { to, by: header.device });
    Ok(None)
}

/// Makes the author's user the Owner, and the former Owner a Member, whose open invites are closed: only the Owner may let people in, and
/// nobody else knows the codes.
pub(super) fn take_over(
    roster: &mut Roster,
    position: Position,
    header: &Header,
) -> Result<Option<Void>, Void> {
    let own = live_author(roster, header)?.user;
    on_head(roster, header)?;
    roster.offer.take_if(|offer| offer.to == own).ok_or(Void::NotOffered)?;
    for (id, user) in &mut roster.users {
        user.role = if *id == own { Role::Owner } else { Role::Member };
    }
    close_open(roster, position, |ticket| ticket.admits.kind == TicketKind::Invite);
    roster.ownerships.push(Ownership { user: own, since: roster.points.len() });
    Ok(None)
}

/// Ends the offer if the device is out that made it, or nobody is left who could take it: a device that was stolen would else go on
/// giving the workspace away after it was removed.
pub(super) fn settle_offer(roster: &mut Roster) {
    let stands = |offer: &Offer| roster.is_active(&offer.by) && may_be_offered(roster, offer.to);
    roster.offer = roster.offer.filter(stands);
}

fn may_be_offered(roster: &Roster, to: UserId) -> bool {
    let is_member = matches!(roster.users.get(&to), Some(User { role: Role::Member, removed: false }));
    is_member && roster.live_devices(to).next().is_some()
}
