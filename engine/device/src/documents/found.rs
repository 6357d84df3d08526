//! A person's document as it was found: its row is looked up once, and every verb takes it.

use std::collections::BTreeMap;

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
    /// The document with this id: in the current workspace if that has it, else on this device, else elsewhere.
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

    /// The document with this id.
    pub(crate) fn with_id(read: Reader<'_>, current: Option<WorkspaceId>, id: DocId) -> Result<Self, Error> {
        let rows = read.docs_between(id, id)?;
        let row = preferred(read, current, rows)?.ok_or(Error::NoDocument(id))?;
        Ok(Self { kind: kind_of(&row)?, row })
    }

    /// The document of a kind with this id on this device, whatever there is in workspaces.
    pub(crate) fn here(read: Reader<'_>, id: DocId, kind: Kind) -> Result<Option<Self>, Error> {
        let row = read.find_doc(None, id)?.filter(|row| row.kind == kind_column(kind));
        Ok(row.map(|row| Self { row, kind }))
    }

    /// Documents but profiles whose id begins so as it is printed, the latest edited first.
    pub(crate) fn beginning(
        read: Reader<'_>,
        current: Option<WorkspaceId>,
        prefix: &str,
    ) -> Result<Vec<Self>, Error> {
        match bounds(prefix) {
            Some((first, last)) => each_once(read, current, read.docs_between(first, last)?),
            None => Ok(Vec::new()),
        }
    }

    /// Documents of a kind with this title, in order of their ids: those in view or, if there is none, those in the trash.
    pub(crate) fn titled(
        read: Reader<'_>,
        current: Option<WorkspaceId>,
        kind: Kind,
        title: &str,
    ) -> Result<Vec<Self>, Error> {
        let rows = read.docs_titled(kind_column(kind), title)?;
        let has_title = |row: &&DocRow| row.kind == kind_column(kind) && row.summary.title == title;
        let titled: Vec<(DocId, bool)> =
            rows.iter().filter(has_title).map(|row| (row.id, row.deleted_at.is_none())).collect();
        let some_in_view = titled.iter().any(|(_, is_in_view)| *is_in_view);
        let mut found = each_once(read, current, rows)?;
        found.retain(|it| {
            titled.iter().any(|(id, is_in_view)| *id == it.id() && (*is_in_view || !some_in_view))
        });
        found.sort_by_key(Self::id);
        Ok(found)
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

/// Each document of these rows once, but for profiles and what only a newer version knows: one id may be here and in a
/// workspace.
fn each_once(read: Reader<'_>, current: Option<WorkspaceId>, rows: Vec<DocRow>) -> Result<Vec<Found>, Error> {
    let mut order = Vec::new();
    let mut places: BTreeMap<DocId, Vec<DocRow>> = BTreeMap::new();
    for row in rows {
        if kind_of(&row).is_ok_and(|kind| kind != Kind::Profile) {
            let rows = places.entry(row.id).or_default();
            if rows.is_empty() {
                order.push(row.id);
            }
            rows.push(row);
        }
    }
    let mut found = Vec::new();
    for id in order {
        if let Some(row) = preferred(read, current, places.remove(&id).unwrap_or_default())? {
            found.push(Found { kind: kind_of(&row)?, row });
        }
    }
    Ok(found)
}

/// Which of the rows of one id a person means: the one in the current workspace, else the one on this device, else that of
/// the workspace that has been here longest.
fn preferred(
    read: Reader<'_>,
    current: Option<WorkspaceId>,
    mut rows: Vec<DocRow>,
) -> Result<Option<DocRow>, Error> {
    let mut places = vec![current, None];
    if rows.len() > 1 {
        places.extend(read.workspaces()?.into_iter().map(|row| Some(row.id)));
    }
    let at = places.into_iter().find_map(|place| rows.iter().position(|row| row.ws == place));
    Ok(rows.drain(..).nth(at.unwrap_or_default()))
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
