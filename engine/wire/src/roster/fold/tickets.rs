//! Invites, links, and who comes in by them.

use std::collections::BTreeSet;

use super::closing::close_unused;
use super::removal::strike;
use super::rights::{Place, on_head, takes};
use crate::before;
use crate::header::Header;
use crate::ids::{DeviceId, HpkePublicKey, LogTime, Moment, TicketKey, UserId};
use crate::roster::record::{Join, Ticket};
use crate::roster::{
    Admits, Device, Role, Roster, Standing, TicketKind, TicketStage, TicketState, User, Void,
};
use crate::signed::verify_signature;

pub(super) fn open_ticket(
    roster: &mut Roster,
    place: &Place<'_>,
    ticket: &Ticket,
    admits: Admits,
) -> Result<Option<Void>, Void> {
    let header = place.header;
    on_head(roster, header)?;
    check_recovery(roster, admits, header.device)?;
    if roster.tickets.contains_key(&ticket.key) || roster.keys_seen.contains(&ticket.hpke) {
        return Err(Void::KeyReused);
    }
    takes(roster, &ticket.hpke)?;
    if !roster.has_room() {
        return Err(Void::Full);
    }
    roster.keys_seen.insert(ticket.hpke.clone());
    let state = TicketState {
        admits,
        maker: header.device,
        hpke: ticket.hpke.clone(),
        expires: ticket.expires,
        stage: TicketStage::Open,
        made_at: roster.points.len(),
        made: place.at.time,
        ended: None,
    };
    roster.tickets.insert(ticket.key, state);
    Ok(None)
}

/// A phrase comes by link, one for each user: while there is one, only what it has signed itself brings its successor. A thief with a device
/// could otherwise put a phrase of their own in its place.
fn check_recovery(roster: &Roster, admits: Admits, maker: DeviceId) -> Result<(), Void> {
    let Admits { kind, recovery: true } = admits else { return Ok(()) };
    match kind {
        TicketKind::Invite => Err(Void::Recovery),
        TicketKind::Link(user) if roster.recovery_of(user).is_some_and(|active| active != maker) => {
            Err(Void::Recovery)
        }
        TicketKind::Link(_) => Ok(()),
    }
}

pub(super) fn close_ticket(
    roster: &mut Roster,
    at: Moment,
    key: &TicketKey,
    is_meant: impl Fn(&TicketState) -> bool,
) -> Result<Option<Void>, Void> {
    let ticket = roster.tickets.get_mut(key).filter(|ticket| is_meant(ticket)).ok_or(Void::NoTicket)?;
    if ticket.stage != TicketStage::Open {
        return Err(Void::TicketNotOpen);
    }
    close_unused(ticket, at.position, (&roster.devices, &mut roster.permits));
    Ok(None)
}

/// Everything a Join needs; gives the user that the newcomer will belong to and whether that user is new.
pub(super) fn check_join(roster: &Roster, header: &Header, join: &Join) -> Result<(UserId, bool), Void> {
    let ticket = roster.tickets.get(&join.ticket).ok_or(Void::NoTicket)?;
    if ticket.stage != TicketStage::Open {
        return Err(Void::TicketNotOpen);
    }
    if roster.devices.contains_key(&header.device) || roster.keys_seen.contains(&join.hpke) {
        return Err(Void::KeyReused);
    }
    takes(roster, &join.hpke)?;
    if join.recovery != ticket.admits.recovery {
        return Err(Void::Recovery);
    }
    check_recovery(roster, ticket.admits, ticket.maker)?;
    let (device, hpke) = (header.device, &join.hpke);
    let (domain, message) = if roster.is_of_before {
        before::join_proof(roster.workspace, device, hpke, join.recovery)
    } else {
        (Join::PROOF_DOMAIN, Join::proof_message(roster.workspace, device, hpke, ticket.admits))
    };
    verify_signature(join.ticket.as_bytes(), domain, &message, &join.proof).map_err(|_| Void::BadProof)?;
    match ticket.admits.kind {
        TicketKind::Invite => {
            let user = UserId::of_first_device(header.device);
            if roster.users.contains_key(&user) { Err(Void::KeyReused) } else { Ok((user, true)) }
        }
        TicketKind::Link(user) => match roster.users.get(&user) {
            Some(User { removed: false, .. }) => Ok((user, false)),
            _ => Err(Void::TargetNotActive),
        },
    }
}

pub(super) fn apply_join(roster: &mut Roster, place: &Place<'_>, join: &Join) -> Result<Option<Void>, Void> {
    let (header, position) = (place.header, place.at.position);
    let (user, is_new) = check_join(roster, header, join)?;
    if let Some(before) = roster.recovery_of(user).filter(|_| join.recovery) {
        // Whoever else knows the phrase that is given up reads nothing of what comes.
        strike(roster, position, &BTreeSet::from([before]), &[]);
        roster.rekey_due = true;
    }
    if is_new {
        roster.users.insert(user, User { role: Role::Member, removed: false });
    }
    let came = Came { by: Some(join.ticket), recovery: join.recovery, time: place.at.time };
    insert_device(roster, header.device, user, join.hpke.clone(), came);
    if let Some(ticket) = roster.tickets.get_mut(&join.ticket) {
        ticket.end(TicketStage::Used(header.device), position);
    }
    Ok(None)
}

/// How a device comes in.
pub(super) struct Came {
    /// By which ticket; `None` for the first one.
    pub(super) by: Option<TicketKey>,
    pub(super) recovery: bool,
    /// The log's time there.
    pub(super) time: LogTime,
}

pub(super) fn insert_device(
    roster: &mut Roster,
    id: DeviceId,
    user: UserId,
    hpke: HpkePublicKey,
    came: Came,
) {
    roster.keys_seen.insert(hpke.clone());
    roster.devices.insert(
        id,
        Device {
            user,
            hpke,
            recovery: came.recovery,
            joined_by: came.by,
            joined_at: roster.points.len(),
            joined: came.time,
            standing: Standing::Active,
        },
    );
}
