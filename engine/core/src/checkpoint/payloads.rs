//! Which entries carry a payload together.

use std::collections::BTreeMap;

use bowline_wire::header::{Header, Part};
use bowline_wire::ids::{ChainKey, Lane};
use bowline_wire::log::Log;

use super::listed::Listed;

/// Accepted content, by what its entries carry together.
#[derive(Default)]
pub(super) struct Payloads {
    /// The entries of each payload whose last part is there, by their numbers in the list. A last part whose others do not belong to it is alone.
    pub(super) ended: Vec<Vec<usize>>,
    /// Parts whose author has written something else instead of the next one, or will not write it any more: nothing ever comes of them.
    pub(super) broken_off: Vec<usize>,
}

/// A payload whose last part has not come.
struct Begun<'l> {
    last: &'l Header,
    numbers: Vec<usize>,
}

impl Payloads {
    /// Those of a list in order of places. Of a chain nothing is missing behind a part that waits for the next one: what comes there breaks it off,
    /// and is looked at together with it.
    pub(super) fn of(log: &Log, entries: &[Listed<'_>]) -> Self {
        let mut found = Self::default();
        let mut begun: BTreeMap<ChainKey, Begun<'_>> = BTreeMap::new();
        for (number, it) in entries.iter().enumerate() {
            if !it.is_accepted() || it.header.lane != Lane::Content {
                continue;
            }
            let before = begun.remove(&it.header.chain());
            let goes_on = before.as_ref().is_some_and(|before| is_next(before.last, it.header));
            let mut numbers = before.map_or_else(Vec::new, |before| before.numbers);
            if !goes_on {
                found.broken_off.append(&mut numbers);
            }
            numbers.push(number);
            if it.header.part.is_last() {
                found.ended.push(numbers);
            } else if goes_on || it.header.part.index == 0 {
                begun.insert(it.header.chain(), Begun { last: it.header, numbers });
            } else {
                found.broken_off.append(&mut numbers);
            }
        }
        let is_over = |(chain, begun)| log.has_ended(&chain).then_some(begun);
        found.broken_off.extend(begun.into_iter().filter_map(is_over).flat_map(|begun| begun.numbers));
        found
    }
}

/// Whether an entry carries the part after `before`.
fn is_next(before: &Header, header: &Header) -> bool {
    let Part { index, count } = before.part;
    let alike = |it: &Header| (it.entry_type, it.doc, it.epoch, it.covers, it.digests);
    header.part == Part { index: index + 1, count } && alike(header) == alike(before)
}
