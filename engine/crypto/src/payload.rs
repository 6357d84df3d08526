//! What is inside a body: a codec byte, the length of the data, the data, and zeros up to a length that tells little.

use bowline_wire::header::Part;
use bowline_wire::ids::EpochId;
use bowline_wire::limits::{FREE_EXPANSION, MAX_BODY, MAX_EXPANSION, MAX_PAYLOAD, PART_LEN};
use thiserror::Error;
use zstd::zstd_safe;

use crate::aead::TAG_LEN;
use crate::planted::seals_nothing;

/// Level of zstd: higher ones gain a few percent on text and take several times as long.
const ZSTD_LEVEL: i32 = 3;

/// The first bytes of a zstd frame (RFC 8878 section 3.1.1). Skippable frames begin otherwise, and so do the formats
/// before version 1, which the library reads too if any crate in the build asks it to.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Codec of data as it is.
const STORED: u8 = 0;
/// Codec of data that is one zstd frame, smaller than what it decompresses to.
const ZSTD: u8 = 1;

/// Bytes before the data: codec, and the data's length as big-endian `u32`.
const PREFIX_LEN: usize = 5;

/// Why a payload was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// The payload does not fit.
    #[error("too large to be sealed as one entry: {len} bytes, {limit} is the most")]
    TooLarge {
        /// Bytes of the payload, or of the body it would take.
        len: usize,
        /// The largest number of bytes that is allowed.
        limit: usize,
    },
    /// Misuse: the header names another epoch than the newest. Whoever was removed before the newest epoch could read
    /// what is sealed under an older one.
    #[error("to be sealed under epoch {asked}, but the newest is {newest}")]
    NotNewestEpoch {
        /// The epoch in the header.
        asked: EpochId,
        /// The newest epoch in the keyring.
        newest: EpochId,
    },
    /// Misuse: the header is of another workspace than the keys.
    #[error("the keys are of another workspace")]
    WrongWorkspace,
    /// Misuse: only the content lane is sealed.
    #[error("entries in the control lane are not sealed")]
    ControlLane,
    /// Environment: zstd failed, which it does when there is no memory.
    #[error("the payload could not be compressed: is there memory left?")]
    Compressor,
}

/// Why what was sealed is not a payload. Always the entry's author's fault: sealing as this crate does gives none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// The payload is shorter than its prefix, or than the data the prefix announces.
    #[error("the payload is cut short")]
    Truncated,
    /// The padding holds something else than zeros, or not as many of them as PADMÉ says of a length that is long enough for what is
    /// inside.
    #[error("the payload is padded wrongly")]
    Padding,
    /// No codec has this number.
    #[error("the payload's codec {0} is unknown")]
    UnknownCodec(u8),
    /// The data is not one zstd frame that says its size and holds it.
    #[error("the payload is compressed wrongly")]
    Compression,
    /// The payload is larger than any payload, or any part of one, may be.
    #[error("the payload would take {len} bytes: {limit} is the most")]
    TooLarge {
        /// Bytes that the payload takes, or that the frame declares.
        len: u64,
        /// The largest number of bytes that is allowed.
        limit: usize,
    },
}

/// Bytes that a body may hold of a payload.
pub(crate) fn limit(part: Part) -> usize {
    if part == Part::WHOLE { MAX_PAYLOAD } else { PART_LEN }
}

/// The length that `len` is padded to: PADMÉ (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
/// Communication with `PURBs`", `PoPETs` 2019). Adds at most 12 %, less the larger `len` is, and leaves O(log log) bits of
/// it to be seen.
pub fn padme(len: usize) -> usize {
    let Some(exponent) = len.checked_ilog2().filter(|exponent| *exponent > 0) else {
        return len;
    };
    let significant = exponent.ilog2() + 1;
    let zero_bits = exponent.saturating_sub(significant);
    let mask = (1_usize << zero_bits) - 1;
    len.saturating_add(mask) & !mask
}

/// How long a plaintext has to be that opens to so many bytes, of which any may open to `free`. Whoever has others open much pays for
/// it on the line and in their storage.
fn least(opened: usize, free: usize) -> usize {
    if opened <= free { 0 } else { opened.div_ceil(MAX_EXPANSION) }
}

/// Compresses a payload if that helps, and pads it. The result has room for the tag.
pub(crate) fn encode(payload: &[u8], limit: usize) -> Result<Vec<u8>, SealError> {
    if payload.len() > limit {
        return Err(SealError::TooLarge { len: payload.len(), limit });
    }
    let compressed = zstd::bulk::compress(payload, ZSTD_LEVEL).map_err(|_| SealError::Compressor)?;
    let helps = compressed.len() < payload.len() && !seals_nothing();
    let (codec, data) = if helps { (ZSTD, compressed.as_slice()) } else { (STORED, payload) };
    let padded = padme((PREFIX_LEN + data.len()).max(least(payload.len(), FREE_EXPANSION)));
    let too_large = SealError::TooLarge { len: padded + TAG_LEN, limit: MAX_BODY };
    if padded + TAG_LEN > MAX_BODY {
        return Err(too_large);
    }
    let mut plaintext = Vec::with_capacity(padded + TAG_LEN);
    plaintext.push(codec);
    plaintext.extend_from_slice(&u32::try_from(data.len()).map_err(|_| too_large)?.to_be_bytes());
    plaintext.extend_from_slice(data);
    plaintext.resize(padded, 0);
    Ok(plaintext)
}

/// The payload, if it was encoded as it has to be. Allocates what the payload takes, capped at `limit`. `free` is how much any
/// plaintext may open to: [`FREE_EXPANSION`], or anything for logs of before protocol 1.
pub(crate) fn decode(plaintext: &[u8], limit: usize, free: usize) -> Result<Vec<u8>, PayloadError> {
    let (&[codec, a, b, c, d], rest) =
        plaintext.split_first_chunk::<PREFIX_LEN>().ok_or(PayloadError::Truncated)?;
    let len = u32::from_be_bytes([a, b, c, d]) as usize;
    let (data, padding) = rest.split_at_checked(len).ok_or(PayloadError::Truncated)?;
    let opened = match codec {
        STORED => Ok(len as u64),
        ZSTD => zstd_safe::get_frame_content_size(data).ok().flatten().ok_or(PayloadError::Compression),
        other => Err(PayloadError::UnknownCodec(other)),
    }?;
    let too_large = PayloadError::TooLarge { len: opened, limit };
    let opened = usize::try_from(opened).ok().filter(|opened| *opened <= limit).ok_or(too_large)?;
    let padded = padme((PREFIX_LEN + len).max(least(opened, free)));
    if plaintext.len() != padded || padding.iter().any(|byte| *byte != 0) {
        return Err(PayloadError::Padding);
    }
    if codec == STORED { Ok(data.to_vec()) } else { decompress(data, opened) }
}

/// Decompresses exactly one zstd frame that declares this size and is smaller than that, the rule of [`encode`].
fn decompress(frame: &[u8], len: usize) -> Result<Vec<u8>, PayloadError> {
    let alone = frame.starts_with(&ZSTD_MAGIC)
        && zstd_safe::find_frame_compressed_size(frame) == Ok(frame.len())
        && frame.len() < len;
    if !alone {
        return Err(PayloadError::Compression);
    }
    // One call into one buffer, so that the decoder allocates no window of its own.
    let payload = zstd::bulk::decompress(frame, len).map_err(|_| PayloadError::Compression)?;
    if payload.len() == len { Ok(payload) } else { Err(PayloadError::Compression) }
}

#[cfg(test)]
mod tests;
