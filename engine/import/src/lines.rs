//! Lines of a file of any size, in bounded memory.

use std::io::{self, BufRead};

use bowline_core::document::limits::LINE_MAX;
use bowline_device::LeftLine;
use sha2::{Digest, Sha256};

/// One line of a transcript, without its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// The line's bytes.
    Line(&'a [u8]),
    /// The line has more than [`LINE_MAX`] bytes, none of which were kept.
    TooLong(LeftLine),
    /// The line is there and cannot be read, for this reason.
    Unreadable(&'static str),
}

/// Reads line by line. A line ends at `\n` alone; a `\r` before it belongs to the line. Holds at most one line of the longest
/// length, however long the lines of the source are.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    source: R,
    longest: usize,
    line: Vec<u8>,
    ends_with_newline: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads lines of a transcript, at most [`LINE_MAX`] bytes long.
    pub(crate) fn new(source: R) -> Self {
        Self::up_to(source, LINE_MAX)
    }

    /// Reads lines of at most `longest` bytes.
    pub(crate) fn up_to(source: R, longest: usize) -> Self {
        Self { source, longest, line: Vec::new(), ends_with_newline: true }
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        self.line.clear();
        let mut bytes = 0_u64;
        let mut is_line = false;
        let mut digest: Option<Sha256> = None;
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            is_line = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
            bytes += part.len() as u64;
            if bytes <= self.longest as u64 {
                // A vector that grows by itself may end with twice the room that the longest line needs.
                let needed = self.line.len() + part.len();
                if needed > self.line.capacity() {
                    let room = needed.max(2 * self.line.capacity()).min(self.longest);
                    self.line.reserve_exact(room - self.line.len());
                }
                self.line.extend_from_slice(part);
            } else {
                digest.get_or_insert_with(|| Sha256::new_with_prefix(&self.line)).update(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.source.consume(used);
            self.ends_with_newline = end.is_some();
            if end.is_some() {
                break;
            }
        }
        if !is_line {
            return Ok(None);
        }
        Ok(Some(match digest {
            Some(digest) => {
                let digest = Some(digest.finalize().into());
                Piece::TooLong(LeftLine { bytes: Some(bytes), digest })
            }
            None => Piece::Line(&self.line),
        }))
    }

    /// Where the lines come from.
    pub(crate) fn source(&self) -> &R {
        &self.source
    }

    /// Whether what has been read ends in a line end, or is nothing.
    pub(crate) fn ends_with_newline(&self) -> bool {
        self.ends_with_newline
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// All lines of `bytes` with a limit of 8 bytes, read through a buffer of 3.
    fn all(bytes: &[u8]) -> (Vec<String>, bool) {
        let mut lines = Lines::up_to(BufReader::with_capacity(3, bytes), 8);
        let mut found = Vec::new();
        while let Some(piece) = lines.next().unwrap() {
            found.push(match piece {
                Piece::Line(line) => String::from_utf8_lossy(line).into_owned(),
                Piece::TooLong(LeftLine { bytes, digest }) => {
                    let digest = data_encoding::HEXLOWER.encode(&digest.unwrap()[..4]);
                    format!("<{} {digest}>", bytes.unwrap())
                }
                Piece::Unreadable(why) => panic!("{why}"),
            });
        }
        (found, lines.ends_with_newline())
    }

    #[test]
    fn a_file_is_its_lines_joined_by_line_ends() {
        for file in ["", "a", "a\n", "a\nb", "a\n\nb\n", "\n", "\n\n", "a\r\nb\r\n", "12345678\n12345678"] {
            let (lines, ends) = all(file.as_bytes());
            let mut joined = lines.join("\n");
            if ends && !lines.is_empty() {
                joined.push('\n');
            }
            assert_eq!(joined, file, "{file:?}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_counted_and_hashed_and_the_next_one_read() {
        // printf 123456789 | sha256sum
        let (lines, ends) = all(b"a\n123456789\nb\n");
        assert_eq!((lines, ends), (vec!["a".into(), "<9 15e2b0d3>".into(), "b".into()], true));
        assert_eq!(all(b"1234567890123456789"), (vec!["<19 22085aa9>".into()], false));
    }
}
