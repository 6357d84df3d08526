//! What other applications hold, on its way into documents of this device: sessions line by line, and definitions with
//! their files. What was taken is remembered, so that the next import of the same adds what is new and nothing else.
//!
//! An import makes documents of this device, in no workspace, and adds to those it made before wherever they are by now.
//! It removes nothing. A [`Device`](super::Device) stores as it goes, so an import that ends in the middle goes on where
//! it was.

pub(crate) mod at_work;
mod dry_run;
pub(crate) mod files;
pub(crate) mod items;
pub(crate) mod knowledge;
mod lines;
mod outcome;
mod plan;
mod remembered;
mod run;
pub(crate) mod sessions;
mod source;
mod spelling;
mod state;
mod writing;

pub use bowline_core::document::{BOWLINE, LeftLine};
use bowline_wire::ids::Millis;

pub use dry_run::DryRun;
pub use outcome::{Outcome, Verdict, Why};
pub use source::{
    FilesImport, ImportedFiles, ImportedSession, LineVerdict, SessionFile, SourceFile, SourceSession,
};
pub use spelling::composed;
pub use state::SessionImport;

use crate::{Device, Error};

/// Where an import goes: into a device, or nowhere but into a [`DryRun`], which comes to the same and writes nothing.
pub trait ImportTarget {
    /// As [`Device::knows_session`].
    fn knows_session(&self, app: &str, session: &str) -> Result<bool, Error>;

    /// As [`Device::begin_import`].
    fn begin_import(&mut self, session: &SourceSession, now: Millis) -> Result<SessionImport, Error>;

    /// As [`Device::import_line`].
    fn import_line(
        &mut self,
        import: &mut SessionImport,
        line: &[u8],
        now: Millis,
    ) -> Result<LineVerdict, Error>;

    /// As [`Device::skip_line`].
    fn skip_line(
        &mut self,
        import: &mut SessionImport,
        line: LeftLine,
        now: Millis,
    ) -> Result<LineVerdict, Error>;

    /// As [`Device::finish_import`].
    fn finish_import(
        &mut self,
        import: SessionImport,
        ends_with_newline: bool,
        now: Millis,
    ) -> Result<ImportedSession, Error>;

    /// As [`Device::import_files`].
    fn import_files(&mut self, import: &FilesImport<'_>, now: Millis) -> Result<ImportedFiles, Error>;
}

impl ImportTarget for Device {
    fn knows_session(&self, app: &str, session: &str) -> Result<bool, Error> {
        Self::knows_session(self, app, session)
    }

    fn begin_import(&mut self, session: &SourceSession, now: Millis) -> Result<SessionImport, Error> {
        Self::begin_import(self, session, now)
    }

    fn import_line(
        &mut self,
        import: &mut SessionImport,
        line: &[u8],
        now: Millis,
    ) -> Result<LineVerdict, Error> {
        Self::import_line(self, import, line, now)
    }

    fn skip_line(
        &mut self,
        import: &mut SessionImport,
        line: LeftLine,
        now: Millis,
    ) -> Result<LineVerdict, Error> {
        Self::skip_line(self, import, line, now)
    }

    fn finish_import(
        &mut self,
        import: SessionImport,
        ends_with_newline: bool,
        now: Millis,
    ) -> Result<ImportedSession, Error> {
        Self::finish_import(self, import, ends_with_newline, now)
    }

    fn import_files(&mut self, import: &FilesImport<'_>, now: Millis) -> Result<ImportedFiles, Error> {
        Self::import_files(self, import, now)
    }
}
