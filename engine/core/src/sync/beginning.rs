//! A log that begins from the state at the place of a checkpoint, below which the relay has let entries go: what has come of it so far. Nothing
//! of it counts before the log behind the place has made that very checkpoint stand, by the words of those who signed for its state.

mod following;

use bowline_wire::bodies::{WithoutBody, verify_given, without_body};
use bowline_wire::codec::decode;
use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::frame::{Frame, LetGo, StatePiece};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{EntryId, LogId, LogTime, Moment, Position, WorkspaceId};
use bowline_wire::log::{Log, Run, State, live_digest};
use bowline_wire::roster::{GivenUp, Roster};
use bowline_wire::successor::Succession;

use self::following::Wrong;
pub(super) use self::following::{Following, LONG_RUN, Stretch};
use super::limits::MAX_RECORDS;

/// A log on its way that begins from a state.
#[derive(Debug)]
pub(super) struct Beginning {
    by: LetGo,
    /// Whether the relay has named the checkpoint on this line.
    is_on: bool,
    /// Bytes of all that has come of it.
    brought: usize,
    stage: Stage,
}

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// The first bytes of the state.
    State(Vec<u8>),
    /// The state is here. The caller is asked which of the entries that stay are here.
    Known(Box<State>),
    /// Entries that stay are on their way.
    Kept(Box<Kept>),
    /// All that stays is stored aside, and the log is followed up to where the checkpoint came to stand.
    Following(Box<Kept>, Box<Following>),
}

/// A state, and what has come of the entries that stay.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) state: State,
    /// Place, id and time of each that is here, ascending.
    here: Vec<(Position, EntryId, LogTime)>,
    /// The roster as it is known here from before.
    roster: Roster,
    /// The records behind that.
    pub(super) records: Vec<(Moment, Entry)>,
    record_bytes: usize,
    /// The last position of what has come.
    at: Position,
    /// Where the first entry stands whose body is withheld.
    pub(super) withheld_from: Option<Position>,
}

impl Beginning {
    /// A relay says from which state to begin.
    pub(super) fn by(let_go: LetGo) -> Self {
        Self { by: let_go, is_on: true, brought: 0, stage: Stage::State(Vec::new()) }
    }

    /// From which state it begins.
    pub(super) fn let_go(&self) -> LetGo {
        self.by
    }

    /// Whether the relay has named the checkpoint on this line.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Bytes of all that has come of it.
    pub(super) fn brought(&self) -> usize {
        self.brought
    }

    /// There is no line. What has come stays here but for what was followed, which comes again.
    pub(super) fn pause(&mut self) {
        self.is_on = false;
        self.follow_again();
    }

    /// The relay names the same checkpoint again: it goes on from where it is.
    pub(super) fn resume(&mut self) {
        self.is_on = true;
        self.follow_again();
    }

    fn follow_again(&mut self) {
        self.stage = match self.take_stage() {
            Stage::Following(kept, _) => Stage::Kept(kept),
            other => other,
        };
    }

    fn take_stage(&mut self) -> Stage {
        std::mem::replace(&mut self.stage, Stage::State(Vec::new()))
    }

    /// What the relay is to be asked next; nothing while the caller is.
    pub(super) fn question(&self) -> Option<Frame> {
        let digest = self.by.stood.digest;
        match &self.stage {
            Stage::State(bytes) => Some(Frame::StateWanted { digest, offset: bytes.len() as u64 }),
            Stage::Known(_) => None,
            Stage::Kept(kept) | Stage::Following(kept, _) => {
                Some(Frame::SubscribeFrom { digest, after: kept.at })
            }
        }
    }

    /// Takes the next bytes of the state; whether they were the next. With the last of them the state is read.
    pub(super) fn take_piece(&mut self, piece: StatePiece, workspace: WorkspaceId) -> Result<bool, Wrong> {
        let Stage::State(bytes) = &mut self.stage else { return Ok(false) };
        if piece.digest != self.by.stood.digest || piece.offset != bytes.len() as u64 {
            return Ok(false);
        }
        self.brought += piece.bytes.len();
        bytes.extend(piece.bytes);
        if (bytes.len() as u64) < self.by.len {
            return Ok(true);
        }
        let state: Option<State> = decode(bytes).ok();
        let digest = self.by.stood.digest;
        let state =
            state.filter(|it| it.digest(workspace) == digest).ok_or("bytes that are not the state's")?;
        self.stage = Stage::Known(Box::new(state));
        Ok(true)
    }

    /// The runs of entries that stay, up to a place; `None` unless the caller is to say which of them are here.
    pub(super) fn wants_known(&self, up_to: Position) -> Option<Vec<Run>> {
        let Stage::Known(state) = &self.stage else { return None };
        let within = state.live.iter().take_while(|run| run.first <= up_to);
        let clipped = |run: &Run| Run { count: run.count.min(up_to.0 - run.first.0 + 1), ..*run };
        Some(within.map(clipped).collect())
    }

