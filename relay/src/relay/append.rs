//! Append: which entries are staged for the next commit, and what is answered for the others.

use std::iter::Peekable;

use bowline_wire::bodies::{WithoutBody, without_body};
use bowline_wire::codec::{DecodeError, Reader};
use bowline_wire::entry::{Entry, EntryError, SignedEntry};
use bowline_wire::frame::{Frame, Party, Reason};
use bowline_wire::hash::entry_id;
use bowline_wire::header::{EntryType, Part};
use bowline_wire::ids::{EntryId, Lane, LogTime, Moment, Position, Signature, TicketKey, WorkspaceId};
use bowline_wire::limits::{MAX_BODY, MAX_ENTRIES_PER_FRAME, MAX_HEADER, MAX_REASON_TEXT};
use bowline_wire::log::Placed;
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{Deed, Outcome, Roster};

use super::{Relay, sentence};
use crate::config::{BROUGHT_BACK_WITHIN, STAGED_BYTES, STAGED_ENTRIES};
use crate::session::{ConnId, Session};
use crate::storage::{Storage, StorageError, roster, stored_len};
use crate::workspace::{Denial, Refused, Workspace};

/// What a refusal that waits for a commit counts as, in bytes of what is staged: the header that it shows
/// and its sentence at most.
const REFUSED_BYTES: u64 = (MAX_HEADER + MAX_REASON_TEXT) as u64;

/// What is known of an entry that arrives.
enum Known {
    /// The entry is on the log and signed for.
    Durable(Position),
    /// The entry waits for the next commit.
    Staged,
    /// The entry is new here.
    New,
}

impl<S: Storage> Relay<S> {
    pub(super) fn handle_append(
        &mut self,
        conn: ConnId,
        workspace: WorkspaceId,
        party: Party,
        entries: Vec<SignedEntry>,
        frame: &[u8],
    ) {
        let is_crowded = self.staged_bytes + frame.len() > STAGED_BYTES
            || self.staged_entries + entries.len() > STAGED_ENTRIES;
        if is_crowded {
            self.flush(self.clock);
        }
        let text = "with an invite or link a device appends its own join and nothing else";
        if matches!(party, Party::Ticket(_)) && entries.len() != 1 {
            return self.goodbye(conn, Reason::NotAllowed, text);
        }
        let before = self.end_of(workspace);
        let mut unreadable = Vec::new();
        let verify = |(index, entry): (usize, SignedEntry)| {
            entry.verify(workspace).map_err(|why| unreadable.push((index, why))).ok()
        };
        // One at a time, so that what is decoded is not held twice.
        let mut rest = entries.into_iter().enumerate().filter_map(verify).peekable();
        let mut known = Vec::new();
        // A session may end halfway: removed by the commit above, or cut off because it does not read its answers.
        while let Some(entry) = rest.next_if(|_| self.is_open(conn)) {
            if matches!(party, Party::Ticket(ticket) if !self.is_join_by(workspace, ticket, &entry)) {
                return self.goodbye(conn, Reason::NotAllowed, text);
            }
            let id = entry.id();
            match self.recognise(workspace, id) {
                Ok(Known::Durable(position)) => known.push((id, position)),
                Ok(Known::Staged) => self.wait_for(conn, workspace, id),
                Ok(Known::New) => {
                    let run = self.gather_run(workspace, entry, &mut rest);
                    self.append(conn, workspace, run);
                }
                Err(error) => self.refuse(conn, id, of_entry(error.into())),
            }
        }
        drop(rest);
        self.send_appended(conn, workspace, &known);
        self.refuse_unreadable(conn, workspace, &unreadable, frame);
        if self.end_of(workspace) == before {
            self.note_idle(conn, 1);
        }
    }

    /// Where a log ends, with what waits for the next commit.
    fn end_of(&self, workspace: WorkspaceId) -> Option<Position> {
        self.workspaces.get(&workspace).map(|loaded| loaded.log().head().position)
    }

    /// Whether `entry` is a Join by this ticket, of a device that is not in the workspace.
    fn is_join_by(&self, workspace: WorkspaceId, ticket: TicketKey, entry: &Entry) -> bool {
        let Some(loaded) = self.workspaces.get(&workspace) else {
            return false;
        };
        let is_outside = !loaded.roster().is_active(&entry.header().device);
        is_outside && matches!(record(entry), Some(Record::Join(join)) if join.ticket == ticket)
    }

