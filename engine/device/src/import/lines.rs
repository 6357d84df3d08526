//! Which lines of a session are in its document already, when what is remembered does not say.

use std::collections::HashMap;

use bowline_core::document::{Aside, Conversation, Gap, ImportedLine};
use bowline_store::LineHash;

use super::remembered::{first_of, line_hash};

/// The lines that a document has and nobody has handed over yet: a line counts as there if one with the same bytes is, at
/// whatever place. Takes some 50 bytes for each line and none of its text.
#[derive(Default)]
pub(super) struct HeldLines {
    left: HashMap<LineHash, u32>,
    header: Option<LineHash>,
    asides: Vec<HeldAside>,
    /// Lines that stayed in their file and that the file has not had yet.
    gaps: Vec<Gap>,
    /// Those of them in whose place the file has something new.
    covered: Vec<Gap>,
}

/// A line that a document keeps aside, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldAside {
    position: u32,
    number: u16,
    len: usize,
    hash: LineHash,
    is_blank: bool,
}

impl HeldAside {
    pub(super) fn of(aside: &Aside) -> Self {
        Self {
            position: aside.position,
            number: aside.number,
            len: aside.bytes.len(),
            hash: line_hash(&aside.bytes),
            is_blank: aside.bytes.trim_ascii().is_empty(),
        }
    }

    /// Whether it is the beginning of a line and has more to come.
    fn is_torn_off(&self, line: &[u8]) -> bool {
        let beginning = line.get(..self.len).filter(|_| self.len < line.len() && !self.is_blank);
        beginning.is_some_and(|beginning| line_hash(beginning) == self.hash)
    }
}

impl HeldLines {
    pub(super) fn of(conversation: Conversation<'_>) -> Self {
        let mut held = Self::default();
        if let Some(header) = conversation.origin().header {
            held.add_header(line_hash(header.as_bytes()));
        }
        for entry in conversation.transcript().entries {
            held.add_entry(line_hash(entry.raw.as_bytes()));
        }
        for aside in conversation.asides() {
            held.add_aside(HeldAside::of(&aside));
        }
        held.gaps = conversation.gaps();
        held
    }

    /// Counts the header in, unless there is one.
    pub(super) fn add_header(&mut self, hash: LineHash) {
        self.header.get_or_insert(hash);
    }

    /// Counts an entry in.
    pub(super) fn add_entry(&mut self, hash: LineHash) {
        *self.left.entry(hash).or_default() += 1;
    }

    /// Counts a line in that is kept aside.
    pub(super) fn add_aside(&mut self, aside: HeldAside) {
        self.add_entry(aside.hash);
        self.asides.push(aside);
    }

    /// Leaves a line out again that was kept aside and is not any more.
    pub(super) fn drop_aside(&mut self, aside: &HeldAside) {
        if let Some(at) = self.asides.iter().position(|held| held == aside) {
            self.asides.remove(at);
            self.take(aside.hash);
        }
    }

    /// Counts a line in that stayed in its file.
    pub(super) fn add_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// Leaves a line out again that stayed in its file and has come since; whether it was among them.
    pub(super) fn drop_gap(&mut self, gap: &Gap) -> bool {
        let found = self.gaps.iter().position(|held| held == gap);
        found.map(|at| self.gaps.remove(at)).is_some()
    }

    /// Looks no longer for lines that stayed in their file before this place, since the file was gone through up to there.
    pub(super) fn pass_gaps(&mut self, position: u32, number: u16) {
        self.gaps.retain(|gap| (gap.position, gap.number) >= (position, number));
    }

    /// How many lines stayed in their file.
    pub(super) fn gaps(&self) -> usize {
        self.gaps.len()
    }

    /// Whether a line that stays in its file did so before, there or where it was before others came in; it is not looked for any
    /// more then.
    pub(super) fn take_gap(&mut self, gap: &Gap) -> bool {
        let is_same = |held: &&Gap| match (held.line.digest, gap.line.digest) {
            (Some(held), Some(digest)) => held == digest,
            _ => held.line.bytes == gap.line.bytes,
        };
        let apart = |held: &&Gap| (held.position != gap.position, held.number != gap.number);
        let same = self.gaps.iter().filter(is_same).min_by_key(apart);
        same.copied().is_some_and(|same| self.drop_gap(&same))
    }

