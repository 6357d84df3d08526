//! What `status` says: for each workspace how the line is, and for each document why it is not synced.

pub(crate) mod put_aside;

use std::collections::BTreeMap;

use bowline_core::sync::{Clocks, LinkState, NotReady, Phase, RelayFault, Replica};
use bowline_crypto::DeviceKeys;
use bowline_store::{DocRow, EntryRow, EntryState, Reader, is_again};
use bowline_wire::frame::Reason;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{ChainKey, DeviceId, EntryId, Millis, Position, UserId, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::record::Move;
use bowline_wire::roster::{Offer, RecordBytes, Role, Roster};

use crate::Error;
use crate::documents::in_part::{self, InPart};
use crate::rows::id_of;
use crate::workspace::Workspaces;
use crate::workspace::behind::{Behind, behind};
use crate::workspace::clocks::clocks;
use crate::workspace::connection::{held_by, last_heard};
use crate::workspace::effects::is_join_record;
use crate::workspace::evidence;
use crate::workspace::line_failure::LineReason;
use crate::workspace::linked::Unsealable;
use crate::workspace::membership::{HELD_UP, Membership, RelaySays, said};
use crate::workspace::moving::on_its_way;
use crate::workspace::owed::awaits_removal;
use crate::workspace::quarantine::QuarantineReason;
use crate::workspace::roster::intents;
use crate::workspace::withheld::{self, WithheldStatus};

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentState {
    /// The document is in no workspace.
    OnlyHere,
    /// The document is in a workspace, and a person keeps it here: others have what they have, and nothing that is written
    /// here leaves.
    Kept,
    /// The document is in a workspace, and something of it is only here until it is shared; nothing else of it waits.
    PartlyHere,
    /// Some of the document is not on the log yet.
    Queued,
    /// Some of the document is not on the log and does not leave: this device is not in the workspace any more, or the relay
    /// was caught.
    Stays,
    /// Some of the document is more than other devices would take, and cannot be divided: this many bytes.
    TooLarge(usize),
    /// The workspace takes no more of the document by this person: what is written now stays here.
    Full,
    /// All of the document is durable at the relay, which has signed for it.
    OnRelay,
    /// The relay has signed for all of the document and was caught since: nobody else has said that they have it.
    Doubted,
    /// All of the document is durable at the relay, and this many other devices have said that they have it.
    OnDevices(usize),
}

/// Something that was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The entry.
    pub entry: EntryId,
    /// The device that wrote the entry.
    pub author: DeviceId,
    /// Why the entry was put aside.
    pub reason: QuarantineReason,
    /// What the reason leaves open, for whoever looks for the fault: a count, an id, a decoder's remark.
    pub detail: Option<String>,
}

impl Quarantined {
    pub(super) fn of(row: EntryRow) -> Self {
        let entry = id_of(row.ws, &row.header);
        let stored = row.reason.unwrap_or(QuarantineReason::Told.plain());
        let reason = QuarantineReason::from_number(stored.number);
        Self { entry, author: row.chain.device, reason, detail: stored.detail }
    }

    /// Everything that was put aside of a workspace, each with its reason: entries, and after them those of which part was.
    fn rows(read: Reader<'_>, workspace: WorkspaceId) -> Result<Vec<EntryRow>, Error> {
        let mut found = read.entries_in_state(workspace, EntryState::Quarantined)?;
        for InPart { entry, reason } in in_part::all(read, workspace)? {
            let Some(row) = read.entry_by_id(workspace, entry)? else { continue };
            found.push(EntryRow { reason: Some(reason), ..row });
        }
        Ok(found)
    }
}

/// A device of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    /// The device's id.
    pub device: DeviceId,
    /// The person whose device it is.
    pub user: UserId,
    /// What that person may do.
    pub role: Option<Role>,
    /// Whether it may write.
    pub active: bool,
    /// Whether it is a recovery phrase.
    pub recovery: bool,
    /// Whether it is a recovery phrase that nobody else takes out any more, since it has been in for long enough.
    pub settled: bool,
    /// Up to this position it has said to hold everything.
    pub seen: Position,
    /// When it was last heard, by our clock: as it came while we were connected, else as the device itself says.
    pub heard: Option<Millis>,
}

