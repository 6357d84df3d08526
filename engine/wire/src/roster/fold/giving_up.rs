//! How the Owner gives up content that never comes: bodies that nobody has any more, and epochs whose keys are gone with those who held them.

use super::rights::live_author;
use crate::header::Header;
use crate::roster::record::Lost;
use crate::roster::{Roster, Void};

/// Gives up single entries at any time, and epochs only while somebody lacks a key: where everybody can read there is nothing to give up.
/// Nobody seals in an epoch that is given up.
pub(super) fn give_up(roster: &mut Roster, header: &Header, lost: &Lost) -> Result<Option<Void>, Void> {
    live_author(roster, header)?;
    if lost.epochs.iter().any(|id| roster.epochs.iter().all(|epoch| epoch.id != *id)) {
        return Err(Void::NoEpoch);
    }
    if !lost.epochs.is_empty() && !roster.has_complaint() {
        return Err(Void::NoComplaint);
    }
    if !roster.given_up.lacks_any_of(lost) {
        return Err(Void::GivenUp);
    }
    roster.given_up.add(lost);
    roster.rekey_due |= roster.epoch().is_some_and(|newest| roster.given_up.has_epoch(&newest));
    Ok(None)
}
