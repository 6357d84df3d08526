//! Deterministic CBOR (RFC 8949 §4.2): one encoding for each value, bounded and canonical-only when reading.
//!
//! Canonical form is enforced by construction: what was read is written again and has to give the same bytes.

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use thiserror::Error;

/// Why bytes are not the canonical encoding of a value. Always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes are not well-formed CBOR, or of another type than expected at this place.
    #[error("malformed CBOR near byte {at}")]
    Malformed {
        /// Offset into the input.
        at: usize,
    },
    /// The bytes are well-formed, but not the one encoding that this protocol allows for the value.
    #[error("not in canonical form")]
    NotCanonical,
    /// Something is longer than the limit for its place.
    #[error("{what} is larger than {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit, in bytes or items.
        limit: usize,
    },
    /// A number that no meaning is assigned to.
    #[error("unknown {what} number {number}")]
    UnknownNumber {
        /// What the number is of.
        what: &'static str,
        /// The number found.
        number: u64,
    },
    /// The value breaks a rule of its type.
    #[error("{0}")]
    Rule(&'static str),
}

/// A value with exactly one encoding.
pub trait Canonical: Sized {
    /// Appends the value's one encoding.
    fn write(&self, to: &mut Writer);
    /// Reads a value; [`decode`] checks afterwards that the bytes were the one encoding.
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// The one encoding of `value`.
pub fn encode<T: Canonical>(value: &T) -> Vec<u8> {
    let mut writer = Writer::new();
    value.write(&mut writer);
    writer.into_bytes()
}

/// Reads the one encoding of a value, nothing before or after it.
pub fn decode<T: Canonical>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode_by(bytes, T::read, T::write)
}

/// Reads the one encoding of a value by `read`, nothing before or after it; `write` writes that encoding.
pub(crate) fn decode_by<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
    write: impl FnOnce(&T, &mut Writer),
) -> Result<T, DecodeError> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader)?;
    // In a buffer that need not grow: nearly all that comes is canonical, and as long as what it is compared with.
    let mut again = Writer { encoder: Encoder::new(Vec::with_capacity(bytes.len())) };
    write(&value, &mut again);
    // What follows the value would be missing from this.
    if again.into_bytes() != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

/// Writes canonical CBOR into memory.
#[derive(Debug)]
pub struct Writer {
    encoder: Encoder<Vec<u8>>,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self { encoder: Encoder::new(Vec::new()) }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.encoder.into_writer()
    }

    // Writing to a `Vec` cannot fail, so the encoder's results carry nothing.

    /// The head of an array of `len` items, which the caller writes next.
    pub fn array(&mut self, len: usize) -> &mut Self {
        let _ = self.encoder.array(len as u64);
        self
    }

    /// An unsigned number.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        let _ = self.encoder.u64(value);
        self
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        let _ = self.encoder.bytes(value);
        self
    }

    /// A text string.
    pub fn text(&mut self, value: &str) -> &mut Self {
        let _ = self.encoder.str(value);
        self
    }

    /// A truth value.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        let _ = self.encoder.bool(value);
        self
    }

    /// `null` for `None`.
    pub fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => {
                let _ = self.encoder.null();
            }
        }
        self
    }

    /// An array of values.
    pub fn list<T: Canonical>(&mut self, items: &[T]) -> &mut Self {
        self.array(items.len());
        for item in items {
            item.write(self);
        }
        self
    }

    /// A value inside this one.
    pub fn value<T: Canonical>(&mut self, value: &T) -> &mut Self {
        value.write(self);
        self
    }
}

/// Reads CBOR with every length bounded before anything is allocated.
#[derive(Debug)]
pub struct Reader<'b> {
    decoder: Decoder<'b>,
}