    /// The line that stayed in its file at this place; it is not looked for any more then.
    pub(super) fn take_gap_at(&mut self, gap: &Gap) -> Option<Gap> {
        let is_there = |held: &&Gap| (held.position, held.number) == (gap.position, gap.number);
        let there = self.gaps.iter().find(is_there).copied()?;
        self.drop_gap(&there).then_some(there)
    }

    /// The lines that stayed in their file and are known to be there by this line: it is one of them, or goes on with it, or
    /// has come into its place.
    pub(super) fn filled_by(&mut self, line: &PlacedLine<'_>) -> Vec<Gap> {
        if self.gaps.is_empty() {
            return Vec::new();
        }
        let mut filled: Vec<Gap> = self.gaps.iter().filter(|gap| is_begun_by(gap, line)).copied().collect();
        if line.is_entry {
            let at = self.gaps.iter().filter(|gap| gap.position == line.position).copied();
            if line.is_there {
                // What comes after the place is there: in the place itself is what was new.
                filled.append(&mut self.covered);
            } else if line.is_other {
                filled.extend(at.filter(|gap| gap.number == line.number));
            } else {
                self.covered.extend(at);
            }
        }
        filled.retain(|gap| self.drop_gap(gap));
        filled
    }

    /// Whether a line is among them; it is not any more then.
    pub(super) fn take(&mut self, hash: LineHash) -> bool {
        match self.left.get_mut(&hash) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// Whether all of them were handed over.
    pub(super) fn are_taken(&self) -> bool {
        self.left.values().all(|count| *count == 0)
    }

    /// Whether it is a header, and the one that the document has.
    pub(super) fn has_header(&self, line: ImportedLine<'_>, hash: LineHash) -> bool {
        matches!(line, ImportedLine::Header(_)) && self.header == Some(hash)
    }

    /// What a new line is to the document: one header stays, and whoever reads the file finds any other below it.
    pub(super) fn beside_header<'a>(&self, line: ImportedLine<'a>) -> ImportedLine<'a> {
        match line {
            ImportedLine::Header(_) if self.header.is_some() => {
                ImportedLine::Aside("it is another header than the one that is there")
            }
            line => line,
        }
    }

    /// How many lines are kept aside, and their bytes.
    pub(super) fn asides(&self) -> (usize, usize) {
        (self.asides.len(), self.asides.iter().map(|aside| aside.len).sum())
    }

    /// The line that was kept aside at this place and is the torn beginning of this one; it is not there any more then.
    pub(super) fn take_torn(&mut self, position: u32, line: &[u8]) -> Option<Aside> {
        let is_torn = |aside: &HeldAside| aside.position == position && aside.is_torn_off(line);
        let found = self.asides.iter().position(is_torn)?;
        let hash = self.asides.get(found).map(|aside| aside.hash)?;
        // One that was handed over again still stands in the file by itself.
        if !self.take(hash) {
            return None;
        }
        let aside = self.asides.remove(found);
        let bytes = line.get(..aside.len).unwrap_or_default().to_vec();
        Some(Aside { position: aside.position, number: aside.number, bytes })
    }
}

/// A line of the file, where it stands, and what is known of it.
pub(super) struct PlacedLine<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) hash: LineHash,
    pub(super) is_entry: bool,
    /// How many entries stand before it, and how many other lines since the last of those.
    pub(super) position: u32,
    pub(super) number: u16,
    /// The document has it.
    pub(super) is_there: bool,
    /// This device's file had another line in its place, with the same ones before it.
    pub(super) is_other: bool,
}

/// Whether a line is the one that stayed in its file, or has grown out of it. Lines that are not entries are often the same.
fn is_begun_by(gap: &Gap, line: &PlacedLine<'_>) -> bool {
    let is_in_place = gap.position == line.position && gap.number == line.number;
    let (Some(bytes), true) = (gap.line.bytes, line.is_entry || is_in_place) else {
        return false;
    };
    let len = line.bytes.len() as u64;
    let Some(digest) = gap.line.digest else {
        return bytes == len && gap.position == line.position;
    };
    if bytes == len {
        return first_of(&digest) == line.hash;
    }
    let beginning = usize::try_from(bytes).ok().and_then(|bytes| line.bytes.get(..bytes));
    let is_begun =
        |beginning: &[u8]| !beginning.trim_ascii().is_empty() && line_hash(beginning) == first_of(&digest);
    gap.position == line.position && beginning.is_some_and(is_begun)
}
