//! What a caller has to do, in the order given.

use std::collections::{BTreeMap, BTreeSet};

use bowline_crypto::KeyringError;
use bowline_wire::bodies::Supplied;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Reason, Welcome};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{
    ChainKey, DeviceId, EntryId, Incarnation, LineKey, Millis, Moment, Position, RelayId,
};
use bowline_wire::log::{ChainTip, Checkpoints, Log, Placed, Refusal, State};
use bowline_wire::roster::Outcome;
use bowline_wire::successor::SaidSuccessor;
use bowline_wire::weight::Written;
use thiserror::Error;

use super::clocks::Clocks;
use super::invitation::Invitation;
use super::relay::faults::RelayFault;
use super::shown_log::Cut;

/// Why a code did not let the device in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JoinFailed {
    /// Somebody has joined by the invite or link; or this device has, and another life of it was removed since.
    #[error("somebody has already joined with this code")]
    TicketUsed,
    /// The invite or link was closed by whoever made it, or because that person was removed.
    #[error("this code was closed by whoever made it")]
    TicketClosed,
    /// The invite or link has expired.
    #[error("this code has expired")]
    TicketExpired,
    /// The invite or link was used, closed or expired while this device was coming in.
    #[error("this code was used, was closed or expired while this device was joining")]
    TicketGone,
    /// The device was removed from the workspace: its key lets nobody in any more, whatever the code.
    #[error("this device was removed from the workspace, and its key lets nobody in any more")]
    KeySpent,
    /// An earlier version made the workspace, and nobody can go on with its log.
    #[error("an earlier version made the workspace of this code")]
    LogOutdated,
    /// A later version made the workspace: its keys are of a suite that this version does not know.
    #[error("a later version made the workspace of this code")]
    UpdateNeeded,
    /// The relay lets neither the code nor the device in, and does not say why.
    #[error("the relay does not know this code")]
    NotAdmitted,
    /// The code says that it lets in somebody else than its record does: whoever uses it would become what they did not agree to.
    #[error("the code says something else of whom it lets in than its record")]
    OtherKind,
    /// The relay's roster is not the one the code was made for.
    #[error("the relay shows another roster than the one the code was made for")]
    OtherRoster,
    /// The relay's roster records do not make sense.
    #[error("the relay's roster cannot be read")]
    BadRecords,
    /// The inviter sealed another key than the roster commits to.
    #[error("the key in the code is wrong: {0}")]
    Keys(KeyringError),
}

/// Something the caller owes. Effects are done one after the other: what is to be stored has to be durable before the
/// next effect is even looked at, because the next one may tell the world about it.
#[derive(Debug)]
pub enum Effect {
    /// Store a stretch of the log in one transaction: entries, tips, cursor, and the new incarnation if there is one.
    Ingest(Box<Ingested>),
    /// Store these bodies, which the relay had withheld, with their entries, and take in what was waiting for them.
    Bodies(Vec<Supplied>),
    /// Send those of the bodies at these positions that are here, as many as one Supply takes: the relay has lost them.
    Supply(Vec<Position>),
    /// Store this entry of our own as offered, with the keyring as it is now: a Join that is about to be sent.
    OfferJoin(Box<Entry>),
    /// Store by which others the log came to be signed by its key: nothing that is here changes by it.
    Followed(Vec<SaidSuccessor>),
    /// Store these entries aside, each with its place: they stay below a checkpoint, and nothing counts in them before
    /// [`Effect::Begin`]. Ascending, and behind those that were stored aside before.
    Keep(Vec<(Moment, Entry)>),
    /// Forget what was stored aside.
    DropKept,
    /// Begin the log from a state, in one transaction, with what was stored aside.
    Begin(Box<Begun>),
    /// Cut the log back to where it was continued, in one transaction: what stood behind is to be sent again. Then go on with a replica
    /// of what is stored, by [`Replica::go_on`](super::Replica::go_on).
    CutBack(Box<CutBack>),
    /// Send this frame. If the line is down by now, drop it: everything that matters is sent again.
    Send(Frame),
    /// Store that another device holds the log up to here, as it has signed, and was heard at this time of our clock. For status
    /// alone.
    Holds {
        /// The device.
        device: DeviceId,
        /// The last position that it holds.
        position: Position,
        /// When it was heard.
        at: Millis,
    },
    /// Store that our entry was refused for good. It is kept and shown; what it held counts as unsealed again.
    Refused {
        /// The entry that was refused.
        entry: EntryId,
        /// Why the relay refused it.
        reason: Reason,
    },
    /// Store that an entry which was on the log before that was continued is not taken again. It is kept and shown; what it held of
    /// ours counts as unsealed again.
    NotTakenAgain {
        /// The entry that was refused.
        entry: EntryId,
        /// Why the relay refused it.
        reason: Reason,
    },
    /// Store the incarnation in which this device goes on.
    NewIncarnation(Incarnation),
    /// Store that this device is now a member: its Join is on the log.
    Joined,
    /// Show a person what the record of the code says: nothing was written.
    Invited(Box<Invitation>),
    /// Store whose relay this is and what its certificate holds, if either is news: the log's key has vouched for it on this line.
    Met {
        /// The relay's identity.
        relay: RelayId,
        /// The key of its certificate, if the line has proven one.
        line: Option<LineKey>,
    },
    /// Store what the clocks say, if a person is to know. For status, and to be let through.
    Clocks(Clocks),
    /// Store that the relay has let this device in: what it said against that before counts no more.
    LetIn,
    /// Store that the relay does not let this device in, though it is in the workspace as far as the log is known here. The
    /// relay's word, to be shown and not believed.
    TurnedAway(Reason),
    /// Store why the relay takes nothing of ours for now, however long one waits; `None` once it has taken something.
    HeldUp(Option<Reason>),
    /// Show that joining has failed; store it, there is no second try with this code.
    JoinFailed(JoinFailed),
    /// Store this as evidence if it is lasting, and show it.
    Fault(RelayFault),
    /// Close the connection. What came before has been handed over.
    Close,
}