    /// Tells a session which of its entries are durable, under the durable head.
    pub(super) fn send_appended(
        &mut self,
        conn: ConnId,
        workspace: WorkspaceId,
        durable: &[(EntryId, Position)],
    ) {
        for entries in durable.chunks(MAX_ENTRIES_PER_FRAME) {
            if let Some(head) = self.workspaces.get(&workspace).and_then(Workspace::durable) {
                self.answer(conn, &Frame::Appended { entries: entries.to_vec(), head });
            }
        }
    }

    fn recognise(&self, workspace: WorkspaceId, id: EntryId) -> Result<Known, StorageError> {
        if self.workspaces.get(&workspace).is_some_and(|loaded| loaded.staged_position(&id).is_some()) {
            return Ok(Known::Staged);
        }
        let stored = self.storage.position_of(workspace, id)?;
        Ok(stored.map_or(Known::New, Known::Durable))
    }

    fn wait_for(&mut self, conn: ConnId, workspace: WorkspaceId, id: EntryId) {
        if let Some(loaded) = self.workspaces.get_mut(&workspace) {
            loaded.wait_for(&id, conn);
        }
    }

    /// `first`, or, if its author was removed, what follows of its run up to the cut.
    fn gather_run(
        &self,
        workspace: WorkspaceId,
        first: Entry,
        rest: &mut Peekable<impl Iterator<Item = Entry>>,
    ) -> Vec<Entry> {
        let chain = first.header().chain();
        let loaded = self.workspaces.get(&workspace);
        let left = loaded.and_then(|loaded| loaded.log().run_remaining(first.header())).unwrap_or(1);
        let mut run = vec![first];
        while (run.len() as u64) < left
            && let Some(next) = rest.next_if(|next| next.header().chain() == chain)
        {
            run.push(next);
        }
        run
    }

    /// Stages one entry or one run, or refuses all of it.
    fn append(&mut self, conn: ConnId, workspace: WorkspaceId, entries: Vec<Entry>) {
        let ids: Vec<EntryId> = entries.iter().map(Entry::id).collect();
        let by = self.sessions.get(&conn).and_then(Session::member).map(|member| member.party);
        match self.accept(workspace, by, &entries) {
            Ok(placed) => {
                for (entry, placed) in entries.into_iter().zip(placed) {
                    self.stage(conn, workspace, entry, placed);
                }
            }
            Err(Denial { lost: Some(head), .. }) => self.note_lost(workspace, &head),
            Err(denial) => {
                let denial = of_entry(denial);
                for id in ids {
                    self.refuse_when_durable(conn, workspace, id, denial.clone());
                }
            }
        }
    }

    /// Puts entries on the log in memory if every rule allows it.
    fn accept(
        &mut self,
        workspace: WorkspaceId,
        by: Option<Party>,
        entries: &[Entry],
    ) -> Result<Vec<Placed>, Denial> {
        let loaded = self.workspaces.get(&workspace).ok_or_else(not_loaded)?;
        let given_up = loaded.log().roster().given_up();
        let is_lacking = |entry| !matches!(without_body(entry, given_up), None | Some(WithoutBody::GivenUp));
        if entries.iter().any(is_lacking) {
            return Err(Denial::new(Reason::Malformed, "its body is missing"));
        }
        let accepted = loaded.check(&self.storage, entries, self.clock)?;
        let now = loaded.log().time_at(self.clock);
        let is_over = has_expired(loaded.log().roster(), entries, now);
        if is_over && !self.is_brought_back(loaded, by, entries)? {
            return Err(Denial::new(Reason::JoinVoid, "the invite or link has expired"));
        }
        if is_forbidden(loaded.log().roster(), entries, now) && !self.is_taken_back(loaded, by)? {
            return Err(Denial::new(Reason::NotPermitted, "its author's role does not permit it"));
        }
        self.check_room(workspace, entries)?;
        let loaded = self.workspaces.get_mut(&workspace).ok_or_else(not_loaded)?;
        Ok(accepted.into_iter().map(|accepted| loaded.append(accepted)).collect())
    }

    /// Whether `entries` may be what a log had before it was continued: whoever joined in time then is not judged by time again. A
    /// member brings them, not long after the log went on, and the code was not over at the place from which it did.
    fn is_brought_back(
        &self,
        loaded: &Workspace,
        by: Option<Party>,
        entries: &[Entry],
    ) -> Result<bool, StorageError> {
        let Some(place) = loaded.continued_from else {
            return Ok(false);
        };
        let Some(there) = self.time_where_continued(loaded, place)? else { return Ok(false) };
        Ok(self.is_taken_back(loaded, by)? && !has_expired(loaded.log().roster(), entries, there))
    }

