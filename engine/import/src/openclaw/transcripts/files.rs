//! Transcripts in files of their own.

use std::fs::File;
use std::io::{BufReader, Read, Take};

use crate::tree::{Refused, Stamp, Tree};
use crate::{Lines, Piece, Source, SourceError};

/// Bytes read from a file at once.
const BUFFER: usize = 64 << 10;

/// What the name of a file in an agent's folder of sessions says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// The transcript of this session.
    Live(&'a str),
    /// What this session was before it was begun anew.
    Before(&'a str),
}

impl<'a> Name<'a> {
    /// `None` if it is not a transcript, or one that was deleted.
    pub(crate) fn of(name: &'a str) -> Option<Self> {
        if let Some(session) = name.strip_suffix(".jsonl") {
            let is_other = session.ends_with(".trajectory") || session.contains(".jsonl");
            return (!session.is_empty() && !is_other).then_some(Self::Live(session));
        }
        let (session, rest) = name.split_once(".jsonl.reset.")?;
        let is_whole = !matches!(rest.rsplit('.').next(), None | Some("" | "tmp" | "lock"));
        (!session.is_empty() && !session.ends_with(".trajectory") && is_whole)
            .then_some(Self::Before(session))
    }
}

/// Opens a transcript. It is read as far as it goes now: what is written meanwhile is for the next import.
pub(crate) fn open(tree: &Tree, name: &str) -> Result<FileLines, SourceError> {
    let open = || -> Result<FileLines, Refused> {
        let file = tree.file(name)?;
        let opened = Stamp::of(&file)?;
        let reader = BufReader::with_capacity(BUFFER, file.try_clone()?.take(opened.len));
        Ok(FileLines { lines: Lines::new(reader), file, opened })
    };
    open().map_err(|refused| broken(&refused))
}

/// The lines of a transcript that OpenClaw may be writing into.
pub(crate) struct FileLines {
    lines: Lines<BufReader<Take<File>>>,
    file: File,
    opened: Stamp,
}

impl Source for FileLines {
    fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
        self.lines.next().map_err(|error| SourceError::Broken(Refused::from(error).to_string()))
    }

    fn ends_with_newline(&self) -> bool {
        self.lines.ends_with_newline()
    }

    fn remark(&mut self) -> Option<String> {
        let is_same = Stamp::of(&self.file).is_ok_and(|now| now == self.opened);
        (!is_same).then(|| "it was written to while it was read: import again for the rest".to_owned())
    }
}

/// A session's source that cannot be read, for the reason its file cannot.
pub(crate) fn broken(refused: &Refused) -> SourceError {
    SourceError::Broken(refused.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn transcripts_are_told_by_their_names() {
        let session = "2f9c57a5-b6a1-4002-9708-f10eca0ce5ee";
        let of = |ending: &str| Name::of(&format!("{session}{ending}")).map(|name| format!("{name:?}"));
        assert_eq!(of(".jsonl"), Some(format!("Live({session:?})")));
        assert_eq!(of("-topic-7.jsonl"), Some(format!("Live(\"{session}-topic-7\")")));
        for ending in [".jsonl.reset.2026-11-22T10-00-00.000Z", ".jsonl.reset.1.zst"] {
            assert_eq!(of(ending), Some(format!("Before({session:?})")), "{ending}");
        }
        for ending in [
            ".trajectory.jsonl",
            ".jsonl.deleted.1",
            ".jsonl.lock",
            ".jsonl.bak",
            ".jsonl.reset.",
            ".jsonl.reset.1.tmp",
            ".trajectory.jsonl.reset.1",
            ".trajectory-path.json",
            "",
        ] {
            assert_eq!(of(ending), None, "{ending}");
        }
        assert_eq!(Name::of(".jsonl"), None);
    }

    #[test]
    fn a_file_that_grows_is_read_as_it_was_and_that_is_said() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.jsonl");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let tree = Tree::open(home.path()).unwrap();
        let mut lines = open(&tree, "a.jsonl").unwrap();
        assert_eq!(lines.next(), Ok(Some(Piece::Line(b"one"))));
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"three\n").unwrap();
        assert_eq!(lines.next(), Ok(Some(Piece::Line(b"two"))));
        assert_eq!(lines.next(), Ok(None));
        assert!(lines.remark().is_some());
        let mut again = open(&tree, "a.jsonl").unwrap();
        while again.next().unwrap().is_some() {}
        assert_eq!(again.remark(), None);
    }
}