/// A log of which less counts than is here, because its relay was restored from a backup.
#[derive(Debug)]
pub struct CutBack {
    /// Where, and what it goes on as.
    pub cut: Cut,
    /// What the relay has said, to go on with.
    pub(super) welcome: Box<Welcome>,
}

/// A log that begins from the state at the place of a checkpoint that stands, and not from its first entry. The replica has it already, and may be
/// further.
#[derive(Debug)]
pub struct Begun {
    /// The state. What was stored aside are the entries that it names as live, behind those that were here before.
    pub state: State,
    /// The log at the state's place, whose end has no signed head.
    pub log: Log,
    /// What each record did that was stored aside.
    pub records: BTreeMap<Position, Outcome>,
    /// Entries of ours that were offered, and that the log has had. Those that were not stored aside as well are gone from it, since a
    /// snapshot stands in for them. Of what was to be sent again, the ends of chains in the state say the same, and the caller has the
    /// replica forget it ([`Replica::forget_again`](super::Replica::forget_again)).
    pub come: BTreeSet<EntryId>,
    /// Whether the keyring has changed and has to be stored as well.
    pub keys_changed: bool,
    /// As with [`Ingested::joined`].
    pub joined: bool,
    /// As with [`Ingested::new_incarnation`].
    pub new_incarnation: Option<Incarnation>,
}

/// A stretch of the log, verified against the relay's signature on its end.
#[derive(Debug)]
pub struct Ingested {
    /// The entries in log order, without gaps.
    pub entries: Vec<IngestedEntry>,
    /// The signed head at the last of these entries.
    pub head: SeenHead,
    /// Whether the entries were appended while this device was connected, so that they were just written.
    pub is_news: bool,
    /// The chain tips that have moved.
    pub tips: Vec<(ChainKey, ChainTip)>,
    /// What users have written of documents by now, where that has changed.
    pub weighed: Vec<Written>,
    /// What was said of checkpoints by now, if that has changed.
    pub checkpoints: Option<Checkpoints>,
    /// Whether the keyring has changed and has to be stored as well.
    pub keys_changed: bool,
    /// Whether this device is in the workspace as of them, by the code it was given: the code's secret has done its work
    /// and is to be forgotten.
    pub joined: bool,
    /// Set if the log holds entries in our name that this database never wrote: it was restored or cloned, and goes on
    /// in a life of its own. Everything not on the log is to be sealed again there.
    pub new_incarnation: Option<Incarnation>,
}

/// One entry of the log.
#[derive(Debug)]
pub struct IngestedEntry {
    /// Where the entry stands in the log.
    pub placed: Placed,
    /// What the entry turned out to be.
    pub verdict: Verdict,
}

impl Verdict {
    /// The entry that it is about.
    pub fn entry(&self) -> &Entry {
        let (Self::Own(entry)
        | Self::Roster(entry, _)
        | Self::Content(entry)
        | Self::Withheld(entry)
        | Self::GivenUp(entry)
        | Self::NotAcceptable(entry, _)) = self;
        entry
    }
}

impl IngestedEntry {
    /// Where the entry stands in the log.
    pub fn position(&self) -> Position {
        self.placed.position
    }
}

/// What an entry of the log turned out to be.
#[derive(Debug)]
pub enum Verdict {
    /// An entry of ours, offered earlier, now on the log.
    Own(Box<Entry>),
    /// A roster record, and what it did.
    Roster(Box<Entry>, Outcome),
    /// An accepted content entry, unopened. Whoever stores it opens it, and forgets what was in it before the next: a frame
    /// holds hundreds of entries that are small on the line and large once opened.
    Content(Box<Entry>),
    /// An accepted content entry whose body the relay withholds. Kept without it, and opened once it comes.
    Withheld(Box<Entry>),
    /// A content entry that the Owner gave up before it came, with or without its body. It counts nowhere; if it is of ours, what is in it is
    /// to be sealed again.
    GivenUp(Box<Entry>),
    /// An entry that is on the log though it may not be: quarantine it. It counts for nothing.
    NotAcceptable(Box<Entry>, Refusal),
}
