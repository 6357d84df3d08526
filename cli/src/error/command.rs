//! One error of a command, with what it comes from and what to do now.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use super::code::ErrorCode;
use super::kind::Kind;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct CommandError {
    /// What went wrong, for programs; says whose fault it is as well.
    pub code: ErrorCode,
    /// What happened, as one sentence without a full stop.
    pub message: String,
    /// What it comes from, from near to far.
    pub causes: Vec<String>,
    /// What to do now.
    pub hints: Vec<String>,
}

impl CommandError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        self.code.kind()
    }

    /// With `error`, and everything below it, as causes.
    pub(crate) fn because(mut self, error: &dyn StdError) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let cause = error.to_string();
            // Wrappers say what is below them once more.
            let is_told = self.causes.iter().chain([&self.message]).any(|told| told.contains(&cause));
            if !is_told {
                self.causes.push(cause);
            }
            next = error.source();
        }
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A file that a person named could not be read or written.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let message = format!("{what} {} failed", crate::text::OneLine(&path.display().to_string()));
        Self::new(ErrorCode::FileFailed, message).because(error)
    }

    /// Nobody took what was printed.
    pub(crate) fn output(error: &io::Error) -> Self {
        Self::new(ErrorCode::OutputNotTaken, "The output could not be written").because(error)
    }
}

/// An error as `--json` writes it, on one line of stderr. `docs/JSON.md` promises this shape.
#[derive(Deserialize, Serialize)]
pub(crate) struct ErrorLine {
    pub(crate) error: ErrorFields,
}

/// What an [`ErrorLine`] says.
#[derive(Deserialize, Serialize)]
pub(crate) struct ErrorFields {
    code: String,
    kind: String,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    hint: Option<String>,
}

impl From<&CommandError> for ErrorLine {
    fn from(error: &CommandError) -> Self {
        Self {
            error: ErrorFields {
                code: error.code.word().to_owned(),
                kind: error.kind().word().to_owned(),
                message: error.message.clone(),
                causes: error.causes.clone(),
                hint: (!error.hints.is_empty()).then(|| error.hints.join("\n")),
            },
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::EXIT_CODES;
    use super::*;

    const KINDS: [Kind; 13] = [
        Kind::Bug,
        Kind::Misuse,
        Kind::Environment,
        Kind::Home,
        Kind::Network,
        Kind::Refused,
        Kind::NotFound,
        Kind::Unconfirmed,
        Kind::Busy,
        Kind::Partial,
        Kind::Demo,
        Kind::Unverified,
        Kind::Interrupted,
    ];

    #[test]
    fn every_code_is_documented_with_its_kind_and_no_word_means_two_things() {
        let page = include_str!("../../../docs/JSON.md");
        let (_, section) = page.split_once("\n## Codes of `bowline`\n").unwrap();
        let section = section.lines().take_while(|line| !line.starts_with("## "));
        let rows: BTreeSet<(&str, &str)> = section.filter_map(row).collect();
        let codes: BTreeSet<(&str, &str)> =
            ErrorCode::ALL.iter().map(|code| (code.word(), code.kind().word())).collect();
        assert_eq!(codes, rows);
        let words: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), ErrorCode::ALL.len());
        let is_plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(words.into_iter().all(is_plain));
    }

    /// Code and kind of a row of the page's table of codes.
    fn row(line: &str) -> Option<(&str, &str)> {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let (code, kind) = (cells.next()?, cells.next()?);
        Some((code.strip_suffix('`')?, kind))
    }

    #[test]
    fn an_error_in_json_is_one_line_of_the_promised_shape() {
        let error = CommandError::new(ErrorCode::Changed, "Somebody else was faster")
            .because(&io::Error::other("they\nwrote"))
            .hint("look again")
            .hint("and again");
        let json = serde_json::to_string(&ErrorLine::from(&error)).unwrap();
        assert_eq!(
            json,
            r#"{"error":{"code":"changed","kind":"busy","message":"Somebody else was faster","causes":["they\nwrote"],"hint":"look again\nand again"}}"#
        );
        let plain = CommandError::new(ErrorCode::Bug, "x");
        let json = serde_json::to_string(&ErrorLine::from(&plain)).unwrap();
        assert_eq!(json, r#"{"error":{"code":"bug","kind":"bug","message":"x","causes":[],"hint":null}}"#);
    }

    #[test]
    fn every_exit_code_is_in_the_help_and_means_one_thing() {
        for kind in KINDS {
            let number = format!("{} ", kind as u8);
            let lines = EXIT_CODES.lines().filter(|line| line.trim_start().starts_with(&number));
            assert_eq!(lines.count(), 1, "{kind:?}");
        }
        assert_eq!(EXIT_CODES.lines().count(), 1 + 1 + KINDS.len(), "the head, 0, and one line for each");
    }

    #[test]
    fn a_cause_that_only_repeats_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("the disk says no: {0}")]
        struct Outer(#[source] io::Error);
        let error = CommandError::new(ErrorCode::DiskFull, "Nothing was written")
            .because(&Outer(io::Error::other("no room")));
        assert_eq!(error.causes, ["the disk says no: no room"]);
    }
}
