//! Looking at a relay's log beside the one that is known here, on a line of its own: nothing that is known here changes by it, and the relay
//! is told no head, but by a person who makes the workspace again at a relay that has lost it.

use std::collections::{BTreeSet, VecDeque};

use bowline_wire::bodies::verify_given;
use bowline_wire::codec::encode;
use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::frame::{Challenge, Create, Frame, Hello, Party, Reason, STATES, VERSIONS, Welcome, Word};
use bowline_wire::hash;
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, EntryId, LineKey, LogHash, Moment, Position, RelayId, WorkspaceId};
use bowline_wire::successor::{Succession, SuccessionError, Successor};
use thiserror::Error;

use super::faults::RelayFault;
use super::heads::{missed_by, passed_by};
use super::patience;
use super::session::{Greeted, Session};
use crate::sync::context::Context;
use crate::sync::limits::{MAX_RECORDS, MAX_SURVEYED, SURVEY_STEP, SURVEY_STEP_GROWS};
use crate::sync::replica::Replica;
use crate::sync::shown_log::{Cut, ShownLog, agree_up_to};

/// Why nobody can say what a relay's log is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SurveyFailed {
    /// The relay closed the line with this reason.
    #[error("the relay does not let this device look: {0:?}")]
    Goodbye(Reason),
    /// Another relay answers than the one that is known.
    #[error("another relay answers at this address")]
    OtherRelay,
    /// The relay's log has nothing in common with the one known here, since another key began it.
    #[error("the relay's log is another one from its beginning")]
    OtherLog,
    /// The log's own key did not sign that it is continued: whoever says so does not hold it.
    #[error("the log's own key did not sign that the log is continued")]
    NotByLog,
    /// What would have to be compared is not there any more: up to this place, entries were let go by a checkpoint, here or at the relay.
    #[error("entries up to position {} were let go by a checkpoint, and the two logs can be compared behind it only", .0.0)]
    LetGo(Position),
    /// No honest relay says this. Another line may bring better.
    #[error("the relay sent something that makes no sense: {0}")]
    Nonsense(&'static str),
}

type Surveyed<T> = Result<T, SurveyFailed>;

/// With what a workspace is made again at a relay that has lost it, its log's key included. A relay that has it lets this device look all
/// the same, also where the record by which it came in is still missing.
#[derive(Clone, Debug)]
pub struct Remake {
    /// What the workspace began with.
    pub create: Create,
    /// A head of its newest log, for the relay to say which log goes on.
    pub of: SeenHead,
}

/// A line on which a relay's log is looked at.
#[derive(Debug)]
pub struct Survey {
    workspace: WorkspaceId,
    device: DeviceId,
    /// The relay's identity, if the log's key has ever vouched for one.
    relay: Option<RelayId>,
    /// Our log, and by which others it came to be signed by its key.
    here: Head,
    /// The place from whose state our log was begun, and the hash there.
    begun: (Position, Option<LogHash>),
    known: Succession,
    /// What the log's keys have signed: the head at our log's end, and those beyond it.
    signed: Vec<SeenHead>,
    /// What the relay was caught at, until somebody has taken it.
    caught: Option<RelayFault>,
    /// The identity that the relay has proven.
    met: Option<RelayId>,
    /// With what the workspace is made again, if a person has decided that.
    remake: Option<Remake>,
    session: Session,
    reading: Option<Reading>,
    out: VecDeque<Frame>,
}

/// How much of the relay's log has been read.
#[derive(Debug)]
struct Reading {
    /// The head that the relay has signed its welcome with: the log is read up to there.
    head: SeenHead,
    succession: Succession,
    /// How far before the last beginning the next one is, if they parted before it.
    step: u64,
    /// Where the last frame ended, or where reading has begun.
    at: Position,
    hash: LogHash,
    /// Whether a frame has shown that both logs are the same where reading has begun.
    is_on: bool,
    /// The last place at which both logs are known to be the same.
    parting: Position,
    has: Ids,
    records: Vec<(Moment, Entry)>,
    records_len: usize,
}

