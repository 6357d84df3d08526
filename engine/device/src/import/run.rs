//! Changes to a document that is not in memory, made on one that stands for it.

use bowline_core::document::{ActorId, ChangeHash, Document, ImportBatch, Kind, Pen};
use bowline_wire::ids::{DeviceId, Millis};

use crate::Error;

/// Bytes of lines that are written under one actor: what is in memory of a session, however long that is.
const RUN_BYTES: usize = 8 << 20;

/// A document that stands for one that is not in memory: it has what an import has written of late and nothing else, under
/// an actor of its own. What an import writes refers to nothing but the first change.
pub(super) struct Run {
    document: Document,
    actor: ActorId,
    bytes: usize,
    head: Option<ChangeHash>,
}

impl Run {
    pub(super) fn begin(device: DeviceId, random: [u8; 8]) -> Self {
        let actor = ActorId::for_device(device, random);
        Self { document: Document::create(Kind::Conversation), actor, bytes: 0, head: None }
    }

    /// Whether another batch may be written under its actor.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < RUN_BYTES
    }

    /// Makes a change of a batch, and says what it does to the heads of the document that it is for.
    pub(super) fn write(
        &mut self,
        batch: &ImportBatch,
        now: Millis,
    ) -> Result<(Option<Vec<u8>>, Heads), Error> {
        let pen = Pen { actor: self.actor, now };
        let conversation = self.document.conversation_mut(pen);
        let mut conversation =
            conversation.map_err(|_| Error::Bug("a document was opened as another kind than it is"))?;
        let change = conversation.import(batch)?;
        self.bytes += batch.bytes();
        let before = self.head;
        self.head = self.document.heads().first().copied();
        Ok((change, Heads { before, after: self.head }))
    }
}

/// What a change does to the heads of a document.
#[derive(Default)]
pub(super) struct Heads {
    before: Option<ChangeHash>,
    after: Option<ChangeHash>,
}

impl Heads {
    pub(super) fn of(&self, found: &[ChangeHash]) -> Vec<ChangeHash> {
        let pristine = Document::create(Kind::Conversation).heads();
        let mut heads: Vec<ChangeHash> = found.to_vec();
        heads.retain(|head| Some(*head) != self.before && !pristine.contains(head));
        heads.extend(self.after);
        heads.sort_unstable();
        heads.dedup();
        heads
    }
}
