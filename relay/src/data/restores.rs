//! What restores have done, noted beside a database and in the backup that was restored: one line for each log, as secret as the log's key.

use std::path::Path;

use bowline_disk::secret;
use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use bowline_wire::ids::WorkspaceId;
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::{DataError, of_secret};
use crate::restore::{Chain, Earlier};

/// The file's name.
const RESTORES: &str = "restores.key";

/// Bytes of the file at most: a log that was restored as often as may be takes 26 kB, one that was restored once 500 bytes.
const MAX_RESTORES: usize = 64 * 1024 * 1024;

/// One line.
struct Line {
    workspace: WorkspaceId,
    chain: Chain,
}

impl Canonical for Line {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.workspace).value(&self.chain);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { workspace: from.value()?, chain: from.value()? })
    }
}

/// What is noted in a folder; nothing if there is no such file.
pub(super) fn read(folder: &Path) -> Result<Earlier, DataError> {
    let path = folder.join(RESTORES);
    let unreadable = || DataError::Restores(path.clone());
    let file = secret::read_up_to(&path, MAX_RESTORES).map_err(|error| of_secret(error, &path, "read"))?;
    let mut earlier = Earlier::default();
    let Some(file) = file else { return Ok(earlier) };
    let text = str::from_utf8(&file).map_err(|_| unreadable())?;
    // Where no log was there is one empty line.
    for line in text.lines().filter(|line| !line.is_empty()) {
        let bytes = BASE64URL_NOPAD.decode(line.as_bytes()).map(Zeroizing::new);
        let read = bytes.ok().and_then(|bytes| decode::<Line>(&bytes).ok());
        let Line { workspace, chain } = read.ok_or_else(unreadable)?;
        earlier.note(workspace, chain);
    }
    Ok(earlier)
}

/// Notes in another folder what is noted in this one, if anything is.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), DataError> {
    let noted = read(from)?;
    if noted.iter().next().is_none() { Ok(()) } else { write(to, &noted) }
}

/// Notes what was restored, durably, in place of what was noted before.
pub(super) fn write(folder: &Path, earlier: &Earlier) -> Result<(), DataError> {
    let path = folder.join(RESTORES);
    let line = |(workspace, chain): (&WorkspaceId, &Chain)| {
        let line = Line { workspace: *workspace, chain: chain.clone() };
        BASE64URL_NOPAD.encode(&Zeroizing::new(encode(&line)))
    };
    let lines = Zeroizing::new(earlier.iter().map(line).collect::<Vec<_>>());
    let text = Zeroizing::new(lines.join("\n"));
    secret::write(&path, text.as_bytes()).map_err(|error| of_secret(error, &path, "written"))
}
