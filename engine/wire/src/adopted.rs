//! What is sealed in an `adopted` entry: entries that the log has lost, each verbatim. Their own signatures say whose they are, so
//! whoever adopts them puts no words into anybody's mouth.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use crate::entry::{Entry, EntryError, SignedEntry};
use crate::header::{EntryType, Header};
use crate::ids::{EntryId, LogTime, Position, WorkspaceId};
use crate::limits::{MAX_BODY, MAX_HEADER, MAX_ORIGINALS};
use crate::roster::{Roster, Standing};
use crate::signed::Signed;

/// An entry that was on a log, or on its way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    header: Signed<Header>,
    /// When the log had it; zero if it never had a place.
    pub time: LogTime,
    body: Vec<u8>,
}

/// Why what an adopted entry holds is not a list of entries, or not one that it may hold. Its author's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AdoptedError {
    /// The bytes are not a list of entries.
    #[error(transparent)]
    Encoding(#[from] DecodeError),
    /// One of them is not signed by its author, or has another body than it names.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// They keep the rules of their own, and not one of those of an adopted entry.
    #[error("{0}")]
    Rule(&'static str),
}

impl Original {
    /// An entry as it was; `None` if its body is not here.
    pub fn of(entry: &Entry, time: LogTime) -> Option<Self> {
        Some(Self { header: entry.signed_header().to_signed(), time, body: entry.body()?.to_vec() })
    }
}

impl Canonical for Original {
    fn write(&self, to: &mut Writer) {
        let (header, signature) = self.header.parts();
        to.array(4).bytes(header).value(signature).value(&self.time).bytes(&self.body);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let header = from.bytes("header", MAX_HEADER)?.to_vec();
        let header = Signed::from_parts(header, from.value()?);
        Ok(Self { header, time: from.value()?, body: from.bytes("body", MAX_BODY)?.to_vec() })
    }
}

/// The originals in an adopted entry: ascending by chain and number, so that the parts of a payload follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    originals: Vec<Original>,
}

impl Adopted {
    /// What these entries come to in one; the caller has put them in order.
    pub fn new(originals: Vec<Original>) -> Self {
        Self { originals }
    }

    /// The bytes to be sealed, in the place of a document's changes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads and verifies what was sealed in an entry with this header. Afterwards they are entries like any others of this
    /// document; which of them count is for [`admitted`] to say.
    pub fn open(header: &Header, bytes: &[u8]) -> Result<Vec<Entry>, AdoptedError> {
        if header.entry_type != EntryType::Adopted {
            return Err(AdoptedError::Rule("the entry adopts nothing"));
        }
        let Self { originals } = decode(bytes)?;
        let verify = |original: Original| verify(header.workspace, original);
        let entries = originals.into_iter().map(verify).collect::<Result<Vec<Entry>, _>>()?;
        let number = |entry: &Entry| (entry.header().chain(), entry.header().seq);
        let declared = entries.iter().map(|entry| entry.header().weight.most());
        let declared = declared.fold(0, u64::saturating_add);
        let is_content =
            |entry: &Entry| matches!(entry.header().entry_type, EntryType::Changes | EntryType::Snapshot);
        let rules = [
            (!entries.is_empty(), "an adopted entry holds one"),
            (entries.iter().all(is_content), "what is adopted is changes or a snapshot"),
            (
                entries.iter().all(|entry| entry.header().doc == header.doc),
                "what is adopted is of one document",
            ),
            (
                entries.is_sorted_by(|one, next| number(one) < number(next)),
                "what is adopted is in order, each once",
            ),
            (declared <= header.weight.most(), "what is adopted declares more than what adopts it"),
        ];
        match rules.into_iter().find(|(kept, _)| !kept) {
            Some((_, broken)) => Err(AdoptedError::Rule(broken)),
            None => Ok(entries),
        }
    }
}

fn verify(workspace: WorkspaceId, original: Original) -> Result<Entry, EntryError> {
    SignedEntry::from_parts(original.header, Some(original.body)).verify(workspace)
}

impl Canonical for Adopted {
    fn write(&self, to: &mut Writer) {
        to.list(&self.originals);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = from.array_up_to("adopted", MAX_ORIGINALS)?;
        Ok(Self { originals: (0..len).map(|_| from.value()).collect::<Result<_, _>>()? })
    }
}

/// Those of the originals in an adopted entry at this position that count: their author was in the workspace and not removed before
/// that, or the removal says that they count, being the last of their chain that does or before it. Whoever was removed is not
/// helped in again by somebody who stays, under whatever number they sign something now.
pub fn admitted(roster: &Roster, originals: Vec<Entry>, at: Position) -> Vec<Entry> {
    let mut vouched: BTreeSet<EntryId> = BTreeSet::new();
    let mut admitted: Vec<Entry> = Vec::new();
    for original in originals.into_iter().rev() {
        let (header, id) = (original.header(), original.id());
        let counts = match roster.device(&header.device).map(|device| &device.standing) {
            None => false,
            Some(Standing::Active) => true,
            Some(Standing::Removed { position, .. }) if at < *position => true,
            Some(Standing::Removed { cut, .. }) => {
                let is_last = cut.get(&header.chain()) == Some(&(header.seq, id));
                let counts = is_last || vouched.contains(&id);
                if counts {
                    vouched.insert(header.prev);
                }
                counts
            }
        };
        if counts {
            admitted.push(original);
        }
    }
    admitted.reverse();
    admitted
}
