//! The files of a folder that a person or an agent looks after, as a document can hold them: what they are called, what is in
//! them, and how many of them there may be.

use std::collections::{BTreeMap, VecDeque};

use bowline_core::document::FilePath;
use bowline_core::document::limits::{BYTES_FILE_MAX, BYTES_TOTAL_MAX, FILE_MAX, FILES_MAX, FILES_TOTAL_MAX};

use crate::openclaw::home::left_out::{list, report_secrets, report_skipped};
use crate::openclaw::home::skip::{self, Skip};
use crate::secrets::{Hidden, hidden_in};
use crate::tree::{Found, Sort, Tree};
use crate::{Item, Reporter, What, encoding};

/// Names looked at below one folder. A person's notes have hundreds.
const LOOKED_AT_MAX: usize = 20_000;

/// How deep folders go in each other.
const DEPTH_MAX: usize = 16;

/// Secrets of one file that are listed, each with its place. A browser's cookies are thousands.
const SECRETS_SAID_MAX: usize = 50;

/// Files for which there is no room that are reported one by one: a person reads no longer list.
const NO_ROOM_SAID_MAX: usize = 20;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) path: FilePath,
    pub(crate) content: Vec<u8>,
    pub(crate) executable: bool,
}

/// Files on their way into one document.
#[derive(Debug)]
pub(crate) struct Kit {
    pub(crate) files: Vec<Kept>,
    /// Whether files that are not text may be among them.
    takes_bytes: bool,
    text: usize,
    bytes: usize,
    /// Files for which there was no room, and those of them that were not reported one by one, by folder.
    no_room: usize,
    beyond: BTreeMap<String, u64>,
    /// What has room for the files, as the report calls it.
    of: &'static str,
}

impl Kit {
    /// An empty kit that takes texts alone.
    pub(crate) fn of_texts(of: &'static str) -> Self {
        let (files, beyond) = (Vec::new(), BTreeMap::new());
        Self { files, takes_bytes: false, text: 0, bytes: 0, no_room: 0, beyond, of }
    }

    /// An empty kit that takes files of any sort.
    pub(crate) fn of_files(of: &'static str) -> Self {
        Self { takes_bytes: true, ..Self::of_texts(of) }
    }

    /// Reads a file, unless it is one that stays where it is. `path` is seen from the document, `shown` for the report.
    pub(crate) fn take(
        &mut self,
        report: &mut Reporter<'_>,
        tree: &Tree,
        found: &Found,
        path: &str,
        shown: &str,
    ) {
        if self.files.len() == FILES_MAX {
            return self.report_no_room(report, shown);
        }
        // A person put it there, so that it stays behind is worth a word and the exit code of an import in part.
        let left = |why: String| Item::failed(What::File, shown, why);
        let path = match FilePath::parse(path) {
            Ok(path) if found.is_text => path,
            Ok(_) => return report.item(&Item::failed(What::File, shown, "its name is not text")),
            Err(why) => return report.item(&Item::failed(What::File, shown, why.to_string())),
        };
        let content = match tree.read(&found.name, FILE_MAX.max(BYTES_FILE_MAX) as u64) {
            Ok(content) => content,
            Err(why) => return report.item(&left(why.to_string())),
        };
        let text = std::str::from_utf8(&content).ok().filter(|text| !text.contains('\0'));
        match text {
            None if !self.takes_bytes => return report.item(&left(not_text(&content, self.of))),
            _ => {}
        }
        if let Some(hidden) = hidden_in(&found.name, &content) {
            return report_hidden(report, hidden, shown);
        }
        let (used, room, limit) = match text {
            Some(_) => (&mut self.text, FILES_TOTAL_MAX, FILE_MAX),
            None => (&mut self.bytes, BYTES_TOTAL_MAX, BYTES_FILE_MAX),
        };
        if content.len() > limit {
            return report.item(&left(format!("it has {} bytes, more than {limit}", content.len())));
        }
        if *used + content.len() > room {
            let why = format!("the files of {} have more than {room} bytes with it", self.of);
            return report.item(&left(why));
        }
        *used += content.len();
        self.files.push(Kept { path, content, executable: tree.is_executable(&found.name) });
    }

    /// Reports a file for which there is no room: by itself, or counted with the others of its folder if there are many.
    fn report_no_room(&mut self, report: &mut Reporter<'_>, shown: &str) {
        self.no_room += 1;
        if self.no_room <= NO_ROOM_SAID_MAX {
            let why = format!("{} has room for {FILES_MAX} files", self.of);
            return report.item(&Item::failed(What::File, shown, why));
        }
        let folder = shown.rsplit_once('/').map_or("", |(folder, _)| folder);
        *self.beyond.entry(folder.to_owned()).or_default() += 1;
    }

