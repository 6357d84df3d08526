//! What an export could not give, since it stayed in the file of an import and is in no conversation.

use bowline_engine::Device;
use bowline_engine::document::Missing;
use bowline_engine::document::limits::GAPS_MAX;
use bowline_engine::ids::DocId;
use serde::Serialize;

use crate::documents;
use crate::error::{CommandError, ErrorCode};
use crate::text::{OneLine, count, grouped, sentence_case};

/// Lines that are told one by one; of more, how many there are: a person reads no longer list.
const TOLD_MAX: usize = 20;

/// A line that is missing, for programs.
#[derive(Serialize)]
pub(crate) struct MissingLine {
    /// The line's number in the file of the session, from 1.
    line: u64,
    /// How many bytes it has, if that is known.
    bytes: Option<u64>,
}

impl MissingLine {
    pub(crate) fn all(missing: &[Missing]) -> Vec<Self> {
        missing.iter().map(|missing| Self { line: missing.line, bytes: missing.bytes }).collect()
    }
}

/// What is missing in what was exported, by what its conversations are called.
#[derive(Default)]
pub(crate) struct Incomplete(Vec<(String, Vec<Missing>)>);

impl Incomplete {
    /// Notes what is missing in a conversation.
    pub(crate) fn add(
        &mut self,
        device: &Device,
        id: DocId,
        missing: &[Missing],
    ) -> Result<(), CommandError> {
        if missing.is_empty() {
            return Ok(());
        }
        let title = device.find(id)?.title().to_owned();
        let name = if title.is_empty() { documents::prefixes(device)?.shorten(id) } else { title };
        self.0.push((name, missing.to_vec()));
        Ok(())
    }

    /// Ends a command with the error that says what is missing, if anything is.
    pub(crate) fn complete(self) -> Result<(), CommandError> {
        let n = self.0.iter().map(|(_, missing)| missing.len()).sum();
        if n == 0 {
            return Ok(());
        }
        // An import notes no more than that.
        let is_more = self.0.iter().any(|(_, missing)| missing.len() >= GAPS_MAX);
        let (at_least, are) = (if is_more { "at least " } else { "" }, if n == 1 { "is" } else { "are" });
        let message = format!("{at_least}{} {are} missing in what was exported", count(n, "line"));
        let mut error = CommandError::new(ErrorCode::ExportIncomplete, sentence_case(&message));
        let lines = self.0.iter().flat_map(|(name, missing)| missing.iter().map(move |line| (name, line)));
        error.causes.extend(lines.take(TOLD_MAX).map(|(name, line)| told(name, line)));
        if let Some(more) = n.checked_sub(TOLD_MAX).filter(|more| *more > 0) {
            error.causes.push(format!("{} more", count(more, "line")));
        }
        Err(error.hint("everything else was exported; what is missing is in the file that was imported, wherever that is"))
    }
}

fn told(conversation: &str, missing: &Missing) -> String {
    let size = missing.bytes.map(|bytes| format!(" ({} bytes)", grouped(bytes))).unwrap_or_default();
    let conversation = OneLine(conversation);
    format!("{conversation}: line {}{size} was left in its file when that was imported", missing.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(line: u64, bytes: Option<u64>) -> Missing {
        Missing { before: 0, line, bytes }
    }

    fn error(conversations: Vec<(&str, Vec<Missing>)>) -> CommandError {
        let named = conversations.into_iter().map(|(name, missing)| (name.to_owned(), missing));
        Incomplete(named.collect()).complete().unwrap_err()
    }

    #[test]
    fn an_export_names_each_line_that_is_missing_and_what_is_known_of_it() {
        let error =
            error(vec![("Picture", vec![missing(3, Some(9_123_456))]), ("Other", vec![missing(1, None)])]);
        assert_eq!(
            (error.code, &*error.message),
            (ErrorCode::ExportIncomplete, "2 lines are missing in what was exported")
        );
        assert_eq!(
            error.causes,
            [
                "Picture: line 3 (9,123,456 bytes) was left in its file when that was imported",
                "Other: line 1 was left in its file when that was imported",
            ]
        );
    }

    #[test]
    fn of_very_many_lines_it_says_how_many_and_that_there_may_be_more() {
        let error = error(vec![("Log", (1..=GAPS_MAX as u64).map(|line| missing(line, Some(1))).collect())]);
        assert_eq!(error.message, "At least 4,096 lines are missing in what was exported");
        assert_eq!((error.causes.len(), error.causes.last().unwrap().as_str()), (21, "4,076 lines more"));
        assert!(Incomplete::default().complete().is_ok());
    }
}