impl Reading {
    /// Begins behind a place up to which both logs may be the same.
    fn from(head: SeenHead, succession: Succession, at: Position, hash: LogHash) -> Self {
        Self {
            head,
            succession,
            step: SURVEY_STEP,
            at,
            hash,
            is_on: false,
            parting: at,
            has: Ids::up_to(MAX_SURVEYED),
            records: Vec::new(),
            records_len: 0,
        }
    }
}

impl Survey {
    /// Begins on a new line; `None` if nothing of the log is known here. `line` is the key of the relay's certificate as the line has
    /// proven it.
    pub fn begin(
        replica: &Replica,
        line: Option<LineKey>,
        remake: Option<Remake>,
        cx: &mut Context<'_>,
    ) -> Option<Self> {
        let log = replica.log()?;
        let (here, begun) = (log.head(), log.begun_at());
        let mut session = Session::new();
        let capabilities = [WRITES_DRAFT, "entries/1", STATES].map(str::to_owned).to_vec();
        let hello = Frame::Hello(Hello { nonce: cx.bytes(), versions: VERSIONS.to_vec(), capabilities });
        session.greet(&hello, Party::Device(replica.device), line, cx.now);
        Some(Self {
            workspace: replica.workspace,
            device: replica.device,
            relay: replica.relay,
            here,
            begun: (begun, log.hash_below(begun)),
            known: replica.succession.clone(),
            signed: replica.head.into_iter().chain(replica.beyond()).collect(),
            caught: None,
            met: None,
            remake,
            session,
            reading: None,
            out: VecDeque::from([hello]),
        })
    }

    /// A look at an address that a person has typed: whoever answers there is the relay that is meant.
    #[must_use]
    pub fn of_any_relay(self) -> Self {
        Self { relay: None, ..self }
    }