    /// Reports for how many files there was no room, beyond those that were reported one by one.
    pub(crate) fn report_beyond(&self, report: &mut Reporter<'_>) {
        for (folder, count) in &self.beyond {
            let why = format!("{count} more files in it: {} has room for {FILES_MAX}", self.of);
            report.item(&Item::failed(What::File, folder, why));
        }
    }
}

/// How files begin that are not texts and may have no control characters in them: pictures, archives, sounds.
const BINARY: [&[u8]; 7] = [b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"PK\x03\x04", b"%PDF", b"ID3"];

/// Why a file cannot be among texts.
fn not_text(content: &[u8], of: &str) -> String {
    let is_utf16 =
        matches!(content, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) && encoding::text(content).is_some();
    let is_binary = BINARY.iter().any(|begin| content.starts_with(begin));
    let is_other_text = is_utf16 || (!is_binary && !content.iter().any(|byte| is_control(*byte)));
    if is_other_text {
        format!("it is text in another encoding than UTF-8, and {of} holds texts in UTF-8 alone")
    } else {
        format!("it is not text, and {of} holds texts alone")
    }
}

/// Whether a byte stands for a character that no text has in it, whatever its encoding.
fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)
}

/// Reports the secrets for whose sake a file is left out, each with its place, up to [`SECRETS_SAID_MAX`] of them.
fn report_hidden(report: &mut Reporter<'_>, hidden: Hidden, shown: &str) {
    match hidden {
        Hidden::File(why) => report.item(&Item::skipped(What::Secret, shown, why)),
        Hidden::Unknown(why) => {
            let why = format!("it cannot be told whether secrets are in it: {why}");
            report.item(&Item::failed(What::File, shown, why));
        }
        Hidden::Members(places) => {
            let why = "a secret in a file, which is left where it is for it";
            for at in places.iter().take(SECRETS_SAID_MAX) {
                report.item(&Item::skipped(What::Secret, shown, why).at(at));
            }
            if let Some(more) = places.len().checked_sub(SECRETS_SAID_MAX).filter(|more| *more > 0) {
                let why = format!("{more} more secrets in the same file");
                report.item(&Item::skipped(What::Secret, shown, why));
            }
        }
    }
}

/// Goes through a folder and all below it, the near ones first, and hands each file to `each`, with its path from that folder.
/// A folder is not entered if `each` says so. What is never imported is reported.
pub(crate) fn walk(
    report: &mut Reporter<'_>,
    tree: Tree,
    shown: &str,
    each: &mut dyn FnMut(&mut Reporter<'_>, &Tree, &Found, &str) -> Descend,
) {
    let mut open = VecDeque::from([(tree, String::new(), 0)]);
    let mut looked_at = 0;
    while let Some((tree, path, depth)) = open.pop_front() {
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        for found in list(report, &tree, &join(shown, &path)) {
            looked_at += 1;
            if looked_at > LOOKED_AT_MAX {
                let why =
                    format!("there is more in it than {LOOKED_AT_MAX} files: the rest was not looked at");
                report.item(&Item::failed(What::File, shown, why));
                return;
            }
            let path = at(&found.name);
            let here = join(shown, &path);
            match (skip::anywhere(&found.name), found.sort) {
                (Some(Skip::Secret(why)), Sort::File) => report_secrets(report, &tree, &found, &here, why),
                (skip @ Some(_), _) => report_skipped(report, &found, &here, skip),
                (None, Sort::Link | Sort::Special) => report_skipped(report, &found, &here, None),
                (None, Sort::File) => drop(each(report, &tree, &found, &path)),
                (None, Sort::Folder) => {
                    if each(report, &tree, &found, &path) == Descend::No {
                        continue;
                    }
                    if depth + 1 == DEPTH_MAX {
                        let why = format!("folders in folders, more than {DEPTH_MAX} deep");
                        report.item(&Item::failed(What::File, here, why));
                        continue;
                    }
                    match tree.enter(&found.name) {
                        Ok(tree) => open.push_back((tree, path, depth + 1)),
                        Err(why) => report.item(&Item::failed(What::File, here, why.to_string())),
                    }
                }
            }
        }
    }
}

/// Whether to go into a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descend {
    Yes,
    No,
}

/// A path below another, either of which may be empty.
pub(crate) fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", path) | (path, "") => path.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}