impl<'b> Reader<'b> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { decoder: Decoder::new(bytes) }
    }

    /// Refuses an input that is longer than `limit` as a whole.
    pub fn at_most(&self, what: &'static str, limit: usize) -> Result<(), DecodeError> {
        if self.decoder.input().len() > limit { Err(DecodeError::TooLarge { what, limit }) } else { Ok(()) }
    }

    pub(crate) fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { at: self.decoder.position() }
    }

    fn definite_array(&mut self) -> Result<u64, DecodeError> {
        self.decoder.array().ok().flatten().ok_or(self.malformed())
    }

    /// The head of an array that has exactly `len` items.
    pub fn array(&mut self, len: usize) -> Result<(), DecodeError> {
        if self.definite_array()? == len as u64 { Ok(()) } else { Err(self.malformed()) }
    }

    /// The head of an array of at most `limit` items.
    pub fn array_up_to(&mut self, what: &'static str, limit: usize) -> Result<usize, DecodeError> {
        match usize::try_from(self.definite_array()?) {
            Ok(len) if len <= limit => Ok(len),
            _ => Err(DecodeError::TooLarge { what, limit }),
        }
    }

    /// An unsigned number.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.decoder.u64().map_err(|_| self.malformed())
    }

    /// An unsigned number that fits 32 bits.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.decoder.u32().map_err(|_| self.malformed())
    }

    /// An unsigned number that fits 16 bits.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.decoder.u16().map_err(|_| self.malformed())
    }

    /// An unsigned number that fits 8 bits.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.decoder.u8().map_err(|_| self.malformed())
    }

    /// A truth value.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        self.decoder.bool().map_err(|_| self.malformed())
    }

    /// A byte string of at most `limit` bytes, borrowed from the input.
    pub fn bytes(&mut self, what: &'static str, limit: usize) -> Result<&'b [u8], DecodeError> {
        let bytes = self.decoder.bytes().map_err(|_| self.malformed())?;
        if bytes.len() > limit { Err(DecodeError::TooLarge { what, limit }) } else { Ok(bytes) }
    }

    /// A text string of at most `limit` bytes, borrowed from the input.
    pub fn text(&mut self, what: &'static str, limit: usize) -> Result<&'b str, DecodeError> {
        let text = self.decoder.str().map_err(|_| self.malformed())?;
        if text.len() > limit { Err(DecodeError::TooLarge { what, limit }) } else { Ok(text) }
    }

    /// A byte string of exactly `N` bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.decoder.bytes().map_err(|_| self.malformed())?;
        bytes.try_into().map_err(|_| self.malformed())
    }

    /// `None` for `null`, else what `read` reads.
    pub fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.decoder.datatype().map_err(|_| self.malformed())? == Type::Null {
            self.decoder.null().map_err(|_| self.malformed())?;
            return Ok(None);
        }
        read(self).map(Some)
    }

    /// An array of at most `limit` values. Grows as values are read, so a length that lies allocates nothing.
    pub fn list<T: Canonical>(&mut self, what: &'static str, limit: usize) -> Result<Vec<T>, DecodeError> {
        let len = self.array_up_to(what, limit)?;
        let mut items = Vec::new();
        for _ in 0..len {
            items.push(T::read(self)?);
        }
        Ok(items)
    }

    /// A value inside this one.
    pub fn value<T: Canonical>(&mut self) -> Result<T, DecodeError> {
        T::read(self)
    }
}

macro_rules! canonical_ids {
    ($($id:ty),* $(,)?) => {$(
        impl Canonical for $id {
            fn write(&self, to: &mut Writer) {
                to.bytes(self.as_bytes());
            }
            fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                from.fixed().map(<$id>::from_bytes)
            }
        }
    )*};
}

canonical_ids!(
    crate::ids::WorkspaceId,
    crate::ids::DeviceId,
    crate::ids::UserId,
    crate::ids::Incarnation,
    crate::ids::EntryId,
    crate::ids::LogId,
    crate::ids::RelayId,
    crate::ids::LineKey,
    crate::ids::LogHash,
    crate::ids::RosterHash,
    crate::ids::Commitment,
    crate::ids::EpochId,
    crate::ids::DocId,
    crate::ids::WireDoc,
    crate::ids::Salt,
    crate::ids::BodyHash,
    crate::ids::SnapshotDigest,
    crate::ids::StateDigest,
    crate::ids::Signature,
    crate::ids::TicketKey,
);

impl Canonical for crate::ids::Position {
    fn write(&self, to: &mut Writer) {
        to.u64(self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.u64().map(Self)
    }
}

impl Canonical for crate::ids::LogTime {
    fn write(&self, to: &mut Writer) {
        to.u64(self.millis().0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(from.u64()?).ok_or(DecodeError::Rule("a log's time is below 2^48"))
    }
}

impl Canonical for crate::ids::Lane {
    fn write(&self, to: &mut Writer) {
        to.u64(self.number().into());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = from.u8()?;
        Self::from_number(number).ok_or(DecodeError::UnknownNumber { what: "lane", number: number.into() })
    }
}
