//! What is wrong with the arguments, as an error like any other.

use clap::error::ErrorKind;

use super::code::ErrorCode;
use super::command::CommandError;
use crate::text::sentence_case;

impl From<&clap::Error> for CommandError {
    fn from(error: &clap::Error) -> Self {
        if matches!(
            error.kind(),
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        ) {
            return Self::new(ErrorCode::Usage, "A command is missing").hint("`bowline --help` lists them");
        }
        let text = error.render().to_string();
        let mut paragraphs = text.split("\n\n").map(on_one_line).filter(|paragraph| !paragraph.is_empty());
        let first = paragraphs.next().unwrap_or_default();
        let mut told =
            Self::new(ErrorCode::Usage, sentence_case(first.strip_prefix("error: ").unwrap_or(&first)));
        told.hints.extend(paragraphs);
        told
    }
}

fn on_one_line(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
