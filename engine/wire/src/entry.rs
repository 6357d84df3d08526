//! Entries as they travel: a signed header and, unless the relay has erased it, its body.

use thiserror::Error;

use crate::codec::{Canonical, DecodeError, Reader, Writer, encode};
use crate::hash;
use crate::header::{HEADER_FIELDS, Header, UNBOUND_FIELDS};
use crate::ids::{EntryId, LogTime, WorkspaceId};
use crate::limits::{MAX_BODY, MAX_HEADER};
use crate::signed::{Signed, Verified, VerifyError};

/// Why received bytes are not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EntryError {
    /// The header is not canonical or not signed by its author.
    #[error(transparent)]
    Header(#[from] VerifyError),
    /// The body is not the one that the header names. Whoever delivered it altered it.
    #[error("the body does not match its header")]
    BodyMismatch,
}

/// An entry as received. Nothing can be read from it before [`SignedEntry::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEntry {
    header: Signed<Header>,
    body: Option<Vec<u8>>,
}

impl SignedEntry {
    /// An entry from its parts, as received or as stored.
    pub fn from_parts(header: Signed<Header>, body: Option<Vec<u8>>) -> Self {
        Self { header, body }
    }

    /// The entry with these bytes as its body, which is not verified by it.
    #[must_use]
    pub fn with_body(self, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Whether a body came along.
    pub fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// Header and body, neither of them verified.
    pub(crate) fn into_parts(self) -> (Signed<Header>, Option<Vec<u8>>) {
        (self.header, self.body)
    }

    /// Checks canonical form, signature, and that the body, if there is one, is the header's.
    pub fn verify(self, workspace: WorkspaceId) -> Result<Entry, EntryError> {
        Entry::new(self.header.verify_within(workspace)?, self.body)
    }

    /// The id of the header bytes as received: what a log hash runs over, whatever the bytes turn out to be.
    pub fn id(&self, workspace: WorkspaceId) -> EntryId {
        hash::entry_id(workspace, self.header.parts().0)
    }

    /// Bytes this entry takes in a frame, never less and at most a few more; for cutting batches.
    pub fn wire_len(&self) -> usize {
        wire_len(self.header.parts().0, self.body.as_deref())
    }
}

impl Canonical for SignedEntry {
    fn write(&self, to: &mut Writer) {
        let (header, signature) = self.header.parts();
        to.array(3).bytes(header).value(signature);
        to.option(self.body.as_ref(), |to, body| {
            to.bytes(body);
        });
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let header = from.bytes("header", MAX_HEADER)?.to_vec();
        let signature = from.value()?;
        let body = from.option(|from| from.bytes("body", MAX_BODY).map(<[u8]>::to_vec))?;
        Ok(Self { header: Signed::from_parts(header, signature), body })
    }
}

/// An entry of a log as it travels, with the log's time at its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEntry {
    /// When the relay gave the entry its position.
    pub time: LogTime,
    /// The entry.
    pub entry: SignedEntry,
}

impl Canonical for LoggedEntry {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.time).value(&self.entry);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { time: from.value()?, entry: from.value()? })
    }
}

/// An entry whose signature and body have been checked. Whether it is *accepted* depends on the log: see
/// [`crate::log::Log::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: EntryId,
    header: Verified<Header>,
    body: Option<Vec<u8>>,
}

impl Entry {
    /// Joins a verified header and its body.
    pub fn new(header: Verified<Header>, body: Option<Vec<u8>>) -> Result<Self, EntryError> {
        Self::with_id(hash::entry_id(header.value().workspace, header.bytes()), header, body)
    }

    pub(crate) fn with_id(
        id: EntryId,
        header: Verified<Header>,
        body: Option<Vec<u8>>,
    ) -> Result<Self, EntryError> {
        if let Some(body) = &body {
            let named = header.value();
            if body.len() != named.body_len as usize || hash::body_hash(body) != named.body_hash {
                return Err(EntryError::BodyMismatch);
            }
        }
        Ok(Self::with_its_body(id, header, body))
    }

    /// A verified header and a body that it names, as the caller has seen.
    pub(crate) fn with_its_body(id: EntryId, header: Verified<Header>, body: Option<Vec<u8>>) -> Self {
        Self { id, header, body }
    }

    /// SHA-256 of the workspace and the header bytes.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// What the author says about the entry.
    pub fn header(&self) -> &Header {
        self.header.value()
    }

    /// The header with its bytes and signature, for storing.
    pub fn signed_header(&self) -> &Verified<Header> {
        &self.header
    }

    /// The additional data of the body's seal: the header without `salt`, `body_len` and `body_hash`, which depend on it. For
    /// sealing it comes from [`Header::additional_data`]; here from the bytes that were signed, whatever version wrote them.
    pub fn additional_data(&self) -> Vec<u8> {
        let (bytes, header) = (self.header.bytes(), self.header());
        let tail = encode(&header.salt).len() + encode_len(header.body_len) + encode(&header.body_hash).len();
        let mut to = Writer::new();
        to.array(HEADER_FIELDS.len() - UNBOUND_FIELDS);
        let bound = bytes.get(ARRAY_HEAD..bytes.len().saturating_sub(tail)).unwrap_or_default();
        [to.into_bytes().as_slice(), bound].concat()
    }

    /// The body, unless it was erased or withheld.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// Bytes this entry takes in a frame, as [`SignedEntry::wire_len`].
    pub fn wire_len(&self) -> usize {
        wire_len(self.header.bytes(), self.body())
    }

    /// The entry as it travels.
    pub fn to_signed(&self) -> SignedEntry {
        SignedEntry { header: self.header.to_signed(), body: self.body.clone() }
    }
}

/// Bytes of the head of a header's array, which has fewer than 24 fields.
const ARRAY_HEAD: usize = 1;

/// Bytes that a number takes.
fn encode_len(number: u32) -> usize {
    let mut to = Writer::new();
    to.u64(number.into());
    to.into_bytes().len()
}

/// Bytes of header, signature and body with the heads of their CBOR, and of a log's time beside them.
fn wire_len(header: &[u8], body: Option<&[u8]>) -> usize {
    const ENVELOPE: usize = 98;
    header.len() + body.map_or(0, <[u8]>::len) + ENVELOPE
}
