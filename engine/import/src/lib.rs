//! Imports into a device what other programs wrote: OpenClaw homes and files of JSON lines. Here is what imports have in
//! common: how they say what they met, how lines are read, and how a transcript goes into a device.

mod encoding;
mod json;
pub mod jsonl;
mod lines;
pub mod offered;
pub mod openclaw;
mod report;
mod secrets;
mod spelling;
mod transcript;
mod tree;
mod why;

pub use bowline_device::Outcome;
pub(crate) use lines::{Lines, Piece};
pub(crate) use report::Reporter;
pub use report::{Entries, Event, Item, Report, What};
pub(crate) use transcript::{Import, Source, SourceError, Transcript, is_header, is_uuid};
pub(crate) use why::sentence;

use std::io;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use thiserror::Error;

/// Bytes in hex, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Why an import stopped. What had been taken in by then is stored, and the next import goes on from there. What is wrong
/// with one file is not an error: it is an [`Item`], and the rest is imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// This device's database, or what it holds.
    #[error(transparent)]
    Device(#[from] bowline_device::Error),
    /// Environment: the file or folder to be imported cannot be read at all.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}
