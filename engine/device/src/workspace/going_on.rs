//! A person decides with which log of its relay a device goes on: what it would lose is shown before, and then the log is cut back to
//! where both part, in one transaction. No device does this by itself.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::sync::{
    Cut, Fate, GoingOn, Phase, RelayFault, Remake, ShownLog, Survey, SurveyFailed, Token,
};
use bowline_store::{EntryN, EntryRow, EntryState, EntryWithBody, Reader, Tx};
use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Create, Reason};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{DeviceId, DocId, Incarnation, Lane, LineKey, LogId, Moment, Position, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::Roster;
use bowline_wire::roster::record::Move;

use crate::Error;
use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::rows::{entry_of, roster_records};
use crate::workspace::again::{cut_log, put_keys, was_accepted};
use crate::workspace::keys_at_rest::seal_keys;
use crate::workspace::line::frame_of;
use crate::workspace::owed::{self, Codes, Owed};
use crate::workspace::quarantine::refused;
use crate::workspace::roster::release_decision;
use crate::workspace::sealed_values::AtRest;
use crate::workspace::unsealing::refuse_own;
use crate::workspace::workspaces::{new_incarnation, state};
use crate::workspace::{Workspaces, behind, evidence, membership};

/// Entries that are read at once while they are sorted.
const SORTED_AT_ONCE: usize = 1024;

/// How a relay's log is looked at.
#[derive(Debug)]
pub enum Looking {
    /// Nothing changes by it.
    AsItIs,
    /// The relay has lost the workspace, and a person has decided to make it there again, with this registration token.
    MadeAgain(Token),
}

/// How far a look at a relay's log is.
#[derive(Debug)]
pub enum Look {
    /// More has to come.
    On,
    /// The log was read up to its signed end.
    Done(Box<ShownLog>),
    /// Nothing more comes of this line.
    Failed(SurveyFailed),
}

/// What a relay's log lacks of the one that is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The last place at which both logs are the same.
    pub parting: Position,
    /// How many entries the relay's log has behind that place.
    pub others: usize,
    /// How many of the entries known here it lacks.
    pub entries: u64,
    /// How many of these may be sent again as they are.
    pub again: u64,
    /// Who wrote those that it lacks, with their numbers.
    pub by: BTreeMap<DeviceId, u64>,
    /// The documents of which it lacks something.
    pub documents: BTreeSet<DocId>,
    /// Removals, and codes that were closed or used, that are not in force in it. They are made again.
    pub owed: Vec<Owed>,
    /// Removals of whom that log has never heard. They may hold the key that is in force in it.
    pub removed_unknown: Vec<Owed>,
    /// Devices that are in the workspace, and not by that log.
    pub not_in: Vec<DeviceId>,
    /// Devices that are in by that log, and of which nothing is known here.
    pub unknown_in: Vec<DeviceId>,
    /// Whether that log is where the Owner has moved the workspace, as a record in it says.
    pub is_moved_there: bool,
}

impl Workspaces {
    /// Begins to look at a relay's log on a line of its own, at one that has lost the workspace by making it there again.
    pub(crate) fn survey(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        (line, how): (Option<LineKey>, &Looking),
    ) -> Result<Survey, Error> {
        let replica = self.replica(workspace)?;
        if !matches!(replica.phase(), Phase::Member) || replica.has_pins() {
            return Err(Error::NothingToGoOnFrom(workspace));
        }
        let begun_at = replica.log().map_or(Position::START, Log::begun_at);
        let remake = match how {
            Looking::AsItIs => None,
            // It would get back what is here, and that is not all.
            Looking::MadeAgain(_) if begun_at > Position::START => {
                return Err(Error::LetGo(workspace, begun_at));
            }
            Looking::MadeAgain(token) => Some(self.remake(lent.read(), workspace, token)?),
        };
        let survey =
            self.with_replica(lent, workspace, |replica, cx| Survey::begin(replica, line, remake, cx))?;
        survey.ok_or(Error::NothingToGoOnFrom(workspace))
    }

