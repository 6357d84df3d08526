//! The sheet with a recovery phrase, to print.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use bowline_engine::ids::Millis;
use zeroize::Zeroizing;

use crate::error::{CommandError, ErrorCode};
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
    pub(super) places: Vec<Printed>,
    pub(super) made: Millis,
    pub(super) words: &'a str,
}

/// An error if new words would be shown where nobody is to write them down.
pub(super) fn check_seen(invocation: &Invocation<'_>, yes: bool) -> Result<(), CommandError> {
    if yes || invocation.can_ask() {
        return Ok(());
    }
    Err(CommandError::new(
        ErrorCode::Unconfirmed,
        "A recovery phrase is shown once, and there is nobody here to write it down",
    )
    .hint("on a terminal this shows it and asks; with --yes the words go to stdout"))
}

/// A workspace that the words bring back, as it stands on a sheet.
pub(super) struct Printed {
    pub(super) workspace: String,
    /// The relay's address, which `bowline recovery use` takes.
    pub(super) relay: String,
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
        let Self { places, made, words } = self;
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
        text.push('\n');
        for Printed { workspace, relay } in places {
            let _ = writeln!(text, "Workspace  {}\nRelay      {}", OneLine(workspace), OneLine(relay));
        }
        let _ = writeln!(
            text,
            "Made       {}\n\nWhen every device is gone:\n  1. Install Bowline on a new machine.",
            moment(*made)
        );
        let relays: BTreeSet<&str> = places.iter().map(|place| place.relay.as_str()).collect();
        for (relay, run) in
            relays.into_iter().zip(std::iter::once("2. Run:").chain(std::iter::repeat("   and:")))
        {
            let _ = writeln!(text, "  {run} bowline recovery use --relay '{}'", OneLine(relay));
        }
        text.push_str("  3. Type the words on one line, in the order of their numbers.\n");
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
        let printed = |workspace: &str, relay: &str| Printed {
            workspace: workspace.to_owned(),
            relay: relay.to_owned(),
        };
        let places = vec![
            printed("Family (1234)", "wss://relay.example#key=abc"),
            printed("Club (5678)", "wss://other.example#key=def"),
            printed("Studio (9abc)", "wss://relay.example#key=abc"),
        ];
        let text = Sheet { places, made: Millis(1_700_000_000_000), words: &words }.to_text();
        for number in 1..=24 {
            assert!(text.contains(&format!("{number:>4}. word{number} ")), "{number}\n{}", *text);
        }
        for says in [
            "Family (1234)",
            "Club (5678)",
            "Studio (9abc)",
            "bowline recovery use --relay 'wss://relay.example#key=abc'",
            "bowline recovery use --relay 'wss://other.example#key=def'",
            "█",
        ] {
            assert!(text.contains(says), "{says}");
        }
        assert_eq!(text.matches("bowline recovery use").count(), 2, "each relay is asked once");
        assert!(!text.contains('\x1b'), "for paper");
    }
}
