//! Showing what other people wrote: nothing in it moves the cursor, changes colours or turns the reading direction.

use std::fmt::{self, Write as _};
use std::path::Path;

use unicode_width::UnicodeWidthStr;

/// Text of a document or peer over several lines: line breaks and tabs stay, every other control is made visible.
pub(crate) struct Safe<'a>(pub(crate) &'a str);

/// Text of a document or peer on one line: line breaks and tabs are made visible as well.
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\n' | '\t' => f.write_char(c),
            _ => write_visible(f, c),
        })
    }
}

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| write_visible(f, c))
    }
}

fn write_visible(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    if acts(c) { write!(f, "<{:02X}>", u32::from(c)) } else { f.write_char(c) }
}

/// Whether a terminal would act on it instead of showing it: controls (C0, C1, delete), what turns the direction of
/// reading (Unicode's `Bidi_Control`), line separators, and the tags that hide text inside text.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061C}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// JSON in which everything a terminal would act on is written as an escape. Means the same to a program.
pub(crate) fn json_safe(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // Outside strings JSON has no such character but the line break, which inside strings is escaped already.
        if acts(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// The text, cut to so many columns of a terminal with an ellipsis if it is wider.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut fitted = String::new();
    for c in text.chars() {
        fitted.push(c);
        if fitted.width() >= columns {
            fitted.pop();
            break;
        }
    }
    fitted.push('…');
    fitted
}

/// Columns between two columns of a table.
const GAP: usize = 2;

/// Columns that are left at least of a column that is cut: a few letters and the ellipsis.
const CUT_LEAST: usize = 6;

/// Rows with aligned columns. Written with a width, as `{:80}`, it fits into that: columns that may be cut are, the widest first.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Which columns may be cut.
    cut: Vec<usize>,
}

impl Table {
    /// A table with a head row.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|name| (*name).to_owned()).collect()], cut: Vec::new() }
    }

    /// The same table, in which columns with these names may be cut.
    pub(crate) fn cutting(mut self, names: &[&str]) -> Self {
        let head = self.rows.first().into_iter().flatten().enumerate();
        self.cut = head.filter(|(_, name)| names.contains(&name.as_str())).map(|(at, _)| at).collect();
        self
    }

    /// How wide each column is, if all of them together take so many columns of a terminal at most.
    fn widths(&self, columns: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let gaps = GAP * widths.len().saturating_sub(1);
        let mut beyond = (widths.iter().sum::<usize>() + gaps).saturating_sub(columns.unwrap_or(usize::MAX));
        while beyond > 0 {
            let cut = widths.iter_mut().enumerate().filter(|(at, _)| self.cut.contains(at));
            let Some(widest) = cut.map(|(_, width)| width).max().filter(|width| **width > CUT_LEAST) else {
                break;
            };
            *widest -= 1;
            beyond -= 1;
        }
        widths
    }

    /// Adds a row. Cells are text for terminals already.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths(f.width());
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let cell = fit(cell, *width);
                line.push_str(&cell);
                line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + GAP));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `1 conversation`, `2,000 conversations`.
pub(crate) fn count(n: usize, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(n as u64))
}

/// `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `process 4711`.
pub(crate) fn process(pid: u32) -> String {
    if pid == 0 { "another process".to_owned() } else { format!("process {pid}") }
}

/// The text with a capital at its beginning.
pub(crate) fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A path for people, on one line.
pub(crate) fn show_path(path: &Path) -> String {
    OneLine(&path.display().to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_reaches_the_terminal_as_a_command() {
        let hostile =
            "a\x1b[31mred\x07\r\u{9b}2J\u{202e}txt.exe\u{2066}x\u{2069}\u{200f}\u{2028}\u{7f}\u{e0041}";
        let shown = Safe(hostile).to_string();
        assert_eq!(shown, "a<1B>[31mred<07><0D><9B>2J<202E>txt.exe<2066>x<2069><200F><2028><7F><E0041>");
        assert_eq!(OneLine(hostile).to_string(), shown);
    }

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        let text = "tab\there\nnew line, né, 日本語, עברית, 👩‍👩‍👧";
        assert_eq!(Safe(text).to_string(), text);
        assert_eq!(OneLine("a\nb\tc").to_string(), "a<0A>b<09>c");
    }

    #[test]
    fn json_means_the_same_when_nothing_in_it_acts_on_a_terminal() {
        let text = "a\n\u{9b}2J\u{202e}\u{e0041}\x1b";
        let json = json_safe(&serde_json::to_string_pretty(&[text]).unwrap());
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
        assert!(!json.chars().any(|c| acts(c) && c != '\n'), "{json}");
    }

    #[test]
    fn columns_align_by_what_is_seen_and_not_by_bytes() {
        let mut table = Table::new(&["A", "B"]);
        table.row(vec!["日本".to_owned(), "x".to_owned()]);
        table.row(vec!["é".to_owned(), "y".to_owned()]);
        assert_eq!(table.to_string(), "A     B\n日本  x\né     y\n");
    }

    #[test]
    fn a_table_is_no_wider_than_it_may_be_as_far_as_its_columns_may_be_cut() {
        let mut table = Table::new(&["ID", "NAME", "TITLE"]).cutting(&["NAME", "TITLE"]);
        table.row(vec!["3fa9".to_owned(), "Family and friends".to_owned(), "日本語".repeat(20)]);
        for columns in [40, 41, 80] {
            let widest = format!("{table:columns$}").lines().map(UnicodeWidthStr::width).max().unwrap();
            assert!((columns - 1..=columns).contains(&widest), "{columns}: {widest}");
        }
        assert!(format!("{table:80}").contains("Family and friends"), "the widest is cut first");
        let least = format!("{table:1}");
        assert_eq!(least.lines().nth(1).unwrap(), "3fa9  Famil…  日本…");
        assert!(table.to_string().contains(&"日本語".repeat(20)));
    }

    #[test]
    fn a_wide_text_is_cut_to_its_columns() {
        assert_eq!(fit("short", 10), "short");
        assert_eq!(fit("日本語日本語", 6), "日本…");
        assert!(fit("abcdefgh", 4).width() <= 4);
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (123_456, "123,456"), (1_234_567, "1,234,567")];
        for (n, text) in cases {
            assert_eq!(grouped(n), text);
        }
        assert_eq!((count(1, "device"), count(2, "device")), ("1 device".into(), "2 devices".into()));
    }
}
