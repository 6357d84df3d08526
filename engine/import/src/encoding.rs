//! Text in the encoding that its first bytes name: UTF-8 with or without a byte-order mark, or UTF-16 with one.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

/// The byte-order mark as UTF-8 has it. It is not part of a text.
pub(crate) const MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes of UTF-16 that are turned into UTF-8 at once.
const CHUNK: usize = 16 << 10;

/// What a person should know of a transcript that was in UTF-16.
pub(crate) const IN_UTF16: &str = "it is in UTF-16: its lines came in as UTF-8, and go out again as that";

/// The order of the bytes in UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// The order that the first two bytes of a text name; `None` if they are not a mark of UTF-16.
    fn of(first: &[u8]) -> Option<Self> {
        match first {
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            _ => None,
        }
    }

    fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }
}

/// A line or file without its byte-order mark.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// The text in `bytes`, without its mark; `None` if it is not text.
pub(crate) fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let Some(order) = Order::of(bytes) else {
        return std::str::from_utf8(without_mark(bytes)).ok().map(Cow::Borrowed);
    };
    let (pairs, rest) = bytes.get(2..)?.as_chunks::<2>();
    let units = pairs.iter().map(|pair| order.unit(*pair));
    let text = char::decode_utf16(units).collect::<Result<String, _>>().ok()?;
    rest.is_empty().then_some(Cow::Owned(text))
}

/// Hands on the bytes of a file as they are, but those of UTF-16 as UTF-8 without a mark. What is not text in UTF-16 becomes
/// U+FFFD.
#[derive(Debug)]
pub(crate) struct AsUtf8<R> {
    source: R,
    /// The order of its UTF-16; `None` if it is handed on as it is. Known once the first bytes were seen.
    order: Option<Order>,
    is_begun: bool,
    /// Bytes to be handed out before anything else is read, and how many of them were.
    ready: Vec<u8>,
    used: usize,
    /// Units and a byte of UTF-16 whose other half has not been read yet.
    half: Option<u8>,
    high: Option<u16>,
}

impl<R: BufRead> AsUtf8<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, order: None, is_begun: false, ready: Vec::new(), used: 0, half: None, high: None }
    }

    /// Whether the file is in UTF-16, as far as it was read.
    pub(crate) fn is_utf16(&self) -> bool {
        self.order.is_some()
    }

    fn begin(&mut self) -> io::Result<()> {
        self.is_begun = true;
        let available = self.source.fill_buf()?;
        match available {
            [] => {}
            [_] => {
                // A pipe may give one byte at a time.
                self.source.by_ref().take(2).read_to_end(&mut self.ready)?;
                self.order = Order::of(&self.ready);
                if self.order.is_some() {
                    self.ready.clear();
                }
            }
            available => {
                self.order = Order::of(available);
                if self.order.is_some() {
                    self.source.consume(2);
                }
            }
        }
        Ok(())
    }

    /// Reads on in UTF-16 until there is something to hand out, or nothing more.
    fn convert(&mut self, order: Order) -> io::Result<()> {
        (self.used, self.ready) = (0, std::mem::take(&mut self.ready));
        self.ready.clear();
        while self.ready.is_empty() {
            let available = self.source.fill_buf()?;
            let chunk = available.get(..available.len().min(CHUNK)).unwrap_or(available);
            if chunk.is_empty() {
                let is_cut = self.half.take().is_some() | self.high.take().is_some();
                if is_cut {
                    push(&mut self.ready, char::REPLACEMENT_CHARACTER);
                }
                return Ok(());
            }
            let mut units: Vec<u16> = self.high.take().into_iter().collect();
            for byte in chunk {
                match self.half.take() {
                    Some(first) => units.push(order.unit([first, *byte])),
                    None => self.half = Some(*byte),
                }
            }
            let used = chunk.len();
            self.source.consume(used);
            self.high = units.pop_if(|last| matches!(*last, 0xd800..=0xdbff));
            for char in char::decode_utf16(units) {
                push(&mut self.ready, char.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        Ok(())
    }
}

fn push(bytes: &mut Vec<u8>, char: char) {
    bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

impl<R: BufRead> Read for AsUtf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(available) {
            *to = *from;
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for AsUtf8<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.is_begun {
            self.begin()?;
        }
        if self.used >= self.ready.len() {
            match self.order {
                None => return self.source.fill_buf(),
                Some(order) => self.convert(order)?,
            }
        }
        Ok(self.ready.get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        if self.used < self.ready.len() {
            self.used += amount;
        } else if self.order.is_none() {
            self.source.consume(amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn utf16(text: &str, order: Order) -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        let bytes = |unit: u16| match order {
            Order::Little => unit.to_le_bytes(),
            Order::Big => unit.to_be_bytes(),
        };
        units.flat_map(bytes).collect()
    }

    const TEXTS: [&str; 4] = ["", "a\r\nb\n", "ü 日 🌱🌱 end", "{\"a\": 1}\n{\"b\": 2}"];

    #[test]
    fn a_text_is_the_same_in_every_encoding_and_without_its_mark() {
        for of in TEXTS {
            assert_eq!(text(of.as_bytes()).unwrap(), of);
            assert_eq!(text(&[MARK, of.as_bytes()].concat()).unwrap(), of);
            for order in [Order::Little, Order::Big] {
                assert_eq!(text(&utf16(of, order)).unwrap(), of);
            }
        }
        assert_eq!((text(b"caf\xe9"), text(b"\xff\xfea"), text(b"\xff\xfe\x00\xd8")), (None, None, None));
    }

    #[test]
    fn a_file_in_utf_16_is_read_as_utf_8_however_its_bytes_come() {
        let read = |bytes: &[u8], at_once: usize| {
            let mut source = AsUtf8::new(BufReader::with_capacity(at_once, bytes));
            let mut content = Vec::new();
            source.read_to_end(&mut content).unwrap();
            (content, source.is_utf16())
        };
        for at_once in [1, 2, 3, 7, 4096] {
            for of in TEXTS {
                assert_eq!(read(of.as_bytes(), at_once), (of.as_bytes().to_vec(), false));
                for order in [Order::Little, Order::Big] {
                    let expected = (of.as_bytes().to_vec(), true);
                    assert_eq!(read(&utf16(of, order), at_once), expected, "{of:?} by {at_once}");
                }
            }
            let marked = [MARK, b"a"].concat();
            assert_eq!(read(&marked, at_once), (marked.clone(), false));
            assert_eq!(read(b"\xff\xfe\x00\xd8", at_once).0, "\u{fffd}".as_bytes());
            assert_eq!(read(b"x", at_once).0, b"x");
        }
    }
}
