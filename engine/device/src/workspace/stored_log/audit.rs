//! Who did what to which document when, as the stored log tells it: a row for each entry, in log order, and after these what has no place
//! on the log. Rows come a page at a time; what is kept between pages is the roster, and a line for each document. Of a log that was begun from
//! a state they begin with what stays below its place.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::Kind;
use bowline_store::{EntryRow, EntryState, EntryWithBody, Reader, StoredReason, is_apart};
use bowline_wire::codec;
use bowline_wire::frame::Reason;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{
    DeviceId, DocId, EntryId, Lane, LogTime, Position, TicketKey, UserId, WireDoc, WorkspaceId,
};
use bowline_wire::log::{DocumentState, State};
use bowline_wire::roster::record::{RECORD_NUMBERS, Record};
use bowline_wire::roster::{Outcome, Roster, Standing, Void};

use super::{READ_AT_ONCE, StoredLog};
use crate::documents::in_part::{self, InPart};
use crate::rows::{entry_of, id_of, kind_of, moment};
use crate::workspace::again::was_accepted;
use crate::workspace::log_state::begun_state;
use crate::{Error, Quarantined};

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Did {
    /// Made the workspace.
    Created,
    /// Made a code for another person.
    Invited,
    /// Made a code for another device of their own.
    Linked,
    /// Closed a code.
    Closed,
    /// Came in by a code.
    Joined,
    /// Removed a device, or a member with all devices.
    Removed,
    /// Left by themselves.
    Left,
    /// Began a new epoch.
    Rekeyed,
    /// Somebody lacks the key of the epoch in force, or the first one's.
    Complained,
    /// Handed keys on to devices that lacked them.
    HandedKeysOn,
    /// Offered ownership to a member, or took the offer back.
    Offered,
    /// Took the ownership that was on offer.
    TookOver,
    /// Moved the workspace to another relay.
    Moved,
    /// Allowed a member to write more records.
    Allowed,
    /// Gave up content that never comes.
    GaveUp,
    /// Wrote the first that the log has of a document.
    Shared,
    /// Wrote into a document.
    Edited,
    /// Erased a document.
    Erased,
    /// Wrote an entry or record of another type.
    Other,
}

/// Whether an entry counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counts {
    /// The entry counts.
    Whole,
    /// Part of the entry is left out, for this reason.
    InPart(Quarantined),
    /// The entry is a roster record that changed nothing.
    Void(Void),
    /// The entry was put aside, for this reason.
    PutAside(Quarantined),
    /// The relay refused this entry of ours for good.
    Refused(Reason),
    /// The entry needs a newer version of this program.
    UpdateNeeded,
    /// The relay holds the entry's body back.
    Withheld,
    /// The log lost the entry when its relay was restored, and gets it again.
    SentAgain,
    /// The log has lost the entry, and it is in sight here alone.
    Apart,
}

/// A document that an entry is about, as this device knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct AuditedDocument {
    /// The document's id on this device.
    pub id: DocId,
    /// The document's kind.
    pub kind: Kind,
    /// The title of a conversation, else the document's name; may be empty.
    pub title: String,
}

impl std::fmt::Debug for AuditedDocument {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditedDocument")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// One entry of a log, as an audit tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// The entry.
    pub entry: EntryId,
    /// Where it stands and when it came there, by the log's time; `None` if it has no place on the log. Of an entry that the log has
    /// lost only the time is left.
    pub position: Option<Position>,
    /// The log's time at which the entry got its place.
    pub time: Option<LogTime>,
    /// The device that wrote the entry.
    pub device: DeviceId,
    /// Whose device that is; `None` if it was never in the workspace.
    pub user: Option<UserId>,
    /// What the author did.
    pub did: Did,
    /// What the entry's type is called, or its number.
    pub entry_type: String,
    /// What the record's type is called, or its number; `None` unless the entry is a roster record.
    pub record: Option<String>,
    /// Whether it counts.
    pub counts: Counts,
    /// The document it is about, by its id on the wire.
    pub wire: Option<WireDoc>,
    /// That document as this device knows it.
    pub document: Option<AuditedDocument>,
    /// The code that was made, closed or used.
    pub code: Option<TicketKey>,
    /// Who had made the code that was used.
    pub let_in_by: Option<DeviceId>,
    /// Whom a removal struck, or was to strike; whose entries were given up.
    pub devices: Vec<DeviceId>,
    /// The member who was removed or offered ownership, or was to be.
    pub member: Option<UserId>,
    /// Whether a new epoch began with it.
    pub new_key: bool,
    /// What it gave up.
    pub given_up: GaveUp,
}

