//! The body of a `confirm`: what a device says of snapshots, a row for each. Plain, so that a relay without keys sees which of them
//! are disputed.

use crate::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use crate::header::{EntryType, Header};
use crate::ids::{Position, SnapshotDigest};
use crate::limits::MAX_CONFIRM_ROWS;

/// What a device says of one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The snapshot holds exactly what counts of what it covers. With a digest, of the changes in it that devices of the author's
    /// user made, also: for these it stands. Without, the author's user has none in it, or says nothing new of them.
    Confirms(Option<SnapshotDigest>),
    /// The snapshot holds something else: this is the digest of what counts of what it covers.
    Disputes(SnapshotDigest),
}

/// One row of a confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where the snapshot stands in the log; of one in parts, where the last one does.
    pub snapshot: Position,
    /// What is said of it.
    pub word: Word,
}

impl Row {
    /// The row if it is a dispute: its snapshot, and what the disputing device found instead.
    pub fn dispute(&self) -> Option<SnapshotDigest> {
        match self.word {
            Word::Disputes(all) => Some(all),
            Word::Confirms(_) => None,
        }
    }
}

fn put(to: &mut Writer, digest: &SnapshotDigest) {
    to.value(digest);
}

impl Canonical for Row {
    fn write(&self, to: &mut Writer) {
        match &self.word {
            Word::Confirms(own) => to.array(2).value(&self.snapshot).option(own.as_ref(), put),
            Word::Disputes(all) => to.array(3).value(&self.snapshot).option(None, put).value(all),
        };
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = from.array_up_to("row", 3)?;
        let snapshot: Position = from.value()?;
        let own = from.option(Reader::value)?;
        let word = match (items, own) {
            (2, own) => Word::Confirms(own),
            (3, None) => Word::Disputes(from.value()?),
            _ => return Err(DecodeError::Rule("a row confirms a snapshot or disputes it")),
        };
        if snapshot == Position::START {
            return Err(DecodeError::Rule("no snapshot stands before the log"));
        }
        Ok(Self { snapshot, word })
    }
}

/// The body of a `confirm`: rows ascending by their snapshots, each snapshot once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    rows: Vec<Row>,
}

impl Confirm {
    /// A confirm of these rows.
    ///
    /// # Errors
    /// If there are none, too many, or they are not ascending.
    pub fn new(rows: Vec<Row>) -> Result<Self, DecodeError> {
        if rows.is_empty() {
            return Err(DecodeError::Rule("a confirm has a row"));
        }
        if rows.len() > MAX_CONFIRM_ROWS {
            return Err(DecodeError::TooLarge { what: "confirm", limit: MAX_CONFIRM_ROWS });
        }
        if !rows.is_sorted_by(|one, next| one.snapshot < next.snapshot) {
            return Err(DecodeError::Rule("rows are ascending, each snapshot once"));
        }
        Ok(Self { rows })
    }

    /// Reads the body of an entry with this header. What it says of a snapshot that its author had not seen is said blindly, and
    /// such a confirm says nothing.
    pub fn parse(header: &Header, body: &[u8]) -> Result<Self, DecodeError> {
        if header.entry_type != EntryType::Confirm {
            return Err(DecodeError::Rule("the entry is not a confirm"));
        }
        let confirm: Self = decode(body)?;
        let seen = header.seen.map_or(Position::START, |seen| seen.position);
        match confirm.rows.last() {
            Some(last) if last.snapshot <= seen => Ok(confirm),
            _ => Err(DecodeError::Rule("a confirm is of snapshots that its author has seen")),
        }
    }

    /// The body of an entry that says so.
    pub fn to_body(&self) -> Vec<u8> {
        encode(self)
    }

    /// What is said of each snapshot.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl Canonical for Confirm {
    fn write(&self, to: &mut Writer) {
        to.list(&self.rows);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = from.array_up_to("confirm", MAX_CONFIRM_ROWS)?;
        Self::new((0..len).map(|_| from.value()).collect::<Result<_, _>>()?)
    }
}
