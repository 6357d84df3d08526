//! The entries that a state is computed from.

use bowline_wire::confirm::Row;
use bowline_wire::hash::log_hash;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::{EntryId, Moment, Position};
use bowline_wire::log::{Log, Pin, State, live_digest};

/// An entry on the log.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'l> {
    /// Where and when it stands.
    pub at: Moment,
    /// The entry's id.
    pub id: EntryId,
    /// What its author says about it.
    pub header: &'l Header,
    /// Whether it counts.
    pub verdict: Verdict<'l>,
}

/// Whether an entry counts, and what it says by the log as it went on: see [`Verdict::accepted`].
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'l> {
    /// The entry stands on the log and may not: it was only passed.
    Passed,
    /// The entry was accepted.
    Accepted {
        /// Up to where it covers its document (`Placed::covers`).
        covers: Position,
        /// The rows of a confirm, as far as its author knew the log as it went on up to their snapshots; none of anything else.
        rows: &'l [Row],
        /// What the author of a roster record had seen, if that is of the log as it went on; nothing of anything else.
        seen: Option<Pin>,
    },
}

impl<'l> Verdict<'l> {
    /// That of an accepted entry at a place of `log`, with the rows of its body if it is a confirm. Where its author knew a log that was continued
    /// since, a place behind the end of that is another entry's: it neither says anything of that, nor has it seen that.
    pub fn accepted(log: &Log, header: &Header, at: Position, rows: &'l [Row]) -> Option<Self> {
        let knew = log.knew(header, at)?;
        let known = rows.partition_point(|row| knew.is_of(row.snapshot));
        let seen =
            header.seen.filter(|seen| header.entry_type == EntryType::Roster && knew.is_of(seen.position));
        let seen = seen.map(|seen| Pin { at: seen.position, hash: seen.hash });
        Some(Self::Accepted { covers: knew.place_of(header.covers), rows: rows.get(..known)?, seen })
    }
}

impl Listed<'_> {
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.verdict, Verdict::Accepted { .. })
    }
}

/// Why no state is computed from a list of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// The state that is handed in is not that of the checkpoint which stands, or there is none and one stands.
    #[error("not the state of the checkpoint that stands")]
    OtherBase,
    /// The entries that stay below the checkpoint that stands are others than its state names.
    #[error("not the entries that stay below the checkpoint that stands")]
    OtherLive,
    /// The entries behind that checkpoint are others than the log's, or stood at other times.
    #[error("not the entries behind the checkpoint that stands")]
    OtherEntries,
    /// An entry behind that checkpoint is missing, or there twice.
    #[error("no entry or more than one at {0}")]
    Gap(Position),
}

/// The entries that a state goes by, ascending, out of all that somebody has kept.
pub(super) fn that_count<'l>(
    log: &Log,
    base: Option<&State>,
    entries: impl IntoIterator<Item = Listed<'l>>,
) -> Result<Vec<Listed<'l>>, NotWhole> {
    let head = log.head();
    let stood = log.checkpoints().stood().map(|stood| (stood.at, stood.digest));
    if stood != base.map(|base| (base.at, base.digest(head.workspace))) {
        return Err(NotWhole::OtherBase);
    }
    let from = base.map_or(Position::START, |base| base.at);
    let counts = |it: &Listed<'_>| {
        let at = it.at.position;
        at <= head.position && (at > from || base.is_some_and(|base| base.is_live(at)))
    };
    let mut entries: Vec<Listed<'l>> = entries.into_iter().filter(counts).collect();
    entries.sort_by_key(|it| it.at.position);
    let (below, above) = entries.split_at(entries.partition_point(|it| it.at.position <= from));
    if base.is_some_and(|base| digest_of(below) != base.live_digest) {
        return Err(NotWhole::OtherLive);
    }
    let mut next = from.next();
    for it in above {
        if it.at.position != next {
            return Err(NotWhole::Gap(next.min(it.at.position)));
        }
        next = next.next();
    }
    if next != head.position.next() {
        return Err(NotWhole::Gap(next));
    }
    let before = base.map_or_else(|| log.beginning(), |base| base.hash);
    if above.iter().fold(before, |hash, it| log_hash(hash, it.id, it.at.time)) != head.hash {
        return Err(NotWhole::OtherEntries);
    }
    Ok(entries)
}

/// Binds entries that stay.
pub(super) fn digest_of<'a, 'l: 'a>(entries: impl IntoIterator<Item = &'a Listed<'l>>) -> [u8; 32] {
    live_digest(entries.into_iter().map(|it| (it.at.position, it.id, it.at.time)))
}
