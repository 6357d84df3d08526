//! Documents that are one: imported from one home of another application by two devices of one person.
//!
//! They have the same name, and a file of theirs is the same to the byte and says something that no template of the application
//! says. When in doubt they are two.

use std::collections::BTreeMap;

use bowline_core::document::Kind;
use bowline_store::{DocFilter, DocRow, Place, Trash};
use bowline_wire::ids::{Position, WorkspaceId};
use bowline_wire::log::Log;

use super::templates::own_bytes;
use crate::Error;
use crate::apart::Parts;
use crate::import::files::has_files;
use crate::import::items::{Held, Item, held_in};
use crate::rows::{kind_column, kind_of};

/// Bytes beyond its application's templates that a file must have for two documents with it to be one: a shorter one,
/// such as a list with a single name in it, may well be written twice.
const TELLING_BYTES: usize = 16;

/// How much alike two documents are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// All files of both are the same.
    Equal,
    /// Some files of both are the same.
    Similar,
}

/// The document of a workspace that an imported one is, shared by another device of the same person: one that stands before it
/// in the log, if it is in the workspace itself. `None` if there is none, and if it may be more than one.
pub(super) fn twin_of(
    parts: &mut Parts<'_>,
    row: &DocRow,
    workspace: WorkspaceId,
) -> Result<Option<DocRow>, Error> {
    let is_named = !row.summary.title.trim().is_empty();
    if has_files(kind_of(row)?, row.id).is_err() || !is_named || !parts.lent.read().is_imported(row.id)? {
        return Ok(None);
    }
    let candidates = candidates(parts, row, workspace)?;
    if candidates.is_empty() {
        return Ok(None);
    }
    let held = held(parts, row)?;
    let mut alike = Vec::new();
    for (at, candidate) in candidates {
        match self::held(parts, &candidate) {
            Ok(other) => alike.extend(likeness(&held, &other).map(|likeness| (likeness, at, candidate))),
            Err(error) if error.is_of_one_document() => {}
            Err(error) => return Err(error),
        }
    }
    alike.sort_by_key(|(likeness, at, _)| (*likeness, *at));
    let is_sure = alike.len() == 1 || alike.first().is_some_and(|(first, ..)| *first == Likeness::Equal);
    Ok(alike.into_iter().next().filter(|_| is_sure).map(|(.., twin)| twin))
}

/// The documents of a workspace that this device has imported, and of which another one has the name. What another device has
/// shared is that device's to join: of that, only what is in the trash.
pub(super) fn doubles(parts: &Parts<'_>, workspace: WorkspaceId) -> Result<Vec<DocRow>, Error> {
    let read = parts.lent.read();
    let own = parts.workspaces.device_in(parts.lent.keys, workspace);
    let mut found = Vec::new();
    for kind in [Kind::Agent, Kind::Skill, Kind::Memory].map(kind_column) {
        let imported = read.docs_imported(workspace, kind)?;
        if imported.is_empty() {
            continue;
        }
        let filter =
            DocFilter { place: Place::In(workspace), trash: Trash::Without, kind: Some(kind), limit: None };
        let mut named: BTreeMap<String, usize> = BTreeMap::new();
        for row in read.list_docs(&filter)? {
            *named.entry(row.summary.title).or_default() += 1;
        }
        for row in imported {
            let is_in_view = row.deleted_at.is_none();
            let others = named
                .get(&row.summary.title)
                .map_or(0, |count| count.saturating_sub(usize::from(is_in_view)));
            let is_ours = !is_in_view || read.first_placed(row.n)?.is_none_or(|(_, device)| device == own);
            if others > 0 && is_ours && !row.kept && !row.only_here.is_some() {
                found.push(row);
            }
        }
    }
    Ok(found)
}

/// The documents of a workspace that may be one with an imported one, each with where it begins in the log.
fn candidates(
    parts: &Parts<'_>,
    row: &DocRow,
    workspace: WorkspaceId,
) -> Result<Vec<(Position, DocRow)>, Error> {
    let Parts { workspaces, lent, .. } = parts;
    let read = lent.read();
    let own = workspaces.own_user(workspaces.device_in(lent.keys, workspace), workspace)?;
    let Some(roster) = workspaces.log(workspace)?.map(Log::roster) else { return Ok(Vec::new()) };
    let begins = match row.ws {
        Some(_) => read.first_placed(row.n)?.map(|(at, _)| at),
        None => None,
    };
    let mut found = Vec::new();
    for other in read.docs_titled(row.kind, &row.summary.title)? {
        let is_whole = other.deleted_at.is_none() && !other.kept && !other.only_here.is_some();
        if other.n == row.n || other.ws != Some(workspace) || !is_whole || read.is_imported(other.id)? {
            continue;
        }
        let Some((at, device)) = read.first_placed(other.n)? else { continue };
        let is_own = roster.device(&device).is_some_and(|device| device.user == own);
        if is_own && begins.is_none_or(|begins| at < begins) {
            found.push((at, other));
        }
    }
    Ok(found)
}

fn held(parts: &mut Parts<'_>, row: &DocRow) -> Result<BTreeMap<Item, Held>, Error> {
    let Parts { documents, workspaces, lent } = parts;
    Ok(held_in(documents.load(lent, workspaces.keyrings(), row)?.shown()))
}

/// How much alike two documents are; `None` if they may well be two.
fn likeness(one: &BTreeMap<Item, Held>, other: &BTreeMap<Item, Held>) -> Option<Likeness> {
    if one.get(&Item::Name) != other.get(&Item::Name) {
        return None;
    }
    let files = |held: &BTreeMap<Item, Held>| held.keys().filter(|item| item.file().is_some()).count();
    let (mut same, mut telling) = (0, 0);
    for (item, held) in one.iter().filter(|(item, held)| other.get(item) == Some(held)) {
        if let Some(path) = item.file() {
            same += 1;
            telling = telling.max(own_bytes(&path, held));
        }
    }
    let is_equal = same == files(one) && same == files(other);
    match telling {
        0 => None,
        _ if is_equal => Some(Likeness::Equal),
        TELLING_BYTES.. => Some(Likeness::Similar),
        _ => None,
    }
}
