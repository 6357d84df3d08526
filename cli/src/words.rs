//! Hashes as people read them to one another: twelve words of the list of BIP-39, or the twelve numbers that these words have there.

use std::fmt;

use bip39::Language;
use serde::Serialize;

/// How many words stand for a hash. Of each of 2,048 words 11 bits come, so twelve are 132: whoever looks for two hashes with the same
/// words has 2^66 to try, and 2^132 for words that somebody else has.
pub(crate) const WORDS: usize = 12;

const BITS: usize = 11;

/// A hash, as two people compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spoken([u16; WORDS]);

impl Spoken {
    /// The beginning of a hash.
    pub(crate) fn of(hash: &[u8; 32]) -> Self {
        let bit = |at: usize| hash.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
        let word = |n: usize| (0..BITS).fold(0, |word, at| word << 1 | u16::from(bit(n * BITS + at)));
        Self(std::array::from_fn(word))
    }

    /// The words.
    pub(crate) fn words(&self) -> String {
        let list = Language::English.word_list();
        let words = self.0.iter().filter_map(|number| list.get(usize::from(*number)).copied());
        words.collect::<Vec<_>>().join(" ")
    }

    /// The words on two lines, each indented, so that both fit on any terminal.
    pub(crate) fn lines(&self) -> String {
        let words = self.words();
        let words: Vec<&str> = words.split(' ').collect();
        words.chunks(WORDS / 2).map(|line| format!("  {}", line.join(" "))).collect::<Vec<_>>().join("\n")
    }

    /// Their numbers, four digits each.
    pub(crate) fn digits(&self) -> String {
        self.0.iter().map(|number| format!("{number:04}")).collect::<Vec<_>>().join(" ")
    }
}

/// Words and numbers for programs.
#[derive(Serialize)]
pub(crate) struct Shown {
    pub(crate) hash: String,
    pub(crate) words: String,
    pub(crate) digits: String,
    #[serde(skip)]
    pub(crate) lines: String,
}

impl Shown {
    pub(crate) fn of(hash: &impl fmt::Display, bytes: &[u8; 32]) -> Self {
        let spoken = Spoken::of(bytes);
        Self { hash: hash.to_string(), words: spoken.words(), digits: spoken.digits(), lines: spoken.lines() }
    }
}

/// What somebody heard: words, numbers, or some of each, in their order. Gives back what is neither.
pub(crate) fn heard(text: &str) -> Result<Vec<Spoken>, Unheard<'_>> {
    let between = |c: char| c.is_whitespace() || c == ',';
    let tokens: Vec<&str> = text.split(between).filter(|token| !token.is_empty()).collect();
    let numbers = tokens.iter().map(|token| number(token).ok_or(Unheard::NoWord(token)));
    let numbers: Vec<u16> = numbers.collect::<Result<_, _>>()?;
    let (spoken, rest) = numbers.as_chunks::<WORDS>();
    if rest.is_empty() && !spoken.is_empty() {
        Ok(spoken.iter().map(|numbers| Spoken(*numbers)).collect())
    } else {
        Err(Unheard::Count(numbers.len()))
    }
}

/// Why what was heard cannot be compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unheard<'t> {
    /// This is neither a word of the list nor a number of one.
    NoWord(&'t str),
    /// Words in a number that neither one hash has nor two.
    Count(usize),
}

fn number(token: &str) -> Option<u16> {
    let list = Language::English.word_list();
    if token.bytes().all(|byte| byte.is_ascii_digit()) {
        return token.parse().ok().filter(|number| usize::from(*number) < list.len());
    }
    Language::English.find_word(&token.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_first_bits_of_a_hash_eleven_at_a_time() {
        let mut hash = [0; 32];
        (hash[0], hash[1], hash[2]) = (0xff, 0xe0, 0x04);
        let spoken = Spoken::of(&hash);
        assert_eq!(spoken.0[..3], [2047, 1, 0]);
        assert!(spoken.words().starts_with("zoo ability abandon abandon "), "{}", spoken.words());
        assert!(spoken.digits().starts_with("2047 0001 0000 "), "{}", spoken.digits());
        hash[16] = 0x10; // the last of the 132 bits
        assert_eq!(Spoken::of(&hash).0[11], 1);
        (hash[16], hash[17]) = (0x0f, 0xff);
        assert_eq!(Spoken::of(&hash), spoken, "what comes after them is not said");
    }

    #[test]
    fn the_list_has_2048_words_that_differ_in_their_first_four_letters() {
        let list = Language::English.word_list();
        assert_eq!((list.len(), list[0], list[2047]), (2048, "abandon", "zoo"));
        let beginnings: std::collections::BTreeSet<_> =
            list.iter().map(|word| word.get(..4).unwrap_or(word)).collect();
        assert_eq!(beginnings.len(), list.len());
        assert!(list.is_sorted(), "the order is that of the alphabet, on all devices alike");
    }

    #[test]
    fn what_was_heard_is_what_was_said_in_words_or_numbers() {
        let spoken = Spoken::of(&[0x5a; 32]);
        let (words, digits) = (spoken.words(), spoken.digits());
        assert_eq!(heard(&words), Ok(vec![spoken]));
        assert_eq!(heard(&digits), Ok(vec![spoken]));
        let both = format!("{},\n{digits}", words.to_uppercase());
        assert_eq!(heard(&both), Ok(vec![spoken, spoken]));
    }

    #[test]
    fn what_is_not_twelve_words_is_refused() {
        let words = Spoken::of(&[0x5a; 32]).words();
        assert_eq!(heard(""), Err(Unheard::Count(0)));
        assert_eq!(heard(&format!("{words} zoo")), Err(Unheard::Count(13)));
        let (_, misspelt) = ("", words.replacen(words.split(' ').next().unwrap(), "zooo", 1));
        assert_eq!(heard(&misspelt), Err(Unheard::NoWord("zooo")));
        assert_eq!(heard("2048"), Err(Unheard::NoWord("2048")));
    }
}