    /// Takes which of the entries that stay are here, up to a place at which the roster is this.
    pub(super) fn take_known(
        &mut self,
        here: Vec<(Position, EntryId, LogTime)>,
        (at, roster): (Position, Roster),
    ) {
        self.stage = match self.take_stage() {
            Stage::Known(state) => Stage::Kept(Box::new(Kept {
                state: *state,
                here,
                roster,
                records: Vec::new(),
                record_bytes: 0,
                at,
                withheld_from: None,
            })),
            other => other,
        };
    }

    /// Takes the next of the entries that stay; gives them verified, to be stored aside. Nothing if none was awaited.
    pub(super) fn take_kept(
        &mut self,
        entries: Vec<(Position, LoggedEntry)>,
        workspace: WorkspaceId,
    ) -> Result<Vec<(Moment, Entry)>, Wrong> {
        let Stage::Kept(kept) = &mut self.stage else { return Ok(Vec::new()) };
        let mut taken = Vec::with_capacity(entries.len());
        for (position, logged) in entries {
            self.brought += logged.entry.wire_len();
            taken.push(kept.take(position, logged, workspace)?);
        }
        Ok(taken)
    }

    /// Nothing more stays: the log at the place is made, to be followed from there. `ids` are those of the log that is known.
    pub(super) fn follow(
        &mut self,
        workspace: WorkspaceId,
        ids: (LogId, &Succession),
    ) -> Result<Option<&Kept>, Wrong> {
        let kept = match self.take_stage() {
            Stage::Kept(kept) => kept,
            other => {
                self.stage = other;
                return Ok(None);
            }
        };
        let log = kept.begin(workspace, ids)?;
        let following = Following::of(log, self.by.stood);
        self.stage = Stage::Following(kept, Box::new(following));
        Ok(self.kept())
    }

    fn kept(&self) -> Option<&Kept> {
        match &self.stage {
            Stage::Kept(kept) | Stage::Following(kept, _) => Some(kept),
            Stage::State(_) | Stage::Known(_) => None,
        }
    }

    /// The log behind the place, if it is followed.
    pub(super) fn following(&mut self) -> Option<&mut Following> {
        match &mut self.stage {
            Stage::Following(_, following) => Some(following),
            _ => None,
        }
    }

    /// What is to begin, once the checkpoint has come to stand.
    pub(super) fn finish(self) -> Option<(Kept, Following)> {
        match self.stage {
            Stage::Following(kept, following) => Some((*kept, *following)),
            _ => None,
        }
    }
}

impl Kept {
    /// Takes the next entry that stays.
    fn take(
        &mut self,
        position: Position,
        logged: LoggedEntry,
        workspace: WorkspaceId,
    ) -> Result<(Moment, Entry), Wrong> {
        let (time, len) = (logged.time, logged.entry.wire_len());
        if position <= self.at {
            return Err("entries that stay, and out of order");
        }
        // Before it is stored: else a relay could fill the disk with one entry, at one place after the other.
        if !self.state.is_live(position) {
            return Err("an entry that does not stay by the state");
        }
        let entry = verify_given(logged.entry, workspace)
            .map_err(|_| "an entry that stays and that its author did not sign")?;
        match without_body(&entry, &GivenUp::default()) {
            Some(WithoutBody::NotTheLog) => return Err("a record that stays without its body"),
            Some(WithoutBody::Withheld | WithoutBody::GivenUp) => {
                self.withheld_from.get_or_insert(position);
            }
            None => {}
        }
        if entry.header().entry_type == EntryType::Roster {
            self.record_bytes += len;
            if self.record_bytes > MAX_RECORDS {
                return Err("more records than a roster takes");
            }
            self.records.push((Moment { position, time }, entry.clone()));
        }
        self.here.push((position, entry.id(), time));
        self.at = position;
        Ok((Moment { position, time }, entry))
    }

    /// The log at the state's place.
    fn begin(&self, workspace: WorkspaceId, ids: (LogId, &Succession)) -> Result<Log, Wrong> {
        if live_digest(self.here.iter().copied()) != self.state.live_digest {
            return Err("other entries that stay than those of the state");
        }
        let records = self.records.iter().map(|(at, entry)| (*at, entry));
        self.state
            .begin(workspace, ids, self.roster.clone(), records)
            .map_err(|_| "records that do not come to the state's roster")
    }

    /// The entries that stay.
    pub(super) fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.here.iter().map(|(_, id, _)| *id)
    }

    /// The roster as it was known here from before.
    pub(super) fn roster_before(&self) -> &Roster {
        &self.roster
    }
}
