//! One document in memory: what it is about, what Automerge holds of it, and what was worked out from that.

use std::sync::OnceLock;

use automerge::Automerge;
use bowline_wire::ids::Millis;

use super::actor::ActorId;
use super::intake::ancestry::Ancestry;
use super::intake::apply::heads;
use super::intake::first::FirstChange;
use super::intake::guard::guarded;
use super::intake::hash::ChangeHash;
use super::kind::Kind;
use super::kinds::conversation::Entry;
use super::kinds::conversation::outline::Outline;

/// Stored bytes that are not the document they were stored as: the disk or another program changed them, or they are
/// from a version that knows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a document.
    #[error("the stored document is damaged")]
    Damaged,
    /// A document that does not begin with this kind's first change.
    #[error("the stored document is of another kind or schema step")]
    OtherKind,
}

/// A document was asked for as another kind than it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this document is a {0:?}")]
pub struct OtherKind(pub Kind);

/// One document in memory.
#[derive(Clone)]
pub struct Document {
    kind: Kind,
    automerge: Automerge,
    /// The graph of changes, made when first needed: reading and editing do without.
    history: Option<Ancestry>,
    /// The order of a conversation's entries, made when first needed.
    outline: OnceLock<Outline>,
}

impl Document {
    /// A document with nothing in it but its first change. It has no history of its own: two devices that create the
    /// same document apart have the same one.
    pub fn create(kind: Kind) -> Self {
        Self::from_parts(kind, FirstChange::of(kind).document())
    }

    /// Loads what [`Document::save`] made. For this device's own storage only: it trusts the bytes in a way that
    /// [`Document::apply`] does not.
    pub fn load(kind: Kind, bytes: &[u8]) -> Result<Self, LoadError> {
        let loaded = guarded(|| Automerge::load(bytes)).ok().and_then(Result::ok);
        let automerge = loaded.ok_or(LoadError::Damaged)?;
        let first = FirstChange::of(kind).hash().to_automerge();
        if automerge.get_change_meta_by_hash(&first).is_none() {
            return Err(LoadError::OtherKind);
        }
        Ok(Self::from_parts(kind, automerge))
    }

    /// The document as one uncompressed Automerge chunk: what is stored as base, and sealed as
    /// [`Source::Snapshot`](super::Source::Snapshot).
    pub fn save(&self) -> Vec<u8> {
        self.automerge.save_nocompress()
    }

    /// What the document is about.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The changes nothing builds on yet, in order.
    pub fn heads(&self) -> Vec<ChangeHash> {
        heads(&self.automerge)
    }

    /// Whether the document has this change.
    pub fn contains(&self, change: &ChangeHash) -> bool {
        self.automerge.get_change_meta_by_hash(&change.to_automerge()).is_some()
    }

    /// The changes that this document has and another one of its kind does not, in no particular order.
    pub fn changes_beyond(&self, other: &Self) -> Vec<ChangeHash> {
        self.changes().filter(|hash| !other.contains(hash)).collect()
    }

    /// All changes of the document, in no particular order.
    pub(super) fn changes(&self) -> impl Iterator<Item = ChangeHash> {
        let all = self.automerge.get_changes_meta(&[]);
        all.into_iter().map(|change| ChangeHash::from_bytes(change.hash.0)).collect::<Vec<_>>().into_iter()
    }

    /// All changes of the document, each with the actor under which it was made, ascending by hash: what a snapshot of it holds.
    pub fn changes_by_actor(&self) -> Vec<(ChangeHash, ActorId)> {
        let all = self.automerge.get_changes_meta(&[]).into_iter();
        let made = all.filter_map(|it| {
            Some((ChangeHash::from_bytes(it.hash.0), ActorId::from_slice(it.actor.to_bytes())?))
        });
        let mut changes: Vec<(ChangeHash, ActorId)> = made.collect();
        changes.sort_unstable_by_key(|(hash, _)| *hash);
        changes
    }

    /// How many changes the document has, the first one included, and how many operations they have: what an entry with all of it
    /// would hold, and may hold [`CHANGES_MAX`](super::limits::CHANGES_MAX) and [`OPS_MAX`](super::limits::OPS_MAX) of.
    pub fn extent(&self) -> (usize, u64) {
        let changes = self.automerge.get_changes_meta(&[]);
        let operations = changes.iter().map(|change| change.max_op.saturating_sub(change.start_op) + 1);
        (changes.len(), operations.sum())
    }

    /// When the newest change says it was made; zero for a document nobody has edited.
    pub(super) fn last_edit(&self) -> Millis {
        let heads = self.automerge.get_heads().into_iter();
        let times = heads.filter_map(|head| Some(self.automerge.get_change_meta_by_hash(&head)?.timestamp));
        let seconds = times.filter_map(|seconds| u64::try_from(seconds).ok()).max();
        Millis(seconds.unwrap_or(0).saturating_mul(1000))
    }

    pub(super) fn expect(&self, kind: Kind) -> Result<(), OtherKind> {
        if self.kind == kind { Ok(()) } else { Err(OtherKind(self.kind)) }
    }

    pub(super) fn from_parts(kind: Kind, automerge: Automerge) -> Self {
        Self { kind, automerge, history: None, outline: OnceLock::new() }
    }

    pub(super) fn automerge(&self) -> &Automerge {
        &self.automerge
    }

    pub(super) fn automerge_mut(&mut self) -> &mut Automerge {
        &mut self.automerge
    }

    pub(super) fn replace(&mut self, automerge: Automerge) {
        self.automerge = automerge;
        self.outline.take();
    }

    /// The outline of its transcript, read if there is none yet.
    pub(super) fn outline_or(&self, read: impl FnOnce() -> Outline) -> &Outline {
        self.outline.get_or_init(read)
    }

    pub(super) fn forget_outline(&mut self) {
        self.outline.take();
    }

    /// Keeps the outline, if there is one, in step with an entry just appended; `None` if it cannot be read.
    pub(super) fn note_appended(&mut self, entry: Option<&Entry>) {
        if let Some(outline) = self.outline.take().zip(entry).and_then(|(outline, entry)| outline.with(entry))
        {
            self.outline = OnceLock::from(outline);
        }
    }

    /// The graph of what is in the document; give it back with [`Self::keep_history`] unless it has come to hold more.
    pub(super) fn take_history(&mut self) -> Ancestry {
        self.history.take().unwrap_or_else(|| Ancestry::of(&self.automerge))
    }

    /// Keeps the graph, if there is one, in step with a change just made here.
    pub(super) fn note_written(&mut self, change: &[u8]) {
        let history = self.history.take();
        self.history = history.and_then(|history| history.with_own(self.kind, change));
    }

    pub(super) fn keep_history(&mut self, history: Ancestry) {
        self.history = Some(history);
    }
}

impl std::fmt::Debug for Document {
    /// Kind and heads; content never reaches a trace.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("kind", &self.kind)
            .field("heads", &self.heads())
            .finish_non_exhaustive()
    }
}
