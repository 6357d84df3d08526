//! Automerge's run-length columns: rows one by one for what is checked, or only measured for what is bounded.

use super::cursor::{Column, ColumnType, Cursor, malformed};
use super::incoming::Reason;

/// A value that a run-length column can hold.
pub(super) trait Item<'a>: Copy {
    fn take(input: &mut Cursor<'a>) -> Result<Self, Reason>;
}

impl Item<'_> for u64 {
    fn take(input: &mut Cursor<'_>) -> Result<Self, Reason> {
        input.unsigned()
    }
}

impl Item<'_> for i64 {
    fn take(input: &mut Cursor<'_>) -> Result<Self, Reason> {
        input.signed()
    }
}

impl<'a> Item<'a> for &'a str {
    fn take(input: &mut Cursor<'a>) -> Result<Self, Reason> {
        std::str::from_utf8(input.prefixed()?).map_err(|_| malformed("text"))
    }
}

/// Rows of a run-length column: `n > 0, value` repeats it; `-n, values` lists them; `0, n` is n rows without a value.
pub(super) struct Rows<'a, T> {
    input: Cursor<'a>,
    left: u64,
    value: Option<T>,
    literal: bool,
}

impl<'a, T: Item<'a>> Rows<'a, T> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { input: Cursor::new(bytes), left: 0, value: None, literal: false }
    }

    /// The next run: a value, or its absence, and how many rows have it. A literal row is a run of one.
    fn run(&mut self) -> Result<Option<(Option<T>, u64)>, Reason> {
        if self.left == 0 {
            if self.input.is_empty() {
                return Ok(None);
            }
            let count = self.input.signed()?;
            self.literal = count < 0;
            self.left = count.unsigned_abs();
            self.value = None;
            if count > 0 {
                self.value = Some(T::take(&mut self.input)?);
            } else if count == 0 {
                self.left = self.input.unsigned()?;
            }
            if self.left == 0 {
                return Err(malformed("empty run"));
            }
        }
        if self.literal {
            self.left -= 1;
            return Ok(Some((Some(T::take(&mut self.input)?), 1)));
        }
        let run = (self.value, self.left);
        self.left = 0;
        Ok(Some(run))
    }

    /// The next row. An exhausted column reads as rows without a value: Automerge leaves out columns that have none.
    pub(super) fn next(&mut self) -> Result<Option<T>, Reason> {
        let Some((value, count)) = self.run()? else {
            return Ok(None);
        };
        if !self.literal {
            self.left = count - 1;
        }
        Ok(value)
    }

    /// Whether all rows have been read.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0 && self.input.is_empty()
    }
}

/// Rows of a boolean column: run lengths of false, true, false, …
pub(super) struct Flags<'a> {
    input: Cursor<'a>,
    left: u64,
    value: bool,
}

impl<'a> Flags<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        // The first run is of false.
        Self { input: Cursor::new(bytes), left: 0, value: true }
    }

    /// The next row. An exhausted column reads as false.
    pub(super) fn next(&mut self) -> Result<bool, Reason> {
        while self.left == 0 {
            if self.input.is_empty() {
                return Ok(false);
            }
            self.value = !self.value;
            self.left = self.input.unsigned()?;
        }
        self.left -= 1;
        Ok(self.value)
    }

    /// Whether all rows have been read.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0 && self.input.is_empty()
    }
}

/// How much a column holds, found without unrolling a single run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// Rows, with and without a value.
    pub(super) rows: u64,
    /// Rows with a value, for booleans rows that are true.
    pub(super) values: u64,
    /// Sum of the values; of a text column the bytes of all rows; of value metadata the bytes they describe.
    pub(super) sum: u64,
    /// The largest value: of a delta column the largest it adds up to at the end of a run.
    pub(super) largest: u64,
}

impl Extent {
    /// Measures a column. Refused: a broken run, anything that adds up to more than 64 bits, a delta below zero.
    pub(super) fn of(column: &Column<'_>) -> Result<Self, Reason> {
        match column.kind() {
            ColumnType::Group | ColumnType::Actor | ColumnType::Integer => {
                Self::over(column, |value: u64| value)
            }
            ColumnType::ValueMeta => Self::over(column, |value: u64| value >> 4),
            ColumnType::Text => Self::over(column, |value: &str| value.len() as u64),
            ColumnType::Delta => Self::of_deltas(column),
            ColumnType::Boolean => Self::of_booleans(column),
            ColumnType::Value => Ok(Self { sum: column.bytes.len() as u64, ..Self::default() }),
        }
    }

