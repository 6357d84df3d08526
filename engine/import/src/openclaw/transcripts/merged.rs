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
    is_in_second: bool,
    line: Vec<u8>,
}

impl<'a> Merged<'a> {
    pub(crate) fn new(first: Box<dyn Source + 'a>, second: Box<dyn Source + 'a>) -> Self {
        Self { first, second, seen: HashMap::new(), is_in_second: false, line: Vec::new() }
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
                Some(Piece::TooLong { bytes }) => return Ok(Some(Piece::TooLong { bytes })),
                Some(Piece::Unreadable(why)) => return Ok(Some(Piece::Unreadable(why))),
                None => self.is_in_second = true,
            }
        }
        loop {
            match self.second.next()? {
                // One that is too long was counted with the first.
                Some(Piece::TooLong { .. }) => continue,
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

    struct Given(Vec<&'static str>);

    impl Source for Given {
        fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
            if self.0.is_empty() {
                return Ok(None);
            }
            Ok(Some(Piece::Line(self.0.remove(0).as_bytes())))
        }
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
