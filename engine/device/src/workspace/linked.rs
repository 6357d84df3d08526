//! The workspaces of a device with their lines to relays, and what of them is lent to others: keys.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bowline_core::document::Incoming;
use bowline_core::sync::{Clocks, Context, Phase, RelayFault, Replica};
use bowline_crypto::{DeviceKeys, Keyring};
use bowline_store::{DocN, IntentN, Reader, StoreError};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{
    DeviceId, DocId, Incarnation, LineKey, LogHash, Millis, Position, WireDoc, WorkspaceId,
};
use bowline_wire::log::{DocumentState, Log, State};

use crate::documents::edited::Edited;
use crate::lent::Lent;
use crate::workspace::old::{Old, no_replica};
use crate::{Error, OtherDraft};

/// The workspaces of a device, each with its line to the relay.
#[derive(Default)]
pub(crate) struct Workspaces {
    pub(super) linked: BTreeMap<WorkspaceId, Linked>,
    /// Those whose log is of another draft than this version's.
    pub(super) old: BTreeMap<WorkspaceId, Old>,
    /// A commit failed after memory had moved on: nothing more is believed or sent before the device is opened anew.
    pub(super) broken: bool,
}

/// A workspace and its line to the relay.
pub(super) struct Linked {
    pub(super) replica: Replica,
    /// The device's keys in this workspace only, if it came back under others than it has elsewhere.
    pub(super) own_keys: Option<DeviceKeys>,
    /// Who this device was in the workspace before it came back as another one.
    pub(super) former: BTreeSet<DeviceId>,
    /// The relay's address that lines are made to.
    pub(super) relay: String,
    /// Encoded frames to hand to the line.
    pub(super) transmit: VecDeque<Vec<u8>>,
    /// The line is to be closed once everything was handed over.
    pub(super) close: bool,
    /// The last thing the relay was caught at.
    pub(super) fault: Option<RelayFault>,
    /// What it was caught at on this line.
    pub(super) line_fault: Option<RelayFault>,
    /// The key of the relay's certificate on this line, until somebody has taken it.
    pub(super) met: Option<LineKey>,
    /// What the clocks said when the relay last let this device in.
    pub(super) clocks: Option<Clocks>,
    /// The person has been told that this device is no longer in the workspace.
    pub(super) removed: bool,
    /// The last of the entries that are sent again which the replica was handed.
    pub(super) fed_up_to: Option<Position>,
    /// Documents of which the state names a snapshot from which the log was begun.
    pub(super) named: BTreeMap<WireDoc, DocumentState>,
    /// Documents whose unsealed work cannot be sealed as it is; looked at again when they change.
    pub(super) unsealable: BTreeMap<DocN, Unsealable>,
    /// A decision waits, because its record does not fit what this person may still write.
    pub(super) lacks_room_for_decision: bool,
    /// Decisions to give content up, with the time when each was made, before which the relay was asked on this line whether it has it.
    pub(super) asked_before: Vec<(IntentN, Millis)>,
}

/// Why a document's unsealed work stays here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsealable {
    /// More bytes than one payload may hold, which cannot be divided.
    TooLarge(usize),
    /// The log takes no more of the document by this person.
    Full,
}

/// The keys of all workspaces, lent to whoever reads what was sealed in them.
#[derive(Clone, Copy)]
pub(crate) struct Keyrings<'w>(&'w Workspaces);

