//! Snapshots, and what devices say of them.

use bowline_core::document::{ActorId, ChangeHash};
use bowline_wire::confirm::{Confirm, Row, Word};
use bowline_wire::header::{Digests, EntryType, Header, Part};
use bowline_wire::ids::{DeviceId, Position, SnapshotDigest, WireDoc};

use super::{Story, digest};
use crate::authors::Author;

impl Story {
    /// A snapshot of what counts up to a place.
    pub fn snapshot(&mut self, author: &Author, doc: WireDoc, covers: Position) -> Position {
        self.snapshot_of(author, doc, covers, self.counts(doc, covers))
    }

    pub fn snapshot_of(
        &mut self,
        author: &Author,
        doc: WireDoc,
        covers: Position,
        holds: Vec<(ChangeHash, ActorId)>,
    ) -> Position {
        self.snapshot_in_parts(author, (doc, 1), covers, holds)[0]
    }

    pub fn snapshot_in_parts(
        &mut self,
        author: &Author,
        (doc, count): (WireDoc, u32),
        covers: Position,
        holds: Vec<(ChangeHash, ActorId)>,
    ) -> Vec<Position> {
        let all = holds.iter().map(|(change, _)| *change).collect();
        let digests = Digests { all: digest(doc, all), own: self.own_digest(author, doc, &holds) };
        let of = |story: &Self, index| {
            let header = story.draft(author, EntryType::Snapshot);
            Header { doc, covers, digests: Some(digests), part: Part { index, count }, ..header }
        };
        let places: Vec<Position> = (0..count).map(|index| self.content(author, of(self, index))).collect();
        self.holds.insert(places[places.len() - 1], holds);
        places
    }

    /// A snapshot turns out to hold something else than its header says.
    pub fn opens_to(&mut self, snapshot: Position, holds: Vec<(ChangeHash, ActorId)>) {
        self.holds.insert(snapshot, holds);
    }

    /// The digest of what the devices of `author`'s user have in it.
    pub fn own_digest(
        &self,
        author: &Author,
        doc: WireDoc,
        holds: &[(ChangeHash, ActorId)],
    ) -> SnapshotDigest {
        let roster = self.log.roster();
        let user = roster.device(&author.id()).unwrap().user;
        let devices: Vec<DeviceId> =
            roster.devices().filter(|(_, it)| it.user == user).map(|(id, _)| *id).collect();
        let is_theirs = |actor: &ActorId| devices.iter().any(|device| actor.belongs_to(*device));
        let own = holds.iter().filter(|(_, actor)| is_theirs(actor)).map(|(change, _)| *change);
        digest(doc, own.collect())
    }

    /// A device says that snapshots hold of its user's what they do.
    pub fn confirms(&mut self, author: &Author, snapshots: &[Position]) -> Position {
        let row = |at: &Position| {
            let own = self.own_digest(author, self.stored_at(*at).entry.header().doc, &self.holds[at]);
            Row { snapshot: *at, word: Word::Confirms(Some(own)) }
        };
        let rows = snapshots.iter().map(row).collect();
        self.rows(author, rows)
    }

    pub fn row(&mut self, author: &Author, snapshot: Position, word: Word) -> Position {
        self.rows(author, vec![Row { snapshot, word }])
    }

    pub fn rows(&mut self, author: &Author, rows: Vec<Row>) -> Position {
        let header = self.draft(author, EntryType::Confirm);
        self.put(&author.sign(header, &Confirm::new(rows).unwrap().to_body()))
    }

    pub fn disputes(&mut self, author: &Author, snapshot: Position) -> Position {
        self.row(author, snapshot, Word::Disputes(SnapshotDigest::from_bytes([9; 32])))
    }
}
