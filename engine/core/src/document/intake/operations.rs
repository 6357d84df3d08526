//! The operations of one raw change: which its kind allows, and every operation they refer to.
//!
//! Automerge takes an operation's word for what it is about. One on a text that claims to be about a map stands in the map
//! ever after, where it depends on what came before it; so which objects are maps and which are texts is decided here,
//! from the change alone: the maps of a kind with texts are those of its first change, and every other object is a text.

use super::columns::{Extent, Flags, Rows};
use super::cursor::{Column, Cursor, column, malformed};
use super::first::FirstChange;
use super::hash::OpId;
use super::head::{Budget, Head};
use super::incoming::Reason;
use super::piece::Piece;
use crate::document::kind::Kind;
use crate::document::limits::{OPS_MAX, REFERENCES_MAX};

/// Column specifications in a change: id in the high bits, type in the low three.
mod spec {
    pub(super) const OBJ_ACTOR: u32 = 0x01;
    pub(super) const OBJ_COUNTER: u32 = 0x02;
    pub(super) const ELEMENT_ACTOR: u32 = 0x11;
    pub(super) const ELEMENT_COUNTER: u32 = 0x13;
    pub(super) const KEY: u32 = 0x15;
    pub(super) const INSERT: u32 = 0x34;
    pub(super) const ACTION: u32 = 0x42;
    pub(super) const VALUE_META: u32 = 0x56;
    pub(super) const VALUE: u32 = 0x57;
    pub(super) const PRED_COUNT: u32 = 0x70;
    pub(super) const PRED_ACTOR: u32 = 0x71;
    pub(super) const PRED_COUNTER: u32 = 0x73;
    /// Columns that only marks fill: whether they expand, and their names.
    pub(super) const MARKS: [u32; 2] = [0x94, 0xa5];
    /// Columns that only lists and texts fill.
    pub(super) const SEQUENCES: [u32; 3] = [ELEMENT_ACTOR, ELEMENT_COUNTER, INSERT];
    pub(super) const MAPS: [u32; 9] =
        [OBJ_ACTOR, OBJ_COUNTER, KEY, ACTION, VALUE_META, VALUE, PRED_COUNT, PRED_ACTOR, PRED_COUNTER];
}

/// Automerge's numbers for what operations do.
mod action {
    pub(super) const MAKE_MAP: u64 = 0;
    pub(super) const SET: u64 = 1;
    pub(super) const DELETE: u64 = 3;
    pub(super) const MAKE_TEXT: u64 = 4;
}

/// Automerge's numbers for the types of values.
mod value {
    pub(super) const STRING: u64 = 6;
    /// Concurrent increments merge, which no field of ours wants.
    pub(super) const COUNTER: u64 = 8;
}

/// How many operations there are, at least one; no row is read.
pub(super) fn count(columns: &[Column<'_>]) -> Result<u64, Reason> {
    let count = Extent::of(&Column { spec: spec::ACTION, bytes: column(columns, spec::ACTION) })?.rows;
    if count == 0 { Err(malformed("no operations")) } else { Ok(count) }
}

/// The operations of one change.
pub(super) struct Operations<'a> {
    pub(super) kind: Kind,
    /// Whether this is the kind's first change, which makes what others may not.
    pub(super) is_first: bool,
    pub(super) head: &'a Head,
    pub(super) columns: &'a [Column<'a>],
}

/// One operation's row, as far as it is checked.
struct Row<'a> {
    object: Option<OpId>,
    place: Place<'a>,
    insert: bool,
    action: u64,
    value_type: u64,
    value: &'a [u8],
    pred_count: u64,
}

/// Where in its object an operation is.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Under a key.
    Key(&'a str),
    /// At the beginning of a text.
    Beginning,
    /// At, or if it inserts after, an element of a text.
    Element(OpId),
}