/// How much content a record gave up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GaveUp {
    /// Single entries.
    pub entries: usize,
    /// Epochs, of which every entry is.
    pub epochs: usize,
}

/// What is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The log.
    Log,
    /// What the log has lost.
    Lost,
    /// What has no place.
    WithoutAPlace,
    /// Nothing more.
    Over,
}

/// An audit under way.
pub struct Audit<'d> {
    read: Reader<'d>,
    workspace: WorkspaceId,
    stage: Stage,
    after: Position,
    end: Position,
    roster: Roster,
    /// Documents of which the log has something up to here.
    begun: BTreeSet<WireDoc>,
    /// The state from which the log was begun.
    state: Option<State>,
    documents: BTreeMap<WireDoc, Option<AuditedDocument>>,
    in_part: BTreeMap<EntryId, StoredReason>,
}

impl<'d> StoredLog<'d> {
    /// Begins to tell who did what, from the log's beginning to where it is now.
    ///
    /// # Errors
    /// [`Error::OtherDraft`] for a workspace that this version only reads.
    pub fn audit(&self) -> Result<Audit<'d>, Error> {
        let end = self.log()?.map_or(Position::START, |log| log.head().position);
        let in_part = in_part::all(self.read, self.workspace)?.into_iter();
        Ok(Audit {
            read: self.read,
            workspace: self.workspace,
            stage: Stage::Log,
            after: Position::START,
            end,
            roster: Roster::new(self.workspace),
            begun: BTreeSet::new(),
            state: begun_state(self.read, self.workspace)?,
            documents: BTreeMap::new(),
            in_part: in_part.map(|InPart { entry, reason }| (entry, reason)).collect(),
        })
    }
}

