//! Roster records that no person decides on: what keeps everybody who is in supplied with keys, and whoever is out without them.

use bowline_crypto::Keyring;
use bowline_wire::ids::{Millis, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::TicketStage;
use bowline_wire::roster::record::Record;

use crate::Error;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::intent::{Decision, ticket_closing};
use crate::workspace::roster::{Decided, intents, kept_code};

/// Milliseconds of the log's time within which whoever came in behind an epoch is given its key by others, who get the record at the same time;
/// after that it asks for another epoch. Checked with each beat of the line.
const HANDED_ON_WITHIN: u64 = 10_000;

impl Workspaces {
    /// A record that nobody has to decide on. Codes that are over are closed before an epoch begins, whose key would else be wrapped to them.
    pub(super) fn unasked(
        &self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
    ) -> Result<Option<Record>, Error> {
        let device = self.device_in(lent.keys, workspace);
        let roster = self.roster(workspace)?;
        if let Some(record) = self.over_code(lent, workspace)? {
            return Ok(Some(record));
        }
        if let Some(record) = self.needed_rekey(lent, workspace)? {
            return Ok(Some(record));
        }
        let is_live = roster.device(&device).is_some_and(|it| it.is_active() && !it.recovery);
        if !is_live {
            return Ok(None);
        }
        if let Some(record) = self.complaint(lent, workspace)? {
            return Ok(Some(record));
        }
        Ok(self.replica(workspace)?.handed_on())
    }

    /// A Rekey, if this device may begin an epoch and there has to be one: because it is due, because the key in force is not here and nobody
    /// hands it on, or because somebody may have seen a code of this device's person that was closed unused.
    /// Every device that is in this place writes one; the first on the log counts.
    fn needed_rekey(&self, lent: &mut Lent<'_>, workspace: WorkspaceId) -> Result<Option<Record>, Error> {
        let roster = self.roster(workspace)?;
        let device = self.device_in(lent.keys, workspace);
        let has_shown = roster.device(&device).is_some_and(|own| roster.has_closed_ticket(&own.user));
        let is_needed = roster.is_rekey_due() || has_shown || self.lacks_key(lent, workspace)?;
        if !is_needed || !roster.may_rekey(&device) {
            return Ok(None);
        }
        let recipients = roster.recipients();
        Ok(self.rekey(lent, workspace, &recipients)?.map(Record::Rekey))
    }

    /// Whether the key in force is not here, and will not come by itself: whoever came in behind an epoch is given its key by others.
    fn lacks_key(&self, lent: &Lent<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
        let linked = self.linked.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        if linked.replica.has_key_in_force() {
            return Ok(false);
        }
        let roster = self.roster(workspace)?;
        let began = roster.began().map_or(Millis(0), |began| began.time.millis());
        let may_come = roster.behind().contains(&self.device_in(lent.keys, workspace));
        Ok(!may_come || linked.log_now(lent.now).since(began) > HANDED_ON_WITHIN)
    }

    /// A Complaint, if a key is missing here without which nothing is sealed, and nobody has complained of the epoch in force.
    fn complaint(&self, lent: &Lent<'_>, workspace: WorkspaceId) -> Result<Option<Record>, Error> {
        let keyring = self.replica(workspace)?.keyring();
        let roster = self.roster(workspace)?;
        let names_documents = keyring.is_none_or(Keyring::names_documents);
        let is_lacking = keyring.is_some() && (self.lacks_key(lent, workspace)? || !names_documents);
        let is_of_use = is_lacking && !roster.has_complaint();
        Ok(roster.epoch().filter(|_| is_of_use).map(|epoch| Record::Complaint { epoch }))
    }

    /// The closing of a code that is over: if it was made on this device, by its clock, since a relay whose clock stands still would let somebody
    /// in by it for ever; and of any other by the log's time, if an epoch is about to begin.
    fn over_code(&self, lent: &Lent<'_>, workspace: WorkspaceId) -> Result<Option<Record>, Error> {
        let device = self.device_in(lent.keys, workspace);
        let roster = self.roster(workspace)?;
        let log_time = self.replica(workspace)?.log().map(Log::time).unwrap_or_default();
        let open = roster.tickets().filter(|(_, ticket)| ticket.stage == TicketStage::Open);
        for (key, ticket) in open {
            let is_over = if ticket.maker == device {
                // The log's time is another clock's: this one says how long the code has been open here, if it was made here.
                lent.now
                    > match kept_code(lent.read(), lent.keys, workspace, key)? {
                        Some(Decision::Open { expires, .. }) => expires,
                        _ => Millis(ticket.expires),
                    }
            } else {
                ticket.is_over(log_time) && self.begins_epoch(lent, workspace)?
            };
            if is_over {
                return Ok(Some(ticket_closing(ticket.admits.into(), *key)));
            }
        }
        Ok(None)
    }

    /// Whether the next record of this device's begins an epoch.
    fn begins_epoch(&self, lent: &Lent<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
        let roster = self.roster(workspace)?;
        if roster.is_rekey_due() && roster.may_rekey(&self.device_in(lent.keys, workspace)) {
            return Ok(true);
        }
        let open = |it: &Decided| it.intent.entry.is_none();
        let next = intents(lent.read(), lent.keys, workspace)?.into_iter().find(open);
        Ok(next.is_some_and(|next| next.intent.decision.is_removal()))
    }
}
