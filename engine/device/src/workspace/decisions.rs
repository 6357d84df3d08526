//! What waits for a workspace's log to answer, as people see it: decisions that can be cancelled, and codes that are open.

use bowline_crypto::DeviceKeys;
use bowline_store::{Reader, Store};
use bowline_wire::ids::{DeviceId, Millis, TicketKey, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::TicketStage;

use crate::Error;
use crate::workspace::Workspaces;
use crate::workspace::code::CodeKind;
use crate::workspace::intent::Decision;
use crate::workspace::roster::{Decided, intents, read_intents};

/// A decision that is not in force yet.
#[derive(Debug)]
pub struct PendingDecision {
    /// The decision's number on this device, by which a person cancels it.
    pub number: u64,
    /// What was decided.
    pub decision: Decision,
    /// When it was decided.
    pub since: Millis,
    /// Whether it has been sent, so that the relay may have it.
    pub is_sent: bool,
}

/// What became of cancelling a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelling {
    /// The decision is gone.
    Cancelled,
    /// The decision has been sent: the relay may have it, and only its answer says.
    Sent,
    /// There is no such decision: it is in force, came to nothing, or was cancelled.
    NotThere,
}

/// An invite or link that lets somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCode {
    /// The invite or link.
    pub ticket: TicketKey,
    /// Whom it lets in.
    pub kind: CodeKind,
    /// The device that made it.
    pub maker: DeviceId,
    /// When it was made, in the log's time.
    pub made: Millis,
    /// After when nobody is let in by it, in the log's time.
    pub expires: Millis,
}

impl Workspaces {
    /// The decisions about a workspace that are not in force yet, in the order in which they were made.
    pub(crate) fn decisions(
        &self,
        read: Reader<'_>,
        keys: &DeviceKeys,
        workspace: WorkspaceId,
    ) -> Result<Vec<PendingDecision>, Error> {
        self.replica(workspace)?;
        let pending = |Decided { n, intent, since }: Decided| {
            let number = u64::try_from(n.0).unwrap_or_default();
            PendingDecision { number, is_sent: intent.entry.is_some(), decision: intent.decision, since }
        };
        Ok(intents(read, keys, workspace)?.into_iter().map(pending).collect())
    }

    /// Takes a decision back, unless it has been sent by a device that is still in: then the relay may have it.
    pub(crate) fn cancel_decision(
        &self,
        store: &mut Store,
        keys: &DeviceKeys,
        workspace: WorkspaceId,
        number: u64,
    ) -> Result<Cancelling, Error> {
        let is_over = self.membership(store.read(), self.device_in(keys, workspace), workspace)?.is_over();
        store.transaction(|tx| {
            let intents = read_intents(tx.intents(workspace)?, keys)?;
            let found = intents.into_iter().find(|it| u64::try_from(it.n.0) == Ok(number));
            match found {
                None => Ok(Cancelling::NotThere),
                Some(found) if found.intent.entry.is_some() && !is_over => Ok(Cancelling::Sent),
                Some(found) => {
                    tx.delete_intent(found.n)?;
                    Ok(Cancelling::Cancelled)
                }
            }
        })
    }

    /// The invites and links that are open, as far as the log is known here.
    pub(crate) fn open_codes(&self, workspace: WorkspaceId) -> Result<Vec<OpenCode>, Error> {
        let Some(roster) = self.replica(workspace)?.log().map(Log::roster) else {
            return Ok(Vec::new());
        };
        let open = roster.tickets().filter(|(_, ticket)| ticket.stage == TicketStage::Open);
        let codes = open.map(|(key, ticket)| OpenCode {
            ticket: *key,
            kind: ticket.admits.into(),
            maker: ticket.maker,
            made: ticket.made.millis(),
            expires: ticket.over_after(),
        });
        Ok(codes.collect())
    }
}