impl Operations<'_> {
    /// How many there are, at least one, and what they refer to outside this change.
    pub(super) fn check(&self, budget: &mut Budget) -> Result<(u64, Vec<OpId>), Reason> {
        let count = self.measure(budget)?;
        let mut rows = RowReader::new(self.columns);
        let mut references = Vec::new();
        for own in self.head.start_op..self.head.start_op.saturating_add(count) {
            let row = rows.next(self.head)?;
            self.check_row(&row)?;
            if let Some(object) = row.object {
                self.refer(object, own, &mut references)?;
            }
            if let Place::Element(element) = row.place {
                self.refer(element, own, &mut references)?;
            }
            for _ in 0..row.pred_count {
                let overwritten = rows.next_pred(self.head)?;
                self.refer(overwritten, own, &mut references)?;
            }
        }
        rows.end()?;
        references.sort_unstable();
        references.dedup();
        Ok((count, references))
    }

    /// What is written by them, as far as it is words, in their order. They have been checked.
    pub(super) fn words(&self) -> Result<Vec<Piece>, Reason> {
        let mut rows = RowReader::new(self.columns);
        let mut words = Words { kind: self.kind, pieces: Vec::new(), text: None };
        for _ in 0..count(self.columns)? {
            let row = rows.next(self.head)?;
            words.add(&row)?;
            for _ in 0..row.pred_count {
                rows.next_pred(self.head)?;
            }
        }
        Ok(words.pieces)
    }

    /// Bounds everything before a single row is read.
    fn measure(&self, budget: &mut Budget) -> Result<u64, Reason> {
        let has_texts = FirstChange::of(self.kind).texts().is_some();
        for column in self.columns {
            let extent = Extent::of(column)?;
            if spec::MARKS.contains(&column.spec) {
                if extent.values > 0 {
                    return Err(Reason::UnknownOperation("marks"));
                }
            } else if spec::SEQUENCES.contains(&column.spec) {
                if extent.values > 0 && !has_texts {
                    return Err(Reason::UnknownOperation("lists and text"));
                }
            } else if !spec::MAPS.contains(&column.spec) {
                return Err(Reason::UnknownOperation("column"));
            }
            if extent.rows > (OPS_MAX + REFERENCES_MAX) as u64 {
                return Err(Reason::TooMany("rows"));
            }
        }
        let extent = |spec| Extent::of(&Column { spec, bytes: column(self.columns, spec) });
        let count = count(self.columns)?;
        Budget::spend(&mut budget.ops, count, "operations")?;
        Budget::spend(&mut budget.references, extent(spec::PRED_COUNT)?.sum, "references")?;
        Budget::spend(&mut budget.text, extent(spec::KEY)?.sum, "bytes in keys")?;
        if extent(spec::VALUE_META)?.sum != extent(spec::VALUE)?.sum {
            return Err(malformed("value lengths"));
        }
        Ok(count)
    }

    fn check_row(&self, row: &Row<'_>) -> Result<(), Reason> {
        if row.value_type == value::COUNTER {
            return Err(Reason::UnknownOperation("counter"));
        }
        let first = FirstChange::of(self.kind);
        match (row.place, first.texts()) {
            (Place::Key(_), _) if row.insert => Err(malformed("insertion under a key")),
            (Place::Key(_), _) if self.is_first => Ok(()),
            (Place::Key(_), None) => check_field(row, first),
            (Place::Key(_), Some(texts)) => check_field_beside_texts(row, texts, first),
            (Place::Beginning | Place::Element(_), _) => check_character(row, first),
        }
    }

    /// Notes a reference made by the operation with counter `own`.
    fn refer(&self, to: OpId, own: u64, references: &mut Vec<OpId>) -> Result<(), Reason> {
        let (actor, counter) = to;
        if counter == 0 || counter >= own {
            return Err(Reason::BrokenHistory("refers to a later operation"));
        }
        let within = actor == self.head.actor && counter >= self.head.start_op;
        // What is removed from a text is named twice, and every character names the text.
        let is_noted = references.iter().rev().take(2).any(|noted| *noted == to);
        if !within && !is_noted && !FirstChange::of(self.kind).contains(to) {
            references.push(to);
        }
        Ok(())
    }
}

