//! Whether the stored log verifies, checked offline from its first entry to its last: every author's signature, every hash, and the
//! predicate by which entries were accepted when they came. Of a log that was begun from a state, hashes and predicate hold behind its place, and
//! what stays below is compared with the state.
//!
//! Signatures and hashes are judged for each entry by itself, so that all that is damaged is named. The predicate judges an entry by all
//! before it: from the first entry on that does not verify nothing more can be said of it.

mod below;

use bowline_core::sync::Replay;
use bowline_store::{Cursor, EntryRow, EntryWithBody, LogPlace, Reader};
use bowline_wire::codec::decode;
use bowline_wire::entry::{Entry, EntryError, SignedEntry};
use bowline_wire::hash;
use bowline_wire::head::SeenHead;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{ChainKey, Lane, LogHash, LogTime, Position, WireDoc, WorkspaceId};
use bowline_wire::log::{ChainTip, Log, Refusal};
use bowline_wire::signed::Signed;
use bowline_wire::successor::Succession;
use bowline_wire::weight::Weights;

pub use self::below::CheckedState;
use self::below::{Below, Words};
use super::StoredLog;
use crate::rows::{aside_id, id_of};
use crate::workspace::linked::with_hashes;
use crate::workspace::log_state::{begin, begun_state, checkpoints};
use crate::workspace::workspaces::succession;
use crate::{Error, OtherDraft};

/// Bytes of headers and bodies that are read at once.
const BYTES_AT_ONCE: usize = 4 << 20;

/// Faults that are told one by one; of more there is only the number.
const FAULTS_TOLD: usize = 100;

/// What does not verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is stored from here to this position.
    Missing(Position),
    /// The header is not one, or its signature is not its author's.
    Header(EntryError),
    /// The body is not the one that the signed header names.
    Body,
    /// The entry is stored under an id that is not the hash of its header.
    Id,
    /// What is noted beside the header is not what the header says.
    Columns,
    /// The log hash is not the hash over the one before it, the entry and its time; or the time goes back.
    LogHash,
    /// The entry counts here, and the rules of the log do not take it.
    NotAcceptable(Refusal),
    /// The entry was put aside for breaking a rule of the log, and breaks none.
    Acceptable,
    /// The log ends with entries that the rules take together only, and of which some are missing.
    RunWithoutEnd,
    /// By which keys the log came to be signed does not verify.
    Succession,
    /// The head that the relay has signed is not of this log, or its signature does not verify.
    Head,
    /// What this device goes by when it judges the next entry is not what follows from the entries.
    State,
    /// The entries that stay below the place from whose state the log was begun are not those that the state binds.
    Stays,
    /// The roster records up to that place do not come to the state's roster.
    Records,
    /// The state cannot be read, or is not the one that the log says stands.
    Checkpoint,
}

/// Something of the log that does not verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFault {
    /// Where it stands.
    pub position: Position,
    /// What does not verify.
    pub fault: Fault,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The first position of which a signed header is here.
    pub from: Position,
    /// From which state the log was begun; `None` if it has come from its first entry on.
    pub begun: Option<CheckedState>,
    /// The last one.
    pub to: Position,
    /// The log's time there.
    pub time: LogTime,
    /// The log's hash there.
    pub hash: LogHash,
    /// Up to where the log's rules were applied; short of `to` if an entry before it does not verify.
    pub judged_to: Position,
    /// The position that the relay has signed for last; `None` if its signature is not here.
    pub signed: Option<Position>,
    /// How many entries there are.
    pub entries: u64,
    /// How many of them stand there and count for nothing, by the same rules.
    pub aside: u64,
    /// How many bodies of content are not here.
    pub without_body: u64,
    /// By how many keys the log was signed, one after the other.
    pub logs: usize,
    /// What does not verify, in log order; not all, if there is very much.
    pub faults: Vec<LogFault>,
    /// How much does not verify.
    pub faults_in_all: u64,
}

