//! The kinds of documents, one file or folder each, and what can be asked of a document of any kind.

pub(super) mod agent;
pub(super) mod conversation;
pub(super) mod definition;
pub(super) mod memory;
#[cfg(test)]
mod notices;
pub(super) mod profile;
pub(super) mod skill;

use bowline_wire::ids::DocId;

use self::definition::{Definition, ExportedFile, Visibility, Words};
use super::edit::commit::{EditError, Pen};
use super::edit::deletion::{Deletion, Lifecycle};
use super::edit::fields::Issue;
use super::edit::files::{FilePath, Files};
use super::intake::first::FirstChange;
use super::kind::{Kind, for_kinds};
use super::loaded::Document;
use super::summary::Summary;

macro_rules! definitions {
    ($(
        $(#[doc = $doc:literal])*
        $(#[cfg($when:meta)])?
        $kind:ident => $module:ident $shape:tt
    )*) => {
        fn definition(kind: Kind) -> &'static Definition {
            match kind {
                $($(#[cfg($when)])? Kind::$kind => &$module::DEFINITION,)*
            }
        }
    };
}

for_kinds!(definitions);

impl Kind {
    /// What documents of this kind are called.
    pub fn words(self) -> Words {
        definition(self).words
    }

    /// Who comes to see documents of this kind.
    pub fn visibility(self) -> Visibility {
        definition(self).visibility
    }

    /// Whether [`Document::delete`] and [`Document::restore`] are for documents of this kind.
    pub fn can_be_deleted(self) -> bool {
        !matches!(definition(self).lifecycle, Lifecycle::Permanent)
    }
}

impl Document {
    /// Paths of texts that were removed, and that count towards [`super::limits::FILES_MAX`] as before: each may come back
    /// with all that was in it.
    pub fn removed_files(&self) -> Vec<FilePath> {
        match FirstChange::of(self.kind()).texts() {
            Some(_) => Files::of(self).into_removed(),
            None => Vec::new(),
        }
    }

    /// Whether the document is in the trash.
    pub fn deletion(&self) -> Deletion {
        definition(self.kind()).lifecycle.deletion_of(self)
    }

    /// Puts the document into the trash, as it is now: see [`Deletion`]. Returns the raw bytes of the one change, to be
    /// stored; `None` if it is there already.
    pub fn delete(&mut self, pen: Pen) -> Result<Option<Vec<u8>>, EditError> {
        definition(self.kind()).lifecycle.delete(self, pen)
    }

    /// Takes the document out of the trash. Returns the raw bytes of the one change, to be stored; `None` if it is not
    /// there.
    pub fn restore(&mut self, pen: Pen) -> Result<Option<Vec<u8>>, EditError> {
        definition(self.kind()).lifecycle.restore(self, pen)
    }

    /// What a list shows of the document.
    pub fn summary(&self) -> Summary {
        (definition(self.kind()).summary)(self)
    }

    /// What in the document could not be shown, or not as its authors meant it.
    pub fn issues(&self) -> Vec<Issue> {
        (definition(self.kind()).issues)(self)
    }

    /// The files into which the document, whose id is `id`, is exported. A document of a [hidden](Visibility::Hidden) kind has none.
    pub fn export(&self, id: DocId) -> Vec<ExportedFile> {
        (definition(self.kind()).export)(self, id)
    }
}