/// A field in a kind whose maps may hold maps.
fn check_field(row: &Row<'_>, first: &FirstChange) -> Result<(), Reason> {
    if !matches!(row.action, action::SET | action::MAKE_MAP | action::DELETE) {
        return Err(Reason::UnknownOperation("action"));
    }
    // Nothing removes a message from under another's eyes: a transcript only grows.
    let entries = first.append_only();
    if entries.is_some() && row.object == entries && !(row.action == action::SET && row.pred_count == 0) {
        return Err(Reason::AppendOnly);
    }
    Ok(())
}

/// A field in a kind with texts, whose maps are those of the first change.
fn check_field_beside_texts(row: &Row<'_>, texts: OpId, first: &FirstChange) -> Result<(), Reason> {
    match (row.object, row.action) {
        // Nobody's edit may end up in a text that somebody has put something else in the place of.
        (Some(object), action::MAKE_TEXT) if object == texts && row.pred_count == 0 => Ok(()),
        (Some(object), _) if object == texts => Err(Reason::AppendOnly),
        (Some(object), _) if !first.contains(object) => Err(Reason::UnknownOperation("a map in a map")),
        (_, action::SET | action::DELETE) => Ok(()),
        _ => Err(Reason::UnknownOperation("action")),
    }
}

/// A text holds characters, each put in by one operation and removed by others.
fn check_character(row: &Row<'_>, first: &FirstChange) -> Result<(), Reason> {
    if row.object.is_none_or(|object| first.contains(object)) {
        return Err(Reason::UnknownOperation("a list"));
    }
    match (row.insert, row.action, row.place) {
        (true, action::SET, _) if row.pred_count == 0 && row.is_one_character() => Ok(()),
        (false, action::DELETE, Place::Element(_)) if row.pred_count > 0 => Ok(()),
        _ => Err(Reason::UnknownOperation("no character of a text")),
    }
}

impl Row<'_> {
    fn is_one_character(&self) -> bool {
        let text = std::str::from_utf8(self.value).ok().filter(|_| self.value_type == value::STRING);
        text.is_some_and(|text| text.chars().count() == 1)
    }
}

/// Pieces of what is written, gathered from operations.
struct Words {
    kind: Kind,
    pieces: Vec<Piece>,
    /// The text that the last piece is of.
    text: Option<OpId>,
}

