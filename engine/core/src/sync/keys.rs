//! Epoch keys as roster records hand them out: each new one as it comes, and all of them to a device that is in the
//! workspace and holds none.

use bowline_crypto::{EpochKey, History, HpkeSecret, Keyring, KeyringError, TicketSecret, open_wrap};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{Commitment, Position, WorkspaceId};
use bowline_wire::roster::record::{Record, Rekey, Wrap};
use bowline_wire::roster::{Epoch, Outcome, Roster, Void};

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
    /// Takes the key of the epoch that `rekey` has just begun, the last of `epochs`.
    pub(super) fn accept(
        &self,
        keyring: &mut Keyring,
        rekey: &Rekey,
        epochs: &[Epoch],
    ) -> Result<History, KeyringError> {
        let accepted = match (keyring.accept(rekey, self.device, epochs), self.ticket) {
            // Before our Join was on the log, rekeys were wrapped to the ticket we came by.
            (Err(KeyringError::NoWrap), Some(ticket)) => keyring.accept(rekey, &ticket.hpke(), epochs),
            (accepted, _) => accepted,
        }?;
        let otherwise = keyring.wrapped_otherwise(rekey).len();
        if otherwise > 0 {
            tracing::warn!(otherwise, "the author of a rekey has wrapped otherwise than everybody would");
        }
        Ok(accepted)
    }

    /// The newest key in one record, if it is wrapped to this device or its ticket.
    fn open_one(
        &self,
        workspace: WorkspaceId,
        wraps: &[Wrap],
        newest: Commitment,
    ) -> Result<EpochKey, KeyringError> {
        let ticket = self.ticket.map(TicketSecret::hpke);
        let mut failed = KeyringError::NoWrap;
        for secret in [Some(self.device), ticket.as_ref()].into_iter().flatten() {
            let own = secret.publics();
            let ours = wraps.iter().find(|wrap| own.contains(&wrap.recipient));
            match ours.map(|wrap| open_wrap(wrap, workspace, newest, secret)) {
                Some(Ok(key)) => return Ok(key),
                Some(Err(why)) => failed = why.into(),
                None => {}
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
    /// What the record has that began the epoch in force; `None` in the first one.
    history: Option<Vec<u8>>,
    /// Why the last key that was to be for the recipient is none.
    failed: KeyringError,
}

impl<'a> HandedOut<'a> {
    pub(super) fn new(workspace: WorkspaceId, recipient: &'a Recipient<'a>) -> Self {
        Self { workspace, recipient, keyring: None, history: None, failed: KeyringError::NoWrap }
    }

    /// Looks at a record that was applied, after which the roster's epochs are these.
    pub(super) fn look_at(&mut self, entry: &Entry, rekey_void: Option<Void>, epochs: &[Epoch]) {
        if let Some(rekey) = rekey_of(entry).filter(|_| rekey_void.is_none()) {
            self.history = Some(rekey.history);
            self.take(&rekey.wraps, epochs);
        } else if let Some(wrap) = ticket_wrap(entry, self.recipient.ticket) {
            self.take(&[wrap], epochs);
        }
    }

    /// Without a usable key in one record, the next one brings what was before it.
    fn take(&mut self, wraps: &[Wrap], epochs: &[Epoch]) {
        let Some(newest) = epochs.last() else {
            return;
        };
        let (workspace, history) = (self.workspace, self.history.as_deref());
        let opened = self.recipient.open_one(workspace, wraps, newest.commitment);
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
            Err(why) => self.failed = why,
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
    records: &[(Position, Entry)],
    recipient: &Recipient<'_>,
) -> Option<Keyring> {
    let mut roster = Roster::new(workspace);
    let mut handed_out = HandedOut::new(workspace, recipient);
    for (position, entry) in records {
        if let Some(Outcome::Applied { rekey_void }) = roster.apply_entry(*position, entry) {
            handed_out.look_at(entry, rekey_void, roster.epochs());
        }
    }
    handed_out.keyring().ok()
}

/// The rekey in a roster entry, if there is one.
pub(super) fn rekey_of(entry: &Entry) -> Option<Rekey> {
    if entry.header().entry_type != EntryType::Roster {
        return None;
    }
    match Record::parse(entry.body()?).ok()? {
        Record::Rekey(rekey) | Record::RemoveDevice { rekey, .. } | Record::RemoveMember { rekey, .. } => {
            Some(rekey)
        }
        _ => None,
    }
}

/// The key in the record of our invite or link, if this is that record.
fn ticket_wrap(entry: &Entry, ticket: Option<&TicketSecret>) -> Option<Wrap> {
    let ticket = ticket?;
    match Record::parse(entry.body()?).ok()? {
        Record::Invite(made) | Record::Link(made) if made.key == ticket.ticket_key() => Some(made.wrap),
        _ => None,
    }
}
