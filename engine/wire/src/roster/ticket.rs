//! Invites and links: whom they let in, and until when.

use crate::ids::{DeviceId, HpkePublicKey, LogTime, Millis, Position, UserId};
use crate::limits::{INVITE_LIFETIME, LINK_LIFETIME, MAX_INVITE_LIFETIME, MAX_LINK_LIFETIME};

/// Whom a ticket lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketKind {
    /// A new Member.
    Invite,
    /// One more device of this user.
    Link(UserId),
}

/// As what a ticket lets somebody in: its maker's word, in the record, and what whoever joins has signed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admits {
    /// Whom it lets in.
    pub kind: TicketKind,
    /// Whether that is a recovery phrase.
    pub recovery: bool,
}

/// Whom a ticket's code lets in, as whoever makes or is given one sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// A new Member.
    Invite,
    /// Another device of the same person.
    Link,
    /// The recovery phrase of the same person.
    Recovery,
}

impl CodeKind {
    /// Milliseconds for which a code lets somebody in, unless a person says otherwise.
    pub fn usual(self) -> u64 {
        match self {
            Self::Invite => INVITE_LIFETIME,
            Self::Link | Self::Recovery => LINK_LIFETIME,
        }
    }

    /// Milliseconds for which a code lets somebody in at most.
    pub fn longest(self) -> u64 {
        match self {
            Self::Invite => MAX_INVITE_LIFETIME,
            Self::Link | Self::Recovery => MAX_LINK_LIFETIME,
        }
    }
}

impl From<Admits> for CodeKind {
    fn from(admits: Admits) -> Self {
        match admits.kind {
            TicketKind::Invite => Self::Invite,
            TicketKind::Link(_) if admits.recovery => Self::Recovery,
            TicketKind::Link(_) => Self::Link,
        }
    }
}

/// How far a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketStage {
    /// Waiting for its Join.
    Open,
    /// This device came by the ticket.
    Used(DeviceId),
    /// Closed by its maker's side, or because its maker was removed.
    Closed,
}

/// An invite or link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketState {
    /// As what the ticket lets somebody in.
    pub admits: Admits,
    /// The device that made the ticket.
    pub maker: DeviceId,
    /// The key to which rekeys are wrapped while the ticket is open.
    pub hpke: HpkePublicKey,
    /// Milliseconds since 1970 after which the relay lets nobody in by it.
    pub expires: u64,
    /// How far the ticket is.
    pub stage: TicketStage,
    /// Number of the record that made the ticket, counted from 0 over applied records.
    pub made_at: usize,
    /// The log's time where that record stands.
    pub made: LogTime,
    /// Where the record stands by which it was used or closed; `None` while it is open.
    pub ended: Option<Position>,
}

impl TicketState {
    pub(super) fn end(&mut self, stage: TicketStage, position: Position) {
        (self.stage, self.ended) = (stage, Some(position));
    }
}

impl TicketState {
    /// Whether nobody is let in by the ticket any more at this time of the log.
    pub fn is_over(&self, at: LogTime) -> bool {
        at.millis() > self.over_after()
    }

    /// When nobody is let in by the ticket any more, in the log's time. What its maker wrote counts up to the longest that there is for its
    /// kind.
    pub fn over_after(&self) -> Millis {
        Millis(self.expires).min(self.made.millis().plus(CodeKind::from(self.admits).longest()))
    }
}
