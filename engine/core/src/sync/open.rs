//! Opening entries: stateless, so that it may run on any thread, in any order.

use bowline_crypto::{KeySnapshot, OpenError};
use bowline_wire::entry::Entry;
use bowline_wire::header::{Header, Part};
use bowline_wire::ids::{EntryId, WireDoc};
use bowline_wire::limits::{MAX_PAYLOAD, PART_LEN};
use thiserror::Error;

use crate::payload::{Payload, PayloadError};

/// What an accepted content entry turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A document's changes or snapshot.
    Content(Box<Payload>),
    /// Part of a payload, unopened. The payload takes effect with its last part; see [`Parts`].
    Part,
    /// A type this version does not act on.
    UpdateNeeded,
}

/// Why an accepted entry cannot be read. It is kept and shown either way.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// There is no key here for the entry's epoch, or none of the first one to tell which document it is.
    #[error("there is no key here for its epoch")]
    NoKey,
    /// The relay has no body for the entry any more.
    #[error("its body is not here")]
    NoBody,
    /// The entry ends a payload of which not every part is here.
    #[error("it is the last part of something of which an earlier part is not here")]
    NoPart,
    /// The entry's author made parts that are not one payload.
    #[error("the parts up to it do not belong together: {0}")]
    Parts(&'static str),
    /// The entry's author sealed it wrongly.
    #[error("{0}")]
    Seal(OpenError),
    /// The entry's author sealed something that is not a payload.
    #[error("{0}")]
    Payload(#[from] PayloadError),
    /// The entry's author sealed one document under the name of another.
    #[error("it holds another document than its header says")]
    OtherDocument,
}

/// Opens a content entry that [`bowline_wire::log::Log::check`] accepted.
pub fn open(entry: &Entry, keys: &KeySnapshot) -> Result<Opened, Unreadable> {
    let header = entry.header();
    if !header.entry_type.is_understood() {
        return Ok(Opened::UpdateNeeded);
    }
    if header.part != Part::WHOLE {
        // What is inside is looked at when all of it is here; what is not here now never comes.
        return if entry.body().is_some() { Ok(Opened::Part) } else { Err(Unreadable::NoBody) };
    }
    let payload = read(&unsealed(entry, keys)?, header.doc, keys)?;
    Ok(Opened::Content(Box::new(payload)))
}

/// Puts a payload together from the entries that carry its parts: first to last, as they stand in their author's chain.
/// Never holds more than [`MAX_PAYLOAD`] bytes and one part.
#[derive(Default)]
pub struct Parts {
    /// The entry that was added last, and its header.
    last: Option<(EntryId, Header)>,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Parts {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Parts {
    /// Adds the next part.
    pub fn add(&mut self, entry: &Entry, keys: &KeySnapshot) -> Result<(), Unreadable> {
        let header = entry.header();
        let before = self.last.as_ref().map(|(id, header)| (*id, header));
        follows(before, header).map_err(Unreadable::Parts)?;
        let bytes = unsealed(entry, keys)?;
        let is_cut_right = if header.part.is_last() { !bytes.is_empty() } else { bytes.len() == PART_LEN };
        if !is_cut_right {
            return Err(Unreadable::Parts("one has not the length that it has to have"));
        }
        if self.bytes.len() + bytes.len() > MAX_PAYLOAD {
            return Err(Unreadable::Parts("they are more than any payload has"));
        }
        // Room for what is here, not for what is announced, and no more than that.
        self.bytes.reserve_exact(bytes.len());
        self.bytes.extend_from_slice(&bytes);
        self.last = Some((entry.id(), header.clone()));
        Ok(())
    }

    /// The payload, once all parts were added.
    pub fn finish(self, keys: &KeySnapshot) -> Result<Payload, Unreadable> {
        match self.last {
            Some((_, header)) if header.part.is_last() => read(&self.bytes, header.doc, keys),
            _ => Err(Unreadable::NoPart),
        }
    }
}

/// Whether an entry carries the part that comes after `before`, or the first one.
fn follows(before: Option<(EntryId, &Header)>, header: &Header) -> Result<(), &'static str> {
    let Some((id, before)) = before else {
        return if header.part.index == 0 { Ok(()) } else { Err("the first one is missing") };
    };
    let rules = [
        (header.chain() == before.chain() && header.prev == id, "they do not follow one another"),
        (header.part.index == before.part.index + 1, "one is numbered wrongly"),
        (header.part.count == before.part.count, "they disagree how many they are"),
        (header.entry_type == before.entry_type, "they are of several types"),
        (header.doc == before.doc, "they are of several documents"),
        (header.epoch == before.epoch, "they are of several epochs"),
        (header.covers == before.covers, "they cover different entries"),
        (header.digests == before.digests, "they say that they hold different changes"),
    ];
    match rules.into_iter().find(|(kept, _)| !kept) {
        Some((_, broken)) => Err(broken),
        None => Ok(()),
    }
}

/// What was sealed.
fn unsealed(entry: &Entry, keys: &KeySnapshot) -> Result<Vec<u8>, Unreadable> {
    bowline_crypto::open(entry, keys).map_err(|error| match error {
        OpenError::NoKey(_) => Unreadable::NoKey,
        OpenError::NoBody => Unreadable::NoBody,
        other => Unreadable::Seal(other),
    })
}

/// The payload of entries that say they are of this document.
fn read(bytes: &[u8], doc: WireDoc, keys: &KeySnapshot) -> Result<Payload, Unreadable> {
    let payload = Payload::decode(bytes)?;
    match keys.wire_doc(payload.doc) {
        Some(named) if named == doc => Ok(payload),
        Some(_) => Err(Unreadable::OtherDocument),
        None => Err(Unreadable::NoKey),
    }
}