impl<'w> Keyrings<'w> {
    /// The keys of a workspace; `None` if there are none here yet, or if it is damaged and left out.
    pub(crate) fn of(self, workspace: WorkspaceId) -> Option<&'w Keyring> {
        match self.0.linked.get(&workspace) {
            Some(linked) => linked.replica.keyring(),
            None => self.0.old.get(&workspace)?.keyring.as_ref(),
        }
    }

    /// Whether all of these are in a workspace, as its log is known here.
    pub(crate) fn are_in(self, workspace: WorkspaceId, devices: [DeviceId; 2]) -> bool {
        let log = self.0.linked.get(&workspace).and_then(|linked| linked.replica.log());
        log.is_some_and(|log| devices.iter().all(|device| log.roster().is_active(device)))
    }

    /// As whom this device, which is `device` elsewhere, writes in a workspace.
    pub(crate) fn writer(self, workspace: Option<WorkspaceId>, device: DeviceId) -> DeviceId {
        workspace.and_then(|workspace| self.0.own_keys(workspace)).map_or(device, DeviceKeys::id)
    }

    /// Everybody who this device, which is `device` elsewhere, is or was in a workspace.
    pub(crate) fn own_ids(self, workspace: Option<WorkspaceId>, device: DeviceId) -> BTreeSet<DeviceId> {
        let linked = workspace.and_then(|workspace| self.0.linked.get(&workspace));
        let former = linked.into_iter().flat_map(|linked| &linked.former);
        [device, self.writer(workspace, device)].iter().chain(former).copied().collect()
    }

    /// The life of this device's database in a workspace.
    pub(crate) fn incarnation(self, workspace: WorkspaceId) -> Option<Incarnation> {
        match self.0.linked.get(&workspace) {
            Some(linked) => Some(linked.replica.incarnation()),
            None => self.0.old.get(&workspace).map(|old| old.incarnation),
        }
    }

    /// Whether nothing more is sealed for a workspace, because its log is of another draft than this version's.
    pub(crate) fn is_old(self, workspace: WorkspaceId) -> bool {
        self.0.old.contains_key(&workspace)
    }

    /// A change of this device's own in a document of a workspace, as it is read back.
    pub(crate) fn own_change(
        self,
        workspace: Option<WorkspaceId>,
        device: DeviceId,
        bytes: &[u8],
    ) -> Incoming<'_> {
        let writer = self.writer(workspace, device);
        // What was written before this device came back under other keys is by the device as it is elsewhere, and what is in
        // no workspace any more may be by the device as it was in one.
        let is_by_one_device = writer == device && workspace.is_some();
        if is_by_one_device { Incoming::local(writer, bytes) } else { Incoming::kept(writer, bytes) }
    }

    /// A workspace's log, as far as it is known here.
    pub(crate) fn log(self, workspace: WorkspaceId) -> Option<&'w Log> {
        self.0.linked.get(&workspace)?.replica.log()
    }

    /// What the state from which a log was begun says of a document for which it names a snapshot.
    pub(crate) fn named(self, workspace: WorkspaceId, doc: WireDoc) -> Option<&'w DocumentState> {
        self.0.linked.get(&workspace)?.named.get(&doc)
    }

    /// A document's id on the wire, once the workspace's first key is known here.
    pub(crate) fn wire_doc(self, workspace: WorkspaceId, id: DocId) -> Option<WireDoc> {
        self.of(workspace)?.wire_doc(id)
    }
}