impl Words {
    fn add(&mut self, row: &Row<'_>) -> Result<(), Reason> {
        let is_text = row.action == action::SET && row.value_type == value::STRING;
        let value = || std::str::from_utf8(row.value).map_err(|_| malformed("a string"));
        match (row.place, self.pieces.last_mut()) {
            (Place::Key(path), _) if row.action == action::MAKE_TEXT => {
                self.pieces.push(Piece::File(path.to_owned()));
                self.text = None;
            }
            (Place::Key(key), _) if is_text => {
                let is_line = row.object.is_some() && row.object == FirstChange::of(self.kind).append_only();
                let (key, value) = (key.to_owned(), value()?.to_owned());
                self.pieces.push(if is_line { Piece::Line(value) } else { Piece::Field { key, value } });
                self.text = None;
            }
            (Place::Beginning | Place::Element(_), Some(Piece::Text(text)))
                if is_text && self.text == row.object =>
            {
                text.push_str(value()?);
            }
            (Place::Beginning | Place::Element(_), _) if is_text => {
                self.pieces.push(Piece::Text(value()?.to_owned()));
                self.text = row.object;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Reads the checked columns row by row.
struct RowReader<'a> {
    obj_actor: Rows<'a, u64>,
    obj_counter: Rows<'a, u64>,
    element_actor: Rows<'a, u64>,
    element_counter: Rows<'a, i64>,
    last_element: i64,
    key: Rows<'a, &'a str>,
    insert: Flags<'a>,
    action: Rows<'a, u64>,
    value_meta: Rows<'a, u64>,
    value: Cursor<'a>,
    pred_count: Rows<'a, u64>,
    pred_actor: Rows<'a, u64>,
    pred_counter: Rows<'a, i64>,
    last_pred: i64,
}

impl<'a> RowReader<'a> {
    fn new(columns: &[Column<'a>]) -> Self {
        Self {
            obj_actor: Rows::new(column(columns, spec::OBJ_ACTOR)),
            obj_counter: Rows::new(column(columns, spec::OBJ_COUNTER)),
            element_actor: Rows::new(column(columns, spec::ELEMENT_ACTOR)),
            element_counter: Rows::new(column(columns, spec::ELEMENT_COUNTER)),
            last_element: 0,
            key: Rows::new(column(columns, spec::KEY)),
            insert: Flags::new(column(columns, spec::INSERT)),
            action: Rows::new(column(columns, spec::ACTION)),
            value_meta: Rows::new(column(columns, spec::VALUE_META)),
            value: Cursor::new(column(columns, spec::VALUE)),
            pred_count: Rows::new(column(columns, spec::PRED_COUNT)),
            pred_actor: Rows::new(column(columns, spec::PRED_ACTOR)),
            pred_counter: Rows::new(column(columns, spec::PRED_COUNTER)),
            last_pred: 0,
        }
    }

    fn next(&mut self, head: &Head) -> Result<Row<'a>, Reason> {
        let object = match (self.obj_actor.next()?, self.obj_counter.next()?) {
            (None, None) => None,
            (Some(actor), Some(counter)) => Some((head.actor(actor)?, counter)),
            _ => return Err(malformed("object")),
        };
        let place = self.next_place(head)?;
        let meta = self.value_meta.next()?.ok_or(malformed("value"))?;
        let length = usize::try_from(meta >> 4).map_err(|_| malformed("value"))?;
        Ok(Row {
            object,
            place,
            insert: self.insert.next()?,
            action: self.action.next()?.ok_or(malformed("action"))?,
            value_type: meta & 15,
            value: self.value.take(length)?,
            pred_count: self.pred_count.next()?.ok_or(malformed("predecessors"))?,
        })
    }

    fn next_place(&mut self, head: &Head) -> Result<Place<'a>, Reason> {
        match (self.key.next()?, self.element_actor.next()?, self.element_counter.next()?) {
            (Some(key), None, None) => Ok(Place::Key(key)),
            (None, actor, Some(delta)) => {
                let counter = sum(&mut self.last_element, delta).ok_or(malformed("element"))?;
                match actor {
                    Some(actor) => Ok(Place::Element((head.actor(actor)?, counter))),
                    None if counter == 0 => Ok(Place::Beginning),
                    None => Err(malformed("element")),
                }
            }
            _ => Err(malformed("key")),
        }
    }

    fn next_pred(&mut self, head: &Head) -> Result<OpId, Reason> {
        let (Some(actor), Some(delta)) = (self.pred_actor.next()?, self.pred_counter.next()?) else {
            return Err(malformed("predecessor"));
        };
        let counter = sum(&mut self.last_pred, delta).ok_or(malformed("predecessor"))?;
        Ok((head.actor(actor)?, counter))
    }

    /// No column may go on after the last operation.
    fn end(&self) -> Result<(), Reason> {
        let done = self.obj_actor.is_done()
            && self.obj_counter.is_done()
            && self.element_actor.is_done()
            && self.element_counter.is_done()
            && self.key.is_done()
            && self.insert.is_done()
            && self.action.is_done()
            && self.value_meta.is_done()
            && self.value.is_empty()
            && self.pred_count.is_done()
            && self.pred_actor.is_done()
            && self.pred_counter.is_done();
        if done { Ok(()) } else { Err(malformed("rows left over")) }
    }
}

/// The next value of a column of differences.
fn sum(last: &mut i64, delta: i64) -> Option<u64> {
    *last = last.checked_add(delta)?;
    u64::try_from(*last).ok()
}
