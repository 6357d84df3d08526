//! How an epoch begins, and who may begin one.
//!
//! Nothing here stops anybody: a member who could make others wait for an epoch could keep them from writing. Whoever lacks a key is allowed to
//! begin an epoch, and the Owner always is.

use super::rights::{Place, is_owner};
use crate::ids::{DeviceId, EpochId, UserId};
use crate::limits::{MAX_ANSWERS, MAX_EPOCHS, MAX_EPOCHS_OF_OTHERS};
use crate::roster::record::Rekey;
use crate::roster::{Epoch, Roster, TicketStage, TicketState, Void};

/// Why a device may begin an epoch: the first of these that holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// Somebody has gone.
    Due,
    /// The device is one of the Owner's.
    Owner,
    /// A ticket of the device's user was closed: somebody may have seen its code.
    ClosedTicket,
    /// Somebody has complained of the newest epoch, which is another user's.
    Complaint,
}

/// By what right a live device begins an epoch.
pub(super) fn permit(roster: &Roster, device: &DeviceId) -> Result<Permit, Void> {
    let user = roster.devices.get(device).ok_or(Void::AuthorNotActive)?.user;
    let permits = &roster.permits;
    if roster.rekey_due {
        return Ok(Permit::Due);
    }
    if is_owner(roster, user) {
        return Ok(Permit::Owner);
    }
    if permits.closed_tickets.contains(&user) {
        return Ok(Permit::ClosedTicket);
    }
    let answers = permits.answers.get(&user).copied().unwrap_or(0);
    if permits.complained && answers < MAX_ANSWERS && is_by_another(roster, user) {
        return Ok(Permit::Complaint);
    }
    Err(Void::NotDue)
}

/// Whether somebody else than `user` began the newest epoch. That is not asked of the Owner, so there are two users at least.
fn is_by_another(roster: &Roster, user: UserId) -> bool {
    let by = roster.permits.begun_by.and_then(|device| roster.devices.get(&device));
    by.is_some_and(|by| by.user != user)
}

/// Counts an epoch that was begun by this right.
pub(super) fn count(roster: &mut Roster, device: &DeviceId, permit: Permit) {
    if permit == Permit::Complaint
        && let Some(device) = roster.devices.get(device)
    {
        *roster.permits.answers.entry(device.user).or_default() += 1;
    }
}

/// A complaint of the newest epoch. One is enough for everybody, so that nobody moves the roster without end.
pub(super) fn complain(roster: &mut Roster, epoch: EpochId) -> Result<(), Void> {
    if roster.epoch() != Some(epoch) {
        return Err(Void::NotNewest);
    }
    if std::mem::replace(&mut roster.permits.complained, true) { Err(Void::Complained) } else { Ok(()) }
}

/// A new epoch, if `rekey` has a wrap for each of those who were in at the roster that it builds on, after the removal that carries it, and
/// they are all still in. It need not be the head: whoever writes records all the time would else be faster for ever. What was open
/// before it, and has no wrap in it, is closed.
///
/// Its commitment may have been there before: who copies one that is on its way would else void the epoch that it belongs to.
pub(super) fn begin_epoch(roster: &mut Roster, place: &Place<'_>, rekey: &Rekey) -> Result<(), Void> {
    let Place { at, epoch, header, record } = *place;
    let (number, point) = roster.point(&header.roster).ok_or(Void::NotOnHead)?;
    let recipients = roster.recipients_of(&header.roster, record).ok_or(Void::NotOnHead)?;
    if recipients.len() != rekey.wraps.len() {
        return Err(Void::WrongRecipients);
    }
    let is_owner = roster.devices.get(&header.device).is_some_and(|device| is_owner(roster, device.user));
    // Another epoch's key has no place in its history.
    let has_epoch_since = roster.epoch() != Some(point.epoch);
    // Only the Owner's devices say by themselves who comes in; others have to have seen it.
    let has_joined_since = roster.devices.values().any(|device| device.joined_at > number);
    let has_gone = !recipients.is_subset(&roster.recipients());
    if has_epoch_since || has_gone || (has_joined_since && !is_owner) {
        return Err(Void::Outrun);
    }
    let permits = &mut roster.permits;
    if roster.epochs.len() >= MAX_EPOCHS || (!is_owner && permits.by_others >= MAX_EPOCHS_OF_OTHERS) {
        return Err(Void::Full);
    }
    permits.by_others += usize::from(!is_owner);
    permits.begun_by = Some(header.device);
    permits.complained = false;
    permits.closed_tickets.clear();
    roster.epochs.push(Epoch { id: epoch, commitment: rekey.commitment });
    roster.rekey_due = false;
    let left_out =
        |ticket: &&mut TicketState| ticket.stage == TicketStage::Open && !recipients.contains(&ticket.hpke);
    let tickets = roster.tickets.values_mut();
    tickets.filter(left_out).for_each(|ticket| ticket.end(TicketStage::Closed, at.position));
    Ok(())
}