/// How a workspace is.
#[derive(Debug)]
pub struct WorkspaceStatus {
    /// The line.
    pub link: LinkState,
    /// Whether this device is a member.
    pub member: bool,
    /// The last head that the relay has signed and this device has verified.
    pub signed: Option<SeenHead>,
    /// Why nothing is being sealed; `None` if nothing stands in the way.
    pub waiting_for: Option<NotReady>,
    /// Whether somebody has gone, and the key that keeps them from reading what is written now is not in force yet.
    pub rekey_due: bool,
    /// Why the relay closed the last connection, if it said so. Its word, not believed.
    pub relay_says: Option<Reason>,
    /// Whether this device is in the workspace, as people are told.
    pub membership: Membership,
    /// Why the relay takes nothing of ours for now; `None` if it takes everything or nothing waits.
    pub held_up: Option<RelaySays>,
    /// What the relay shows instead of the log that is known here; `None` if it shows that log, or was not asked yet.
    pub behind: Option<Behind>,
    /// What the clocks said when a session last began, if two of them were apart.
    pub clocks: Option<Clocks>,
    /// Lasting evidence against the relay: signed heads that it cannot both have meant.
    pub evidence: Vec<Vec<u8>>,
    /// What the last of that evidence shows.
    pub caught: Option<LineReason>,
    /// How many proofs against the relay are from before this device joined again, or from where the relay was before.
    pub earlier_evidence: usize,
    /// Decisions the log has not answered: not yet in force.
    pub undecided: usize,
    /// Documents with work that is not on the log.
    pub queued: usize,
    /// Entries on their way.
    pub offered: usize,
    /// Entries put aside, with reasons.
    pub quarantined: Vec<Quarantined>,
    /// Entries of ours that were refused for good, but for Joins: what became of those is the membership.
    pub refused: u64,
    /// Entries that need a newer version.
    pub update_needed: u64,
    /// What the relay withholds: the log is here, and bodies of it are not. They are asked for again by themselves.
    pub withheld: Option<WithheldStatus>,
    /// Entries that the log had before its relay was restored from a backup, and that are sent again.
    pub sent_again: usize,
    /// Entries by others that the log has lost, and that their authors have not written anew: they are shown here alone.
    pub apart: u64,
    /// Parts by others of something of which another part has not come, or is among those put aside. On their way, as a rule.
    pub incomplete: u64,
    /// The offer of ownership that is open.
    pub offer: Option<Offer>,
    /// How often the workspace was moved to another relay.
    pub moves: u64,
    /// Where it is being moved, while this device is not there yet.
    pub moving: Option<Move>,
    /// The devices.
    pub members: Vec<MemberStatus>,
    /// What each Member who is here has written of records, and may.
    pub record_bytes: BTreeMap<UserId, RecordBytes>,
    /// What the relay was last caught at.
    pub fault: Option<RelayFault>,
}