impl Workspaces {
    pub(crate) fn keyrings(&self) -> Keyrings<'_> {
        Keyrings(self)
    }

    /// Whether the database failed in the middle of something.
    pub(crate) fn are_broken(&self) -> bool {
        self.broken
    }

    /// A document has changed: what was too large to be sealed before is looked at again.
    pub(crate) fn note_edited(&mut self, edited: &Edited) {
        if let Some(linked) = edited.workspace.and_then(|workspace| self.linked.get_mut(&workspace))
            && let Some(n) = edited.row
        {
            linked.unsealable.remove(&n);
        }
    }

    /// Follows a workspace no longer.
    pub(crate) fn forget(&mut self, workspace: WorkspaceId) {
        self.linked.remove(&workspace);
        self.old.remove(&workspace);
    }

    pub(super) fn linked(&mut self, workspace: WorkspaceId) -> Result<&mut Linked, Error> {
        match self.linked.get_mut(&workspace) {
            Some(linked) => Ok(linked),
            None => Err(no_replica(&self.old, workspace)),
        }
    }

    /// The keys of this device in a workspace: `keys`, unless it came back under others.
    pub(super) fn keys_in<'k>(&'k self, keys: &'k DeviceKeys, workspace: WorkspaceId) -> &'k DeviceKeys {
        self.own_keys(workspace).unwrap_or(keys)
    }

    /// The device's keys in a workspace only, if it came back under others than it has elsewhere.
    fn own_keys(&self, workspace: WorkspaceId) -> Option<&DeviceKeys> {
        match self.linked.get(&workspace) {
            Some(linked) => linked.own_keys.as_ref(),
            None => self.old.get(&workspace)?.own_keys.as_ref(),
        }
    }

    /// Which device this is in a workspace.
    pub(crate) fn device_in(&self, keys: &DeviceKeys, workspace: WorkspaceId) -> DeviceId {
        self.keys_in(keys, workspace).id()
    }

    /// Everybody who this device is or was in a workspace.
    pub(super) fn own_ids(&self, keys: &DeviceKeys, workspace: WorkspaceId) -> BTreeSet<DeviceId> {
        self.keyrings().own_ids(Some(workspace), keys.id())
    }

    /// The replica of a workspace.
    pub(crate) fn replica(&self, workspace: WorkspaceId) -> Result<&Replica, Error> {
        let linked = self.linked.get(&workspace).ok_or_else(|| no_replica(&self.old, workspace))?;
        Ok(&linked.replica)
    }

    /// Which other draft than this version's a workspace is of; `None` if it is of this one, or not here.
    pub(crate) fn other_draft(&self, workspace: WorkspaceId) -> Option<OtherDraft> {
        self.old.get(&workspace).map(|old| old.other)
    }

    /// The log of a workspace as far as it is here, whatever its draft; `None` if nothing of it is.
    pub(crate) fn log(&self, workspace: WorkspaceId) -> Result<Option<&Log>, Error> {
        match self.old.get(&workspace) {
            Some(old) => Ok(old.log.as_ref()),
            None => Ok(self.replica(workspace)?.log()),
        }
    }

    /// The last head that the relay has signed in a workspace of another draft.
    pub(super) fn old_head(&self, workspace: WorkspaceId) -> Option<SeenHead> {
        self.old.get(&workspace)?.head
    }

    /// How much of a workspace's log is here, whatever its draft.
    pub(crate) fn position(&self, workspace: WorkspaceId) -> Result<Position, Error> {
        match self.old.get(&workspace) {
            Some(old) => Ok(old.log.as_ref().map_or(Position::START, |log| log.head().position)),
            None => Ok(self.replica(workspace)?.position()),
        }
    }

    /// An error unless a workspace is here, whatever its draft.
    pub(crate) fn check_known(&self, workspace: WorkspaceId) -> Result<(), Error> {
        if self.old.contains_key(&workspace) { Ok(()) } else { self.replica(workspace).map(drop) }
    }

    /// Runs `step` on a workspace's replica with everything it needs from outside.
    pub(super) fn with_replica<T>(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        step: impl FnOnce(&mut Replica, &mut Context<'_>) -> T,
    ) -> Result<T, Error> {
        let linked = self.linked.get_mut(&workspace).ok_or_else(|| no_replica(&self.old, workspace))?;
        let keys = linked.own_keys.as_ref().unwrap_or(lent.keys);
        let done = with_hashes(lent.store.read(), workspace, |hash_at| {
            let mut cx = Context { keys, now: lent.now, random: &mut *lent.random, hash_at };
            step(&mut linked.replica, &mut cx)
        });
        self.broken |= done.is_err();
        Ok(done?)
    }
}

/// Runs `step` with the log's hash at any position. A hash that cannot be read must not look like one that is not there: that
/// would be evidence.
pub(super) fn with_hashes<T>(
    read: Reader<'_>,
    workspace: WorkspaceId,
    step: impl FnOnce(&dyn Fn(Position) -> Option<LogHash>) -> T,
) -> Result<T, StoreError> {
    let failed = RefCell::new(None);
    let done = step(&|position| match read.log_hash_at(workspace, position) {
        Ok(hash) => hash,
        Err(error) => {
            failed.borrow_mut().get_or_insert(error);
            None
        }
    });
    failed.into_inner().map_or(Ok(done), Err)
}

impl Linked {
    /// The log was begun from a state.
    pub(super) fn begun_from(&mut self, state: &State) {
        let named = state.documents.iter().filter(|document| document.snapshot.is_some());
        self.named = named.map(|document| (document.doc, document.clone())).collect();
    }

    /// The time that the log would have now. Its clock is the relay's, and a clock here that is wrong changes nothing about that.
    pub(super) fn log_now(&self, now: Millis) -> Millis {
        let by_relay = self.clocks.map_or(now, |clocks| clocks.relay.plus(now.since(clocks.here)));
        self.replica.log().map_or(by_relay, |log| log.time().millis().max(by_relay))
    }

    pub(super) fn new(
        replica: Replica,
        (own_keys, former): (Option<DeviceKeys>, BTreeSet<DeviceId>),
        relay: String,
    ) -> Self {
        Self {
            former,
            removed: matches!(replica.phase(), Phase::Removed),
            replica,
            own_keys,
            relay,
            transmit: VecDeque::new(),
            close: false,
            fault: None,
            line_fault: None,
            met: None,
            clocks: None,
            fed_up_to: None,
            named: BTreeMap::new(),
            unsealable: BTreeMap::new(),
            lacks_room_for_decision: false,
            asked_before: Vec::new(),
        }
    }
}
