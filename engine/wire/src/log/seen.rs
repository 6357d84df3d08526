//! What an entry says to have seen and to hold: heads of one of the log's own logs, which never go back.

use super::logs::{Knew, Signed};
use super::{ChainTip, Log, Refusal};
use crate::header::Header;
use crate::ids::{DeviceId, LogHash, Position};

impl Log {
    /// The head that an entry names, with its log; `None` if it names none.
    pub(super) fn find_seen(
        &self,
        header: &Header,
        tip: Option<&ChainTip>,
    ) -> Result<Option<Signed>, Refusal> {
        let Some(seen) = header.seen else {
            return Ok(None);
        };
        let before = tip.and_then(|tip| Some((tip.log, tip.seen?)));
        let found = self.logs.find(self.workspace, seen, before, self.position);
        found.map(Some).ok_or(Refusal::BadSeen)
    }

    /// What the author of an entry that was accepted at `at` knew of this log as it went on. `None` if none of its logs has signed what the entry
    /// names as seen, which is not so of any that was accepted.
    pub fn knew(&self, header: &Header, at: Position) -> Option<Knew> {
        let Some(seen) = header.seen else { return Some(Knew::everything()) };
        let found = self.logs.find(self.workspace, seen, None, Position(at.0.saturating_sub(1)));
        found.map(|seen| seen.knew())
    }

    /// A head below the place where its log was continued is a prefix of this log, or proof of two stories. Beyond, it names what
    /// was lost, of which only the signature says anything; then the entry's roster says that its author was in.
    pub(super) fn check_seen(
        &self,
        header: &Header,
        seen: &Signed,
        roster: usize,
        tip: Option<&ChainTip>,
        hash_at: impl Fn(Position) -> Option<LogHash>,
    ) -> Result<(), Refusal> {
        let before = tip.and_then(|tip| Some((tip.log, tip.seen?)));
        let is_early = if seen.is_lost() {
            roster < self.entered(&header.device)
        } else {
            seen.head.position < self.entered_at(&header.device)
        };
        let goes_back = before
            .is_some_and(|(log, before)| (seen.log, seen.head.position) < (log, before.position))
            || tip.is_some_and(|tip| seen.knew().place_of(header.held) < tip.held);
        if is_early || goes_back {
            return Err(Refusal::BadSeen);
        }
        // The chain's last entry may carry the very same head, whose signature was checked then.
        if self.logs.is_unchecked(self.position)
            && before.map(|(_, before)| before) != header.seen
            && seen.head.verify(self.workspace).is_err()
        {
            return Err(Refusal::BadSeen);
        }
        // Below a checkpoint that stands nobody need know the log's hashes, so nobody goes by them.
        if seen.is_lost() || seen.head.position < self.floor() {
            return Ok(());
        }
        let here = if seen.head.position == self.position {
            Some(self.hash)
        } else {
            self.hash_below(seen.head.position).or_else(|| hash_at(seen.head.position))
        };
        if seen.head.position > self.position || here != Some(seen.head.hash) {
            return Err(Refusal::Forked(Box::new(seen.head)));
        }
        Ok(())
    }

    /// Number of the record by which `device` entered among the applied ones.
    fn entered(&self, device: &DeviceId) -> usize {
        self.roster.device(device).map_or(0, |device| device.joined_at)
    }

    /// Where the Genesis or Join of `device` stands. Nothing else by it can have been made before it saw that.
    fn entered_at(&self, device: &DeviceId) -> Position {
        let point = self.roster.points().get(self.entered(device));
        let is_in = self.roster.device(device).is_some();
        point.filter(|_| is_in).map_or(Position::START, |point| point.at.position)
    }
}