impl Workspaces {
    /// How a workspace is.
    pub(crate) fn status(
        &self,
        read: Reader<'_>,
        keys: &DeviceKeys,
        workspace: WorkspaceId,
    ) -> Result<WorkspaceStatus, Error> {
        let is_old = self.other_draft(workspace).is_some();
        let replica = if is_old { None } else { Some(self.replica(workspace)?) };
        let counts = read.count_by_state(workspace)?;
        let device = self.device_in(keys, workspace);
        let (earlier, counting) = evidence::split(read, workspace)?;
        let queued = read.docs_with_unsealed(Some(workspace))?.len();
        let offered = match replica {
            Some(replica) => replica.offered().count(),
            None => read.offered(workspace)?.len(),
        };
        let waits = queued + offered > 0;
        Ok(WorkspaceStatus {
            link: replica.map_or(LinkState::Down, Replica::link),
            member: self.is_member(workspace),
            signed: match replica {
                Some(replica) => replica.head().copied(),
                None => self.old_head(workspace),
            },
            waiting_for: if is_old { None } else { self.waiting_for(read, keys, workspace)? },
            rekey_due: self.log(workspace)?.is_some_and(|log| log.roster().is_rekey_due()),
            relay_says: replica.and_then(Replica::last_goodbye),
            membership: self.membership(read, device, workspace)?,
            held_up: said(read, workspace, HELD_UP)?.filter(|_| waits),
            behind: behind(read, workspace)?,
            clocks: clocks(read, workspace)?,
            caught: counting.last().map(evidence::shows),
            evidence: counting.into_iter().map(|row| row.what).collect(),
            earlier_evidence: earlier.len(),
            // Nothing will become of what was decided about a workspace of another draft.
            undecided: if is_old { 0 } else { intents(read, keys, workspace)?.len() },
            queued,
            offered,
            quarantined: Quarantined::rows(read, workspace)?.into_iter().map(Quarantined::of).collect(),
            refused: counts.refused.saturating_sub(refused_joins(read, workspace)?),
            update_needed: counts.update_needed,
            withheld: withheld::status(read, workspace)?,
            sent_again: read.ids_again(workspace)?.len(),
            apart: read.count_apart(workspace)?,
            incomplete: read.count_incomplete(workspace)?,
            offer: self.log(workspace)?.and_then(|log| log.roster().offer()),
            moves: self.log(workspace)?.map_or(0, |log| log.roster().moves().len() as u64),
            moving: replica.and_then(on_its_way).cloned(),
            members: self.log(workspace)?.map(|log| members(read, log)).transpose()?.unwrap_or_default(),
            record_bytes: self.log(workspace)?.map(|log| record_bytes(log.roster())).unwrap_or_default(),
            fault: self.linked.get(&workspace).and_then(|linked| linked.fault.clone()),
        })
    }

    /// Why nothing is sealed at the moment.
    pub(crate) fn waiting_for(
        &self,
        read: Reader<'_>,
        keys: &DeviceKeys,
        workspace: WorkspaceId,
    ) -> Result<Option<NotReady>, Error> {
        match self.replica(workspace)?.ready_to_seal() {
            Err(why) => Ok(Some(why)),
            Ok(()) if self.linked.get(&workspace).is_some_and(|linked| linked.lacks_room_for_decision) => {
                Ok(Some(NotReady::RecordsSpent))
            }
            Ok(()) if awaits_removal(read, keys, self.replica(workspace)?)? => {
                Ok(Some(NotReady::RemovalPending))
            }
            Ok(()) => Ok(None),
        }
    }

    /// Whether this device is in a workspace, or has made it.
    pub(crate) fn is_member(&self, workspace: WorkspaceId) -> bool {
        self.replica(workspace)
            .is_ok_and(|replica| matches!(replica.phase(), Phase::Creating(_) | Phase::Member))
    }

    /// Whose device this is in a workspace.
    pub(crate) fn own_user(&self, device: DeviceId, workspace: WorkspaceId) -> Result<UserId, Error> {
        let roster = self.log(workspace)?.map(Log::roster);
        let user = roster.and_then(|roster| roster.device(&device)).map(|device| device.user);
        // Before the log is known here this can only be the first device of a workspace made here.
        Ok(user.unwrap_or(UserId::of_first_device(device)))
    }

