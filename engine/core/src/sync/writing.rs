//! Writing entries of our own: which number, on what roster, under which epoch; and what follows if one is refused.

use bowline_crypto::{EpochKey, KeySnapshot, Keyring, SealError, seal};
use bowline_wire::checkpoint::Checkpoint;
use bowline_wire::confirm::Confirm;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::hash;
use bowline_wire::head::Seen;
use bowline_wire::header::{Digests, EntryType, Header, Part};
use bowline_wire::ids::{
    ChainKey, DeviceId, DocId, EntryId, EpochId, Incarnation, Lane, Millis, Position, RosterHash, Salt,
    Suite, WireDoc, WorkspaceId,
};
use bowline_wire::limits::{MAX_PAYLOAD, PART_LEN};
use bowline_wire::log::Log;
use bowline_wire::roster::record::Record;
use bowline_wire::weight::Weight;
use thiserror::Error;

use super::context::Context;
use super::effect::Effect;
use super::limits::MAX_IN_FLIGHT;
use super::relay::faults::RelayFault;
use super::relay::session::LinkState;
use super::replica::Replica;
use super::state::Phase;
use crate::payload::Payload;

/// Why nothing can be sealed or written to the roster right now. Not an error: work waits, and `status` says for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotReady {
    /// There is no connection, or it is not caught up.
    #[error("not connected")]
    Offline,
    /// The log's end is not known here yet.
    #[error("still receiving what others wrote")]
    CatchingUp,
    /// The device is not a member, or not any more.
    #[error("this device is not in the workspace")]
    NotMember,
    /// There is lasting evidence against the relay.
    #[error("the relay has been caught misbehaving")]
    Distrusted,
    /// Someone left or was removed, and the new key is not there yet.
    #[error("waiting for a new key after someone left")]
    RekeyDue,
    /// This device has no usable key for the epoch in force.
    #[error("this device has no key for the epoch in force")]
    NoKey,
    /// The roster holds records of a newer version.
    #[error("the workspace uses features of a newer version: update needed")]
    UpdateNeeded,
    /// Somebody is to be removed, and the log has not answered: nothing more is sealed that they could read.
    #[error("waiting for a removal to be in force")]
    RemovalPending,
    /// The relay was restored from a backup, and what it lacks is being sent again.
    #[error("the relay was restored from a backup, and what it lacks is being sent again")]
    SendingAgain,
    /// Enough of ours is on its way, unanswered.
    #[error("waiting for the relay to answer")]
    InFlight,
    /// What a person decided does not fit what they may still write of records.
    #[error("this person's records are used up")]
    RecordsSpent,
}

/// Content to be sealed.
#[derive(Debug)]
pub struct ContentDraft<'a> {
    /// The entry's type: changes or a snapshot.
    pub entry_type: EntryType,
    /// What to seal.
    pub payload: &'a Payload,
    /// What the changes in it weigh; see [`crate::document::weight_of`].
    pub weight: Weight,
    /// What a snapshot stands in for, if it is to do so.
    pub covering: Option<Covering>,
}

/// What a snapshot says that it stands in for.
#[derive(Clone, Copy, Debug)]
pub struct Covering {
    /// Everything of its document up to here, which its author has seen.
    pub up_to: Position,
    /// What it holds.
    pub digests: Digests,
}

impl Replica {
    /// Whether a roster record may be written now: everything up to the relay's head is known, and no record of ours is
    /// on its way. One at a time, because most records build on the one before.
    pub fn ready_for_record(&self) -> Result<(), NotReady> {
        self.ready()?;
        let in_flight = self.offered().any(|entry| entry.header().lane == Lane::Control);
        if in_flight { Err(NotReady::InFlight) } else { Ok(()) }
    }

    /// Whether the log would take a record of this device's next, by what its person has written of records before.
    pub fn has_room_for_record(&self, record: &Record) -> bool {
        let header = self.record_header(&record.to_body());
        let takes = |log: &Log| log.roster().has_room_for_record(&header, record, log.time(), 0);
        self.log.as_ref().is_none_or(takes)
    }

    /// Whether content may be sealed now.
    pub fn ready_to_seal(&self) -> Result<(), NotReady> {
        self.ready()?;
        let roster = self.log.as_ref().ok_or(NotReady::CatchingUp)?.roster();
        if roster.is_rekey_due() {
            return Err(NotReady::RekeyDue);
        }
        // Without the first key no document has a name.
        if !self.has_key_in_force() || !self.keyring.as_ref().is_some_and(Keyring::names_documents) {
            return Err(NotReady::NoKey);
        }
        if self.outbox.body_bytes() >= MAX_IN_FLIGHT { Err(NotReady::InFlight) } else { Ok(()) }
    }

