//! What an edit changed of a text, so that only this is written and merges with what others changed meanwhile.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, TokenSource};

/// Tokens of two texts up to which they are compared by histogram, which finds what people would call the difference and takes
/// quadratic time where many tokens are in each once. Beyond it Myers' algorithm gives up on the best answer in time.
const HISTOGRAM_TOKENS_MAX: usize = 8192;

/// At a place of the old text, characters to remove and others to put there. Places and numbers count Unicode scalar
/// values, as Automerge does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) at: usize,
    pub(super) delete: usize,
    pub(super) insert: String,
}

impl Splice {
    /// Operations it takes: one for each character.
    pub(super) fn cost(&self) -> usize {
        self.delete + self.insert.chars().count()
    }

    /// As much of it as `room` operations do, and what is left to be done after that.
    pub(super) fn divided(self, room: usize) -> (Self, Option<Self>) {
        if self.cost() <= room {
            return (self, None);
        }
        let Self { at, delete, insert } = self;
        let now = delete.min(room);
        let end = insert.char_indices().nth(room - now).map_or(insert.len(), |(end, _)| end);
        let (first, rest) = insert.split_at_checked(end).unwrap_or((&insert, ""));
        let at_rest = at + first.chars().count();
        let rest = Self { at: at_rest, delete: delete - now, insert: rest.to_owned() };
        (Self { at, delete: now, insert: first.to_owned() }, Some(rest))
    }
}

/// What makes `new` of `old`, from its beginning to its end: by lines, within changed lines by words, within a changed
/// word what is between its common beginning and end. Single characters that two different words happen to share are not
/// kept apart: merged with another's edit, they would come out as a jumble.
pub(super) fn splices(old: &str, new: &str) -> Vec<Splice> {
    let mut splices = Vec::new();
    compare(Lines(old), Lines(new), 0, &mut |at, old: &[&str], new: &[&str]| {
        compare(Words(&old.concat()), Words(&new.concat()), at, &mut |at, old: &[&str], new: &[&str]| {
            splices.extend(between(at, &old.concat(), &new.concat()));
        });
    });
    splices
}

/// A text with splices done to it, which are in order of their places.
pub(super) fn applied(old: &str, splices: &[Splice]) -> String {
    let mut characters = old.chars();
    let (mut new, mut done) = (String::new(), 0);
    for Splice { at, delete, insert } in splices {
        new.extend(characters.by_ref().take(at.saturating_sub(done)));
        new.push_str(insert);
        characters.by_ref().take(*delete).for_each(drop);
        done = at + delete;
    }
    new.extend(characters);
    new
}

/// Hands what differs between two texts to `differing`, with its place.
fn compare<'a, S: TokenSource<Token = &'a str> + Copy>(
    old: S,
    new: S,
    at: usize,
    differing: &mut impl FnMut(usize, &[&str], &[&str]),
) {
    let tokens = |source: S| source.tokenize().collect::<Vec<_>>();
    let (before, after) = (tokens(old), tokens(new));
    let input = InternedInput::new(old, new);
    let (mut at, mut done) = (at, 0);
    for hunk in difference(&input).hunks() {
        let part = |tokens: &[&'a str], from: usize, to: u32| -> Vec<&'a str> {
            tokens.get(from..to as usize).unwrap_or_default().to_vec()
        };
        at += characters(&part(&before, done, hunk.before.start));
        let removed = part(&before, hunk.before.start as usize, hunk.before.end);
        differing(at, &removed, &part(&after, hunk.after.start as usize, hunk.after.end));
        at += characters(&removed);
        done = hunk.before.end as usize;
    }
}

fn difference(input: &InternedInput<&str>) -> Diff {
    let algorithm = match input.before.len() + input.after.len() {
        0..=HISTOGRAM_TOKENS_MAX => Algorithm::Histogram,
        _ => Algorithm::Myers,
    };
    Diff::compute(algorithm, input)
}

/// The stretches of lines in which two texts differ, from 0, each as it is in the old one and in the new one.
pub(in crate::document) fn changed_lines(old: &str, new: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let lines = |range: Range<u32>| range.start as usize..range.end as usize;
    let input = InternedInput::new(Lines(old), Lines(new));
    difference(&input).hunks().map(|hunk| (lines(hunk.before), lines(hunk.after))).collect()
}

fn characters(tokens: &[&str]) -> usize {
    tokens.iter().map(|token| token.chars().count()).sum()
}

/// The difference of two texts but for what they begin and end with alike.
fn between(at: usize, old: &str, new: &str) -> Option<Splice> {
    let alike = old.chars().zip(new.chars()).take_while(|(old, new)| old == new);
    let (bytes, front) = alike.fold((0, 0), |(bytes, count), (same, _)| (bytes + same.len_utf8(), count + 1));
    let (old, new) = (old.get(bytes..)?, new.get(bytes..)?);
    let alike = old.chars().rev().zip(new.chars().rev()).take_while(|(old, new)| old == new);
    let back: usize = alike.map(|(same, _)| same.len_utf8()).sum();
    let (old, new) = (old.get(..old.len() - back)?, new.get(..new.len() - back)?);
    let splice = Splice { at: at + front, delete: old.chars().count(), insert: new.to_owned() };
    (splice.delete > 0 || !splice.insert.is_empty()).then_some(splice)
}

/// A text by lines, each with its end.
#[derive(Clone, Copy)]
struct Lines<'a>(&'a str);

