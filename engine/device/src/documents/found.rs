//! A person's document as it was found: its row is looked up once, and every verb takes it.

use bowline_core::document::Kind;
use bowline_store::{DocRow, Reader};
use bowline_wire::ids::{DocId, WorkspaceId};

use crate::Error;
use crate::rows::{kind_column, kind_of};

/// A document as it was found, with the revision it had then: for what is done with it now, not to be kept. What another
/// process writes meanwhile is noticed.
#[derive(Clone, Debug)]
pub struct Found {
    pub(crate) row: DocRow,
    kind: Kind,
}

/// Which document a verb is about.
#[derive(Clone, Debug)]
pub enum Which {
    /// The document with this id.
    Id(DocId),
    /// The document that was found.
    Found(Box<Found>),
}

impl From<DocId> for Which {
    fn from(id: DocId) -> Self {
        Self::Id(id)
    }
}

impl From<Found> for Which {
    fn from(found: Found) -> Self {
        Self::Found(Box::new(found))
    }
}

impl From<&Found> for Which {
    fn from(found: &Found) -> Self {
        found.clone().into()
    }
}

impl Found {
    /// Which document it is.
    pub fn id(&self) -> DocId {
        self.row.id
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The title of a conversation, else the document's name, as lists show it; may be empty.
    pub fn title(&self) -> &str {
        &self.row.summary.title
    }

    /// The workspace it was in when it was found; `None` for this device only.
    pub fn workspace(&self) -> Option<WorkspaceId> {
        self.row.ws
    }

    /// Whether a person kept it here when it was found: what is written into it on this device stays.
    pub fn is_kept(&self) -> bool {
        self.row.kept
    }

    /// Whether it was in the trash when it was found.
    pub fn is_in_trash(&self) -> bool {
        self.row.deleted_at.is_some()
    }

    /// The document with this id.
    pub(crate) fn with_id(read: Reader<'_>, id: DocId) -> Result<Self, Error> {
        let row = read.find_doc(id)?.ok_or(Error::NoDocument(id))?;
        Ok(Self { kind: kind_of(&row)?, row })
    }

    /// Documents but profiles whose id begins so as it is printed, the latest edited first.
    pub(crate) fn beginning(read: Reader<'_>, prefix: &str) -> Result<Vec<Self>, Error> {
        let Some((first, last)) = bounds(prefix) else { return Ok(Vec::new()) };
        Ok(read.docs_between(first, last)?.into_iter().filter_map(Self::of_person).collect())
    }

    /// Documents of a kind with this title, in order of their ids: those in view or, if there is none, those in the trash.
    pub(crate) fn titled(read: Reader<'_>, kind: Kind, title: &str) -> Result<Vec<Self>, Error> {
        let rows = read.docs_titled(kind_column(kind), title)?;
        let some_in_view = rows.iter().any(|row| row.deleted_at.is_none());
        let meant = rows.into_iter().filter(|row| row.deleted_at.is_none() || !some_in_view);
        Ok(meant.filter_map(Self::of_person).collect())
    }

    /// A row as a person's document; `None` for a profile and for what only a newer version knows.
    fn of_person(row: DocRow) -> Option<Self> {
        let kind = kind_of(&row).ok().filter(|kind| *kind != Kind::Profile)?;
        Some(Self { row, kind })
    }
}

/// The lowest and the highest id that begin so as they are printed; `None` if none does.
fn bounds(prefix: &str) -> Option<(DocId, DocId)> {
    let (mut first, mut last) = ([0; DocId::LEN], [u8::MAX; DocId::LEN]);
    for (at, digit) in prefix.bytes().enumerate() {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        let shift = if at % 2 == 0 { 4 } else { 0 };
        for bound in [&mut first, &mut last] {
            let byte = bound.get_mut(at / 2)?;
            *byte = (*byte & !(0x0f << shift)) | (digit << shift);
        }
    }
    Some((DocId::from_bytes(first), DocId::from_bytes(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_begin_so_lie_between_the_bounds_and_no_others() {
        let of = |prefix: &str| bounds(prefix).map(|(first, last)| (first.to_string(), last.to_string()));
        let (zeros, fs) = ("0".repeat(32), "f".repeat(32));
        assert_eq!(of(""), Some((zeros.clone(), fs.clone())));
        assert_eq!(of("3fa"), Some((format!("3fa{}", &zeros[3..]), format!("3fa{}", &fs[3..]))));
        let whole = "0123456789abcdef0123456789abcdef";
        assert_eq!(of(whole), Some((whole.to_owned(), whole.to_owned())));
        for none in ["no id begins so", "3FA", "g", "0123456789abcdef0123456789abcdef0", "ä"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
