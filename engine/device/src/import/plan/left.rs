//! Lines that stay in their file: each leaves a note in its document, once.

use bowline_core::document::Gap;
use bowline_core::document::limits::GAPS_MAX;

use super::super::lines::PlacedLine;
use super::step::LineWrite;
use super::way::Way;

/// What is written of a line.
#[derive(Default)]
pub(super) struct Written<'a> {
    pub(super) write: Option<LineWrite<'a>>,
    /// Notes of lines that stayed in their file, which go.
    pub(super) fills: Vec<Gap>,
}

/// The notes of lines that stayed in their file.
#[derive(Default)]
pub(super) struct Notes {
    /// How many notes there are, as far as that is known.
    pub(super) count: usize,
    /// A note was made, or has gone.
    pub(super) are_changed: bool,
}

impl Notes {
    /// Notes a line that stays in its file, unless that is noted, or nothing more can be.
    pub(super) fn leave(&mut self, way: &mut Way, gap: Gap) -> Written<'static> {
        let before = match way {
            Way::Asked(lines) => {
                if lines.take_gap(&gap) {
                    return Written::default();
                }
                // At one place in a file there is one line: it has grown since, or was written anew.
                lines.take_gap_at(&gap)
            }
            Way::New => None,
            Way::Remembered(..) | Way::Diverged | Way::InTrash => return Written::default(),
        };
        if before.is_none() && self.count >= GAPS_MAX {
            return Written::default();
        }
        self.count += usize::from(before.is_none());
        self.are_changed = true;
        Written { write: Some(LineWrite::Gap(gap)), fills: before.into_iter().collect() }
    }

    /// The notes that go with a line that is there, or comes.
    pub(super) fn filled_by(&mut self, way: &mut Way, line: &PlacedLine<'_>) -> Vec<Gap> {
        let filled = match way {
            Way::Asked(lines) => lines.filled_by(line),
            Way::Remembered(..) | Way::Diverged | Way::New | Way::InTrash => Vec::new(),
        };
        self.count = self.count.saturating_sub(filled.len());
        self.are_changed |= !filled.is_empty();
        filled
    }
}