/// A text by words: runs of letters and digits; every other character is one of its own.
#[derive(Clone, Copy)]
struct Words<'a>(&'a str);

impl<'a> TokenSource for Lines<'a> {
    type Token = &'a str;
    type Tokenizer = std::str::SplitInclusive<'a, char>;

    fn tokenize(&self) -> Self::Tokenizer {
        self.0.split_inclusive('\n')
    }

    fn estimate_tokens(&self) -> u32 {
        u32::try_from(self.0.len() / 40).unwrap_or(u32::MAX)
    }
}

impl<'a> TokenSource for Words<'a> {
    type Token = &'a str;
    type Tokenizer = WordIter<'a>;

    fn tokenize(&self) -> Self::Tokenizer {
        WordIter(self.0)
    }

    fn estimate_tokens(&self) -> u32 {
        u32::try_from(self.0.len() / 4).unwrap_or(u32::MAX)
    }
}

struct WordIter<'a>(&'a str);

impl<'a> Iterator for WordIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.0.chars().next()?;
        let end = if first.is_alphanumeric() {
            self.0.find(|c: char| !c.is_alphanumeric()).unwrap_or(self.0.len())
        } else {
            first.len_utf8()
        };
        let (word, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn splice(at: usize, delete: usize, insert: &str) -> Splice {
        Splice { at, delete, insert: insert.to_owned() }
    }

    #[test]
    fn only_what_changed_is_written() {
        assert_eq!(splices("same\n", "same\n"), []);
        assert_eq!(splices("one\ntwo\nthree\n", "one\nthree\n"), [splice(4, 4, "")]);
        assert_eq!(splices("the colour red", "the color red"), [splice(8, 1, "")]);
        assert_eq!(splices("日本 x\n日本 y\n", "日本 x\n日本 zz y\n"), [splice(8, 0, "zz ")]);
        assert_eq!(splices("", "all of it"), [splice(0, 0, "all of it")]);
        assert_eq!(splices("a\nb\n", ""), [splice(0, 4, "")]);
    }

    #[test]
    fn what_does_not_fit_is_left_for_later_and_comes_to_the_same() {
        for room in 1..9 {
            let (mut text, mut left) = ("0123456789".to_owned(), Some(splice(3, 4, "äbcd")));
            while let Some(splice) = left {
                let (now, later) = splice.divided(room);
                assert!((1..=room).contains(&now.cost()));
                text = applied(&text, &[now]);
                left = later;
            }
            assert_eq!(text, "012äbcd789", "{room}");
        }
    }

    #[test]
    fn two_large_texts_with_nothing_in_common_are_compared_in_no_time() {
        let text = |seed: u64, end: &str| -> String {
            let word =
                |turn: u64| format!("{:x}{end}", (turn + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44);
            (0..60_000).map(word).collect()
        };
        for end in [" ", "\n"] {
            let (old, new) = (text(1, end), text(1 << 40, end));
            assert_eq!(applied(&old, &splices(&old, &new)), new);
        }
    }

    proptest! {
        #[test]
        fn the_splices_of_any_two_texts_make_one_of_the_other(old in "[ab é\n]{0,40}", new in "[ab é\n]{0,40}") {
            prop_assert_eq!(applied(&old, &splices(&old, &new)), new);
        }
    }
}