impl Audit<'_> {
    /// The next rows; `None` once there are no more.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a roster record does not verify any more; otherwise the database's.
    pub fn next_rows(&mut self) -> Result<Option<Vec<Audited>>, Error> {
        loop {
            let rows = match self.stage {
                Stage::Log => self.stretch(self.end)?,
                // What the log has lost stands behind any position that a log comes to.
                Stage::Lost => self.stretch(Position(i64::MAX.unsigned_abs()))?,
                Stage::WithoutAPlace => self.read.without_a_place(self.workspace)?,
                Stage::Over => return Ok(None),
            };
            if rows.is_empty() || self.stage == Stage::WithoutAPlace {
                self.stage = match self.stage {
                    Stage::Log => Stage::Lost,
                    Stage::Lost => Stage::WithoutAPlace,
                    Stage::WithoutAPlace | Stage::Over => Stage::Over,
                };
                self.after = self.after.max(self.end);
            }
            if !rows.is_empty() {
                return rows.into_iter().map(|row| self.audited(row)).collect::<Result<_, _>>().map(Some);
            }
        }
    }

    fn stretch(&mut self, to: Position) -> Result<Vec<EntryRow>, Error> {
        let rows = self.read.stretch(self.workspace, self.after, to, READ_AT_ONCE)?;
        if let Some(place) = rows.last().and_then(|row| row.place) {
            self.after = place.pos;
        }
        Ok(rows)
    }

    fn audited(&mut self, row: EntryRow) -> Result<Audited, Error> {
        let entry_type = EntryType::from_number(row.entry_type);
        let is_lost = row.is_off_the_log();
        let mut told = Audited {
            entry: id_of(row.ws, &row.header),
            position: row.place.map(|place| place.pos).filter(|_| !is_lost),
            time: row.place.map(|place| place.time),
            device: row.chain.device,
            user: None,
            did: Did::Other,
            entry_type: type_of(entry_type),
            record: None,
            counts: self.counts(&row),
            wire: row.wire,
            document: self.document(&row)?,
            code: None,
            let_in_by: None,
            devices: Vec::new(),
            member: None,
            new_key: false,
            given_up: GaveUp::default(),
        };
        match entry_type {
            EntryType::Roster => self.tell_record(&mut told, row)?,
            EntryType::Erase => told.did = Did::Erased,
            _ if row.chain.lane == Lane::Content => {
                let is_first = !is_lost && was_accepted(&row) && row.place.is_some();
                let is_first = is_first && row.wire.is_some_and(|wire| self.begun.insert(wire));
                let is_first = is_first && !self.stands_in_for_others(&row);
                told.did = if is_first { Did::Shared } else { Did::Edited };
            }
            _ => {}
        }
        told.user = self.roster.device(&told.device).map(|device| device.user);
        Ok(told)
    }

    fn counts(&self, row: &EntryRow) -> Counts {
        match row.state {
            EntryState::Quarantined => Counts::PutAside(Quarantined::of(row.clone())),
            EntryState::Refused => {
                Counts::Refused(Reason::from_number(row.reason.as_ref().map_or(0, |reason| reason.number)))
            }
            EntryState::UpdateNeeded => Counts::UpdateNeeded,
            EntryState::Withheld => Counts::Withheld,
            EntryState::Offered | EntryState::OnLog | EntryState::LetGo => {
                match (row.place, self.in_part.get(&row.id)) {
                    (Some(place), _) if is_apart(place.pos) => Counts::Apart,
                    (Some(_), _) if row.is_off_the_log() => Counts::SentAgain,
                    (_, Some(reason)) => Counts::InPart(Quarantined::of(EntryRow {
                        reason: Some(reason.clone()),
                        ..row.clone()
                    })),
                    _ => Counts::Whole,
                }
            }
        }
    }

    /// Whether others of its document were let go before an entry that stays.
    fn stands_in_for_others(&self, row: &EntryRow) -> bool {
        let Some((state, place)) = self.state.as_ref().zip(row.place) else { return false };
        let of = |it: &&DocumentState| Some(it.doc) == row.wire;
        let is_covered = state.documents.iter().find(of).is_some_and(|it| it.snapshot.is_some());
        place.pos <= state.at && state.is_live(place.pos) && is_covered
    }

    /// The document that an entry is about, looked up once.
    fn document(&mut self, row: &EntryRow) -> Result<Option<AuditedDocument>, Error> {
        let Some(wire) = row.wire else {
            return Ok(None);
        };
        if let Some(known) = self.documents.get(&wire) {
            return Ok(known.clone());
        }
        let found = match row.doc {
            Some(n) => self.read.doc(n)?,
            None => self.read.find_on_wire(row.ws, wire)?,
        };
        let shown = |row: bowline_store::DocRow| -> Result<AuditedDocument, Error> {
            Ok(AuditedDocument { id: row.id, kind: kind_of(&row)?, title: row.summary.title })
        };
        let document = found.map(shown).transpose()?;
        self.documents.insert(wire, document.clone());
        Ok(document)
    }

    /// Tells of a roster record, and moves the roster past it if it was accepted.
    fn tell_record(&mut self, told: &mut Audited, row: EntryRow) -> Result<(), Error> {
        let body = self.read.body(row.n)?;
        told.record = body.as_deref().and_then(name_of);
        let Some(record) = body.as_deref().and_then(|body| Record::parse(body).ok()) else {
            return Ok(());
        };
        let at = moment(&row);
        let is_in_force = row.state == EntryState::OnLog && !row.is_off_the_log();
        told_of_record(told, &record);
        if let Record::Lost(lost) = &record {
            told.devices = self.authors_of(&lost.entries)?;
        }
        if is_in_force {
            let epochs = self.roster.epochs().len();
            let entry = entry_of(EntryWithBody { entry: row, body })?;
            match self.roster.apply_entry(at, &entry) {
                Some(Outcome::Void(why)) => told.counts = Counts::Void(why),
                Some(Outcome::Unknown(_)) => told.counts = Counts::UpdateNeeded,
                Some(Outcome::Applied { .. }) => {
                    told.new_key = self.roster.epochs().len() > epochs;
                    let struck: Vec<DeviceId> = self.struck_at(at.position).collect();
                    if !struck.is_empty() {
                        told.devices = struck;
                    }
                }
                None => {}
            }
        }
        let ticket = told.code.filter(|_| told.did == Did::Joined).and_then(|key| self.roster.ticket(&key));
        told.let_in_by = ticket.map(|ticket| ticket.maker);
        Ok(())
    }

    /// Who wrote these entries, as far as they are here.
    fn authors_of(&self, entries: &[EntryId]) -> Result<Vec<DeviceId>, Error> {
        let mut authors = BTreeSet::new();
        for id in entries {
            authors.extend(self.read.entry_by_id(self.workspace, *id)?.map(|row| row.chain.device));
        }
        Ok(authors.into_iter().collect())
    }

    /// The devices that were removed by the record at this position.
    fn struck_at(&self, at: Position) -> impl Iterator<Item = DeviceId> {
        let struck = move |standing: &Standing| match standing {
            Standing::Removed { position, .. } => *position == at,
            Standing::Active => false,
        };
        self.roster.devices().filter(move |(_, device)| struck(&device.standing)).map(|(id, _)| *id)
    }
}

