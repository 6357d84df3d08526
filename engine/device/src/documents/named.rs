//! Snapshots that stand in for what a checkpoint has let go: whose words count in them that their author did not write.

use bowline_core::consent::{Answer, Facts, Holding, People, SnapshotHeader, Told};
use bowline_core::document::{ChangeHash, Kind, Source, Standing, changes_by_actor_in};
use bowline_core::payload::Payload;
use bowline_crypto::{KeySnapshot, Keyring};
use bowline_store::DocN;
use bowline_wire::entry::Entry;
use bowline_wire::ids::{Position, SnapshotDigest, UserId, WorkspaceId};
use bowline_wire::log::{DocumentState, SignedWord};

use crate::Error;
use crate::documents::reading::Reading;
use crate::rows::entry_of;
use crate::workspace::log_state::begun_place;
use crate::workspace::parts::{Earlier, Held, open_held, source_of};

impl Reading<'_> {
    /// Whether the log was begun, here as in the database, from the same state.
    pub(super) fn knows_begin(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        let Some(log) = self.keyrings.log(workspace) else { return Ok(true) };
        Ok(begun_place(self.read, workspace)? == log.begun_at())
    }

    /// For whom a snapshot stands that the state names from which the log was begun, now that what it covers is gone. `None` for whatever else:
    /// there everybody speaks for themselves.
    pub(super) fn standing(
        &self,
        doc: Option<DocN>,
        (entry, position): (&Entry, Option<Position>),
        payload: &Payload,
    ) -> Result<Option<Standing>, Error> {
        let header = entry.header();
        let workspace = header.workspace;
        let named = self.keyrings.named(workspace, header.doc).filter(|it| it.snapshot == position);
        let (Some(digests), Some(kind)) = (header.digests, Kind::from_number(payload.kind)) else {
            return Ok(None);
        };
        let Some((((named, position), log), keyring)) =
            named.zip(position).zip(self.keyrings.log(workspace)).zip(self.keyrings.of(workspace))
        else {
            return Ok(None);
        };
        let Some(knew) = log.knew(header, position) else { return Ok(None) };
        let covers = knew.place_of(header.covers);
        let snapshot = SnapshotHeader { position, author: header.device, covers, digests };
        let Ok(holds) = changes_by_actor_in(kind, Source::Snapshot, &payload.bytes) else { return Ok(None) };
        let people = People::of(log.roster());
        let entries = doc.map(|doc| self.holdings(doc, kind, (covers, keyring))).transpose()?;
        let entries = entries.unwrap_or_default();
        let told = Told {
            people: &people,
            snapshots: &[snapshot],
            said: &[],
            signed: &words(named),
            writers: named.parts.iter().map(|part| part.user).collect(),
            entries: entries.iter().collect(),
        };
        let digest = |sorted: &[ChangeHash]| digest(keyring, payload, sorted);
        Ok(match Facts::new(told).stands(&snapshot, &holds, &digest) {
            // By what stood at the place: everybody who begins there reads the same, whoever goes afterwards.
            Answer::Stands(stands) => Some(stands.as_of(log.begun_at()).to_standing(&people, true)),
            Answer::NotAsDeclared => None,
        })
    }

    /// What its author's device says in each entry of a document that is here and at or below a place.
    fn holdings(
        &self,
        doc: DocN,
        kind: Kind,
        (to, keyring): (Position, &Keyring),
    ) -> Result<Vec<Holding>, Error> {
        let mut holdings = Vec::new();
        for row in self.read.accepted(doc)? {
            let Some(position) = row.entry.place.map(|place| place.pos).filter(|at| *at <= to) else {
                continue;
            };
            let Ok(entry) = entry_of(row) else { continue };
            if entry.header().digests.is_none() {
                holdings.extend(self.holding(&entry, position, (kind, &keyring.snapshot()))?);
            }
        }
        Ok(holdings)
    }

    fn holding(
        &self,
        entry: &Entry,
        position: Position,
        (kind, keys): (Kind, &KeySnapshot),
    ) -> Result<Option<Holding>, Error> {
        let Ok(Held::Payload(payload, _)) = open_held(self.read, entry, keys, Earlier::Accepted)? else {
            return Ok(None);
        };
        let author = entry.header().device;
        let Ok(changes) = changes_by_actor_in(kind, source_of(entry), &payload.bytes) else {
            return Ok(None);
        };
        let own = changes.into_iter().filter(|(_, actor)| actor.belongs_to(author));
        Ok(Some(Holding { position, author, changes: own.map(|(hash, _)| hash).collect() }))
    }
}

/// What users have signed of a document, by the state.
fn words(document: &DocumentState) -> Vec<(UserId, SignedWord)> {
    document.parts.iter().filter_map(|part| Some((part.user, part.word?))).collect()
}

/// What is signed of a set of changes. Without the key that names documents nothing of them is opened.
fn digest(keyring: &Keyring, payload: &Payload, sorted: &[ChangeHash]) -> SnapshotDigest {
    let hashes = sorted.iter().map(ChangeHash::as_bytes);
    keyring.snapshot().changes_digest(payload.doc, hashes).unwrap_or(SnapshotDigest::ZERO)
}
