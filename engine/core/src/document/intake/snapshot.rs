//! A whole document from another device, taken apart into its changes.
//!
//! Automerge loads a document chunk from its columns as they stand: operations in the wrong order give the right hashes
//! and the wrong view. So a foreign document is only ever a container of changes, which are then applied like any others.

use automerge::Automerge;

use super::change::Vetted;
use super::columns::{Extent, Rows};
use super::cursor::{Chunk, ChunkType, Column, ColumnList, ColumnType, Cursor, column, malformed};
use super::guard::guarded;
use super::head::Budget;
use super::incoming::Reason;
use crate::document::actor::ActorId;
use crate::document::kind::Kind;
use crate::document::limits::{CHANGES_MAX, CONTENT_MAX, OP_COUNTER_MAX, OPS_MAX, REFERENCES_MAX};

/// Column specifications that need more than a count.
mod spec {
    pub(super) const CHANGE_ACTOR: u32 = 0x01;
    pub(super) const CHANGE_TIME: u32 = 0x23;
    pub(super) const CHANGE_MESSAGE: u32 = 0x35;
    pub(super) const CHANGE_DEP_COUNT: u32 = 0x40;
    pub(super) const CHANGE_DEPS: u32 = 0x43;
    pub(super) const CHANGE_EXTRA: u32 = 0x57;
    pub(super) const VALUE_META: u32 = 0x56;
    pub(super) const VALUE: u32 = 0x57;
    /// Rows of these belong to a group: there may be more of them than operations.
    pub(super) const SUCCESSORS: [u32; 2] = [0x81, 0x83];
}

/// The changes in a saved document, each checked like one that came alone.
pub(super) fn take_changes(kind: Kind, bytes: &[u8]) -> Result<Vec<Vetted>, Reason> {
    check(bytes)?;
    let changes = guarded(|| Automerge::load(bytes).map(|document| document.get_changes(&[])))?;
    let mut budget = Budget::of_one_entry();
    let take = |change: automerge::Change| {
        let mut input = Cursor::new(change.raw_bytes());
        Vetted::take(kind, &mut input, &mut budget)
    };
    changes.map_err(|_| Reason::Rejected)?.into_iter().map(take).collect()
}

/// Bounds a document chunk before Automerge unrolls it.
fn check(bytes: &[u8]) -> Result<(), Reason> {
    let mut input = Cursor::new(bytes);
    let chunk = Chunk::take(&mut input)?;
    if chunk.kind != ChunkType::Document {
        return Err(malformed("not a document"));
    }
    if !input.is_empty() {
        return Err(malformed("more than a document"));
    }
    let mut body = chunk.body;
    let actors = take_list(&mut body, ActorId::LEN + 1, |body| {
        ActorId::from_slice(body.prefixed()?).map(|_| ()).ok_or(malformed("actor"))
    })?;
    take_list(&mut body, 32, |body| body.take(32).map(|_| ()))?;
    let change_list = ColumnList::take(&mut body)?;
    let op_list = ColumnList::take(&mut body)?;
    check_changes(&change_list.fill(&mut body)?, actors)?;
    check_ops(&op_list.fill(&mut body)?, actors)
    // What follows are the heads' places, which Automerge reads and leaves no rest of.
}

/// Takes a count and so many items of at least `size` bytes.
fn take_list(
    body: &mut Cursor<'_>,
    size: usize,
    item: impl Fn(&mut Cursor<'_>) -> Result<(), Reason>,
) -> Result<u64, Reason> {
    let count = body.length()?;
    if count > body.len() / size {
        return Err(malformed("list"));
    }
    for _ in 0..count {
        item(body)?;
    }
    Ok(count as u64)
}

fn check_changes(columns: &[Column<'_>], actors: u64) -> Result<(), Reason> {
    let rows =
        Extent::of(&Column { spec: spec::CHANGE_ACTOR, bytes: column(columns, spec::CHANGE_ACTOR) })?.rows;
    for column in columns {
        let extent = Extent::of(column)?;
        match column.spec {
            spec::CHANGE_DEPS if extent.rows > REFERENCES_MAX as u64 => {
                return Err(Reason::TooMany("dependencies"));
            }
            spec::CHANGE_DEPS | spec::CHANGE_TIME => {}
            spec::CHANGE_EXTRA if extent.sum > 0 => return Err(Reason::Unused("author footers")),
            spec::CHANGE_MESSAGE if extent.sum > 0 => return Err(Reason::Unused("commit messages")),
            _ if extent.rows > CHANGES_MAX as u64 => return Err(Reason::TooMany("changes")),
            _ => check_values(column, &extent, actors)?,
        }
    }
    check_deps(columns, rows)
}

/// Every change depends on earlier rows only: Automerge would follow a circle or step outside its table.
fn check_deps(columns: &[Column<'_>], changes: u64) -> Result<(), Reason> {
    let mut counts = Rows::<u64>::new(column(columns, spec::CHANGE_DEP_COUNT));
    let mut deps = Rows::<i64>::new(column(columns, spec::CHANGE_DEPS));
    let mut dep = 0_i64;
    for change in 0..i64::try_from(changes).map_err(|_| Reason::TooMany("changes"))? {
        for _ in 0..counts.next()?.ok_or(malformed("dependency counts"))? {
            let delta = deps.next()?.ok_or(malformed("dependencies"))?;
            dep = dep.checked_add(delta).ok_or(malformed("dependencies"))?;
            if !(0..change).contains(&dep) {
                return Err(malformed("dependency on a later change"));
            }
        }
    }
    if counts.is_done() && deps.is_done() { Ok(()) } else { Err(malformed("rows left over")) }
}

fn check_ops(columns: &[Column<'_>], actors: u64) -> Result<(), Reason> {
    for column in columns {
        let extent = Extent::of(column)?;
        let most = if spec::SUCCESSORS.contains(&column.spec) { REFERENCES_MAX } else { OPS_MAX };
        if extent.rows > most as u64 {
            return Err(Reason::TooMany("operations"));
        }
        check_values(column, &extent, actors)?;
    }
    let sum = |spec| Extent::of(&Column { spec, bytes: column(columns, spec) }).map(|extent| extent.sum);
    if sum(spec::VALUE_META)? == sum(spec::VALUE)? { Ok(()) } else { Err(malformed("value lengths")) }
}

/// Bounds what the values of a column could make Automerge allocate or index.
fn check_values(column: &Column<'_>, extent: &Extent, actors: u64) -> Result<(), Reason> {
    match column.kind() {
        ColumnType::Actor if extent.values > 0 && extent.largest >= actors => Err(malformed("actor index")),
        ColumnType::Integer | ColumnType::Delta if extent.largest > OP_COUNTER_MAX => {
            Err(Reason::BrokenHistory("number beyond its limit"))
        }
        ColumnType::Group if extent.sum > REFERENCES_MAX as u64 => Err(Reason::TooMany("references")),
        ColumnType::Text if extent.sum > CONTENT_MAX as u64 => Err(Reason::TooMany("bytes in keys")),
        _ => Ok(()),
    }
}
