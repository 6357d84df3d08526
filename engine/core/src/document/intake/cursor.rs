//! Reads Automerge's storage format before Automerge does: bounded integers, chunk frames, column lists and
//! run-length columns. Run-length coding lets a few bytes claim any number of rows, so nothing here materialises one.

use bowline_wire::hash::sha256;

use super::incoming::Reason;
use crate::document::limits::COLUMNS_MAX;

/// What is wrong with bytes that are not a chunk Automerge could have written.
pub(super) const fn malformed(what: &'static str) -> Reason {
    Reason::Malformed(what)
}

/// Bytes not read yet.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Reason> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(malformed("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        self.take(N)?.try_into().map_err(|_| malformed("cut short"))
    }

    fn byte(&mut self) -> Result<u8, Reason> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Unsigned LEB128 of at most 64 bits.
    pub(super) fn unsigned(&mut self) -> Result<u64, Reason> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(malformed("number too long"))
    }

    /// Signed LEB128 of at most 64 bits.
    pub(super) fn signed(&mut self) -> Result<i64, Reason> {
        let mut value = 0_i64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = i64::from(byte & 0x7f);
            if shift == 63 && bits != 0 && bits != 0x7f {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let sign_extends = byte & 0x40 != 0 && shift + 7 < 64;
                return Ok(if sign_extends { value | (-1 << (shift + 7)) } else { value });
            }
        }
        Err(malformed("number too long"))
    }

    /// An unsigned number that counts or measures something in these same bytes.
    pub(super) fn length(&mut self) -> Result<usize, Reason> {
        usize::try_from(self.unsigned()?).map_err(|_| malformed("length"))
    }

    /// A length and that many bytes.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8], Reason> {
        let length = self.length()?;
        self.take(length)
    }
}

/// What a chunk holds, by the number in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkType {
    Document,
    Change,
}

/// One chunk whose checksum holds.
pub(super) struct Chunk<'a> {
    pub(super) kind: ChunkType,
    /// SHA-256 over type, length and body: of a change, its hash.
    pub(super) hash: [u8; 32],
    /// The whole chunk with its frame.
    pub(super) bytes: &'a [u8],
    pub(super) body: Cursor<'a>,
}

impl<'a> Chunk<'a> {
    /// Takes one chunk: `85 6f 4a 83 ‖ checksum (4) ‖ type (1) ‖ length (LEB128) ‖ body`. Deflated changes (type 2)
    /// and bundles (type 3) are refused: Bowline writes neither, and each is a decompressor less to bound.
    pub(super) fn take(input: &mut Cursor<'a>) -> Result<Self, Reason> {
        let start = *input;
        if input.array()? != [0x85, 0x6f, 0x4a, 0x83] {
            return Err(malformed("chunk magic"));
        }
        let checksum: [u8; 4] = input.array()?;
        let frame = *input;
        let kind = match input.byte()? {
            0 => ChunkType::Document,
            1 => ChunkType::Change,
            2 => return Err(Reason::Compressed),
            _ => return Err(malformed("chunk type")),
        };
        let body = input.prefixed()?;
        let hashed = Cursor(frame.0).take(frame.len() - input.len())?;
        let hash = sha256(&[hashed]);
        if !hash.starts_with(&checksum) {
            return Err(Reason::BadChecksum);
        }
        // A length written the long way round would hash differently from the change Automerge makes of it.
        let bytes = Cursor(start.0).take(start.len() - input.len())?;
        Ok(Self { kind, hash, bytes, body: Cursor(body) })
    }
}

/// The column types Automerge knows, by the low three bits of a column's specification.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Group,
    Actor,
    Integer,
    Delta,
    Boolean,
    Text,
    ValueMeta,
    Value,
}

/// One column: its specification (id and type) and its bytes.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    pub(super) spec: u32,
    pub(super) bytes: &'a [u8],
}

impl Column<'_> {
    pub(super) fn kind(&self) -> ColumnType {
        match self.spec & 7 {
            0 => ColumnType::Group,
            1 => ColumnType::Actor,
            2 => ColumnType::Integer,
            3 => ColumnType::Delta,
            4 => ColumnType::Boolean,
            5 => ColumnType::Text,
            6 => ColumnType::ValueMeta,
            _ => ColumnType::Value,
        }
    }
}