    /// Where a document is.
    pub(crate) fn document_state(
        &self,
        read: Reader<'_>,
        device: DeviceId,
        row: &DocRow,
    ) -> Result<DocumentState, Error> {
        let DocRow { n, ws, .. } = *row;
        let Some(workspace) = ws else {
            return Ok(DocumentState::OnlyHere);
        };
        self.check_known(workspace)?;
        if row.kept {
            return Ok(DocumentState::Kept);
        }
        let linked = self.linked.get(&workspace);
        match linked.and_then(|linked| linked.unsealable.get(&n)) {
            Some(Unsealable::TooLarge(len)) => return Ok(DocumentState::TooLarge(*len)),
            Some(Unsealable::Full) => return Ok(DocumentState::Full),
            None => {}
        }
        let wire = self.keyrings().wire_doc(workspace, row.in_log());
        let on_its_way = match linked {
            Some(linked) => linked.replica.offered().any(|entry| Some(entry.header().doc) == wire),
            None => read.offered(workspace)?.iter().any(|entry| entry.wire == wire),
        };
        let is_distrusted = linked.is_some_and(|linked| linked.replica.is_distrusted());
        let is_over = self.membership(read, device, workspace)?.is_over();
        if on_its_way || !read.unsealed_sizes(n)?.is_empty() {
            let stays = is_over || is_distrusted;
            return Ok(if stays { DocumentState::Stays } else { DocumentState::Queued });
        }
        if row.only_here.is_some() {
            return Ok(DocumentState::PartlyHere);
        }
        let last = read.last_placed(n)?;
        if last.is_some_and(is_again) {
            // The relay had it, and has not signed for it again.
            let stays = is_over || is_distrusted;
            return Ok(if stays { DocumentState::Stays } else { DocumentState::Queued });
        }
        if read.is_partly_apart(n)? {
            return Ok(DocumentState::Doubted);
        }
        let log = self.log(workspace)?;
        let last = match (last, log) {
            // What the log has had and let go stood no later than where it was begun.
            (None, Some(log)) => read.has_let_go(n)?.then(|| log.begun_at()),
            (last, _) => last,
        };
        let (Some(last), Some(log)) = (last, log) else {
            return Ok(DocumentState::OnlyHere); // nothing was written into it yet
        };
        let others = members(read, log)?.into_iter();
        let have = others.filter(|it| it.active && it.device != device && it.seen >= last).count();
        Ok(match have {
            0 if is_distrusted || is_lacking(read, workspace, last)? => DocumentState::Doubted,
            0 => DocumentState::OnRelay,
            have => DocumentState::OnDevices(have),
        })
    }
}

/// Whether the relay, when it was last asked, did not have what stands at this position of the log.
fn is_lacking(read: Reader<'_>, workspace: WorkspaceId, at: Position) -> Result<bool, Error> {
    Ok(behind(read, workspace)?.is_some_and(|behind| behind.shown < at))
}

/// How many of the refused entries are Joins.
fn refused_joins(read: Reader<'_>, workspace: WorkspaceId) -> Result<u64, Error> {
    let mut joins = 0;
    for row in read.entries_in_state(workspace, EntryState::Refused)? {
        joins += u64::from(is_join_record(read.body(row.n)?.as_deref(), row.entry_type));
    }
    Ok(joins)
}

fn record_bytes(roster: &Roster) -> BTreeMap<UserId, RecordBytes> {
    let members = roster.users().filter(|(_, user)| user.role == Role::Member && !user.removed);
    members.map(|(id, _)| (*id, roster.record_bytes(id))).collect()
}

pub(super) fn members(read: Reader<'_>, log: &Log) -> Result<Vec<MemberStatus>, Error> {
    let roster = log.roster();
    let held = |device: DeviceId| {
        let chains = log.tips().filter(|(ChainKey { device: author, .. }, _)| *author == device);
        chains.map(|(_, tip)| tip.held).max().unwrap_or(Position::START)
    };
    let workspace = log.head().workspace;
    let status = |(id, device): (&DeviceId, &bowline_wire::roster::Device)| -> Result<MemberStatus, Error> {
        Ok(MemberStatus {
            device: *id,
            user: device.user,
            role: roster.user(&device.user).map(|user| user.role),
            active: device.is_active(),
            recovery: device.recovery,
            settled: device.is_active() && !device.is_removable(log.time()),
            seen: held(*id).max(held_by(read, workspace, *id)?),
            heard: last_heard(read, workspace, *id)?,
        })
    };
    roster.devices().map(status).collect()
}