/// A check under way.
pub struct Check<'d> {
    read: Reader<'d>,
    workspace: WorkspaceId,
    cursor: Cursor,
    /// The database's version when the check began.
    version: i64,
    succession: Succession,
    /// What was found at or below the place of the state from which the log was begun, as long as the check is there.
    below: Option<Below>,
    words: Words,
    /// The log as the rules make it; `None` below that place, and from the first entry on that does not verify.
    replay: Option<Replay>,
    after: Position,
    done: Checked,
}

impl<'d> StoredLog<'d> {
    /// Begins to check the stored log; `None` if nothing of it is here. Works for a workspace as well that is too damaged to be used.
    ///
    /// # Errors
    /// [`Error::NoWorkspace`]; [`Error::OtherDraft`] for a log of another draft.
    pub fn check(&self) -> Result<Option<Check<'d>>, Error> {
        let (read, workspace) = (self.read, self.workspace);
        let version = read.data_version()?;
        let row = read.workspace(workspace)?.ok_or(Error::NoWorkspace(workspace))?;
        if let Some(other) = OtherDraft::of(row.draft) {
            return Err(Error::OtherDraft(workspace, other));
        }
        let Some(cursor) = row.cursor else {
            return Ok(None);
        };
        let (succession, is_succession_bad) = match succession(read, workspace) {
            Ok(succession) => (succession, false),
            Err(error @ Error::Store(_)) => return Err(error),
            Err(_) => Default::default(),
        };
        let begun = Log::begun(workspace, cursor.log, &succession);
        let mut done = Checked {
            from: Position::START,
            begun: None,
            to: Position::START,
            time: LogTime::START,
            hash: begun.head().hash,
            judged_to: Position::START,
            signed: None,
            entries: 0,
            aside: 0,
            without_body: 0,
            logs: succession.successors().len() + 1,
            faults: Vec::new(),
            faults_in_all: 0,
        };
        let (state, is_state_bad) = match begun_state(read, workspace) {
            Ok(state) => (state, false),
            Err(error @ Error::Store(_)) => return Err(error),
            Err(_) => (None, true),
        };
        let below = state.map(|state| Below::of(state, done.hash));
        done.begun = below.as_ref().map(|below| below.told(workspace));
        let replay = below.is_none().then(|| Replay::of(begun));
        let (after, words) = (Position::START, Words::default());
        let mut check =
            Check { read, workspace, cursor, version, succession, below, words, replay, after, done };
        if is_succession_bad {
            check.note(Position::START, Fault::Succession);
        }
        if is_state_bad {
            check.note(Position::START, Fault::Checkpoint);
        }
        Ok(Some(check))
    }
}