    /// With what the workspace is made again: its first entry, and a head of each log that signed it. All but the newest are of logs that some
    /// entry names; of one that none does, nothing has to be judged.
    fn remake(&self, read: Reader<'_>, workspace: WorkspaceId, token: &Token) -> Result<Remake, Error> {
        let replica = self.replica(workspace)?;
        let now = replica.log().ok_or(Error::NothingToGoOnFrom(workspace))?.head();
        let logs: Vec<LogId> =
            replica.succession().successors().map(|it| it.old).chain(std::iter::once(now.log)).collect();
        let mut heads: BTreeMap<usize, SeenHead> = BTreeMap::new();
        let is_newest = |head: &&SeenHead| head.log == now.log && head.verify(workspace).is_ok();
        heads.extend(replica.head().filter(is_newest).map(|head| (logs.len() - 1, *head)));
        let (mut genesis, mut from) = (None, Position::START);
        // What is still on its way back to an earlier relay stands behind the log here.
        while heads.len() < logs.len() || genesis.is_none() {
            let rows = read.behind(workspace, from, SORTED_AT_ONCE)?;
            let Some(last) = rows.last().and_then(|row| row.place) else { break };
            from = last.pos;
            genesis = genesis.or_else(|| rows.first().cloned());
            for row in rows {
                let entry = entry_of(EntryWithBody { entry: row, body: None })?;
                let Some(seen) = entry.header().seen else { continue };
                let missing = |at: &usize| !heads.contains_key(at);
                let of = |at: usize| Some((at, seen.of(*logs.get(at)?)));
                let named = (0..logs.len()).filter(missing).filter_map(of);
                let found = named.into_iter().find(|(_, head)| head.verify(workspace).is_ok());
                heads.extend(found);
            }
        }
        let genesis = genesis.filter(was_accepted).ok_or(Error::NothingToGoOnFrom(workspace))?;
        let body = read.body(genesis.n)?;
        let genesis = entry_of(EntryWithBody { entry: genesis, body })?.to_signed();
        let mut logs: Vec<SeenHead> = heads.into_values().collect();
        let of = logs.pop().ok_or(Error::NothingToGoOnFrom(workspace))?;
        Ok(Remake { create: Create { token: token.0.clone(), genesis, logs }, of })
    }

    /// A frame has come on a line on which a relay's log is looked at.
    pub(crate) fn look(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        survey: &mut Survey,
        bytes: &[u8],
    ) -> Result<Look, Error> {
        let Some(frame) = frame_of(bytes) else {
            return Ok(Look::Failed(SurveyFailed::Nonsense("bytes that are not a frame")));
        };
        let looked = self.with_replica(lent, workspace, |_, cx| survey.handle_frame(frame, cx))?;
        if let Some(fault) = survey.take_caught() {
            self.note_caught(lent, workspace, fault)?;
        }
        Ok(match looked {
            Ok(None) => Look::On,
            Ok(Some(shown)) => Look::Done(Box::new(shown)),
            Err(why) => {
                if let SurveyFailed::Goodbye(reason @ (Reason::NotAllowed | Reason::Removed)) = why {
                    // Its log does not have this device, which so has a way back in: a new code.
                    let name = membership::TURNED_AWAY;
                    membership::note(lent.store, workspace, name, Some(reason), lent.now)?;
                }
                Look::Failed(why)
            }
        })
    }

    /// Keeps what a look has caught the relay at, unless as much is held against it: a person may look as often as they like.
    fn note_caught(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        fault: RelayFault,
    ) -> Result<(), Error> {
        let now = lent.now;
        if evidence::counts_that(lent.read(), workspace, (&fault).into())? {
            return Ok(());
        }
        lent.store.transaction(|tx| evidence::keep(tx, workspace, &fault, now))?;
        let linked = self.linked(workspace)?;
        linked.replica.distrust();
        linked.fault = Some(fault);
        Ok(())
    }

