//! What restores have done, noted beside a database and in the backup that was restored: one line for each log, as secret as the log's key.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use bowline_disk::secret;
use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use bowline_wire::ids::WorkspaceId;
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::{DataError, failed, of_secret};
use crate::restore::{Chain, Earlier};

/// The file's name. A number behind it is the name of a file that keeps what a restore has left behind.
const RESTORES: &str = "restores.key";

/// Bytes of a file at most: a log that was restored as often as may be takes 26 kB, one that was restored once 500 bytes.
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

/// What is noted in a folder, behind what an operator has chosen in its place; nothing if there is no such file.
///
/// # Errors
/// If a file holds something else, or if there is no file that was chosen.
pub(super) fn read(folder: &Path, chosen: Option<&Path>) -> Result<Earlier, DataError> {
    let mut earlier = Earlier::default();
    if let Some(path) = chosen {
        let lines = read_file(path)?.ok_or_else(|| failed(path, "read", io::ErrorKind::NotFound.into()))?;
        add(&mut earlier, lines);
    }
    add(&mut earlier, read_file(&folder.join(RESTORES))?.unwrap_or_default());
    Ok(earlier)
}

fn add(earlier: &mut Earlier, lines: Vec<Line>) {
    for Line { workspace, chain } in lines {
        earlier.add(workspace, chain);
    }
}

/// Copies what is noted in a folder, and what is kept of ways that were left behind, into another one.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), DataError> {
    for name in names(from)? {
        if let Some(lines) = read_file(&from.join(&name))?.filter(|lines| !lines.is_empty()) {
            write_file(&to.join(&name), &lines)?;
        }
    }
    Ok(())
}

/// Notes what was restored, durably, in place of what was noted before. What that leaves behind is durable in a file of its own before:
/// it may be the only key that a log's devices follow.
pub(super) fn write(folder: &Path, earlier: &Earlier) -> Result<(), DataError> {
    let line =
        |(workspace, chain): (&WorkspaceId, &Chain)| Line { workspace: *workspace, chain: chain.clone() };
    let left: Vec<Line> = earlier.left_behind().map(line).collect();
    if !left.is_empty() {
        keep(folder, &left)?;
    }
    write_file(&folder.join(RESTORES), &earlier.iter().map(line).collect::<Vec<_>>())
}

/// The workspaces of whose logs anything is noted in a folder, or kept.
pub(super) fn workspaces(folder: &Path) -> Result<BTreeSet<WorkspaceId>, DataError> {
    let mut found = BTreeSet::new();
    for name in names(folder)? {
        let lines = read_file(&folder.join(name))?.unwrap_or_default();
        found.extend(lines.iter().map(|line| line.workspace));
    }
    Ok(found)
}

/// Takes away, durably, what is noted in a folder of a workspace's log, and what is kept.
pub(super) fn forget(folder: &Path, workspace: WorkspaceId) -> Result<(), DataError> {
    for name in names(folder)? {
        let path = folder.join(name);
        let mut lines = read_file(&path)?.unwrap_or_default();
        let before = lines.len();
        lines.retain(|line| line.workspace != workspace);
        if lines.len() < before {
            write_file(&path, &lines)?;
        }
    }
    Ok(())
}

/// The files in a folder with ways that its logs have left behind.
pub(super) fn kept(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let noted = read(folder, None)?;
    let mut kept = Vec::new();
    for name in kept_names(folder)? {
        let path = folder.join(name);
        let is_gone_on_from = |Line { workspace, chain }: &Line| {
            noted.iter().any(|(of, now)| of == workspace && chain.is_gone_on_from(*workspace, now))
        };
        if !read_file(&path)?.unwrap_or_default().iter().all(is_gone_on_from) {
            kept.push(path);
        }
    }
    Ok(kept)
}

