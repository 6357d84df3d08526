//! Payloads come back as they went in, and only from the one form they can have.

use proptest::prelude::*;
use rand_core::Rng;

use super::*;
use crate::testing::rng;

fn encode(payload: &[u8]) -> Result<Vec<u8>, SealError> {
    super::encode(payload, MAX_PAYLOAD)
}

fn decode(plaintext: &[u8]) -> Result<Vec<u8>, PayloadError> {
    super::decode(plaintext, MAX_PAYLOAD, FREE_EXPANSION)
}

/// Bytes that zstd cannot make smaller.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng(len as u64).fill_bytes(&mut bytes);
    bytes
}

/// A plaintext around `data`, with the padding it should have.
fn enveloped(codec: u8, data: &[u8]) -> Vec<u8> {
    let mut plaintext = vec![codec];
    plaintext.extend_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
    plaintext.extend_from_slice(data);
    plaintext.resize(padme(plaintext.len()), 0);
    plaintext
}

fn zstd_of(payload: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(payload, ZSTD_LEVEL).unwrap()
}

fn codec_of(plaintext: &[u8]) -> u8 {
    plaintext[0]
}

/// Much of the same: 1000 bytes whose length takes two bytes in a zstd frame.
fn compressible() -> Vec<u8> {
    b"0123456789".repeat(100)
}

#[test]
fn padme_keeps_the_leading_bits_and_adds_at_most_an_eighth() {
    // By hand from the paper's definition: E = floor(log2 L), S = floor(log2 E) + 1, the last E - S bits are zeros.
    for (len, padded) in
        [(0, 0), (1, 1), (2, 2), (8, 8), (9, 10), (15, 16), (100, 104), (1000, 1024), (1025, 1088)]
    {
        assert_eq!(padme(len), padded, "{len}");
    }
    for len in (2..5000).chain((0..400).map(|step| 700_000 + step * 217)) {
        let padded = padme(len);
        assert!(padded >= len && (padded - len) * 100 <= len * 12, "{len} to {padded}");
        assert_eq!(padme(padded), padded, "padding is final");
        assert!(padme(len + 1) >= padded, "longer is never shorter");
    }
}

#[test]
fn padme_hides_lengths_near_one_another() {
    let distinct: std::collections::BTreeSet<_> = (1..=MAX_BODY).map(padme).collect();
    assert!(distinct.len() < 300, "{} lengths can be told apart", distinct.len());
}

#[test]
fn what_compresses_is_compressed_and_what_does_not_is_stored() {
    assert_eq!(codec_of(&encode(&compressible()).unwrap()), ZSTD);
    assert_eq!(codec_of(&encode(&noise(1000)).unwrap()), STORED);
    assert_eq!(codec_of(&encode(b"").unwrap()), STORED);
}

#[test]
fn payloads_up_to_the_limit_come_back() {
    for payload in [vec![], vec![7], compressible(), noise(1000), vec![0; MAX_PAYLOAD]] {
        assert_eq!(decode(&encode(&payload).unwrap()).unwrap(), payload);
    }
}

#[test]
fn too_large_is_said_with_how_large() {
    let refused = encode(&vec![0; MAX_PAYLOAD + 1]).unwrap_err();
    assert_eq!(refused, SealError::TooLarge { len: MAX_PAYLOAD + 1, limit: MAX_PAYLOAD });
    let refused = encode(&noise(MAX_BODY)).unwrap_err();
    assert_eq!(refused, SealError::TooLarge { len: padme(PREFIX_LEN + MAX_BODY) + TAG_LEN, limit: MAX_BODY });

    let fits = |len| padme(PREFIX_LEN + len) + TAG_LEN <= MAX_BODY;
    let largest = (0..MAX_BODY).rev().find(|len| fits(*len)).unwrap();
    assert_eq!(decode(&encode(&noise(largest)).unwrap()).unwrap(), noise(largest));
    assert!(matches!(encode(&noise(largest + 1)), Err(SealError::TooLarge { limit: MAX_BODY, .. })));
}

#[test]
fn a_payload_cut_short_is_refused() {
    for len in 0..PREFIX_LEN {
        assert_eq!(decode(&vec![0; len]), Err(PayloadError::Truncated));
    }
    let mut plaintext = enveloped(STORED, b"abc");
    plaintext[4] = 200;
    assert_eq!(decode(&plaintext), Err(PayloadError::Truncated));
    plaintext[1] = 0xff;
    assert_eq!(decode(&plaintext), Err(PayloadError::Truncated));
}

