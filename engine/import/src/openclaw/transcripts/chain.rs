//! What a session was before it was begun anew under its id, and what it is now, as one transcript.

use bowline_device::LeftLine;

use crate::{Piece, Source, SourceError};

/// Opens the part with this number.
type Open<'a> = dyn Fn(usize) -> Result<Box<dyn Source + 'a>, SourceError> + 'a;

/// Parts of a transcript, one after the other. A part that cannot be read is left out, and reported once the others have been
/// read.
pub(crate) struct Chain<'a> {
    names: Vec<&'a str>,
    open: Box<Open<'a>>,
    part: usize,
    source: Option<Box<dyn Source + 'a>>,
    broken: Option<String>,
    line: Vec<u8>,
}

/// What a part had, with a line itself in [`Chain::line`].
enum Read {
    Line,
    TooLong(LeftLine),
    Unreadable(&'static str),
}

impl<'a> Chain<'a> {
    /// A chain of parts with these names, which `open` opens by their number.
    pub(crate) fn new(names: Vec<&'a str>, open: Box<Open<'a>>) -> Self {
        Self { names, open, part: 0, source: None, broken: None, line: Vec::new() }
    }

    fn read(&mut self) -> Result<Option<Read>, SourceError> {
        let source = match &mut self.source {
            Some(source) => source,
            none => none.insert((self.open)(self.part)?),
        };
        Ok(source.next()?.map(|piece| match piece {
            Piece::Line(line) => {
                self.line.clear();
                self.line.extend_from_slice(line);
                Read::Line
            }
            Piece::TooLong(line) => Read::TooLong(line),
            Piece::Unreadable(why) => Read::Unreadable(why),
        }))
    }
}

impl Source for Chain<'_> {
    fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
        while let Some(name) = self.names.get(self.part).copied() {
            match self.read() {
                Ok(Some(Read::Line)) => return Ok(Some(Piece::Line(&self.line))),
                Ok(Some(Read::TooLong(line))) => return Ok(Some(Piece::TooLong(line))),
                Ok(Some(Read::Unreadable(why))) => return Ok(Some(Piece::Unreadable(why))),
                Ok(None) => {}
                Err(SourceError::Rewritten) => return Err(SourceError::Rewritten),
                Err(SourceError::Broken(why)) => {
                    self.broken.get_or_insert_with(|| format!("{name}: {why}"));
                }
            }
            self.part += 1;
            // The last part is asked how it ended.
            self.source = self.source.take().filter(|_| self.part == self.names.len());
        }
        match self.broken.take() {
            Some(why) => Err(SourceError::Broken(why)),
            None => Ok(None),
        }
    }

    fn ends_with_newline(&self) -> bool {
        self.source.as_ref().is_none_or(|source| source.ends_with_newline())
    }

    fn remark(&mut self) -> Option<String> {
        self.source.as_mut()?.remark()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given(Vec<&'static str>, bool);

    impl Source for Given {
        fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
            match self.0.first().copied() {
                Some("broken") => Err(SourceError::Broken("it is damaged".to_owned())),
                Some("rewritten") => Err(SourceError::Rewritten),
                Some(_) => Ok(Some(Piece::Line(self.0.remove(0).as_bytes()))),
                None => Ok(None),
            }
        }

        fn ends_with_newline(&self) -> bool {
            self.1
        }
    }

    fn of(parts: &'static [&'static [&'static str]]) -> Chain<'static> {
        let open = |part: usize| -> Result<Box<dyn Source>, SourceError> {
            match parts[part] {
                ["closed"] => Err(SourceError::Broken("it is gone".to_owned())),
                lines => Ok(Box::new(Given(lines.to_vec(), part != 1))),
            }
        };
        Chain::new(["first", "second", "third"][..parts.len()].to_vec(), Box::new(open))
    }

    fn lines(chain: &mut Chain<'_>) -> (Vec<String>, Result<(), SourceError>) {
        let mut found = Vec::new();
        loop {
            match chain.next() {
                Ok(Some(Piece::Line(line))) => found.push(String::from_utf8(line.to_vec()).unwrap()),
                Ok(Some(_)) => panic!("only lines are given"),
                Ok(None) => return (found, Ok(())),
                Err(why) => return (found, Err(why)),
            }
        }
    }

    #[test]
    fn the_parts_come_in_order_and_the_last_one_says_how_it_ends() {
        let mut chain = of(&[&["a", "b"], &["b", "c"]]);
        assert_eq!(lines(&mut chain), (["a", "b", "b", "c"].map(str::to_owned).to_vec(), Ok(())));
        assert!(!chain.ends_with_newline());
        let mut chain = of(&[&["a"], &["b"], &["c"]]);
        assert_eq!(lines(&mut chain).0, ["a", "b", "c"]);
        assert!(chain.ends_with_newline());
    }

    #[test]
    fn a_part_that_cannot_be_read_keeps_nothing_of_the_others_back_and_is_said() {
        let said = |why: &str| Err(SourceError::Broken(why.to_owned()));
        assert_eq!(
            lines(&mut of(&[&["a", "broken"], &["b"]])),
            (vec!["a".to_owned(), "b".to_owned()], said("first: it is damaged"))
        );
        assert_eq!(
            lines(&mut of(&[&["a"], &["closed"], &["c"]])),
            (vec!["a".to_owned(), "c".to_owned()], said("second: it is gone"))
        );
        let rewritten = lines(&mut of(&[&["a"], &["rewritten"]]));
        assert_eq!(rewritten, (vec!["a".to_owned()], Err(SourceError::Rewritten)));
    }
}
