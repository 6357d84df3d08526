//! A newcomer: from a checkpoint, the entries that stay below it and everything above it to the documents, believing
//! nothing that is not signed.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{Consent, Document, Incoming, Kind, Source};
use bowline_core::payload::Payload;
use bowline_crypto::{KeySnapshot, open};
use bowline_wire::codec::decode;
use bowline_wire::hash;
use bowline_wire::head::SeenHead;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, Lane, LogTime, RosterHash, WireDoc, WorkspaceId};

use crate::bounded::checkpoint::{State, live_digest};
use crate::bounded::field;
use crate::bounded::log::Row;
use crate::bounded::people::Device;
use crate::bounded::workspace::digest_of;

/// What a relay hands a newcomer. Roster records are among the entries.
pub(crate) struct Handed<'a> {
    pub(crate) state: Vec<u8>,
    pub(crate) below: Vec<&'a Row>,
    pub(crate) above: Vec<&'a Row>,
    pub(crate) head: SeenHead,
}

/// Why a newcomer does not begin with what it was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    State,
    /// Not signed by those who have to, or for another state.
    Unsigned,
    Entry,
    Roster,
    /// Something that stays below the checkpoint is missing, or is too much.
    Below,
    /// The entries above do not lead to the relay's head.
    Chain,
    Body,
}

/// The documents that a newcomer has in the end. `devices` are those of the roster.
pub(crate) fn begin(
    handed: &Handed<'_>,
    workspace: WorkspaceId,
    keys: &KeySnapshot,
    devices: &[Device],
) -> Result<BTreeMap<WireDoc, Document>, Refusal> {
    let state: State = decode(&handed.state).map_err(|_| Refusal::State)?;
    let mut roster = RosterHash::ZERO;
    for row in handed.below.iter().chain(&handed.above) {
        let wire = &row.header;
        let entry = row.entry(workspace).ok_or(Refusal::Entry)?;
        if entry.id() != row.id || entry.header() != wire {
            return Err(Refusal::Entry);
        }
        if row.kind() == EntryType::Roster && row.position <= state.position {
            roster = hash::roster_hash(roster, row.id);
        }
    }
    if roster != state.roster {
        return Err(Refusal::Roster);
    }
    if live_digest(handed.below.iter().copied()) != state.live {
        return Err(Refusal::Below);
    }
    let mut hash = state.hash;
    let mut signers = BTreeSet::new();
    for row in &handed.above {
        hash = hash::log_hash(hash, row.id, LogTime::new(row.time).ok_or(Refusal::Chain)?);
        if row.kind() == EntryType::Checkpoint && row.body == Some(vote(&state)) {
            signers.insert(row.header.device);
        }
    }
    if hash != handed.head.hash || handed.head.verify(workspace).is_err() {
        return Err(Refusal::Chain);
    }
    if is_signed(&signers, devices) { documents(handed, keys) } else { Err(Refusal::Unsigned) }
}

/// Whether a device of the Owner and one of another user signed; in a workspace of one user, two of their devices.
fn is_signed(signers: &BTreeSet<DeviceId>, devices: &[Device]) -> bool {
    let users = |devices: &mut dyn Iterator<Item = &Device>| {
        devices.map(|device| device.user).collect::<BTreeSet<_>>()
    };
    let signed = users(&mut devices.iter().filter(|device| signers.contains(&device.keys.id())));
    let all = users(&mut devices.iter());
    signers.len() >= 2 && signed.contains(&0) && signed.len() >= all.len().min(2)
}

/// The body of an entry that signs for a state.
pub(crate) fn vote(state: &State) -> Vec<u8> {
    field(|to| to.array(2).value(&state.position).bytes(&state.digest()))
}

fn documents(handed: &Handed<'_>, keys: &KeySnapshot) -> Result<BTreeMap<WireDoc, Document>, Refusal> {
    let mut documents: BTreeMap<WireDoc, Document> = BTreeMap::new();
    for row in handed.below.iter().chain(&handed.above) {
        if row.header.lane == Lane::Control {
            continue;
        }
        // What a checkpoint lets go is gone with its header: nothing is left that may lack its body.
        let payload = opened(row, keys).ok_or(Refusal::Body)?;
        let doc = row.header.doc;
        let kind = if payload.kind == Kind::Agent.number() { Kind::Agent } else { Kind::Conversation };
        if row.kind() == EntryType::Snapshot {
            let snapshot = Document::load(kind, &payload.bytes).map_err(|_| Refusal::Body)?;
            let changes = snapshot.changes_beyond(&Document::create(kind));
            if row.header.digests.map(|digests| digests.all) != Some(digest_of(payload.doc, changes)) {
                return Err(Refusal::Body);
            }
            let united = match documents.get(&doc) {
                Some(known) => known.united(&snapshot).ok_or(Refusal::Body)?,
                None => snapshot,
            };
            documents.insert(doc, united);
            continue;
        }
        let author = row.header.device;
        let (entry, position, source) = (row.id, Some(row.position), Source::Changes);
        let (weight, bytes) = (row.header.weight, payload.bytes.as_slice());
        let consent = Consent::Author;
        let incoming = [Incoming { entry, position, author, source, consent, weight, bytes }];
        let known = documents.entry(doc).or_insert_with(|| Document::create(kind));
        let applied = known.apply(&incoming).map_err(|_| Refusal::Body)?;
        if !applied.refused.is_empty() {
            return Err(Refusal::Body);
        }
    }
    Ok(documents)
}

/// The payload of an entry.
pub(crate) fn opened(row: &Row, keys: &KeySnapshot) -> Option<Payload> {
    let entry = row.entry(keys.workspace())?;
    Payload::decode(&open(&entry, keys).ok()?).ok()
}