    /// The next frame for the line.
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        self.out.pop_front()
    }

    /// Up to where the relay's log was read, and where it ends.
    pub fn progress(&self) -> Option<(Position, Position)> {
        self.reading.as_ref().map(|reading| (reading.at, reading.head.position))
    }

    /// What the relay was caught at by what it has shown, once: two signatures of a key that was followed here, which contradict each other.
    pub fn take_caught(&mut self) -> Option<RelayFault> {
        self.caught.take()
    }

    /// A frame has come. Gives the log once it was read to its end.
    ///
    /// # Errors
    /// Then nothing more comes of this line.
    pub fn handle_frame(&mut self, frame: Frame, cx: &Context<'_>) -> Surveyed<Option<ShownLog>> {
        let cost = patience::cost(&frame);
        match frame {
            Frame::Challenge(challenge) => self.handle_challenge(challenge, cx).map(|()| None),
            Frame::Welcome(welcome) => self.handle_welcome(&welcome, cx),
            Frame::Goodbye { reason, .. } => Err(SurveyFailed::Goodbye(reason)),
            Frame::Entries { first, entries, head } if self.is_next(first) => {
                self.handle_entries(first, entries, head, cx)
            }
            Frame::LetGo(let_go) => Err(SurveyFailed::LetGo(let_go.stood.at)),
            // What was asked for before, and what a relay says unasked.
            Frame::Entries { .. } | Frame::Head(_) | Frame::Holdings { .. } | Frame::Wanted { .. } => {
                if self.session.note_barren(cost, cx.now) {
                    return Err(SurveyFailed::Nonsense("frame after frame, and none brings anything"));
                }
                Ok(None)
            }
            _ => Err(SurveyFailed::Nonsense("a frame that nobody has asked for")),
        }
    }

    fn handle_challenge(&mut self, challenge: Challenge, cx: &Context<'_>) -> Surveyed<()> {
        let Some(Greeted { line, said, .. }) = self.session.greeted() else {
            return Err(SurveyFailed::Nonsense("a second challenge"));
        };
        if !challenge.is_by(line, self.relay, said) {
            return Err(SurveyFailed::OtherRelay);
        }
        if !VERSIONS.contains(&challenge.version) {
            return Err(SurveyFailed::Goodbye(Reason::Version));
        }
        let relay = challenge.relay;
        self.met = Some(relay);
        let challenge = Frame::Challenge(challenge);
        let said = said.then(&encode(&challenge));
        let (of, create) = self.remake.take().map(|it| (it.of, Box::new(it.create))).unzip();
        let proof = Frame::Proof(Box::new(cx.keys.prove(said, self.workspace, of, create)));
        self.session.prove(relay, (&challenge, &proof), None, cx.now);
        self.out.push_back(proof);
        Ok(())
    }

    fn handle_welcome(&mut self, welcome: &Welcome, cx: &Context<'_>) -> Surveyed<Option<ShownLog>> {
        let Some(proving) = self.session.proved() else {
            return Err(SurveyFailed::Nonsense("a welcome before its proof"));
        };
        let head = welcome.head;
        if welcome.verify(proving.said()).is_err() || head.verify(self.workspace).is_err() {
            return Err(SurveyFailed::Nonsense("a welcome that its log did not sign on this line"));
        }
        if !welcome.capabilities.iter().any(|name| name == WRITES_DRAFT) {
            return Err(SurveyFailed::Nonsense("a welcome without the draft of this log"));
        }
        self.session.open(Party::Device(self.device), head.position, false, cx.now);
        let succession = self.succession(welcome, proving.relay)?;
        let first = |succession: &Succession, now| succession.first().unwrap_or(now);
        if first(&succession, head.log) != first(&self.known, self.here.log) {
            return Err(SurveyFailed::OtherLog);
        }
        let is_short = |begun: Position| head.position < begun;
        if succession.last().is_some_and(|last| last != head.log)
            || succession.successors().last().is_some_and(|begun| is_short(begun.position))
        {
            return Err(SurveyFailed::Nonsense("successors that do not lead to its log"));
        }
        if self.hash_at(head.position, cx) == Some(head.hash) {
            let reading = Reading::from(head, succession, head.position, head.hash);
            self.check_successors(&reading, head.position, cx)?;
            return Ok(Some(self.shown(reading, cx)?));
        }
        self.compare_end(&head, cx);
        let begin = if head.position > self.here.position {
            self.here.position
        } else {
            Position(head.position.0.saturating_sub(SURVEY_STEP))
        };
        let begin = begin.max(self.begun.0.min(head.position));
        let reading = Reading::from(head, succession, begin, self.known_hash_at(begin, cx)?);
        self.out.push_back(Frame::Subscribe { after: begin });
        self.reading = Some(reading);
        Ok(None)
    }

    /// By which logs the relay's came to be signed by its key, under the log's own signatures at least: whether the identity that signs
    /// is this relay's is one of the things that a person decides about.
    fn succession(&self, welcome: &Welcome, relay: RelayId) -> Surveyed<Succession> {
        let said = &welcome.successors;
        match Succession::verify(self.workspace, relay.as_bytes(), said) {
            Err(SuccessionError::NotByRelay) => Succession::stored(self.workspace, said),
            succession => succession,
        }
        .map_err(|why| match why {
            SuccessionError::NotByLog | SuccessionError::NotByRelay => SurveyFailed::NotByLog,
            SuccessionError::Unsigned | SuccessionError::NotAChain | SuccessionError::TooMany => {
                SurveyFailed::Nonsense("successors that do not follow one another")
            }
        })
    }

    /// The hash of our log at a place from which it can be compared.
    fn known_hash_at(&self, position: Position, cx: &Context<'_>) -> Surveyed<LogHash> {
        let is_gone = position < self.begun.0;
        let why = if is_gone {
            SurveyFailed::LetGo(self.begun.0)
        } else {
            SurveyFailed::Nonsense("a place that is not here")
        };
        self.hash_at(position, cx).filter(|_| !is_gone).ok_or(why)
    }

    /// The hash of our log.
    fn hash_at(&self, position: Position, cx: &Context<'_>) -> Option<LogHash> {
        if position == self.here.position {
            return Some(self.here.hash);
        }
        if position == self.begun.0 && self.begun.1.is_some() {
            return self.begun.1;
        }
        if position == Position::START {
            let first = self.known.first().unwrap_or(self.here.log);
            return Some(hash::log_seed(self.workspace, first));
        }
        (position < self.here.position).then(|| (cx.hash_at)(position)).flatten()
    }

    fn is_next(&self, first: Position) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.at.next() == first)
    }

    fn handle_entries(
        &mut self,
        first: Position,
        entries: Vec<LoggedEntry>,
        head: SeenHead,
        cx: &Context<'_>,
    ) -> Surveyed<Option<ShownLog>> {
        let Some(mut reading) = self.reading.take() else {
            return Ok(None);
        };
        let len = entries.len() as u64;
        let is_of_log = head.log == reading.head.log && head.verify(self.workspace).is_ok();
        if len == 0 || !is_of_log || head.position.0 != first.0.saturating_add(len - 1) {
            return Err(SurveyFailed::Nonsense("entries that do not end at their head"));
        }
        let passed = passed_by(self.workspace, (reading.at, reading.hash), &entries);
        if passed.last().map(|(_, hash)| *hash) != Some(head.hash) {
            self.reading = Some(self.begin_earlier(reading, cx)?);
            return Ok(None);
        }
        // Each head that its key has signed before has to stand where the entries that lead up to this one pass it.
        let of_its_key = self.signed.iter().filter(|ours| ours.log == head.log);
        let mut missed =
            of_its_key.filter_map(|ours| missed_by(self.workspace, *ours, head, (&entries, &passed)));
        self.caught = missed.next().or(self.caught.take());
        if !std::mem::replace(&mut reading.is_on, true) {
            self.check_successors(&reading, reading.at, cx)?;
        }
        for (logged, (_, hash)) in entries.into_iter().zip(passed) {
            self.pass(&mut reading, logged, hash, cx)?;
        }
        if reading.at < reading.head.position {
            self.reading = Some(reading);
            return Ok(None);
        }
        Ok(Some(self.shown(reading, cx)?))
    }

    /// The relay's head is not in our log, though it is not beyond our signed end.
    fn compare_end(&mut self, theirs: &SeenHead, cx: &Context<'_>) {
        let is_other = self.hash_at(theirs.position, cx).is_some_and(|hash| hash != theirs.hash);
        let ours = self.signed.iter().find(|it| it.log == theirs.log && it.position == self.here.position);
        if let (true, Some(ours)) = (is_other, ours) {
            self.caught = Some(RelayFault::fork(self.workspace, *ours, *theirs));
        }
    }

    /// The two logs part before reading has begun: begins further before.
    fn begin_earlier(&mut self, reading: Reading, cx: &Context<'_>) -> Surveyed<Reading> {
        if reading.is_on || reading.at == Position::START {
            return Err(SurveyFailed::Nonsense("entries that are not the ones it signed for"));
        }
        let Reading { head, succession, step, at, .. } = reading;
        let begin = Position(at.0.min(head.position.0).saturating_sub(step));
        // From the place where our log was begun on all of it is here: that is tried last.
        let begin = if at > self.begun.0 { begin.max(self.begun.0) } else { begin };
        let hash = self.known_hash_at(begin, cx)?;
        self.out.push_back(Frame::Subscribe { after: begin });
        let step = step.saturating_mul(SURVEY_STEP_GROWS);
        Ok(Reading { step, ..Reading::from(head, succession, begin, hash) })
    }

    /// Takes in the next entry of the relay's log.
    fn pass(
        &self,
        reading: &mut Reading,
        logged: LoggedEntry,
        hash: LogHash,
        cx: &Context<'_>,
    ) -> Surveyed<()> {
        let is_same = reading.parting == reading.at && self.hash_at(reading.at.next(), cx) == Some(hash);
        (reading.at, reading.hash) = (reading.at.next(), hash);
        if reading.at == reading.head.position && hash != reading.head.hash {
            return Err(SurveyFailed::Nonsense("a log that does not pass through its own head"));
        }
        let mut there = reading.succession.successors().filter(|it| it.position == reading.at);
        if there.any(|it| it.hash != hash) {
            return Err(SurveyFailed::Nonsense("a log that was continued from something else"));
        }
        if is_same {
            reading.parting = reading.at;
            return Ok(());
        }
        if reading.at > reading.head.position {
            return Ok(()); // appended since
        }
        let (len, time) = (logged.entry.wire_len(), logged.time);
        let entry = verify_given(logged.entry, self.workspace)
            .map_err(|_| SurveyFailed::Nonsense("an entry that its author did not sign"))?;
        reading.has.keep(entry.id())?;
        if entry.header().entry_type == EntryType::Roster {
            reading.records_len = reading.records_len.saturating_add(len);
            if reading.records_len > MAX_RECORDS {
                return Err(SurveyFailed::Nonsense("more records than a roster takes"));
            }
            reading.records.push((Moment { position: reading.at, time }, entry));
        }
        Ok(())
    }

    /// Successors up to a place up to which both logs are the same name what is there.
    fn check_successors(&self, reading: &Reading, up_to: Position, cx: &Context<'_>) -> Surveyed<()> {
        // At the beginning there is nothing that they could name.
        let is_below = |it: &&Successor| Position::START < it.position && it.position <= up_to;
        let mut there = reading.succession.successors().filter(is_below);
        let is_gone = |it: &Successor| it.position < self.begun.0;
        if there.all(|it| self.hash_at(it.position, cx).map_or(is_gone(it), |hash| hash == it.hash)) {
            Ok(())
        } else {
            Err(SurveyFailed::Nonsense("a log that was continued from something else"))
        }
    }

    /// The relay's log was read up to its end: a log whose key has signed what is not in it is said to go on from what it had not signed.
    fn compare_succession(&mut self, succession: &Succession, parting: Position) {
        let false_end = |ours: &SeenHead| {
            let end = succession.end_of(ours.log).filter(|_| ours.position == self.here.position)?;
            let is_false = ours.position.min(end.position) > parting;
            is_false.then_some(RelayFault::FalseSuccessor {
                ours: *ours,
                position: end.position,
                hash: end.hash,
            })
        };
        let found = self.signed.iter().find_map(false_end);
        self.caught = self.caught.take().or(found);
    }

    fn shown(&mut self, reading: Reading, cx: &Context<'_>) -> Surveyed<ShownLog> {
        let Reading { head, succession, parting, has, records, .. } = reading;
        self.compare_succession(&succession, parting);
        let at = agree_up_to(&self.known, &succession).map_or(parting, |place| place.min(parting));
        let hash = self.known_hash_at(at, cx)?;
        let cut = Cut { succession, at, hash, head };
        let relay = self.met.ok_or(SurveyFailed::Nonsense("a log before a challenge"))?;
        let (workspace, here, has) = (self.workspace, self.here, has.kept);
        Ok(ShownLog { workspace, here, relay, parting, cut, has, records })
    }
}

