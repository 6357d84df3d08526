//! How an epoch begins, and who may begin one.
//!
//! Nothing here stops anybody: a member who could make others wait for an epoch could keep them from writing. Whoever lacks a key is allowed to
//! begin an epoch, and the Owner always is.

use std::collections::BTreeSet;

use super::rights::is_owner;
use crate::ids::{DeviceId, EpochId, HpkePublicKey, UserId};
use crate::limits::{MAX_ANSWERS, MAX_EPOCHS, MAX_EPOCHS_OF_OTHERS};
use crate::roster::record::Rekey;
use crate::roster::{Epoch, Roster, Void};

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

/// A new epoch, if `rekey` is wrapped to exactly those in the roster as it is now. Its commitment may have been there before: who copies
/// one that is on its way would else void the epoch that it belongs to.
pub(super) fn begin_epoch(
    roster: &mut Roster,
    by: DeviceId,
    epoch: EpochId,
    rekey: &Rekey,
) -> Result<(), Void> {
    let wrapped: BTreeSet<HpkePublicKey> = rekey.wraps.iter().map(|wrap| wrap.recipient.clone()).collect();
    if wrapped != roster.recipients() || wrapped.len() != rekey.wraps.len() {
        return Err(Void::WrongRecipients);
    }
    let is_owner = roster.devices.get(&by).is_some_and(|device| is_owner(roster, device.user));
    let permits = &mut roster.permits;
    if roster.epochs.len() >= MAX_EPOCHS || (!is_owner && permits.by_others >= MAX_EPOCHS_OF_OTHERS) {
        return Err(Void::Full);
    }
    permits.by_others += usize::from(!is_owner);
    permits.begun_by = Some(by);
    permits.complained = false;
    permits.closed_tickets.clear();
    roster.epochs.push(Epoch { id: epoch, commitment: rekey.commitment });
    roster.rekey_due = false;
    Ok(())
}
