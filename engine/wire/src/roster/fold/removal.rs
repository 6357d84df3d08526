//! Who goes, and what goes with them.

use std::collections::{BTreeMap, BTreeSet};

use super::ownership::settle_offer;
use super::rekey::begin_epoch;
use super::rights::{Place, author, is_owner};
use crate::header::Header;
use crate::ids::{ChainKey, DeviceId, EntryId, LogTime, Position, UserId};
use crate::roster::record::{Cut, Rekey};
use crate::roster::{Device, Role, Roster, Standing, TicketStage, Void};

pub(super) fn check_cut(cut: &[Cut], concerns: impl Fn(DeviceId) -> bool) -> Result<(), Void> {
    if cut.iter().all(|cut| concerns(cut.device)) { Ok(()) } else { Err(Void::ForeignCut) }
}

pub(super) fn is_device_of(roster: &Roster, device: &DeviceId, user: UserId) -> bool {
    roster.devices.get(device).is_some_and(|device| device.user == user)
}

pub(super) fn devices_of(roster: &Roster, user: UserId) -> BTreeSet<DeviceId> {
    let active = roster.devices.iter().filter(|(_, device)| device.user == user && device.is_active());
    active.map(|(id, _)| *id).collect()
}

pub(super) fn device_targets(
    roster: &Roster,
    target: DeviceId,
    now: LogTime,
) -> Result<BTreeSet<DeviceId>, Void> {
    let device = roster.devices.get(&target).filter(|device| device.is_active());
    let device = device.ok_or(Void::TargetNotActive)?;
    // Otherwise whoever steals a laptop could shut the phrase out that is meant to undo the theft. One that has just come may be the
    // thief's own.
    if !device.is_removable(now) {
        return Err(Void::Recovery);
    }
    Ok(BTreeSet::from([target]))
}

/// Removes `targets` and what they let in behind the remover's back.
pub(super) fn remove(
    roster: &mut Roster,
    place: &Place<'_>,
    targets: BTreeSet<DeviceId>,
    cut: &[Cut],
    rekey: &Rekey,
) -> Result<Option<Void>, Void> {
    let header = place.header;
    let known = roster.point(&header.roster).map_or(0, |(index, _)| index + 1);
    let going = with_joined_since(roster, targets, known, place.at.time);
    if going.contains(&header.device) {
        return Err(Void::SelfRemoval);
    }
    let owner_goes = going.iter().any(|id| roster.devices.get(id).is_some_and(|d| is_owner(roster, d.user)));
    if owner_goes && !owner_stays_live(roster, &going) {
        return Err(Void::LastOwnerDevice);
    }
    let recovery = author(roster, header)?.recovery;
    strike(roster, place.at.position, &going, cut);
    roster.rekey_due = true;
    let rekeyed = if recovery { Err(Void::Recovery) } else { begin_epoch(roster, place, rekey) };
    Ok(rekeyed.err())
}

/// `targets`, and devices that came in after the remover's roster by a code that a target (or such a device) made, however long ago: a relay
/// that holds a removal back would else let a device of the target's in by a code that the remover knew of.
/// Not recovery devices that have settled: the remover chooses which roster to name, and a thief would choose one old enough.
fn with_joined_since(
    roster: &Roster,
    targets: BTreeSet<DeviceId>,
    known: usize,
    now: LogTime,
) -> BTreeSet<DeviceId> {
    let let_in_by = |device: &Device| roster.tickets.get(&device.joined_by?).map(|ticket| ticket.maker);
    let mut going = targets;
    loop {
        let since = roster.devices.iter().filter(|(_, device)| device.joined_at >= known);
        let more: Vec<DeviceId> = since
            .filter(|(id, device)| device.is_removable(now) && !going.contains(id))
            .filter(|(_, device)| let_in_by(device).is_some_and(|maker| going.contains(&maker)))
            .map(|(id, _)| *id)
            .collect();
        if more.is_empty() {
            return going;
        }
        going.extend(more);
    }
}

fn is_removable(roster: &Roster, device: &DeviceId, now: LogTime) -> bool {
    roster.devices.get(device).is_some_and(|device| device.is_removable(now))
}

fn owner_stays_live(roster: &Roster, going: &BTreeSet<DeviceId>) -> bool {
    let owners = roster.users.iter().filter(|(_, user)| user.role == Role::Owner).map(|(id, _)| *id);
    owners.into_iter().any(|owner| roster.live_devices(owner).any(|device| !going.contains(&device)))
}

/// Takes standing and open tickets from `going`.
pub(super) fn strike(roster: &mut Roster, position: Position, going: &BTreeSet<DeviceId>, cut: &[Cut]) {
    for id in going {
        if let Some(device) = roster.devices.get_mut(id) {
            device.standing = Standing::Removed { position, cut: cut_of(cut, *id) };
        }
    }
    for ticket in roster.tickets.values_mut() {
        if ticket.stage == TicketStage::Open && going.contains(&ticket.maker) {
            ticket.end(TicketStage::Closed, position);
        }
    }
    settle_offer(roster);
}

/// A removed user's other devices may have made links as well, all struck by now; what is left is the name.
pub(super) fn mark_user_removed(roster: &mut Roster, user: UserId) {
    if let Some(user) = roster.users.get_mut(&user) {
        user.removed = true;
    }
}

pub(super) fn leave(
    roster: &mut Roster,
    place: &Place<'_>,
    whole_user: bool,
    cut: &[Cut],
) -> Result<Option<Void>, Void> {
    let at = place.at;
    let (user, going) = going_by_leave(roster, place.header, (whole_user, cut), at.time)?;
    strike(roster, at.position, &going, cut);
    // A phrase that is left keeps its user in: whoever steals the last device must not be able to shut it out.
    if devices_of(roster, user).is_empty() {
        mark_user_removed(roster, user);
    }
    roster.rekey_due = true;
    Ok(None)
}

/// Whose user leaves with which devices by a Leave with these fields at a time of the log, or why nobody does.
pub(super) fn going_by_leave(
    roster: &Roster,
    header: &Header,
    (whole_user, cut): (bool, &[Cut]),
    now: LogTime,
) -> Result<(UserId, BTreeSet<DeviceId>), Void> {
    let Device { user, recovery, .. } = *author(roster, header)?;
    check_cut(cut, |named| named == header.device || (whole_user && is_device_of(roster, &named, user)))?;
    let mut going = BTreeSet::from([header.device]);
    if whole_user {
        going.extend(devices_of(roster, user));
    }
    if !recovery {
        // Only the phrase gives a phrase up that has settled.
        going.retain(|device| is_removable(roster, device, now));
    }
    if is_owner(roster, user) && !owner_stays_live(roster, &going) {
        return Err(Void::LastOwnerDevice);
    }
    Ok((user, going))
}

fn cut_of(cut: &[Cut], device: DeviceId) -> BTreeMap<ChainKey, (u64, EntryId)> {
    cut.iter()
        .filter(|cut| cut.device == device)
        .map(|cut| {
            let chain = ChainKey { device, incarnation: cut.incarnation, lane: cut.lane };
            (chain, (cut.seq, cut.id))
        })
        .collect()
}