/// Ids of entries, of which no more are kept than there is room for: a relay can make up entries without end.
#[derive(Debug)]
struct Ids {
    kept: BTreeSet<EntryId>,
    most: usize,
}

impl Ids {
    fn up_to(most: usize) -> Self {
        Self { kept: BTreeSet::new(), most }
    }

    fn keep(&mut self, id: EntryId) -> Surveyed<()> {
        if self.kept.len() >= self.most {
            return Err(SurveyFailed::Nonsense("more entries than any relay is ahead by"));
        }
        self.kept.insert(id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bowline_wire::ids::{LogId, Signature};

    use super::*;

    /// In memory, because nobody signs two million entries in a test.
    #[test]
    fn a_look_keeps_the_ids_of_two_million_entries_and_not_of_one_more() {
        let id = |number: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            EntryId::from_bytes(bytes)
        };
        let (log, hash, signature) = (LogId::ZERO, LogHash::ZERO, Signature::ZERO);
        let head = SeenHead { log, position: Position(1), hash, signature };
        let mut has = Reading::from(head, Succession::default(), Position(1), hash).has;
        has.kept = (1..MAX_SURVEYED).map(id).collect();
        has.keep(id(0)).unwrap();
        let beyond = has.keep(id(MAX_SURVEYED));
        assert!(matches!(beyond, Err(SurveyFailed::Nonsense(_))), "{beyond:?}");
        assert_eq!(has.kept.len(), MAX_SURVEYED);
    }
}
