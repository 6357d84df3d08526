//! What a sealed body holds: a document's bytes, whose they are, and enough for a list that loads no document.

use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use bowline_wire::ids::{DocId, Millis};
use bowline_wire::limits::MAX_PAYLOAD;
use thiserror::Error;

use crate::document::limits::{SUMMARY_PREVIEW_MAX, SUMMARY_TITLE_MAX};
use crate::document::{ChangeHash, Marks, Summary};

/// Heads of one document that a payload may name: one for each device that wrote concurrently.
pub const MAX_HEADS: usize = 4096;

/// Items of a payload that says nothing of marks, as all were before there were any in it.
const ITEMS_BEFORE_MARKS: usize = 10;

/// Times and counts above this are nonsense, and no database column holds them.
const MAX_NUMBER: u64 = i64::MAX as u64;

/// Why bytes are not a payload. The fault is the author's: the seal was intact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("its payload cannot be read: {0}")]
pub struct PayloadError(#[from] pub DecodeError);

/// The inside of a sealed body.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// The document that the payload belongs to.
    pub doc: DocId,
    /// The number of the document's kind; see [`crate::document::Kind`].
    pub kind: u32,
    /// The author's clock.
    pub time: Millis,
    /// The document's heads at the author's, with this entry's changes.
    pub heads: Vec<ChangeHash>,
    /// Automerge: raw changes one after the other, or for a snapshot one uncompressed save.
    pub bytes: Vec<u8>,
    /// What lists may show until the document is loaded: its author's claim.
    pub summary: Summary,
    /// When the document was moved to the trash; a claim, like the summary.
    pub deleted_at: Option<Millis>,
    /// How the document is filed; a claim, like the summary. `None` in what versions before this field have sealed.
    pub marks: Option<Marks>,
}

impl std::fmt::Debug for Payload {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Payload");
        shown.field("doc", &self.doc).field("kind", &self.kind).field("len", &self.bytes.len());
        shown.finish_non_exhaustive()
    }
}

impl Payload {
    /// The payload as bytes, to be sealed.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads the bytes of an opened body.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        Ok(decode(bytes)?)
    }
}

impl Canonical for Payload {
    fn write(&self, to: &mut Writer) {
        to.array(ITEMS_BEFORE_MARKS + usize::from(self.marks.is_some()));
        to.value(&self.doc).u64(self.kind.into()).u64(self.time.0);
        to.array(self.heads.len());
        for head in &self.heads {
            to.bytes(head.as_bytes());
        }
        let Summary { title, updated_at, count, preview } = &self.summary;
        to.bytes(&self.bytes).text(title).u64(updated_at.0).u64(*count).text(preview);
        to.option(self.deleted_at.as_ref(), |to, at| {
            to.u64(at.0);
        });
        if let Some(marks) = &self.marks {
            to.value(marks);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = from.array_up_to("payload", ITEMS_BEFORE_MARKS + 1)?;
        let (doc, kind, time) = (from.value()?, from.u32()?, Millis(number(from)?));
        let mut heads = Vec::new();
        for _ in 0..from.array_up_to("heads", MAX_HEADS)? {
            heads.push(ChangeHash::from_bytes(from.fixed()?));
        }
        let bytes = from.bytes("document", MAX_PAYLOAD)?.to_vec();
        let summary = Summary {
            title: from.text("title", SUMMARY_TITLE_MAX)?.to_owned(),
            updated_at: Millis(number(from)?),
            count: number(from)?,
            preview: from.text("preview", SUMMARY_PREVIEW_MAX)?.to_owned(),
        };
        let deleted_at = from.option(|from| number(from).map(Millis))?;
        let marks = (items > ITEMS_BEFORE_MARKS).then(|| Marks::read_claim(from)).transpose()?;
        Ok(Self { doc, kind, time, heads, bytes, summary, deleted_at, marks })
    }
}

fn number(from: &mut Reader<'_>) -> Result<u64, DecodeError> {
    match from.u64()? {
        number if number <= MAX_NUMBER => Ok(number),
        _ => Err(DecodeError::Rule("a time or count is beyond all sense")),
    }
}

#[cfg(test)]
mod tests;