/// What an entry's type is called, or its number if it has no name here.
fn type_of(entry_type: EntryType) -> String {
    let named = EntryType::NAMED.into_iter().find(|(_, known)| *known == entry_type);
    named.map_or_else(|| entry_type.number().to_string(), |(name, _)| name.to_owned())
}

/// What a record's type is called, or its number if it has no name here.
fn name_of(body: &[u8]) -> Option<String> {
    let mut peek = codec::Reader::new(body);
    peek.array_up_to("record", usize::MAX).ok()?;
    let number = peek.u64().ok()?;
    let named = RECORD_NUMBERS.into_iter().find(|(_, known)| *known == number);
    Some(named.map_or_else(|| number.to_string(), |(name, _)| name.to_owned()))
}

/// What a record is for, by itself.
fn told_of_record(told: &mut Audited, record: &Record) {
    told.did = match record {
        Record::Genesis { .. } => Did::Created,
        Record::Invite(ticket) => {
            told.code = Some(ticket.key);
            Did::Invited
        }
        Record::Link(ticket) => {
            told.code = Some(ticket.key);
            Did::Linked
        }
        Record::CloseInvite(key) | Record::CloseLink(key) => {
            told.code = Some(*key);
            Did::Closed
        }
        Record::Join(join) => {
            told.code = Some(join.ticket);
            Did::Joined
        }
        Record::RemoveDevice { device, .. } => {
            told.devices = vec![*device];
            Did::Removed
        }
        Record::RemoveMember { user, .. } => {
            told.member = Some(*user);
            Did::Removed
        }
        Record::Leave { .. } => Did::Left,
        Record::Rekey(_) => Did::Rekeyed,
        Record::Complaint { .. } => Did::Complained,
        Record::Rewrap { .. } | Record::Fill { .. } => Did::HandedKeysOn,
        Record::HandOver { user } => {
            told.member = Some(*user);
            Did::Offered
        }
        Record::TakeOver => Did::TookOver,
        Record::Move(_) => Did::Moved,
        Record::Allow { user } => {
            told.member = Some(*user);
            Did::Allowed
        }
        Record::Lost(lost) => {
            told.given_up = GaveUp { entries: lost.entries.len(), epochs: lost.epochs.len() };
            Did::GaveUp
        }
        Record::Unknown(_) => Did::Other,
    };
}