    /// Whether the log would take so much more of a document by this device's user.
    pub fn has_room_for(&self, doc: DocId, weight: Weight) -> bool {
        let name = self.keyring.as_ref().and_then(|keyring| keyring.wire_doc(doc));
        self.log.as_ref().zip(name).is_some_and(|(log, name)| log.has_room_for(&self.device, name, weight))
    }

    /// Whether the key of the epoch in force is here: without it nothing is sealed, and nobody is let in.
    pub fn has_key_in_force(&self) -> bool {
        let epoch = self.log.as_ref().and_then(|log| log.roster().epoch());
        self.keyring.as_ref().is_some_and(|keyring| Some(keyring.newest_epoch()) == epoch)
    }

    fn ready(&self) -> Result<(), NotReady> {
        if self.distrusted {
            return Err(NotReady::Distrusted);
        }
        match self.link() {
            LinkState::Down | LinkState::Connecting => return Err(NotReady::Offline),
            LinkState::CatchingUp { .. } => return Err(NotReady::CatchingUp),
            LinkState::Live => {}
        }
        if !self.feed.is_done() {
            return Err(NotReady::SendingAgain);
        }
        let roster = self.log.as_ref().ok_or(NotReady::CatchingUp)?.roster();
        if !matches!(self.phase, Phase::Member) || !roster.is_active(&self.device) {
            return Err(NotReady::NotMember);
        }
        if roster.unknown_record().is_some() { Err(NotReady::UpdateNeeded) } else { Ok(()) }
    }

    /// Seals content into the next entry of this device's content chain, or, if it does not fit one body, its parts into
    /// the next entries. The caller stores all of them as offered, in one transaction, and then hands them to
    /// [`Replica::offer`] in order; if it does neither, nothing has happened.
    pub fn seal(&self, draft: &ContentDraft<'_>, cx: &mut Context<'_>) -> Result<Vec<Entry>, SealError> {
        let named = |keyring: &Keyring| Some((keyring.snapshot(), keyring.wire_doc(draft.payload.doc)?));
        let (keys, doc) = self.keyring.as_ref().and_then(named).ok_or(SealError::WrongWorkspace)?;
        let mut header = self.next_header(Lane::Content, draft.entry_type);
        header.doc = doc;
        header.epoch = keys.newest_epoch();
        if let Some(Covering { up_to, digests }) = draft.covering {
            (header.covers, header.digests) = (up_to, Some(digests));
        }
        let payload = draft.payload.encode();
        match seal_one(&keys, Header { weight: draft.weight, ..header.clone() }, &payload, cx) {
            Err(SealError::TooLarge { .. }) if payload.len() <= MAX_PAYLOAD => {}
            sealed => return sealed.map(|entry| vec![entry]),
        }
        let count = u32::try_from(payload.len().div_ceil(PART_LEN)).unwrap_or(u32::MAX);
        let mut entries: Vec<Entry> = Vec::new();
        for (index, part) in (0..).zip(payload.chunks(PART_LEN)) {
            header.part = Part { index, count };
            header.weight = if header.part.is_last() { draft.weight } else { Weight::NONE };
            if let Some(before) = entries.last() {
                (header.seq, header.prev) = (before.header().seq + 1, before.id());
            }
            entries.push(seal_one(&keys, header.clone(), part, cx)?);
        }
        Ok(entries)
    }

    /// Writes a roster record as the next entry of this device's control chain. As with [`Replica::seal`], the caller
    /// stores it as offered and then hands it to [`Replica::offer`].
    pub fn write_record(&self, record: &Record, cx: &Context<'_>) -> Option<Entry> {
        let body = record.to_body();
        let header = self.record_header(&body);
        cx.keys.sign_header(header, body).ok()
    }

    /// Writes what this device says of snapshots, as [`Replica::write_record`] does a record.
    pub fn write_confirm(&self, confirm: &Confirm, cx: &Context<'_>) -> Option<Entry> {
        let body = confirm.to_body();
        cx.keys.sign_header(self.control_header(EntryType::Confirm, &body), body).ok()
    }

