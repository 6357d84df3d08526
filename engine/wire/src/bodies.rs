//! Bodies apart from their entries: what it means that one is missing, decided here for everybody, which body an entry has,
//! and bodies on their way to whoever lacks them.

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::entry::{Entry, EntryError, SignedEntry};
use crate::hash;
use crate::header::Header;
use crate::ids::{BodyHash, EntryId, Lane, Position, WorkspaceId};
use crate::limits::MAX_BODY;
use crate::roster::GivenUp;

/// What it means that an entry of the log is without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WithoutBody {
    /// Nothing after the entry can be judged without the body, so whoever gives the entry so gives no log.
    NotTheLog,
    /// Whoever gives the entry withholds the body. The log goes on; the body is asked for, and the author is not to blame.
    Withheld,
    /// The Owner has given the entry up: it counts nowhere, with or without its body, and nobody asks for that.
    GivenUp,
}

/// What it means that an entry is on a log, of which so much is given up, and its body is not there; `None` if it is.
pub fn without_body(entry: &Entry, given_up: &GivenUp) -> Option<WithoutBody> {
    let what = match entry.header().lane {
        Lane::Control => WithoutBody::NotTheLog,
        Lane::Content if given_up.covers(entry.id(), entry.header()) => WithoutBody::GivenUp,
        Lane::Content => WithoutBody::Withheld,
    };
    entry.body().is_none().then_some(what)
}

/// Verifies an entry of a log. A body that is not the header's is none: whoever gave the entry has altered or lost it, and what
/// that means is [`without_body`]'s to say.
///
/// # Errors
/// [`EntryError::Header`] alone.
pub fn verify_given(entry: SignedEntry, workspace: WorkspaceId) -> Result<Entry, EntryError> {
    let (header, body) = entry.into_parts();
    let header = header.verify_within(workspace)?;
    let (id, name) = (hash::entry_id(workspace, header.bytes()), BodyName::of_header(header.value()));
    Ok(Entry::with_its_body(id, header, body.filter(|body| name.names(body))))
}

/// Which bytes an entry's header names as its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyName {
    len: u32,
    hash: BodyHash,
}

impl BodyName {
    /// The body that an entry has, or has to get.
    pub fn of(entry: &Entry) -> Self {
        Self::of_header(entry.header())
    }

    fn of_header(header: &Header) -> Self {
        Self { len: header.body_len, hash: header.body_hash }
    }

    /// Whether these bytes are that body.
    pub fn names(&self, body: &[u8]) -> bool {
        body.len() == self.len as usize && hash::body_hash(body) == self.hash
    }
}

/// An entry of the log that is here without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bodiless {
    /// Where the entry stands in the log.
    pub position: Position,
    /// The entry's id.
    pub id: EntryId,
    /// The body that it has to get.
    pub name: BodyName,
}

/// A body on its way, for the entry at a position. Whether it is that entry's body is for whoever has the header to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supplied {
    /// Where the entry stands in the log.
    pub position: Position,
    /// The bytes that are said to be the entry's body.
    pub body: Vec<u8>,
}

impl Supplied {
    /// The most bytes that a body of this length takes in a frame.
    pub const fn wire_len(body: usize) -> usize {
        /// Heads of an array and of a byte string, and a position.
        const ENVELOPE: usize = 16;
        body + ENVELOPE
    }
}

impl Canonical for Supplied {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.position).bytes(&self.body);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { position: from.value()?, body: from.bytes("body", MAX_BODY)?.to_vec() })
    }
}
