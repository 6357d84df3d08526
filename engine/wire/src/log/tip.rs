//! The tip of a chain: what the next entry of that chain is compared with.

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::head::Seen;
use crate::header::Header;
use crate::ids::{EntryId, LogTime, Position};
use crate::log::refusal::Refusal;

/// The last accepted entry of a chain, as far as the next one depends on it. Its canonical encoding is for storing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainTip {
    /// The entry's number in the chain.
    pub seq: u64,
    /// The entry's id.
    pub id: EntryId,
    /// The head that the entry names as seen.
    pub seen: Option<Seen>,
    /// The position up to which its author held everything, as far as the log was not continued from before it.
    pub held: Position,
    /// Number of the entry's roster among the applied records, from 0.
    pub roster: u64,
    /// The log's time at the chain's first entry.
    pub since: LogTime,
    /// Which of the logs signed what the entry names as seen, by its number, from 0: more only once a log was continued.
    pub log: u64,
}

impl ChainTip {
    /// The tip as it is once the log of number `log` was continued from a place: what its author held beyond, of a log that it has seen
    /// beyond, was lost. Everybody who judges the chain's entries again with that known comes to it.
    #[must_use]
    pub fn continued_from(self, log: u64, place: Position) -> Self {
        let is_beyond = self.log == log && self.seen.is_some_and(|seen| seen.position > place);
        Self { held: if is_beyond { self.held.min(place) } else { self.held }, ..self }
    }
}

/// Fields of a tip whose log is the workspace's first.
const FIELDS: usize = 6;

impl Canonical for ChainTip {
    fn write(&self, to: &mut Writer) {
        to.array(if self.log == 0 { FIELDS } else { FIELDS + 1 })
            .u64(self.seq)
            .value(&self.id)
            .option(self.seen.as_ref(), |to, seen| seen.write(to));
        to.value(&self.held).u64(self.roster).value(&self.since);
        if self.log > 0 {
            to.u64(self.log);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = from.array_up_to("fields of a tip", FIELDS + 1)?;
        if fields < FIELDS {
            return Err(DecodeError::Rule("a tip has all of its fields"));
        }
        Ok(Self {
            seq: from.u64()?,
            id: from.value()?,
            seen: from.option(Seen::read)?,
            held: from.value()?,
            roster: from.u64()?,
            since: from.value()?,
            log: if fields > FIELDS { from.u64()? } else { 0 },
        })
    }
}

/// Whether `header` is the next of its chain.
pub(super) fn check_next(header: &Header, tip: Option<&ChainTip>) -> Result<(), Refusal> {
    let tip_seq = tip.map_or(0, |tip| tip.seq);
    if header.seq <= tip_seq {
        return Err(Refusal::SeqTaken { seq: header.seq });
    }
    if header.seq > tip_seq.saturating_add(1) {
        return Err(Refusal::ChainGap);
    }
    match tip {
        Some(tip) if header.prev != tip.id => Err(Refusal::SeqTaken { seq: tip.seq }),
        _ => Ok(()),
    }
}