#[test]
fn padding_is_zeros_and_as_long_as_padme_says() {
    let data = noise(1000);
    let plaintext = enveloped(STORED, &data);
    assert!(plaintext.len() > PREFIX_LEN + data.len() + 1, "there is padding");
    assert_eq!(decode(&plaintext).unwrap(), data);
    for at in PREFIX_LEN + data.len()..plaintext.len() {
        let mut altered = plaintext.clone();
        altered[at] = 1;
        assert_eq!(decode(&altered), Err(PayloadError::Padding));
    }
    for len in [plaintext.len() - 1, plaintext.len() + 1, padme(plaintext.len() + 1), PREFIX_LEN + data.len()]
    {
        let mut altered = plaintext.clone();
        altered.resize(len, 0);
        assert_eq!(decode(&altered), Err(PayloadError::Padding), "{len}");
    }
}

#[test]
fn an_unknown_codec_is_refused() {
    for codec in 2..=u8::MAX {
        assert_eq!(decode(&enveloped(codec, b"abc")), Err(PayloadError::UnknownCodec(codec)));
    }
}

fn assert_compressed_wrongly(frame: &[u8]) {
    assert_eq!(decode(&enveloped(ZSTD, frame)), Err(PayloadError::Compression));
}

#[test]
fn a_frame_that_does_not_say_its_size_is_refused() {
    let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL).unwrap();
    compressor.set_parameter(zstd_safe::CParameter::ContentSizeFlag(false)).unwrap();
    let frame = compressor.compress(&compressible()).unwrap();
    assert!(matches!(zstd_safe::get_frame_content_size(&frame), Ok(None)), "the frame is as meant");
    assert_compressed_wrongly(&frame);
}

#[test]
fn one_frame_and_nothing_else_is_accepted() {
    let frame = zstd_of(&compressible());
    assert_eq!(decode(&enveloped(ZSTD, &frame)).unwrap(), compressible());
    assert_compressed_wrongly(&[&frame[..], &[0]].concat());
    assert_compressed_wrongly(&[&frame[..], &frame[..]].concat());
    assert_compressed_wrongly(&frame[..frame.len() - 1]);
    assert_compressed_wrongly(b"");
    // A skippable frame (RFC 8878 section 3.1.2) of four bytes, alone, before and after.
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    assert_compressed_wrongly(&skippable);
    assert_compressed_wrongly(&[&skippable[..], &frame[..]].concat());
    assert_compressed_wrongly(&[&frame[..], &skippable[..]].concat());
}

#[test]
fn a_frame_of_another_size_than_it_declares_is_refused() {
    let frame = zstd_of(&compressible());
    // Descriptor: single segment, size in two bytes (less 256), no dictionary (RFC 8878 section 3.1.1.1).
    assert_eq!(frame[4] & 0b1110_0011, 0b0110_0000, "the frame is as meant");
    for declared in [999_u16, 1001, 30_000] {
        let mut altered = frame.clone();
        altered[5..7].copy_from_slice(&(declared - 256).to_le_bytes());
        let seen = zstd_safe::get_frame_content_size(&altered).unwrap();
        assert_eq!(seen, Some(declared.into()), "the frame is as meant");
        assert_compressed_wrongly(&altered);
    }
}

#[test]
fn a_frame_that_declares_too_much_is_refused_unopened() {
    let frame = zstd_of(&vec![0; MAX_PAYLOAD + 1]);
    let refused = decode(&enveloped(ZSTD, &frame)).unwrap_err();
    assert_eq!(refused, PayloadError::TooLarge { len: MAX_PAYLOAD as u64 + 1, limit: MAX_PAYLOAD });
    // Eight bytes of size, all ones but the last values, which mean "unknown" and "error" to the library.
    let frame = [&ZSTD_MAGIC[..], &[0b1110_0000], &(u64::MAX - 2).to_le_bytes(), &[1, 0, 0]].concat();
    let refused = decode(&enveloped(ZSTD, &frame)).unwrap_err();
    assert_eq!(refused, PayloadError::TooLarge { len: u64::MAX - 2, limit: MAX_PAYLOAD });
}

