//! Epoch keys as roster records hand them out: each new one as it comes, and all of them to a device that is in the
//! workspace and holds none.

use bowline_crypto::{History, HpkeSecret, Keyring, KeyringError, TicketSecret, open_wrap};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{Commitment, Position, WorkspaceId};
use bowline_wire::roster::record::{Record, Rekey, Wrap};
use bowline_wire::roster::{Outcome, Roster};

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
    /// Takes the key of the epoch that `rekey` has just begun, the last in `commitments`.
    pub(super) fn accept(
        &self,
        keyring: &mut Keyring,
        rekey: &Rekey,
        commitments: &[Commitment],
    ) -> Result<History, KeyringError> {
        let accepted = match (keyring.accept(rekey, self.device, commitments), self.ticket) {
            // Before our Join was on the log, rekeys were wrapped to the ticket we came by.
            (Err(KeyringError::NoWrap), Some(ticket)) => keyring.accept(rekey, &ticket.hpke(), commitments),
            (accepted, _) => accepted,
        }?;
        let otherwise = keyring.wrapped_otherwise(rekey).len();
        if otherwise > 0 {
            tracing::warn!(otherwise, "the author of a rekey has wrapped otherwise than everybody would");
        }
        Ok(accepted)
    }

    /// A whole keyring from one record: a newest key that is wrapped to this device, and the `history` of the record that
    /// began its epoch.
    fn begin(
        &self,
        workspace: WorkspaceId,
        wraps: &[Wrap],
        history: Option<&[u8]>,
        commitments: &[Commitment],
    ) -> Option<Keyring> {
        let newest = *commitments.last()?;
        let ticket = self.ticket.map(TicketSecret::hpke);
        let secrets = [Some(self.device), ticket.as_ref()];
        let mut secrets = secrets.into_iter().flatten();
        secrets.find_map(|secret| {
            let own = secret.publics();
            let wrap = wraps.iter().find(|wrap| own.contains(&wrap.recipient))?;
            let key = open_wrap(wrap, workspace, newest, secret).ok()?;
            Keyring::from_newest(workspace, key, history, commitments).ok()
        })
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
    let mut keyring: Option<Keyring> = None;
    // Of the record that began the epoch in force; `None` in the first one.
    let mut history: Option<Vec<u8>> = None;
    for (position, entry) in records {
        let Some(Outcome::Applied { rekey_void }) = roster.apply_entry(*position, entry) else {
            continue;
        };
        let commitments = roster.commitments();
        if let Some(rekey) = rekey_of(entry).filter(|_| rekey_void.is_none()) {
            match &mut keyring {
                Some(keyring) => {
                    // Without a usable key in this one, the next one brings it along.
                    let _without_it = recipient.accept(keyring, &rekey, commitments);
                }
                None => keyring = recipient.begin(workspace, &rekey.wraps, Some(&rekey.history), commitments),
            }
            history = Some(rekey.history);
        } else if let Some(wrap) = ticket_wrap(entry, recipient.ticket) {
            let found = recipient.begin(workspace, &[wrap], history.as_deref(), commitments);
            keyring = found.or(keyring);
        }
    }
    keyring
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
