//! What this device remembers of an import, as the database keeps it.

use std::collections::BTreeMap;

use bowline_core::document::{ChangeHash, FilePath, LeftLine, Tally};
use bowline_store::LineHash;
use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use bowline_wire::hash::sha256;
use bowline_wire::ids::Millis;

use super::items::Item;
use crate::{Damage, Error};

/// Bound of what is read back: this device wrote it.
const ANY: usize = usize::MAX;

/// What a session's application said of it the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) key: Option<String>,
    pub(super) title: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) pinned: bool,
    pub(super) archived: bool,
    pub(super) no_final_newline: bool,
    pub(super) labels: Vec<String>,
}

/// A session as it was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SessionMemory {
    /// Lines of its file that were looked at; their hashes are kept beside this.
    pub(super) lines: u64,
    /// The document has no lines but these: a file that became longer has nothing that is there already.
    pub(super) is_all: bool,
    /// Lines kept aside in the document, and their bytes.
    pub(super) asides: usize,
    pub(super) aside_bytes: usize,
    /// The heads of the document after that: with others, somebody has written since.
    pub(super) heads: Vec<ChangeHash>,
    /// What the list showed then, to be added to without loading the document.
    pub(super) tally: Tally,
    pub(super) title: Option<String>,
    pub(super) about: About,
}

impl SessionMemory {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode(bytes).map_err(|_| Error::Damaged(Damage::Import))
    }
}

impl Canonical for SessionMemory {
    fn write(&self, to: &mut Writer) {
        to.array(13).u64(self.lines).bool(self.is_all);
        to.u64(self.asides as u64).u64(self.aside_bytes as u64);
        to.array(self.heads.len());
        for head in &self.heads {
            to.bytes(head.as_bytes());
        }
        let Tally { count, latest, session_name, first_text, last_text } = &self.tally;
        to.u64(*count).option(latest.as_ref(), |to, time| {
            to.u64(time.0);
        });
        for text in [session_name, first_text, last_text, &self.title] {
            write_text(to, text.as_ref());
        }
        let About { key, title, agent, pinned, archived, no_final_newline, labels } = &self.about;
        to.array(3);
        for text in [key, title, agent] {
            write_text(to, text.as_ref());
        }
        to.array(3 + labels.len()).bool(*pinned).bool(*archived).bool(*no_final_newline);
        for label in labels {
            to.text(label);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(13)?;
        let (lines, is_all) = (from.u64()?, from.bool()?);
        let (asides, aside_bytes) = (number(from)?, number(from)?);
        let mut heads = Vec::new();
        for _ in 0..from.array_up_to("heads", ANY)? {
            heads.push(ChangeHash::from_bytes(from.fixed()?));
        }
        let count = from.u64()?;
        let latest = from.option(|from| from.u64().map(Millis))?;
        let (session_name, first_text, last_text) = (read_text(from)?, read_text(from)?, read_text(from)?);
        let tally = Tally { count, latest, session_name, first_text, last_text };
        let shown = read_text(from)?;
        from.array(3)?;
        let (key, title, agent) = (read_text(from)?, read_text(from)?, read_text(from)?);
        let labels = from.array_up_to("labels", ANY)?;
        let (pinned, archived, no_final_newline) = (from.bool()?, from.bool()?, from.bool()?);
        let labels = (3..labels).map(|_| Ok(from.text("label", ANY)?.to_owned()));
        let labels = labels.collect::<Result<_, DecodeError>>()?;
        let about = About { key, title, agent, pinned, archived, no_final_newline, labels };
        Ok(Self { lines, is_all, asides, aside_bytes, heads, tally, title: shown, about })
    }
}

/// Fields and files as they were imported: each by its name with SHA-256 of what it held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FilesMemory(pub(super) BTreeMap<String, [u8; 32]>);

impl FilesMemory {
    /// The paths of the files.
    pub(super) fn files(&self) -> impl Iterator<Item = FilePath> {
        self.0.keys().filter_map(|name| Item::file_of(name))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode(bytes).map_err(|_| Error::Damaged(Damage::Import))
    }
}

impl Canonical for FilesMemory {
    fn write(&self, to: &mut Writer) {
        to.array(self.0.len());
        for (name, hash) in &self.0 {
            to.array(2).text(name).bytes(hash);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut items = BTreeMap::new();
        for _ in 0..from.array_up_to("items", ANY)? {
            from.array(2)?;
            items.insert(from.text("name", ANY)?.to_owned(), from.fixed()?);
        }
        Ok(Self(items))
    }
}

/// A line as it is remembered: the first eight bytes of its SHA-256. To be taken for another, a line would have to be
/// sought among 2⁶⁴, by somebody who writes the file anyhow.
pub(super) fn line_hash(line: &[u8]) -> LineHash {
    first_of(&sha256(&[line]))
}

/// What stands for a line that could not be held in memory. Under version 1 no note was made of it in its document: there it is
/// looked for once more.
pub(super) fn left_line_hash(line: &LeftLine) -> LineHash {
    let (bytes, digest) = (line.bytes.unwrap_or(u64::MAX), line.digest.unwrap_or_default());
    first_of(&sha256(&[b"bowline/line-too-long/2", &bytes.to_be_bytes(), &digest]))
}

/// The beginning of a hash.
pub(super) fn first_of(hash: &[u8; 32]) -> LineHash {
    let mut first = LineHash::default();
    for (to, from) in first.iter_mut().zip(hash) {
        *to = *from;
    }
    first
}

fn write_text(to: &mut Writer, text: Option<&String>) {
    to.option(text, |to, text| {
        to.text(text);
    });
}

fn read_text(from: &mut Reader<'_>) -> Result<Option<String>, DecodeError> {
    from.option(|from| Ok(from.text("text", ANY)?.to_owned()))
}

fn number(from: &mut Reader<'_>) -> Result<usize, DecodeError> {
    usize::try_from(from.u64()?).map_err(|_| DecodeError::Rule("a number is beyond all sense"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_reads_back_as_it_was() {
        let text = |text: &str| Some(text.to_owned());
        let about = About {
            key: text("agent:main:main"),
            title: None,
            agent: text("main"),
            pinned: true,
            archived: false,
            no_final_newline: true,
            labels: vec!["home".to_owned(), "work".to_owned()],
        };
        let tally = Tally {
            count: 3,
            latest: Some(Millis(7)),
            session_name: None,
            first_text: text("first"),
            last_text: text("last"),
        };
        let heads = vec![ChangeHash::from_bytes([1; 32]), ChangeHash::from_bytes([2; 32])];
        let memory = SessionMemory {
            lines: 9,
            is_all: true,
            asides: 1,
            aside_bytes: 20,
            heads,
            tally,
            title: text("shown"),
            about,
        };
        for memory in [memory, SessionMemory::default()] {
            assert_eq!(SessionMemory::from_bytes(&memory.to_bytes()).unwrap(), memory);
        }
        let memory = FilesMemory(BTreeMap::from([("name".to_owned(), [3; 32])]));
        assert_eq!(FilesMemory::from_bytes(&memory.to_bytes()).unwrap(), memory);
    }

    #[test]
    fn what_this_device_cannot_have_written_is_refused() {
        assert!(SessionMemory::from_bytes(b"nonsense").is_err());
        assert!(FilesMemory::from_bytes(&[]).is_err());
    }
}