#[test]
fn a_part_holds_what_a_part_may_whether_it_compresses_or_not() {
    assert_eq!((limit(Part::WHOLE), limit(Part { index: 0, count: 2 })), (MAX_PAYLOAD, PART_LEN));
    for payload in [noise(PART_LEN), vec![0; PART_LEN]] {
        let plaintext = super::encode(&payload, PART_LEN).unwrap();
        assert!(plaintext.len() + TAG_LEN <= MAX_BODY);
        assert_eq!(super::decode(&plaintext, PART_LEN, FREE_EXPANSION).unwrap(), payload);
    }
    for payload in [noise(PART_LEN + 1), vec![0; PART_LEN + 1]] {
        let (len, limit) = (payload.len(), PART_LEN);
        assert_eq!(super::encode(&payload, PART_LEN), Err(SealError::TooLarge { len, limit }));
        let refused = super::decode(&encode(&payload).unwrap(), PART_LEN, FREE_EXPANSION);
        assert_eq!(refused, Err(PayloadError::TooLarge { len: len as u64, limit }));
    }
}

#[test]
fn compressing_without_gain_is_refused() {
    let frame = zstd_of(&noise(100));
    assert!(frame.len() >= 100);
    assert_compressed_wrongly(&frame);
    assert_compressed_wrongly(&zstd_of(b""));
}

proptest! {
    #[test]
    fn any_payload_comes_back(payload: Vec<u8>, repeat in 1_usize..50) {
        let payload = payload.repeat(repeat);
        let plaintext = encode(&payload).unwrap();
        prop_assert_eq!(padme(plaintext.len()), plaintext.len());
        prop_assert_eq!(decode(&plaintext).unwrap(), payload);
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_have_one_form(bytes: Vec<u8>) {
        if let Ok(payload) = decode(&bytes) {
            // Stored though compressible is the one freedom an author has.
            prop_assert!(bytes[0] == STORED || encode(&payload).unwrap().len() <= bytes.len());
        }
    }

    #[test]
    fn mutated_plaintexts_never_panic(at in 0_usize..1024, bit in 0_u8..8, keep in 0_usize..1024) {
        for payload in [compressible(), noise(900)] {
            let mut plaintext = encode(&payload).unwrap();
            let at = at % plaintext.len();
            plaintext[at] ^= 1 << bit;
            let _ = decode(&plaintext);
            plaintext.truncate(keep);
            let _ = decode(&plaintext);
        }
    }

    #[test]
    fn arbitrary_frames_in_a_sound_envelope_never_panic(frame: Vec<u8>) {
        let _ = decode(&enveloped(ZSTD, &frame));
        let _ = decode(&enveloped(ZSTD, &[&ZSTD_MAGIC[..], &frame].concat()));
    }
}

#[test]
fn a_body_beyond_64_kib_opens_to_no_more_than_64_times_its_length() {
    let beyond = vec![0; 16 * 1024 * 1024];
    assert!(zstd_of(&beyond).len() < beyond.len() / 64);
    assert_eq!(decode(&enveloped(ZSTD, &zstd_of(&beyond))), Err(PayloadError::Padding));
    let within = [noise(beyond.len() / 32), vec![0; beyond.len() / 32 * 31]].concat();
    assert_eq!(decode(&enveloped(ZSTD, &zstd_of(&within))).unwrap(), within);
}

#[test]
fn what_compresses_better_than_that_is_sealed_with_room_for_it() {
    for (len, least) in [(FREE_EXPANSION, 0), (FREE_EXPANSION + 1, 1025), (MAX_PAYLOAD, MAX_PAYLOAD / 64)] {
        let zeros = vec![0; len];
        let plaintext = encode(&zeros).unwrap();
        assert_eq!(plaintext.len(), padme(least.max(PREFIX_LEN + zstd_of(&zeros).len())));
        assert_eq!(decode(&plaintext).unwrap(), zeros);
        let longer = [plaintext.as_slice(), &[0]].concat();
        assert_eq!(decode(&longer), Err(PayloadError::Padding));
    }
}

#[test]
fn a_log_of_before_holds_what_was_sealed_without_that() {
    let beyond = vec![0; FREE_EXPANSION + 1];
    let plaintext = enveloped(ZSTD, &zstd_of(&beyond));
    assert_eq!(decode(&plaintext), Err(PayloadError::Padding));
    assert_eq!(super::decode(&plaintext, MAX_PAYLOAD, usize::MAX).unwrap(), beyond);
}
