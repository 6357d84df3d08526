//! The sheet with a recovery phrase, to print.

use std::fmt::Write as _;
use std::path::Path;

use bowline_engine::ids::Millis;
use zeroize::Zeroizing;

use crate::error::CommandError;
use crate::files;
use crate::invocation::Invocation;
use crate::qr::{Ink, Qr};
use crate::text::OneLine;
use crate::time::moment;

/// Columns of words on a sheet.
const COLUMNS: usize = 4;

/// Characters that the longest word has.
const WORD: usize = 8;

/// What stands on a sheet.
pub(super) struct Sheet<'a> {
    pub(super) workspace: String,
    /// The relay's address, which `bowline recovery use` takes.
    pub(super) relay: String,
    pub(super) made: Millis,
    pub(super) words: &'a str,
}

impl Sheet<'_> {
    /// Writes the sheet into a new file, if one is named, and else onto the terminal. Done before the words are shown: a file that
    /// cannot be written is better known then.
    pub(super) fn show(
        &self,
        invocation: &mut Invocation<'_>,
        file: Option<&Path>,
    ) -> Result<(), CommandError> {
        match file {
            Some(path) => files::write_private(path, self.to_text().as_bytes())?,
            None if !invocation.is_json() => invocation.say(format_args!("{}", self.to_text().as_str())),
            None => {}
        }
        Ok(())
    }

    /// The sheet as text. Dark is ink: the code is for paper, and for a camera.
    fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(8 * 1024));
        let Self { workspace, relay, made, words } = self;
        let _ = write!(
            text,
            "BOWLINE RECOVERY SHEET\n\nWhoever has these 24 words can read and change everything in your workspaces. Keep them on paper, where nobody \
             finds them,\nand in no file, mail or picture. Without them and without a device nobody can bring your workspaces back.\n\n"
        );
        let words: Vec<&str> = words.split(' ').collect();
        let rows = words.len().div_ceil(COLUMNS);
        for row in 0..rows {
            for column in 0..COLUMNS {
                let at = row + column * rows;
                let word = words.get(at).copied().unwrap_or_default();
                let _ = write!(text, "{:>4}. {word:WORD$}", at + 1);
            }
            text.push('\n');
        }
        let _ = write!(
            text,
            "\nWorkspace  {}\nRelay      {}\nMade       {}\n\nWhen every device is gone:\n  1. Install Bowline on a new machine.\n  2. Run: bowline \
             recovery use --relay '{}'\n  3. Type the words on one line, in the order of their numbers.\n",
            OneLine(workspace),
            OneLine(relay),
            moment(*made),
            OneLine(relay),
        );
        if let Some(qr) = Qr::of(self.words) {
            let _ =
                write!(text, "\nThe words for a camera:\n{}\n", Zeroizing::new(qr.draw(Ink::Paper)).as_str());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_every_word_under_its_number_and_what_to_do() {
        let words = (1..=24).map(|number| format!("word{number}")).collect::<Vec<_>>().join(" ");
        let (workspace, relay) = ("Family (1234)".to_owned(), "wss://relay.example#key=abc".to_owned());
        let text = Sheet { workspace, relay, made: Millis(1_700_000_000_000), words: &words }.to_text();
        for number in 1..=24 {
            assert!(text.contains(&format!("{number:>4}. word{number} ")), "{number}\n{}", *text);
        }
        for says in ["Family (1234)", "bowline recovery use --relay 'wss://relay.example#key=abc'", "█"] {
            assert!(text.contains(says), "{says}");
        }
        assert!(!text.contains('\x1b'), "for paper");
    }
}