    /// Writes what this device says of the log's state at a place, as [`Replica::write_record`] does a record.
    pub fn write_checkpoint(&self, at: Position, said: &Checkpoint, cx: &Context<'_>) -> Option<Entry> {
        let body = said.to_body();
        let header = Header { covers: at, ..self.control_header(EntryType::Checkpoint, &body) };
        cx.keys.sign_header(header, body).ok()
    }

    /// A record that hands keys on which are here, to devices and newcomers that lack them; `None` if nobody does, or this device has said
    /// what it could.
    pub fn handed_on(&self) -> Option<Record> {
        let (keyring, log) = self.keyring.as_ref().zip(self.log.as_ref())?;
        self.lacking.record(keyring, log.roster(), &self.device)
    }

    /// The header that a roster record with this body would get. The fold needs it to say who a rekey has to reach.
    pub fn record_header(&self, body: &[u8]) -> Header {
        self.control_header(EntryType::Roster, body)
    }

    fn control_header(&self, entry_type: EntryType, body: &[u8]) -> Header {
        let mut header = self.next_header(Lane::Control, entry_type);
        header.body_len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        header.body_hash = hash::body_hash(body);
        header
    }

    /// Sends an entry that is stored as offered by now.
    pub fn offer(&mut self, entry: Entry, now: Millis) {
        self.outbox.push(entry, now);
        self.send_outbox(now);
    }

    fn next_header(&self, lane: Lane, entry_type: EntryType) -> Header {
        let chain = ChainKey { device: self.device, incarnation: self.incarnation, lane };
        let (seq, prev) = self.own_tip(&chain);
        let roster = self.log.as_ref().map_or(RosterHash::ZERO, |log| log.roster().hash());
        Header {
            lane,
            seq: seq + 1,
            prev,
            seen: self.head.map(Seen::from),
            held: self.held(),
            entry_type,
            ..first_header(self.workspace, self.device, self.incarnation, roster, &[])
        }
    }

    /// The last entry of one of our chains, on the log or on its way.
    fn own_tip(&self, chain: &ChainKey) -> (u64, EntryId) {
        if let Some(last) = self.outbox.entries().rev().find(|entry| entry.header().chain() == *chain) {
            return (last.header().seq, last.id());
        }
        let tip = self.log.as_ref().and_then(|log| log.tip(chain));
        tip.map_or((0, EntryId::ZERO), |tip| (tip.seq, tip.id))
    }

    /// Whether entries of ours may be sent on this connection.
    pub(super) fn may_append(&self) -> bool {
        self.link() == LinkState::Live && !self.distrusted
    }

    /// Sends everything of ours that is due, in order.
    pub(super) fn send_outbox(&mut self, now: Millis) {
        if !self.may_append() {
            return;
        }
        for entries in self.feed.send_due(now) {
            self.send(Frame::Append { entries });
        }
        if !self.feed.is_done() {
            return; // what is ours comes after it
        }
        // A run goes whole.
        let one_of_each_chain = self.session.held_up().is_some_and(|why| why != Reason::RunIncomplete);
        for entries in self.outbox.send_due(one_of_each_chain, now) {
            self.send(Frame::Append { entries });
        }
    }

    /// Whether the relay says that an entry of ours waits for what is on the log here, which it has signed: waiting would bring nothing.
    pub(super) fn misses_what_it_signed(&self, entry: EntryId, reason: Reason) -> bool {
        let Some((log, entry)) = self.log.as_ref().zip(self.outbox.find(entry)) else {
            return false;
        };
        let header = entry.header();
        match reason {
            Reason::ChainGap => {
                header.seq == 1 || log.tip(&header.chain()).is_some_and(|tip| tip.id == header.prev)
            }
            Reason::RosterUnknown => log.roster().point(&header.roster).is_some(),
            _ => false,
        }
    }

