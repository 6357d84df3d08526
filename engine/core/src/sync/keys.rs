//! Epoch keys as roster records hand them out: each new one as it comes, and all of them to a device that is in the
//! workspace and holds none.

use std::collections::BTreeSet;

use bowline_crypto::{EpochKey, History, HpkeSecret, Keyring, KeyringError, TicketSecret, open_own_wrap};
use bowline_wire::entry::Entry;
use bowline_wire::ids::{Commitment, HpkePublicKey, Moment, WorkspaceId};
use bowline_wire::roster::record::{Record, Ticket, Wrap};
use bowline_wire::roster::{Epoch, Outcome, Roster, Void};

use super::handing_on::{Begun, HandedOn, KeysIn, Lacking, Unopened};

/// To whom the keys of a workspace are wrapped on this device.
pub struct Recipient<'a> {
    /// The device itself, once its Join is on the log.
    pub device: &'a HpkeSecret,
    /// The invite or link through which it comes in, before that.
    pub ticket: Option<&'a TicketSecret>,
}

impl std::fmt::Debug for Recipient<'_> {
    /// Secrets stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipient").finish_non_exhaustive()
    }
}

impl Recipient<'_> {
    /// Takes what a record that was applied has of keys for a device that is in and has some, and notes who lacks keys that are here; `roster` is
    /// as it was directly after the record. Whether the keyring has changed. `wrapped_otherwise` says to whom a rekey wraps otherwise than
    /// whoever holds its key would ([`Begun::wrapped_otherwise`]).
    pub(super) fn learn(
        &self,
        entry: &Entry,
        roster: &Roster,
        (keyring, lacking): (&mut Keyring, &mut Lacking),
        wrapped_otherwise: impl FnOnce(&Begun, &Keyring) -> BTreeSet<HpkePublicKey>,
    ) -> bool {
        let begun = match KeysIn::entry(entry, roster) {
            None => return false,
            Some(KeysIn::Begun(begun)) => begun,
            Some(keys) => {
                let taken = HandedOn::take(keys, roster, lacking, (keyring, self.device));
                let Some((handed_on, changed)) = taken else { return false };
                if Some(keyring.newest_epoch()) == roster.epoch() {
                    lacking.note(keyring, roster, &handed_on);
                }
                return changed;
            }
        };
        if roster.epoch().is_none_or(|newest| keyring.holds(newest)) {
            return false;
        }
        if let Err(why) = self.accept(keyring, &begun, roster) {
            *lacking = Lacking::unopened(begun.rekey.history);
            // Sealing stops by itself: the newest epoch with a key here is no longer the roster's. Later ones are taken all the same.
            tracing::warn!(%why, "a rekey gives this device no usable key");
            return false;
        }
        let otherwise = wrapped_otherwise(&begun, keyring);
        if !otherwise.is_empty() {
            let otherwise = otherwise.len();
            tracing::warn!(otherwise, "the author of a rekey has wrapped otherwise than everybody would");
        }
        *lacking = Lacking::of(keyring, roster, (otherwise, &begun.rekey.history));
        true
    }

    /// Takes the key of the epoch that has just begun, the last of the roster's.
    fn accept(
        &self,
        keyring: &mut Keyring,
        Begun { rekey, recipients }: &Begun,
        roster: &Roster,
    ) -> Result<(), KeyringError> {
        let epochs = roster.epochs();
        let accepted = match (keyring.accept(rekey, recipients, self.device, epochs), self.ticket) {
            // Before our Join was on the log, rekeys were wrapped to the ticket we came by.
            (Err(KeyringError::NoWrap), Some(ticket)) => {
                keyring.accept(rekey, recipients, &ticket.hpke(), epochs)
            }
            (accepted, _) => accepted,
        }?;
        if let History::Damaged(why) = accepted {
            tracing::warn!(%why, "a rekey carries a damaged history");
        }
        Ok(())
    }

    /// The newest key in one record, if it is wrapped to this device or its ticket.
    fn open_one(
        &self,
        workspace: WorkspaceId,
        wraps: &[Wrap],
        recipients: &BTreeSet<HpkePublicKey>,
        newest: Commitment,
    ) -> Result<EpochKey, KeyringError> {
        let ticket = self.ticket.map(TicketSecret::hpke);
        let mut failed = KeyringError::NoWrap;
        for secret in [Some(self.device), ticket.as_ref()].into_iter().flatten() {
            match open_own_wrap(wraps, (workspace, recipients), newest, secret) {
                Ok(key) => return Ok(key),
                Err(KeyringError::NoWrap) => {}
                Err(why) => failed = why,
            }
        }
        Err(failed)
    }
}