    /// What a relay's log lacks.
    pub(crate) fn missing(
        &self,
        read: Reader<'_>,
        workspace: WorkspaceId,
        shown: &ShownLog,
    ) -> Result<Missing, Error> {
        let log = self.known_log(workspace, shown)?;
        let mut missing = Missing {
            parting: shown.parting(),
            others: shown.others(),
            entries: 0,
            again: 0,
            by: BTreeMap::new(),
            documents: BTreeSet::new(),
            owed: Vec::new(),
            removed_unknown: Vec::new(),
            not_in: Vec::new(),
            unknown_in: Vec::new(),
            is_moved_there: false,
        };
        let (mut sorting, mut docs) = (shown.sort(GoingOn::Repair), BTreeSet::new());
        each_behind(read, workspace, shown.cut().at, |row| {
            let fate = fate(&mut sorting, row)?;
            if fate == Fate::Comes {
                return Ok(());
            }
            missing.entries += 1;
            missing.again += u64::from(fate == Fate::Again);
            *missing.by.entry(row.chain.device).or_default() += 1;
            docs.extend(row.doc);
            Ok(())
        })?;
        for doc in docs {
            missing.documents.extend(read.doc(doc)?.map(|row| row.id));
        }
        let records = roster_records(read, workspace)?;
        let is_in_both = |(at, _): &&(Moment, Entry)| at.position <= shown.parting();
        let in_both = records.iter().take_while(is_in_both).map(|(at, entry)| (*at, entry));
        let theirs = shown.roster(Roster::replay(workspace, in_both));
        let owed = Owed::between(log.roster(), &theirs, Codes::ClosedOrUsed).into_iter();
        let (lapsed, unknown) = owed.partition(|owed| owed.has_lapsed(&theirs));
        (missing.owed, missing.removed_unknown) = (lapsed, unknown);
        missing.removed_unknown.retain(Owed::is_removal);
        let is_in = |(id, device): &(&DeviceId, &bowline_wire::roster::Device)| {
            device.is_active() && !theirs.is_active(id)
        };
        let is_there = |to: &Move| to.relay == shown.relay() && Some(to.log) == shown.begun_again();
        missing.is_moved_there = theirs.moves().last().is_some_and(is_there);
        missing.not_in = log.roster().devices().filter(is_in).map(|(id, _)| *id).collect();
        let is_new = |(id, device): &(&DeviceId, &bowline_wire::roster::Device)| {
            device.is_active() && log.roster().device(id).is_none()
        };
        missing.unknown_in = theirs.devices().filter(is_new).map(|(id, _)| *id).collect();
        Ok(missing)
    }

    /// Goes on with a relay's log, as a person has decided.
    pub(crate) fn go_on_with(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        (shown, how): (&ShownLog, GoingOn),
    ) -> Result<(), Error> {
        let before = self.known_log(workspace, shown)?;
        let replica = self.replica(workspace)?;
        let (continues, keyring) = (shown.continues(replica.succession()), replica.keyring().cloned());
        let own = self.keys_in(lent.keys, workspace).id();
        let incarnation = new_incarnation(lent);
        let now_keys = |log: &Log| {
            // Where nothing is left every epoch is still to come again; what does not is set apart once all was answered.
            let mut now = keyring.clone().filter(|_| shown.cut().at > Position::START)?;
            now.set_apart_epochs_beyond(log.roster().epochs()).then_some(now)
        };
        let mut rest = AtRest { keys: lent.keys, random: &mut *lent.random };
        lent.store.transaction(|tx| -> Result<(), Error> {
            let cursor = tx.workspace(workspace)?.and_then(|row| row.cursor);
            if cursor.is_none_or(|it| (it.pos, it.hash) != (shown.here().position, shown.here().hash)) {
                return Err(Error::LogMoved(workspace));
            }
            evidence::set_aside_whole(tx, workspace)?;
            behind::forget(tx, workspace)?;
            take_back_offered(tx, &mut rest, workspace)?;
            if !continues {
                let lost = Lost::of(**tx, workspace, (shown, how), own)?;
                let log = cut_log(tx, workspace, shown.cut(), before)?;
                lost.apart.iter().try_for_each(|n| tx.put_apart(*n))?;
                // From the end: what ends a payload is opened with its earlier parts.
                for row in lost.own.iter().rev() {
                    refuse_own(tx, row, keyring.as_ref(), Reason::BadSeen)?;
                    release_decision(tx, &mut rest, workspace, row.id)?;
                }
                owed::put(tx, workspace, Owed::between(before.roster(), log.roster(), Codes::ClosedOrUsed))?;
                if let Some(now) = now_keys(&log) {
                    put_keys(tx, workspace, &seal_keys(&now, rest.keys, &mut *rest.random))?;
                }
            }
            put_decided(tx, workspace, shown.cut(), incarnation)
        })?;
        let row = lent.read().workspace(workspace)?.ok_or(Error::NoWorkspace(workspace))?;
        self.take_up(lent.read(), lent.keys, documents, &row)
    }