    fn over<'a, T: Item<'a>>(column: &Column<'a>, size: impl Fn(T) -> u64) -> Result<Self, Reason> {
        let mut extent = Self::default();
        let mut rows = Rows::new(column.bytes);
        while let Some((value, count)) = rows.run()? {
            extent.count(value.is_some(), count)?;
            if let Some(value) = value.map(&size) {
                extent.sum =
                    value.checked_mul(count).and_then(|sum| sum.checked_add(extent.sum)).ok_or(OVERFLOW)?;
                extent.largest = extent.largest.max(value);
            }
        }
        Ok(extent)
    }

    fn of_deltas(column: &Column<'_>) -> Result<Self, Reason> {
        let mut extent = Self::default();
        let mut rows = Rows::<i64>::new(column.bytes);
        let mut total = 0_i64;
        while let Some((delta, count)) = rows.run()? {
            extent.count(delta.is_some(), count)?;
            let step = i64::try_from(count).ok().and_then(|count| delta.unwrap_or(0).checked_mul(count));
            total = step.and_then(|step| total.checked_add(step)).ok_or(OVERFLOW)?;
            // Within a run the sum moves one way, so its ends bound it.
            extent.largest = extent.largest.max(u64::try_from(total).map_err(|_| malformed("negative"))?);
        }
        Ok(extent)
    }

    fn of_booleans(column: &Column<'_>) -> Result<Self, Reason> {
        let mut extent = Self::default();
        let mut input = Cursor::new(column.bytes);
        let mut value = false;
        while !input.is_empty() {
            extent.count(value, input.unsigned()?)?;
            value = !value;
        }
        Ok(extent)
    }

    fn count(&mut self, has_value: bool, rows: u64) -> Result<(), Reason> {
        self.rows = self.rows.checked_add(rows).ok_or(OVERFLOW)?;
        if has_value {
            self.values = self.values.checked_add(rows).ok_or(OVERFLOW)?;
        }
        Ok(())
    }
}

const OVERFLOW: Reason = Reason::TooMany("rows");

#[cfg(test)]
mod tests {
    use super::*;

    const INTEGER: u32 = 2;
    const DELTA: u32 = 3;
    const BOOLEAN: u32 = 4;
    const TEXT: u32 = 5;

    fn extent(spec: u32, bytes: &[u8]) -> Result<Extent, Reason> {
        Extent::of(&Column { spec, bytes })
    }

    #[test]
    fn rows_are_repeated_listed_or_absent() {
        // three sevens, two rows without a value, then 1 and 2
        let mut rows = Rows::<u64>::new(&[3, 7, 0, 2, 0x7e, 1, 2]);
        let read: Vec<_> = (0..7).map(|_| rows.next().unwrap()).collect();
        assert_eq!(read, [Some(7), Some(7), Some(7), None, None, Some(1), Some(2)]);
        assert!(rows.is_done());
    }

    #[test]
    fn an_exhausted_column_reads_as_rows_without_a_value() {
        assert_eq!(Rows::<u64>::new(&[]).next().unwrap(), None);
    }

    #[test]
    fn flags_are_runs_that_begin_with_false() {
        let mut flags = Flags::new(&[0, 2, 1, 1]);
        let read: Vec<_> = (0..5).map(|_| flags.next().unwrap()).collect();
        assert_eq!(read, [true, true, false, true, false]);
        assert!(flags.is_done());
    }

    #[test]
    fn a_run_of_a_billion_is_measured_without_being_unrolled() {
        let billion = [0x80, 0x94, 0xeb, 0xdc, 0x03];
        let bytes: Vec<u8> = billion.into_iter().chain([5]).collect();
        let measured = extent(INTEGER, &bytes).unwrap();
        assert_eq!((measured.rows, measured.sum, measured.largest), (1_000_000_000, 5_000_000_000, 5));
    }

    #[test]
    fn a_text_column_weighs_what_its_rows_weigh_unrolled() {
        let measured = extent(TEXT, &[50, 3, b'a', b'b', b'c']).unwrap();
        assert_eq!((measured.rows, measured.sum), (50, 150));
    }

    #[test]
    fn deltas_may_not_add_up_to_less_than_nothing() {
        assert_eq!(extent(DELTA, &[2, 3]).unwrap().largest, 6);
        assert_eq!(extent(DELTA, &[1, 0x7f]).err(), Some(malformed("negative")));
    }

    #[test]
    fn booleans_count_their_true_rows() {
        let measured = extent(BOOLEAN, &[3, 4]).unwrap();
        assert_eq!((measured.rows, measured.values), (7, 4));
    }

    #[test]
    fn what_adds_up_to_more_than_64_bits_is_refused() {
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
        let bytes: Vec<u8> = most.iter().chain(&[7]).copied().collect();
        assert_eq!(extent(INTEGER, &bytes).err(), Some(OVERFLOW));
    }
}
