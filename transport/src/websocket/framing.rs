//! Follows the framing of a WebSocket (RFC 6455, section 5.2) beside the code that reads it: what comes that carries nothing, and
//! whether a message is under way. That code tells of whole messages only, and a message need never become whole.

/// Bytes from which a fragment counts as carrying something. Ours have 8 KiB, those of proxies a packet's worth at least.
const SMALL: u64 = 512;

/// Bytes of the longest header: two, eight for the length, four for the mask.
const HEADER: usize = 14;

/// What ends the head of an HTTP answer.
const BLANK_LINE: &[u8; 4] = b"\r\n\r\n";

/// Where in the bytes of a peer we are.
#[derive(Clone, Copy, Debug)]
enum At {
    /// In the head of an HTTP answer, after so many bytes of what may be its end.
    Head(usize),
    /// In a header of which so many bytes are here.
    Header([u8; HEADER], usize),
    /// In a payload of which so many bytes are to come.
    Payload(u64),
}

/// The framing of what one peer sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    at: At,
    /// Pings, pongs and fragments that carry nothing, in all.
    idle: u64,
    /// Messages that have begun, in all.
    begun: u64,
    /// Whether the last of them is not whole.
    under_way: bool,
    /// Whether the frame that is being read ends its message.
    ends_message: bool,
}

impl Framing {
    /// The framing of a peer that answers in HTTP first.
    pub(super) fn after_http() -> Self {
        Self { at: At::Head(0), idle: 0, begun: 0, under_way: false, ends_message: false }
    }

    /// The framing of a peer with whom the handshake is done.
    pub(super) fn open() -> Self {
        Self { at: At::Header([0; HEADER], 0), ..Self::after_http() }
    }

    /// Pings, pongs, and fragments that carry nothing, in all.
    pub(super) fn idle(&self) -> u64 {
        self.idle
    }

    /// Which message is under way, by its number; `None` between messages.
    pub(super) fn under_way(&self) -> Option<u64> {
        self.under_way.then_some(self.begun)
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.at {
                At::Payload(left) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= here as u64;
                    let is_over = *left == 0;
                    bytes = bytes.get(here..).unwrap_or_default();
                    if is_over {
                        self.end_frame();
                    }
                }
                At::Header(header, len) => {
                    if let Some(place) = header.get_mut(*len) {
                        *place = *first;
                    }
                    *len += 1;
                    let (header, len) = (*header, *len);
                    bytes = rest;
                    if len >= header_len(&header, len) {
                        self.begin_frame(&header);
                    }
                }
                At::Head(matched) => {
                    *matched = match BLANK_LINE.get(*matched) {
                        Some(next) if next == first => *matched + 1,
                        _ => usize::from(*first == b'\r'),
                    };
                    bytes = rest;
                    if *matched == BLANK_LINE.len() {
                        self.at = At::Header([0; HEADER], 0);
                    }
                }
            }
        }
    }

    fn begin_frame(&mut self, header: &[u8; HEADER]) {
        let [first, second, rest @ ..] = header;
        let length = match second & 0x7f {
            126 => rest.iter().take(2).fold(0, |length, byte| length << 8 | u64::from(*byte)),
            127 => rest.iter().take(8).fold(0, |length, byte| length << 8 | u64::from(*byte)),
            short => u64::from(short),
        };
        let (is_last, kind) = (first & 0x80 != 0, first & 0x0f);
        let (is_control, continues) = (kind >= 8, kind == 0);
        if is_control || (!is_last && length < SMALL) {
            self.idle += 1;
        }
        if !is_control && !continues {
            self.begun += 1;
            self.under_way = true;
        }
        self.ends_message = is_last && !is_control;
        self.at = At::Payload(length);
        if length == 0 {
            self.end_frame();
        }
    }

    fn end_frame(&mut self) {
        if self.ends_message {
            self.under_way = false;
        }
        self.at = At::Header([0; HEADER], 0);
    }
}

/// How long a header is, as far as its first `len` bytes say.
fn header_len(header: &[u8; HEADER], len: usize) -> usize {
    if len < 2 {
        return 2;
    }
    let [_, second, ..] = header;
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & 0x80 == 0 { 0 } else { 4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the framing says of bytes that come in pieces of `size`.
    fn taken(start: Framing, bytes: &[u8], size: usize) -> (u64, Option<u64>) {
        let mut framing = start;
        bytes.chunks(size).for_each(|piece| framing.take(piece));
        (framing.idle(), framing.under_way())
    }

    fn each_way(bytes: &[u8]) -> (u64, Option<u64>) {
        let whole = taken(Framing::open(), bytes, bytes.len());
        for size in 1..5 {
            assert_eq!(taken(Framing::open(), bytes, size), whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn whole_messages_of_any_length_are_not_idle_whatever_is_in_them() {
        let masked = [&[0x82, 0x80 | 5, 1, 2, 3, 4][..], &[0x89; 5]].concat();
        let short = [&[0x82, 125][..], &[0x89; 125]].concat();
        let middle = [&[0x82, 126, 0x02, 0x00][..], &[0x89; 512]].concat();
        let long = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &vec![0x89; 65_536]].concat();
        assert_eq!(each_way(&[masked, short, middle, long, vec![0x82, 0]].concat()), (0, None));
    }

    #[test]
    fn pings_pongs_and_fragments_with_nothing_in_them_are_counted() {
        let large = [&[0x00, 126, 0x02, 0x00][..], &[0; 512]].concat();
        let bytes = [&[0x89, 0, 0x8a, 1, 7, 0x02, 0, 0x00, 1, 7][..], &large, &[0x89, 0]].concat();
        assert_eq!(each_way(&bytes), (5, Some(1)));
        assert_eq!(each_way(&[&bytes[..], &[0x80, 0]].concat()), (5, None));
    }

    #[test]
    fn a_message_is_under_way_until_its_last_byte_and_whatever_comes_between() {
        assert_eq!(each_way(&[0x82, 2, 7]), (0, Some(1)));
        assert_eq!(each_way(&[0x82, 2, 7, 7]), (0, None));
        assert_eq!(each_way(&[0x82, 0, 0x02, 0, 0x89, 0]), (2, Some(2)));
    }

    #[test]
    fn an_answer_in_http_is_passed_over() {
        let bytes = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\r\n\r\n\x89\x00\x82\x05hel";
        for size in 1..bytes.len() {
            assert_eq!(taken(Framing::after_http(), bytes, size), (1, Some(1)), "in pieces of {size}");
        }
    }
}