    /// The log's time at the place where it was continued; `None` if what stood there was let go.
    fn time_where_continued(
        &self,
        loaded: &Workspace,
        place: Position,
    ) -> Result<Option<LogTime>, StorageError> {
        let there = roster::time_of(&self.storage, loaded.log().head().workspace, place)?;
        Ok(there.or((place == Position::START).then_some(LogTime::START)))
    }

    /// Whether a member may be bringing what a log had before it was continued, not long after it went on.
    fn is_taken_back(&self, loaded: &Workspace, by: Option<Party>) -> Result<bool, StorageError> {
        let workspace = loaded.log().head().workspace;
        let (Some(Party::Device(_)), Some(place)) = (by, loaded.continued_from) else {
            return Ok(false);
        };
        let now = loaded.log().time_at(self.clock);
        let ended = self.storage.continued_at(workspace)?.unwrap_or(place);
        if ended < loaded.floor() {
            return Ok(false); // a checkpoint stands above it: whoever had something to bring has brought it, or begins from its state
        }
        // Nothing that was signed since is durable yet: then it goes on now.
        let since = roster::time_of(&self.storage, workspace, ended.next())?.unwrap_or(now);
        Ok(now.millis().since(since.millis()) <= BROUGHT_BACK_WITHIN)
    }

    /// Checks quota, reserve and rate. Asked last, so that what can never be accepted is not refused as if it could be sent
    /// again.
    fn check_room(&mut self, workspace: WorkspaceId, entries: &[Entry]) -> Result<(), Denial> {
        let loaded = self.workspaces.get(&workspace).ok_or_else(not_loaded)?;
        let roster = loaded.log().roster();
        let mut usage = loaded.usage;
        for entry in entries {
            usage.add(entry);
        }
        let full = |text| Err(Denial::new(Reason::Quota, text));
        let Some(first) = entries.first() else {
            return Ok(());
        };
        if first.header().lane == Lane::Content {
            // A run ends where the cut says, whatever its entries announce.
            let announced = if is_run(roster, first) { 0 } else { parts_to_come(first) };
            return if self.room.note_quota(
                workspace,
                usage.content.saturating_add(announced),
                self.config.content_quota,
            ) {
                Ok(())
            } else {
                full("the workspace's storage on this relay is full")
            };
        }
        let is_essential = entries.iter().all(|entry| is_essential(roster, entry));
        let extra = if is_essential { self.config.owner_reserve } else { 0 };
        if usage.control > self.config.control_reserve.saturating_add(extra) {
            return full("the workspace's reserve for control entries on this relay is full");
        }
        // A run is bounded by its cut, and would not pass a bucket smaller than itself.
        let is_run = is_run(roster, first);
        if is_essential || is_run || self.rates.take(workspace, first.header().device, self.clock) {
            Ok(())
        } else {
            Err(Denial::new(Reason::Rate, "this device appends control entries too fast"))
        }
    }

    fn stage(&mut self, conn: ConnId, workspace: WorkspaceId, entry: Entry, placed: Placed) {
        let Some(loaded) = self.workspaces.get_mut(&workspace) else {
            return;
        };
        let size = stored_len(&entry);
        loaded.stage(entry, placed, Some(conn));
        self.note_staged(workspace, size);
    }

    pub(super) fn note_staged(&mut self, workspace: WorkspaceId, size: u64) {
        self.dirty.insert(workspace);
        self.staged_entries += 1;
        self.staged_bytes = self.staged_bytes.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
    }

    /// Refuses an entry, and not before what the refusal may rest on is durable: for whoever is refused for good there is
    /// no coming back, while a removal that was staged can still be lost.
    fn refuse_when_durable(&mut self, conn: ConnId, workspace: WorkspaceId, entry: EntryId, denial: Denial) {
        match self.workspaces.get_mut(&workspace) {
            Some(loaded) if loaded.is_ahead() && !denial.reason.is_transient() => {
                loaded.refuse_later(Refused { conn, entry, denial });
                self.note_staged(workspace, REFUSED_BYTES);
            }
            _ => self.refuse(conn, entry, denial),
        }
    }

    pub(super) fn refuse(&mut self, conn: ConnId, entry: EntryId, denial: Denial) {
        let Denial { reason, text, proof, .. } = denial;
        tracing::debug!(conn = conn.0, ?entry, ?reason, "an entry is refused");
        self.answer(conn, &Frame::Refused { entry, reason, proof, text: sentence(&text) });
    }