/// Specifications and lengths of a set of columns, whose bytes come later in the chunk.
pub(super) struct ColumnList(Vec<(u32, usize)>);

impl ColumnList {
    /// Bit 3 of a specification says that the column is deflated.
    const DEFLATED: u64 = 8;

    /// Takes a list; columns are in rising order, none twice, none deflated.
    pub(super) fn take(input: &mut Cursor<'_>) -> Result<Self, Reason> {
        let count = input.length()?;
        if count > COLUMNS_MAX {
            return Err(Reason::TooMany("columns"));
        }
        let mut columns: Vec<(u32, usize)> = Vec::with_capacity(count);
        for _ in 0..count {
            let spec = input.unsigned()?;
            if spec & Self::DEFLATED != 0 {
                return Err(Reason::Compressed);
            }
            let spec = u32::try_from(spec).map_err(|_| malformed("column"))?;
            if columns.last().is_some_and(|(last, _)| *last >= spec) {
                return Err(malformed("column order"));
            }
            columns.push((spec, input.length()?));
        }
        Ok(Self(columns))
    }

    /// Takes the bytes of all columns.
    pub(super) fn fill<'a>(self, input: &mut Cursor<'a>) -> Result<Vec<Column<'a>>, Reason> {
        self.0.into_iter().map(|(spec, length)| Ok(Column { spec, bytes: input.take(length)? })).collect()
    }
}

/// The bytes of the column `spec`, none if it is absent.
pub(super) fn column<'a>(columns: &[Column<'a>], spec: u32) -> &'a [u8] {
    columns.iter().find(|column| column.spec == spec).map_or(&[], |column| column.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leb128_numbers_are_read_as_they_are_written() {
        let unsigned = |bytes: &[u8]| Cursor::new(bytes).unsigned();
        assert_eq!(unsigned(&[0x7f]).unwrap(), 127);
        assert_eq!(unsigned(&[0xe5, 0x8e, 0x26]).unwrap(), 624_485);
        assert_eq!(
            unsigned(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).unwrap(),
            u64::MAX
        );
        let signed = |bytes: &[u8]| Cursor::new(bytes).signed();
        assert_eq!(signed(&[0x7f]).unwrap(), -1);
        assert_eq!(signed(&[0xc0, 0xbb, 0x78]).unwrap(), -123_456);
        assert_eq!(signed(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]).unwrap(), i64::MIN);
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        assert!(Cursor::new(&[0xff; 11]).unsigned().is_err());
        assert!(Cursor::new(&[0xff; 11]).signed().is_err());
        let two_too_many = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert!(Cursor::new(&two_too_many).unsigned().is_err());
    }

    #[test]
    fn a_deflated_column_is_refused_before_anything_is_inflated() {
        let list = [1, 0x42 | 8, 0];
        assert_eq!(ColumnList::take(&mut Cursor::new(&list)).err(), Some(Reason::Compressed));
    }

    #[test]
    fn a_chunk_has_so_many_columns_at_most() {
        // In rising order, without the bit of deflated ones; the numbers are LEB128.
        let list = |count: usize| {
            let spec =
                |n: usize| [0x80 | u8::try_from((16 * n) & 0x7f).unwrap(), u8::try_from(n / 8).unwrap()];
            let column = |n: usize| [&spec(n + 8)[..], &[0]].concat();
            [vec![u8::try_from(count).unwrap()], (0..count).flat_map(column).collect()].concat()
        };
        assert!(ColumnList::take(&mut Cursor::new(&list(COLUMNS_MAX))).is_ok());
        let beyond = ColumnList::take(&mut Cursor::new(&list(COLUMNS_MAX + 1)));
        assert_eq!(beyond.err(), Some(Reason::TooMany("columns")));
    }

    #[test]
    fn a_chunk_with_one_flipped_bit_is_refused() {
        let good =
            crate::document::intake::first::FirstChange::of(crate::document::Kind::Profile).bytes().to_vec();
        assert!(Chunk::take(&mut Cursor::new(&good)).is_ok());
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Chunk::take(&mut Cursor::new(&bad)).is_err(), "bit {bit}");
        }
    }
}