/// Keys as the roster records of a log hand them out to somebody who has none, record by record.
pub(super) struct HandedOut<'a> {
    workspace: WorkspaceId,
    recipient: &'a Recipient<'a>,
    keyring: Option<Keyring>,
    /// What is sealed under the key of the epoch in force.
    unopened: Unopened,
    /// Why the last key that was to be for the recipient is none.
    failed: KeyringError,
}

impl<'a> HandedOut<'a> {
    pub(super) fn new(workspace: WorkspaceId, recipient: &'a Recipient<'a>) -> Self {
        let (keyring, unopened, failed) = (None, Unopened::default(), KeyringError::NoWrap);
        Self { workspace, recipient, keyring, unopened, failed }
    }

    /// Looks at a record that was applied, after which the roster is this.
    pub(super) fn look_at(&mut self, entry: &Entry, rekey_void: Option<Void>, roster: &Roster) {
        match KeysIn::entry(entry, roster) {
            Some(KeysIn::Begun(Begun { rekey, recipients })) if rekey_void.is_none() => {
                self.unopened = Unopened::of(rekey.history);
                self.take(&rekey.wraps, &recipients, roster.epochs());
            }
            Some(KeysIn::Begun(_)) => {}
            Some(KeysIn::Rewrap { wraps, devices }) => self.take(&wraps, &devices, roster.epochs()),
            Some(KeysIn::Fill(sealed)) => {
                let epochs = roster.epochs();
                let holds = |it: &&mut Keyring| epochs.last().is_some_and(|newest| it.holds(newest.id));
                self.unopened.take_fill(sealed, self.keyring.as_mut().filter(holds), epochs);
            }
            None => {
                if let Some(ticket) = made_ticket(entry, self.recipient.ticket) {
                    self.take(&[ticket.wrap], &BTreeSet::from([ticket.hpke]), roster.epochs());
                }
            }
        }
    }

    /// Without a usable key in one record, the next one brings what was before it.
    fn take(&mut self, wraps: &[Wrap], recipients: &BTreeSet<HpkePublicKey>, epochs: &[Epoch]) {
        let Some(newest) = epochs.last() else {
            return;
        };
        let (workspace, history) = (self.workspace, self.unopened.history());
        let opened = self.recipient.open_one(workspace, wraps, recipients, newest.commitment);
        let taken = opened.and_then(|key| match &mut self.keyring {
            Some(keyring) => keyring.take_newest(key, history, epochs),
            None => Keyring::from_newest(workspace, key, history, epochs).map(|(keyring, history)| {
                self.keyring = Some(keyring);
                history
            }),
        });
        match taken {
            Ok(History::Intact) => {}
            Ok(History::Damaged(why)) => tracing::warn!(%why, "a rekey carries a damaged history"),
            Err(why) => {
                self.failed = why;
                return;
            }
        }
        if let Some(keyring) = &mut self.keyring {
            self.unopened.take_fills(keyring, epochs);
        }
    }

    /// The keys; why there are none if there are none.
    pub(super) fn keyring(self) -> Result<Keyring, KeyringError> {
        self.keyring.ok_or(self.failed)
    }
}

/// All keys that the roster records of a log hand out to `recipient`, for a device that came into the workspace without
/// any: another copy of its database has joined, and this one knows nothing of the keys that came with that. `records` are
/// the accepted roster entries from the first one on. `None` if there is no key for it among them yet.
pub fn keys_in_records(
    workspace: WorkspaceId,
    records: &[(Moment, Entry)],
    recipient: &Recipient<'_>,
) -> Option<Keyring> {
    let mut roster = Roster::new(workspace);
    let mut handed_out = HandedOut::new(workspace, recipient);
    for (at, entry) in records {
        if let Some(Outcome::Applied { rekey_void }) = roster.apply_entry(*at, entry) {
            handed_out.look_at(entry, rekey_void, &roster);
        }
    }
    handed_out.keyring().ok()
}

/// Our invite or link, if this is its record.
fn made_ticket(entry: &Entry, ticket: Option<&TicketSecret>) -> Option<Ticket> {
    let ticket = ticket?;
    match Record::parse(entry.body()?).ok()? {
        Record::Invite(made) | Record::Link(made) if made.key == ticket.ticket_key() => Some(made),
        _ => None,
    }
}
