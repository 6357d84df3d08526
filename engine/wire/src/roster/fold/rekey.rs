//! How an epoch begins.

use std::collections::BTreeSet;

use super::on_head;
use crate::header::Header;
use crate::ids::HpkePublicKey;
use crate::limits::MAX_EPOCHS;
use crate::roster::record::Rekey;
use crate::roster::{Roster, Void};

pub(super) fn begin_epoch(roster: &mut Roster, header: &Header, rekey: &Rekey) -> Result<(), Void> {
    on_head(roster, header)?;
    begin_epoch_unbound(roster, rekey)
}

/// A new epoch, if `rekey` is wrapped to exactly those in the roster as it is now.
pub(super) fn begin_epoch_unbound(roster: &mut Roster, rekey: &Rekey) -> Result<(), Void> {
    let wrapped: BTreeSet<HpkePublicKey> = rekey.wraps.iter().map(|wrap| wrap.recipient).collect();
    if wrapped != roster.recipients() || wrapped.len() != rekey.wraps.len() {
        return Err(Void::WrongRecipients);
    }
    if roster.commitments.iter().any(|known| known.epoch_id() == rekey.commitment.epoch_id()) {
        return Err(Void::KeyReused);
    }
    if roster.commitments.len() >= MAX_EPOCHS {
        return Err(Void::Full);
    }
    roster.commitments.push(rekey.commitment);
    roster.rekey_due = false;
    Ok(())
}
