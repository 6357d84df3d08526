//! Coming into a workspace through an invite or link: fetch the roster, check it against the code, take the keys, and
//! append a Join.

use bowline_crypto::{Keyring, KeyringError};
use bowline_wire::codec::DecodeError;
use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::frame::Frame;
use bowline_wire::hash;
use bowline_wire::ids::{Millis, Moment, Position, TicketKey, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::record::{Join, Record};
use bowline_wire::roster::{CodeKind, Outcome, Roster};

use crate::sync::context::Context;
use crate::sync::effect::{Effect, JoinFailed};
use crate::sync::invitation::Invitation;
use crate::sync::joining::Joining;
use crate::sync::keys::{HandedOut, Recipient};
use crate::sync::replica::Replica;
use crate::sync::state::{Phase, Pins};
use crate::sync::writing::first_header;

impl Replica {
    /// The ticket's session is open: send the Join again, or first find out what it has to say.
    pub(in crate::sync) fn enter_by_ticket(&mut self, now: Millis) {
        let Phase::Joining(joining) = &mut self.phase else {
            return self.close();
        };
        joining.start_over();
        if joining.offered().is_some() {
            self.send_join(now);
        } else {
            self.send(Frame::Subscribe { after: Position::START });
        }
    }

    pub(in crate::sync) fn send_join(&mut self, now: Millis) {
        if let Phase::Joining(joining) = &mut self.phase {
            joining.note_sent();
        }
        let entries = self.outbox.send_all(now);
        self.send(Frame::Append { entries });
    }

    pub(in crate::sync) fn handle_records(
        &mut self,
        entries: Vec<(Position, LoggedEntry)>,
        more: bool,
        cx: &mut Context<'_>,
    ) {
        if !self.session.is_up_as_ticket() {
            return;
        }
        self.session.note_entries(cx.now);
        let Phase::Joining(joining) = &mut self.phase else {
            return;
        };
        // Records that arrive twice or out of order are taken from the start on the next connection.
        let brings = !entries.is_empty();
        if joining.offered().is_some() || !joining.collect(entries) {
            return;
        }
        if brings {
            self.session.note_brought();
        }
        if joining.is_too_much() {
            return self.give_up(JoinFailed::BadRecords);
        }
        if more {
            return;
        }
        let records = joining.take_records();
        if joining.only_asks() {
            return self.tell_invitation(records, cx);
        }
        match self.prepare_join(records, cx) {
            // The ticket has nothing to do any more: the device opens its own session.
            Ok(None) => {
                self.become_member();
                self.close();
            }
            Ok(Some(entry)) => {
                self.effects.push_back(Effect::OfferJoin(Box::new(entry.clone())));
                self.outbox.push(entry, cx.now);
                self.send_join(cx.now);
            }
            Err(why) => self.give_up(why),
        }
    }

    /// Tells what the record of the code says, once it was checked against the code.
    fn tell_invitation(&mut self, records: Vec<(Position, LoggedEntry)>, cx: &Context<'_>) {
        match self.invitation(records, cx) {
            Ok(invitation) => {
                self.effects.push_back(Effect::Invited(Box::new(invitation)));
                self.close();
            }
            Err(why) => self.give_up(why),
        }
    }

    fn invitation(
        &self,
        records: Vec<(Position, LoggedEntry)>,
        cx: &Context<'_>,
    ) -> Result<Invitation, JoinFailed> {
        let secret = self.ticket.as_ref().ok_or(JoinFailed::BadRecords)?;
        let key = secret.ticket_key();
        let recipient = Recipient { device: cx.keys.hpke(), ticket: Some(secret) };
        let roster = Folded::new(self.workspace, key, &recipient, records)?.roster;
        check_against_code(&roster, key, self.pins.as_ref().ok_or(JoinFailed::OtherRoster)?, self.lets_in)?;
        Invitation::of(&roster, key).ok_or(JoinFailed::TicketGone)
    }

    /// Folds the records, checks them against the code, and writes the Join. `None` if this device is in the workspace
    /// already: it has joined in another copy of its database.
    fn prepare_join(
        &mut self,
        records: Vec<(Position, LoggedEntry)>,
        cx: &Context<'_>,
    ) -> Result<Option<Entry>, JoinFailed> {
        let Phase::Joining(joining) = &mut self.phase else {
            return Err(JoinFailed::BadRecords);
        };
        let secret = self.ticket.as_ref().ok_or(JoinFailed::BadRecords)?;
        let ticket = secret.ticket_key();
        let recipient = Recipient { device: cx.keys.hpke(), ticket: Some(secret) };
        let folded = Folded::new(self.workspace, ticket, &recipient, records)?;
        let pins = self.pins.as_ref().ok_or(JoinFailed::OtherRoster)?;
        check_against_code(&folded.roster, ticket, pins, self.lets_in)?;
        if folded.roster.is_active(&self.device) {
            return Ok(None);
        }
        if folded.roster.device(&self.device).is_some() {
            return Err(JoinFailed::KeySpent);
        }
        let keyring = folded.keyring.map_err(JoinFailed::Keys)?;
        let hpke = cx.keys.hpke_public(folded.roster.suite());
        let admits = folded.roster.ticket(&ticket).ok_or(JoinFailed::TicketGone)?.admits;
        let proof = secret.prove_join(self.workspace, self.device, &hpke, admits);
        let body = Record::Join(Join { ticket, hpke, recovery: admits.recovery, proof }).to_body();
        let header = first_header(self.workspace, self.device, self.incarnation, folded.roster.hash(), &body);
        let entry = cx.keys.sign_header(header, body).map_err(|_| JoinFailed::BadRecords)?;
        joining.note_offered(entry.id());
        self.log.get_or_insert_with(|| Log::new(self.workspace, pins.log));
        self.keyring = Some(keyring);
        Ok(Some(entry))
    }

    /// The relay takes this device for a member: its Join is on the log, whichever copy of its database wrote it.
    pub(in crate::sync) fn become_member(&mut self) {
        self.phase = Phase::Member;
        self.effects.push_back(Effect::Joined);
    }

    /// The relay does not let in a device that it had taken for a member: it has lost the Join, or the device was removed
    /// before it had read anything. As long as the Join has not come with the log, the device is still on its way in, and
    /// its code says the rest.
    pub(in crate::sync) fn start_over_unless_in(&mut self) {
        let is_on_log = self.log.as_ref().is_some_and(|log| log.roster().device(&self.device).is_some());
        if !matches!(self.phase, Phase::Member) || is_on_log || self.ticket.is_none() {
            return;
        }
        tracing::warn!("the relay does not let in a device that was to have joined");
        let join = self.outbox.entries().next().map(Entry::id);
        self.phase = Phase::Joining(Box::new(Joining::again(join)));
    }

    fn give_up(&mut self, why: JoinFailed) {
        self.fail_join(why);
        self.close();
    }

    pub(in crate::sync) fn fail_join(&mut self, why: JoinFailed) {
        tracing::warn!(%why, "joining has failed");
        self.phase = Phase::Failed(why);
        self.effects.push_back(Effect::JoinFailed(why));
    }
}

/// Compares what the relay tells with what the code says: the roster that it was made for, and whom it lets in.
fn check_against_code(
    roster: &Roster,
    ticket: TicketKey,
    pins: &Pins,
    lets_in: Option<CodeKind>,
) -> Result<(), JoinFailed> {
    if roster.point(&pins.roster).is_none() {
        return Err(JoinFailed::OtherRoster);
    }
    let kind = CodeKind::from(roster.ticket(&ticket).ok_or(JoinFailed::TicketGone)?.admits);
    if lets_in.is_some_and(|said| said != kind) { Err(JoinFailed::OtherKind) } else { Ok(()) }
}

/// The roster as the relay tells it to a ticket holder, with the keys that it hands out by the ticket: from the last rekey that has one for
/// it, or from the ticket itself, and earlier ones from the histories of these.
struct Folded {
    roster: Roster,
    keyring: Result<Keyring, KeyringError>,
}

impl Folded {
    fn new(
        workspace: WorkspaceId,
        key: TicketKey,
        recipient: &Recipient<'_>,
        records: Vec<(Position, LoggedEntry)>,
    ) -> Result<Self, JoinFailed> {
        let mut roster = Roster::new(workspace);
        let mut handed_out = HandedOut::new(workspace, recipient);
        for (position, logged) in records {
            let entry = logged.entry.verify(workspace).map_err(|_| JoinFailed::BadRecords)?;
            let body = entry.body().ok_or(JoinFailed::BadRecords)?;
            let record = Record::parse(body).map_err(|why| match why {
                // A workspace of a suite that is not known here.
                DecodeError::UnknownNumber { what: "suite", .. } => JoinFailed::UpdateNeeded,
                _ => JoinFailed::BadRecords,
            })?;
            let is_genesis = matches!(record, Record::Genesis { .. });
            if (is_genesis && hash::workspace_id(body) != workspace)
                || (is_genesis != roster.points().is_empty())
            {
                return Err(JoinFailed::BadRecords);
            }
            let at = Moment { position, time: logged.time };
            let outcome = roster.apply(at, entry.id(), entry.header(), &record);
            if let Outcome::Applied { rekey_void } = outcome {
                handed_out.look_at(&entry, rekey_void, &roster);
            }
        }
        roster.ticket(&key).ok_or(JoinFailed::TicketGone)?;
        Ok(Self { roster, keyring: handed_out.keyring() })
    }
}