    /// The log that is known here, if it is still the one that the relay's was compared with.
    fn known_log(&self, workspace: WorkspaceId, shown: &ShownLog) -> Result<&Log, Error> {
        let log = self.replica(workspace)?.log().ok_or(Error::NothingToGoOnFrom(workspace))?;
        if log.head() == *shown.here() { Ok(log) } else { Err(Error::LogMoved(workspace)) }
    }
}

/// Entries that a log has lost and that are not sent again.
#[derive(Default)]
struct Lost {
    /// This device's: what is in them is sealed anew.
    own: Vec<EntryRow>,
    /// Those of others.
    apart: Vec<EntryN>,
}

impl Lost {
    fn of(
        read: Reader<'_>,
        workspace: WorkspaceId,
        (shown, how): (&ShownLog, GoingOn),
        own: DeviceId,
    ) -> Result<Self, Error> {
        let mut lost = Self::default();
        let mut sorting = shown.sort(how);
        each_behind(read, workspace, shown.cut().at, |row| {
            // What was withheld goes with the log; if it is this device's, rows that it has of it are sealed anew by that.
            if fate(&mut sorting, row)? == Fate::Lost && row.state != EntryState::Withheld {
                if row.chain.device == own {
                    lost.own.push(row.clone());
                } else {
                    lost.apart.push(row.n);
                }
            }
            Ok(())
        })?;
        Ok(lost)
    }
}

/// Every entry that counted behind a place, in the old order.
fn each_behind(
    read: Reader<'_>,
    workspace: WorkspaceId,
    at: Position,
    mut each: impl FnMut(&EntryRow) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut from = at;
    loop {
        let rows = read.behind(workspace, from, SORTED_AT_ONCE)?;
        let Some(last) = rows.last().and_then(|row| row.place) else { return Ok(()) };
        from = last.pos;
        rows.iter().filter(|row| was_accepted(row)).try_for_each(&mut each)?;
    }
}

fn fate(sorting: &mut bowline_core::sync::Sorting<'_>, row: &EntryRow) -> Result<Fate, Error> {
    let position = row.place.map_or(Position::START, |place| place.pos);
    let entry = entry_of(EntryWithBody { entry: row.clone(), body: None })?;
    Ok(sorting.fate(position, row.id, entry.header()))
}

/// What this device had offered names what it knew then: it is written anew in the next life of its chains.
fn take_back_offered(tx: &Tx<'_>, rest: &mut AtRest<'_>, workspace: WorkspaceId) -> Result<(), Error> {
    for row in tx.offered(workspace)?.into_iter().rev() {
        tx.set_entry_state(row.n, EntryState::Refused, Some(&refused(Reason::BadSeen)))?;
        tx.unseal(row.n)?;
        if row.chain.lane == Lane::Content {
            tx.forget_body(row.n)?;
        }
        release_decision(tx, rest, workspace, row.id)?;
    }
    Ok(())
}

/// Notes what the log has to pass through, and the life in which this device goes on: other processes see by it that something was decided.
fn put_decided(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    cut: &Cut,
    incarnation: Incarnation,
) -> Result<(), Error> {
    tx.put_state(workspace, state::DECIDED, &encode(&cut.head))?;
    Ok(tx.set_incarnation(workspace, incarnation)?)
}