impl Check<'_> {
    /// How far the check is, and to where it goes.
    pub fn progress(&self) -> (Position, Position) {
        (self.after, self.cursor.pos)
    }

    /// Checks some more; whether there is more to do.
    pub fn step(&mut self) -> Result<bool, Error> {
        let (read, workspace) = (self.read, self.workspace);
        let found = read.stretch_with_bodies(workspace, self.after, self.cursor.pos, BYTES_AT_ONCE)?;
        let is_end = found.is_empty();
        for found in found {
            if let Some(place) = found.entry.place {
                self.take(found, place)?;
            }
        }
        Ok(!is_end)
    }

    /// What came of it.
    ///
    /// # Errors
    /// [`Error::LogMoved`] if another process has written while a fault was found: check again.
    pub fn end(mut self) -> Result<Checked, Error> {
        self.leave_below();
        if self.after < self.cursor.pos {
            self.note(self.after.next(), Fault::Missing(self.cursor.pos));
        }
        self.end_state()?;
        let Checked { to, time, hash, .. } = self.done;
        if (to, time, hash) != (self.cursor.pos, self.cursor.time, self.cursor.hash) {
            self.note(to, Fault::State);
        }
        self.check_head()?;
        if self.done.faults_in_all > 0 && self.read.data_version()? != self.version {
            return Err(Error::LogMoved(self.workspace));
        }
        Ok(self.done)
    }

    fn note(&mut self, position: Position, fault: Fault) {
        self.done.faults_in_all += 1;
        if self.done.faults.len() < FAULTS_TOLD {
            self.done.faults.push(LogFault { position, fault });
        }
    }

    /// Nothing more can be judged by the rules.
    fn judge_no_more(&mut self, position: Position, fault: Fault) {
        self.note(position, fault);
        self.replay = None;
    }

    fn take(&mut self, found: EntryWithBody, place: LogPlace) -> Result<(), Error> {
        let here = place.pos;
        if self.below.as_ref().is_some_and(|below| below.state.at < here) {
            self.leave_below();
        }
        if self.done.entries == 0 {
            self.done.from = here;
        }
        if self.below.is_none() && here != self.after.next() {
            let last = Position(here.0.saturating_sub(1));
            self.judge_no_more(self.after.next(), Fault::Missing(last));
        }
        self.after = here;
        self.done.entries += 1;
        let EntryWithBody { entry: row, body } = found;
        let id = id_of(self.workspace, &row.header);
        let is_aside = row.id == aside_id(id, here);
        if row.id != id && !is_aside {
            self.note(here, Fault::Id);
        }
        self.done.aside += u64::from(is_aside);
        let follows = hash::log_hash(self.done.hash, id, place.time);
        let does_follow = match &mut self.below {
            Some(below) => below.follows(id, place, self.done.time),
            None => Some(follows) == place.log_hash && place.time >= self.done.time,
        };
        if !does_follow {
            self.judge_no_more(here, Fault::LogHash);
        }
        // What comes after it is judged by itself.
        (self.done.to, self.done.time, self.done.hash) =
            (here, place.time, place.log_hash.unwrap_or(follows));
        self.done.without_body += u64::from(row.chain.lane == Lane::Content && body.is_none());
        let entry = self.verified(&row, body);
        if let Some(below) = &mut self.below {
            if !is_aside {
                below.take(&row, place, entry);
            }
            return Ok(());
        }
        if let Some(entry) = entry {
            self.judge(place, entry, !is_aside)
        } else {
            self.replay = None;
            Ok(())
        }
    }

    /// Nothing more stands at or below the place of the state: what stays there is compared with it, and the rules hold from there on.
    fn leave_below(&mut self) {
        let Some(below) = self.below.take() else { return };
        let missing = below.missing();
        let is_whole = missing.is_empty() && below.are_records_whole;
        if missing.is_empty() && !below.are_named() {
            self.note(below.state.at, Fault::Stays);
        }
        for (first, last) in missing {
            self.note(first, Fault::Missing(last));
        }
        let Below { state, records, .. } = below;
        self.after = state.at;
        (self.done.to, self.done.time, self.done.hash) = (state.at, state.time, state.hash);
        match begin(&state, self.workspace, (self.cursor.log, &self.succession), &records) {
            Ok(log) => {
                self.replay = Some(Replay::of(log));
                self.done.judged_to = state.at;
            }
            // Of a record that does not verify, or is missing, more need not be said.
            Err(_) if !is_whole => {}
            Err(_) => self.note(state.at, Fault::Records),
        }
    }

    /// The entry, if its author has signed it; with its body, if that is the one it names.
    fn verified(&mut self, row: &EntryRow, body: Option<Vec<u8>>) -> Option<Entry> {
        let here = row.place.map_or(Position::START, |place| place.pos);
        let workspace = self.workspace;
        let signed = |body| {
            let header = Signed::from_parts(row.header.clone(), row.signature);
            SignedEntry::from_parts(header, body).verify(workspace)
        };
        let entry = match signed(body) {
            Err(EntryError::BodyMismatch) => {
                self.note(here, Fault::Body);
                // No rule looks at the body of content.
                signed(None).ok().filter(|entry| entry.header().lane == Lane::Content)?
            }
            Err(why) => {
                self.note(here, Fault::Header(why));
                return None;
            }
            Ok(entry) => entry,
        };
        if !is_noted_as_signed(row, &entry) {
            self.note(here, Fault::Columns);
        }
        Some(entry)
    }

    fn judge(&mut self, place: LogPlace, entry: Entry, counts: bool) -> Result<(), Error> {
        let (read, workspace) = (self.read, self.workspace);
        let Some(replay) = &mut self.replay else {
            return Ok(());
        };
        if let Some(begun) = self.done.begun.filter(|_| counts) {
            self.words.hear(begun.at, &entry);
        }
        let (is_wrongly_aside, taken) = with_hashes(read, workspace, |hash_at| {
            let is_wrongly_aside = !counts && replay.would_take(place.time, &entry, hash_at);
            (is_wrongly_aside, replay.take(place.time, entry, counts, hash_at))
        })?;
        match taken {
            Err(not) => self.judge_no_more(place.pos, Fault::NotAcceptable(not.why().clone())),
            Ok(()) => self.done.judged_to = place.pos,
        }
        if is_wrongly_aside {
            self.note(place.pos, Fault::Acceptable);
        }
        Ok(())
    }

    /// Compares what follows from the entries with what this device goes by.
    fn end_state(&mut self) -> Result<(), Error> {
        let Some(replay) = self.replay.take() else {
            return Ok(());
        };
        let to = self.done.to;
        let Ok(log) = replay.finish() else {
            self.note(to, Fault::RunWithoutEnd);
            return Ok(());
        };
        if let Some(begun) = &mut self.done.begun {
            let agree = self.words.agree(begun, &log);
            begun.stands = agree == Some(true);
            let at = begun.at;
            if agree == Some(false) {
                self.note(at, Fault::Checkpoint);
            }
        }
        let stored = self.read.chains(self.workspace)?;
        let tips: Option<Vec<(ChainKey, ChainTip)>> =
            stored.into_iter().map(|(chain, tip)| Some((chain, decode(&tip).ok()?))).collect();
        let mut follow: Vec<(ChainKey, ChainTip)> = log.tips().map(|(chain, tip)| (*chain, *tip)).collect();
        let mut tips = tips.unwrap_or_default();
        follow.sort_unstable_by_key(|(chain, _)| *chain);
        tips.sort_unstable_by_key(|(chain, _)| *chain);
        let weights = Weights::restore(self.read.weights(self.workspace)?);
        let is_said = checkpoints(self.read, self.workspace).is_ok_and(|said| said == *log.checkpoints());
        if tips != follow || weights != *log.weights() || !is_said {
            self.note(to, Fault::State);
        }
        Ok(())
    }

    /// Checks the relay's signature for the log.
    fn check_head(&mut self) -> Result<(), Error> {
        let Some(bytes) = &self.cursor.head else {
            return Ok(());
        };
        let head = decode::<SeenHead>(bytes).ok().filter(|head| head.verify(self.workspace).is_ok());
        let head = head.filter(|head| head.log == self.cursor.log);
        let Some(head) = head else {
            self.note(self.done.to, Fault::Head);
            return Ok(());
        };
        if self.read.log_hash_at(self.workspace, head.position)? == Some(head.hash) {
            self.done.signed = Some(head.position);
        } else {
            self.note(head.position, Fault::Head);
        }
        Ok(())
    }
}

/// Whether what is noted beside a header is what the header says.
fn is_noted_as_signed(row: &EntryRow, entry: &Entry) -> bool {
    let header = entry.header();
    row.chain == header.chain()
        && row.seq == header.seq.min(i64::MAX.unsigned_abs())
        && EntryType::from_number(row.entry_type) == header.entry_type
        && row.wire.unwrap_or(WireDoc::ZERO) == header.doc
}
