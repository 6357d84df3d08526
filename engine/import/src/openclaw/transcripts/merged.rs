//! One transcript that lies in two places: all lines of the first, then what only the second has.

use std::collections::HashMap;

use bowline_wire::hash::sha256;

use crate::{Piece, Source, SourceError, is_header};

/// Two sources of one transcript. Takes some 50 bytes for each line of the first.
pub(crate) struct Merged<'a> {
    first: Box<dyn Source + 'a>,
    second: Box<dyn Source + 'a>,
    /// Lines of the first that the second has not had yet.
    seen: HashMap<[u8; 32], u32>,
    /// Bytes of those of them that are too long, where they are known.
    too_long: Vec<Option<u64>>,
    is_in_second: bool,
    line: Vec<u8>,
}

impl<'a> Merged<'a> {
    pub(crate) fn new(first: Box<dyn Source + 'a>, second: Box<dyn Source + 'a>) -> Self {
        Self {
            first,
            second,
            seen: HashMap::new(),
            too_long: Vec::new(),
            is_in_second: false,
            line: Vec::new(),
        }
    }

    /// Whether a line of the second was in the first.
    fn was_in_first(&mut self, line: &[u8]) -> bool {
        match self.seen.get_mut(&sha256(&[line])) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}

impl Source for Merged<'_> {
    fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
        if !self.is_in_second {
            // Asked before it is given away, since what is given away cannot be looked at.
            match self.first.next()? {
                Some(Piece::Line(line)) => {
                    *self.seen.entry(sha256(&[line])).or_default() += 1;
                    self.line.clear();
                    self.line.extend_from_slice(line);
                    return Ok(Some(Piece::Line(&self.line)));
                }
                Some(Piece::TooLong(line)) => {
                    self.too_long.push(line.bytes);
                    return Ok(Some(Piece::TooLong(line)));
                }
                Some(Piece::Unreadable(why)) => return Ok(Some(Piece::Unreadable(why))),
                None => self.is_in_second = true,
            }
        }
        loop {
            match self.second.next()? {
                // One that is too long is known by its length, since a database does not read it.
                Some(Piece::TooLong(line)) => {
                    let is_same = |bytes: &Option<u64>| bytes.is_none() || *bytes == line.bytes;
                    match self.too_long.iter().position(is_same) {
                        Some(at) => drop(self.too_long.remove(at)),
                        None => return Ok(Some(Piece::TooLong(line))),
                    }
                    continue;
                }
                Some(Piece::Unreadable(why)) => return Ok(Some(Piece::Unreadable(why))),
                None => return Ok(None),
                Some(Piece::Line(line)) => {
                    self.line.clear();
                    self.line.extend_from_slice(line);
                }
            }
            let line = std::mem::take(&mut self.line);
            let is_known = is_header(&line) || self.was_in_first(&line);
            self.line = line;
            if !is_known {
                return Ok(Some(Piece::Line(&self.line)));
            }
        }
    }

    fn remark(&mut self) -> Option<String> {
        self.first.remark().or_else(|| self.second.remark())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bowline_device::LeftLine;

    struct Given(Vec<&'static str>);

    impl Source for Given {
        fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
            if self.0.is_empty() {
                return Ok(None);
            }
            let line = self.0.remove(0);
            Ok(Some(match line.strip_prefix('#') {
                Some(bytes) => Piece::TooLong(LeftLine { bytes: bytes.parse().ok(), digest: None }),
                None => Piece::Line(line.as_bytes()),
            }))
        }
    }

    #[test]
    fn a_line_that_is_too_long_comes_once_if_both_have_it() {
        let first = Given(vec!["a", "#9", "b"]);
        let second = Given(vec!["a", "#9", "b", "#7"]);
        let mut merged = Merged::new(Box::new(first), Box::new(second));
        let mut found = Vec::new();
        while let Some(piece) = merged.next().unwrap() {
            if let Piece::TooLong(line) = piece {
                found.push(line.bytes);
            }
        }
        assert_eq!(found, [Some(9), Some(7)]);
    }

    #[test]
    fn lines_that_both_have_come_once_and_those_of_the_second_alone_at_the_end() {
        let first = Given(vec![r#"{"type":"session","version":4}"#, "a", "b", "b"]);
        let second = Given(vec![r#"{"type":"session","version":3}"#, "b", "a", "c", "b", "b"]);
        let mut merged = Merged::new(Box::new(first), Box::new(second));
        let mut lines = Vec::new();
        while let Some(Piece::Line(line)) = merged.next().unwrap() {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
        }
        assert_eq!(lines[1..], ["a", "b", "b", "c", "b"]);
    }
}