    /// Refuses what could not be verified. Nothing may be read from such an entry, so it is named by the hash of its
    /// header bytes, which are looked up in the frame once more.
    fn refuse_unreadable(
        &mut self,
        conn: ConnId,
        workspace: WorkspaceId,
        unreadable: &[(usize, EntryError)],
        frame: &[u8],
    ) {
        if unreadable.is_empty() {
            return;
        }
        let ids = unverified_ids(workspace, frame).unwrap_or_default();
        for (index, why) in unreadable {
            if let Some(id) = ids.get(*index) {
                self.refuse(conn, *id, Denial::new(Reason::Malformed, &why.to_string()));
            }
        }
    }
}

/// The ids that the entries of an Append frame would have. Decodes nothing but where their headers are.
fn unverified_ids(workspace: WorkspaceId, frame: &[u8]) -> Result<Vec<EntryId>, DecodeError> {
    let mut reader = Reader::new(frame);
    reader.array(3)?;
    let _version_and_type = (reader.u64()?, reader.u64()?);
    let count = reader.array_up_to("entries", MAX_ENTRIES_PER_FRAME)?;
    let mut ids = Vec::new();
    for _ in 0..count {
        reader.array(3)?;
        ids.push(entry_id(workspace, reader.bytes("header", MAX_HEADER)?));
        reader.fixed::<{ Signature::LEN }>()?;
        reader.option(|reader| reader.bytes("body", MAX_BODY))?;
    }
    Ok(ids)
}

fn record(entry: &Entry) -> Option<Record> {
    if entry.header().entry_type != EntryType::Roster {
        return None;
    }
    Record::parse(entry.body()?).ok()
}

/// Whether an entry is in a run: what its author's removal still allows.
fn is_run(roster: &Roster, entry: &Entry) -> bool {
    roster.device(&entry.header().device).is_some_and(|device| !device.is_active())
}

/// Bytes that will come after the first part of a payload, for a device that would otherwise upload most of it and then
/// wait. An estimate: parts are of one length before they are compressed, and the last one has at least a byte.
fn parts_to_come(entry: &Entry) -> u64 {
    let Part { index, count } = entry.header().part;
    if index > 0 || count < 2 {
        return 0;
    }
    u64::from(count - 2).saturating_mul(entry.header().body_len.into()).saturating_add(1)
}

/// Whether one of `entries` is a Join by a ticket that is over at this time of the log. The fold does not ask: what is brought back after a restore
/// comes to stand at a later time.
fn has_expired(roster: &Roster, entries: &[Entry], at: LogTime) -> bool {
    entries.iter().filter_map(record).any(|record| {
        let Record::Join(join) = record else { return false };
        roster.ticket(&join.ticket).is_some_and(|ticket| ticket.is_over(at))
    })
}

/// Whether the role of an active author does not permit what it wrote, and did not by the roster that the entry names: a refusal ends its
/// author's chain, and whoever wrote as the Owner before a hand-over had come to them loses nothing by it. Not what is unknown here: a later
/// rule may permit it. Nor a run, which comes as a whole.
fn is_forbidden(roster: &Roster, entries: &[Entry], at: LogTime) -> bool {
    entries.iter().any(|entry| {
        let record = record(entry).filter(|record| !matches!(record, Record::Unknown(_)));
        record.is_some_and(|record| roster.is_forbidden(entry.header(), &record, at))
    })
}

/// Whether an entry has to fit even when the reserve for control entries is used up: without it, somebody who should be
/// out stays in, or nobody may write.
fn is_essential(roster: &Roster, entry: &Entry) -> bool {
    match record(entry) {
        Some(Record::RemoveDevice { .. } | Record::RemoveMember { .. }) => {
            roster.role(&entry.header().device).is_some_and(|role| role.may(Deed::RemoveMember))
        }
        Some(Record::Move(_)) => roster.role(&entry.header().device).is_some_and(|role| role.may(Deed::Move)),
        // Only one that takes effect, or a member could fill the reserve with others.
        Some(Record::Rekey(_)) if roster.may_rekey(&entry.header().device) => {
            let outcome = roster.clone().apply_entry(Moment::END, entry);
            matches!(outcome, Some(Outcome::Applied { rekey_void: None }))
        }
        _ => false,
    }
}

/// Why an entry is refused. For good is only what it deserves itself: its author sends it again once a log that can't be read now can be.
fn of_entry(denial: Denial) -> Denial {
    let reason = if denial.reason == Reason::LogLost { Reason::Storage } else { denial.reason };
    Denial { reason, ..denial }
}

/// The denial for a workspace that is not in memory. Every open session's is, so this is never told to anybody.
fn not_loaded() -> Denial {
    StorageError::Misuse("a session's workspace is not loaded").into()
}
