//! What stands on the log of a document's snapshots.

use std::collections::BTreeSet;

use bowline_wire::confirm::Row;
use bowline_wire::header::Digests;
use bowline_wire::ids::{DeviceId, Position, UserId};
use bowline_wire::log::SignedWord;

use super::people::People;
use crate::document::ChangeHash;

/// A snapshot on the log, as everybody sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// Where it stands; of one in parts, where the last one does.
    pub position: Position,
    /// Whose it is.
    pub author: DeviceId,
    /// The snapshot stands in for everything of its document up to here, by the log as it went on (`Placed::covers`).
    pub covers: Position,
    /// What its author says it holds.
    pub digests: Digests,
}

/// A row of a confirm on the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Where the confirm stands.
    pub position: Position,
    /// Whose it is.
    pub author: DeviceId,
    /// What it says.
    pub row: Row,
}

/// A content entry of the document that is on the log with its body: whose it is, and what its own device says in it.
///
/// A snapshot that says what it holds is not among them: what its author's user has in it is in their word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Where it stands; of one in parts, where the last one does.
    pub position: Position,
    /// Whose it is.
    pub author: DeviceId,
    /// The changes in it that its author's device made.
    pub changes: Vec<ChangeHash>,
}

/// What the log says of a document's snapshots. Everything that is a function of it is one of these alone.
#[derive(Clone)]
pub struct Told<'f> {
    /// Who was in the workspace when.
    pub people: &'f People,
    /// The snapshots of the document that say what they hold.
    pub snapshots: &'f [SnapshotHeader],
    /// What was said of them.
    pub said: &'f [Said],
    /// What users have signed in entries that are gone, by the state of a checkpoint that stands.
    pub signed: &'f [(UserId, SignedWord)],
    /// Users with a content entry of the document that is still there, whether or not anything in it counts.
    pub writers: BTreeSet<UserId>,
    /// The entries of the document that are still there.
    pub entries: Vec<&'f Holding>,
}