    /// Takes an entry out of the outbox that the relay will never append. It is kept, and what it holds is to be sealed again
    /// in a new incarnation, because its chain ends before it.
    pub(super) fn refused_for_good(
        &mut self,
        entry: EntryId,
        reason: Reason,
        proof: Option<SignedEntry>,
        cx: &mut Context<'_>,
    ) {
        let Some(chain) = self.outbox.find(entry).map(|entry| entry.header().chain()) else {
            return;
        };
        if reason == Reason::SeqTaken && !self.proves_other_life(entry, proof) {
            return self.fault(RelayFault::Nonsense("a number taken by an entry that it does not show"));
        }
        if let Phase::Joining(joining) = &mut self.phase
            && reason != Reason::SeqTaken
        {
            joining.join_refused();
            self.effects.push_back(Effect::Refused { entry, reason });
            self.outbox.clear();
            return self.close();
        }
        // What comes after it in its chain can never follow anything either.
        let dead = self.outbox.take_chain(&chain);
        // Never the same number twice, whatever is durable of this when the power goes: a relay could else choose which of
        // the two stands.
        if chain.incarnation == self.incarnation {
            self.incarnation = Incarnation::from_bytes(cx.bytes());
            self.effects.push_back(Effect::NewIncarnation(self.incarnation));
        }
        // From the end, so that what is left after a crash begins with the one that the relay refuses again.
        for entry in dead.iter().rev().map(Entry::id) {
            tracing::warn!(?entry, ?reason, "an entry of ours was refused for good");
            self.effects.push_back(Effect::Refused { entry, reason });
        }
        if matches!(self.phase, Phase::Joining(_)) {
            // What has its number is a Join of this device: another copy of its database is in.
            self.become_member();
            return self.close();
        }
        if self.session.note_refused_for_good(self.position()) {
            self.fault(RelayFault::KeepsRefusing);
        }
    }

    /// Whether the relay shows an entry that this device's key signed, in the chain of `entry` and at its number or
    /// before it, which is not ours: another copy of this database wrote it. Where the log here has gone on behind the number in that chain, by
    /// another entry, the relay need not show that: it may have let it go.
    pub(super) fn proves_other_life(&self, entry: EntryId, proof: Option<SignedEntry>) -> bool {
        let Some(ours) = self.outbox.find(entry).or_else(|| self.feed.find(entry)) else {
            return false;
        };
        let tip = self.log.as_ref().and_then(|log| log.tip(&ours.header().chain()));
        if tip.is_some_and(|tip| tip.seq >= ours.header().seq && tip.id != entry) {
            return true;
        }
        let Some(theirs) = proof.and_then(|proof| proof.verify(self.workspace).ok()) else {
            return false;
        };
        let (ours, header) = (ours.header(), theirs.header());
        let same_chain = header.chain() == ours.chain();
        let takes_number = header.seq == ours.seq && theirs.id() != entry;
        let takes_place = header.seq + 1 == ours.seq && theirs.id() != ours.prev;
        same_chain && (takes_number || takes_place)
    }
}

/// One entry with these bytes inside.
fn seal_one(
    keys: &KeySnapshot,
    header: Header,
    bytes: &[u8],
    cx: &mut Context<'_>,
) -> Result<Entry, SealError> {
    let (header, body) = seal(keys, header, bytes, cx.bytes())?;
    cx.keys.sign_header(header, body).map_err(|_| SealError::WrongWorkspace)
}

/// The header of a device's very first entry, a Genesis or a Join with this body.
pub(super) fn first_header(
    workspace: WorkspaceId,
    device: DeviceId,
    incarnation: Incarnation,
    roster: RosterHash,
    body: &[u8],
) -> Header {
    Header {
        workspace,
        device,
        incarnation,
        lane: Lane::Control,
        seq: 1,
        prev: EntryId::ZERO,
        seen: None,
        held: Position::START,
        roster,
        epoch: EpochId::ZERO,
        entry_type: EntryType::Roster,
        doc: WireDoc::ZERO,
        covers: Position::START,
        digests: None,
        weight: Weight::NONE,
        part: Part::WHOLE,
        salt: Salt::ZERO,
        body_len: u32::try_from(body.len()).unwrap_or(u32::MAX),
        body_hash: hash::body_hash(body),
    }
}

/// A new workspace that takes keys of `suite` or a stronger one: its Genesis entry, and the keyring with its first epoch key.
pub fn genesis(suite: Suite, incarnation: Incarnation, cx: &mut Context<'_>) -> Option<(Entry, Keyring)> {
    let key = EpochKey::generate(cx.random);
    let device = cx.keys.id();
    let (hpke, commitment) = (cx.keys.hpke_public(suite), key.commitment());
    let body = Record::Genesis { nonce: cx.bytes(), device, suite, hpke, commitment }.to_body();
    let workspace = hash::workspace_id(&body);
    let header = first_header(workspace, device, incarnation, RosterHash::ZERO, &body);
    let entry = cx.keys.sign_header(header, body).ok()?;
    let epoch = EpochId::begun_by(entry.id());
    Some((entry, Keyring::genesis(workspace, epoch, key)))
}
