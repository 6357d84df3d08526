//! A document's base: the whole of it as it is saved, so that loading it needs no earlier entries.

use bowline_core::document::Document;

use crate::Error;

/// zstd level of a base: 3 is the library's own balance, and a base is written far more often than it matters how
/// small it is.
const BASE_LEVEL: i32 = 3;

/// A document as its base is stored.
pub(crate) fn compressed(document: &Document) -> Result<Vec<u8>, Error> {
    zstd::bulk::compress(&document.save(), BASE_LEVEL).map_err(|_| Error::NoMemory)
}