/// Keeps ways that were left behind: in the file that has them already, or in a new one.
fn keep(folder: &Path, left: &[Line]) -> Result<(), DataError> {
    let text = text_of(left);
    for number in 1_u32.. {
        let path = folder.join(kept_name(number));
        if path.symlink_metadata().is_err() {
            return write_file(&path, left);
        }
        let there = secret::read_up_to(&path, MAX_RESTORES);
        if there.is_ok_and(|there| there.is_some_and(|there| there.trim_ascii_end() == text.as_bytes())) {
            break;
        }
    }
    Ok(())
}

/// The names of all such files that a folder may have.
fn names(folder: &Path) -> Result<Vec<String>, DataError> {
    let mut names = kept_names(folder)?;
    names.insert(0, RESTORES.to_owned());
    Ok(names)
}

/// The names of files in a folder that keep what was left behind, in the order in which they were written.
fn kept_names(folder: &Path) -> Result<Vec<String>, DataError> {
    let number = |entry: io::Result<DirEntry>| -> io::Result<Option<u32>> {
        let name = entry?.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_prefix(RESTORES)?.strip_prefix('.')?.parse().ok());
        Ok(number.filter(|number| name == *kept_name(*number)))
    };
    let numbers =
        fs::read_dir(folder).and_then(|entries| entries.map(number).collect::<io::Result<Vec<_>>>());
    let numbers = numbers.map_err(|source| failed(folder, "read", source))?;
    let numbers: BTreeSet<u32> = numbers.into_iter().flatten().collect();
    Ok(numbers.into_iter().map(kept_name).collect())
}

fn kept_name(number: u32) -> String {
    format!("{RESTORES}.{number}")
}

/// The lines of a file; `None` if there is none.
fn read_file(path: &Path) -> Result<Option<Vec<Line>>, DataError> {
    let unreadable = || DataError::Restores(path.to_owned());
    let file = secret::read_up_to(path, MAX_RESTORES + 1).map_err(|error| of_secret(error, path, "read"))?;
    let Some(file) = file else { return Ok(None) };
    // Of a longer one the rest would be lost without a word.
    if file.len() > MAX_RESTORES {
        return Err(unreadable());
    }
    let text = str::from_utf8(&file).map_err(|_| unreadable())?;
    let line = |line: &str| {
        let bytes = BASE64URL_NOPAD.decode(line.as_bytes()).map(Zeroizing::new);
        bytes.ok().and_then(|bytes| decode::<Line>(&bytes).ok()).ok_or_else(unreadable)
    };
    // Where no log was there is one empty line.
    text.lines().filter(|line| !line.is_empty()).map(line).collect::<Result<_, _>>().map(Some)
}

fn write_file(path: &Path, lines: &[Line]) -> Result<(), DataError> {
    let text = text_of(lines);
    if text.len() >= MAX_RESTORES {
        return Err(failed(path, "written", io::ErrorKind::FileTooLarge.into()));
    }
    secret::write(path, text.as_bytes()).map_err(|error| of_secret(error, path, "written"))
}

fn text_of(lines: &[Line]) -> Zeroizing<String> {
    let lines = lines.iter().map(|line| BASE64URL_NOPAD.encode(&Zeroizing::new(encode(line))));
    let lines = Zeroizing::new(lines.collect::<Vec<_>>());
    Zeroizing::new(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::keys::LogSecret;

    #[test]
    fn what_is_written_is_what_can_be_read_again() {
        let place = TempDir::new().unwrap();
        let path = place.path().join(RESTORES);
        let line = |_| Line {
            workspace: WorkspaceId::from_bytes([1; 32]),
            chain: Chain { said: Vec::new(), secret: LogSecret::from_bytes([1; 32]) },
        };
        let lines = |count| (0..count).map(line).collect::<Vec<_>>();
        let each = text_of(&lines(1)).len() + 1; // with its end
        let most = MAX_RESTORES / each;
        write_file(&path, &lines(most)).unwrap();
        assert_eq!(read_file(&path).unwrap().map(|lines| lines.len()), Some(most));
        assert!(write_file(&path, &lines(most + 1)).is_err());
        assert_eq!(read_file(&path).unwrap().map(|lines| lines.len()), Some(most), "as it was");
    }
}
