//! QR codes on a terminal: each character is two modules, one above the other, since characters are twice as high as wide.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules on each side, of which readers want four (ISO/IEC 18004).
const QUIET: usize = 4;

/// Black on white, by numbers that themes do not change: whatever the terminal's own colours are, dark is dark.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

/// With what the modules are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Black on white, whatever the terminal's colours are.
    Colors,
    /// The terminal's own two colours. Its text is taken for light, as on a dark ground; on a light one the code is inverted, which most
    /// readers take as well.
    Plain,
    /// Dark is drawn, in no colour, for paper.
    Paper,
}

/// A QR code.
pub(crate) struct Qr {
    /// Side by side and row by row; true is dark.
    modules: Vec<Vec<bool>>,
}

impl Qr {
    /// The code for a text; `None` if it is too long for any. The level is the lowest: a screen has no dirt on it, and every step up costs
    /// columns.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        let inner = code.to_colors();
        let width = code.width();
        let side = width + 2 * QUIET;
        let module = |x: usize, y: usize| {
            let (x, y) = (x.checked_sub(QUIET)?, y.checked_sub(QUIET)?);
            (x < width).then(|| inner.get(y * width + x)).flatten()
        };
        let row = |y| (0..side).map(|x| module(x, y) == Some(&Color::Dark)).collect();
        Some(Self { modules: (0..side).map(row).collect() })
    }

    /// How many columns it takes.
    pub(crate) fn columns(&self) -> usize {
        self.modules.len()
    }

    /// The code as lines of text.
    pub(crate) fn draw(&self, ink: Ink) -> String {
        let line = |rows: &[Vec<bool>]| {
            let [upper, lower @ ..] = rows else { return String::new() };
            let lower = lower.first();
            let drawn = upper.iter().enumerate().map(|(x, upper)| {
                // What is below the last row is quiet.
                let lower = lower.and_then(|row| row.get(x)).copied().unwrap_or_default();
                character(*upper, lower, ink)
            });
            match ink {
                Ink::Colors => format!("{BLACK_ON_WHITE}{}{PLAIN}", drawn.collect::<String>()),
                Ink::Plain | Ink::Paper => drawn.collect(),
            }
        };
        self.modules.chunks(2).map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The character whose drawn halves are light with [`Ink::Plain`], and dark with the others.
fn character(upper: bool, lower: bool, ink: Ink) -> char {
    let is_drawn = |dark: bool| dark == (ink != Ink::Plain);
    match (is_drawn(upper), is_drawn(lower)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

#[cfg(test)]
mod tests;
