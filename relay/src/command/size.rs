//! Sizes as people write and read them. By hand (decision 0057): the crates for it (`parse-size`, `bytesize`) read `64k` as
//! 64 000 bytes, and take `1.`, `.5GB` or what does not fit for a size.

use std::fmt;
use std::str::FromStr;

/// A number of bytes: written as `500000`, `64KiB`, `1.5GB` or `4 GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

const UNITS: [(&str, u64); 15] = [
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
    ("TIB", 1 << 40),
    ("PIB", 1 << 50),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size; write it as in 500MB or 4GiB");
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim().to_ascii_uppercase();
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let scale =
            u32::try_from(part.len()).ok().and_then(|len| 10_u64.checked_pow(len)).ok_or_else(wrong)?;
        let part: u64 = part.parse().map_err(|_| wrong())?;
        let part = u128::from(part) * u128::from(*unit) / u128::from(scale);
        let bytes = u128::from(whole) * u128::from(*unit) + part;
        u64::try_from(bytes).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = ["KiB", "MiB", "GiB", "TiB"].into_iter().zip([10, 20, 30, 40_u32]);
        let fitting = unit.take_while(|(_, shift)| self.0 >> shift > 0).last();
        match fitting {
            None => write!(f, "{} B", self.0),
            Some((name, shift)) => {
                let tenths = (u128::from(self.0) * 10) >> shift;
                write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1234", 1234),
            ("1234B", 1234),
            ("64KiB", 65_536),
            ("64k", 65_536),
            ("500MB", 500_000_000),
            ("4 GiB", 4 << 30),
            ("1.5GB", 1_500_000_000),
            ("0.5kib", 512),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused_with_an_example() {
        for text in [
            "",
            "GiB",
            "-1",
            "1.2.3GB",
            "1 parsec",
            "1.",
            ".5GB",
            "99999999999999999999",
            "16384PiB",
            "1.00000000000000000000000GB",
        ] {
            let refused = text.parse::<Size>().unwrap_err();
            assert!(refused.contains("4GiB"), "{text}: {refused}");
        }
    }

    #[test]
    fn sizes_are_shown_with_one_decimal() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_600_000, "1.5 MiB"),
            (4 << 30, "4.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
