//! Answers on stdout, as columns for people or JSON for programs; talk on stderr.

use std::io::{self, Write};

use bowline_wire::ids::Millis;
use serde::Serialize;

use super::error::{CommandError, ErrorCode};

/// The rows as text, each column as wide as its widest cell; the last one is not padded. Not shared with the `bowline`
/// command line: decision 0057.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let last = row.len().saturating_sub(1);
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column < last {
                let padding = width(column).unwrap_or(0).saturating_sub(cell.chars().count()) + 2;
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        text.push('\n');
    }
    text
}

/// How many workspaces, in words.
pub(crate) fn workspaces(n: usize) -> String {
    if n == 1 { "1 workspace".to_owned() } else { format!("{n} workspaces") }
}

/// A time as ISO 8601 in UTC, to the second.
pub(crate) fn time(at: Millis) -> String {
    let seconds =
        i64::try_from(at.0 / 1000).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    seconds.map_or_else(|| "?".to_owned(), |time| time.to_string())
}

/// Says a line on stderr. Whoever has closed that does not want to hear it.
pub(crate) fn say(line: &str) {
    let _nobody_listens = writeln!(io::stderr(), "{line}");
}

/// Prints text that ends with a line break.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| {
        CommandError::new(ErrorCode::OutputNotTaken, error).hint("the answer could not be written to stdout")
    })
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| CommandError::new(ErrorCode::Bug, error))?;
    print(&format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bbb", "c"], ["aaaa", "é", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(columns(&rows), "a     bbb  c\naaaa  é    \n");
    }

    #[test]
    fn times_are_iso_8601() {
        assert_eq!(time(Millis(1_795_388_641_999)), "2026-11-22T23:04:01Z");
    }
}
