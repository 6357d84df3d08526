//! What is wrong with the arguments, as an error like any other.

use super::{CommandError, ErrorCode};

impl From<&clap::Error> for CommandError {
    fn from(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let mut paragraphs = text.split("\n\n").map(on_one_line).filter(|paragraph| !paragraph.is_empty());
        let first = paragraphs.next().unwrap_or_default();
        let message = first.strip_prefix("error: ").unwrap_or(&first).to_owned();
        paragraphs.fold(Self::new(ErrorCode::Usage, message), Self::hint)
    }
}

fn on_one_line(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
