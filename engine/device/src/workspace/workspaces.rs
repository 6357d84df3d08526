//! Workspaces of a device: making one, joining one, finding it again after a restart.

use std::collections::BTreeSet;

use bowline_core::sync::{Context, Joining, Phase, Replica, Stored, Token, genesis};
use bowline_crypto::DeviceKeys;
use bowline_store::{Cursor, EntryWithBody, NewWorkspace, Reader, Store, Tx, WorkspaceRow};
use bowline_wire::before;
use bowline_wire::codec::{Canonical, DecodeError, Reader as CborReader, Writer, decode};
use bowline_wire::draft::DRAFT;
use bowline_wire::entry::Entry;
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::ids::{ChainKey, DeviceId, Incarnation, RelayId, Suite, WorkspaceId};
use bowline_wire::log::{ChainTip, Log};
use bowline_wire::roster::Roster;
use bowline_wire::successor::{SaidSuccessor, Succession};
use bowline_wire::weight::Weights;

use crate::lent::Lent;
use crate::notice::Notices;
use crate::rows::{entry_of, insert_offered, roster_records};
use crate::workspace::Workspaces;
use crate::workspace::code::Code;
use crate::workspace::evidence;
use crate::workspace::joining_code;
use crate::workspace::keys_at_rest::{self, restore_keys, seal_keys};
use crate::workspace::linked::Linked;
use crate::workspace::log_state::{begun_state, checkpoints};
use crate::workspace::old::Old;
use crate::workspace::sealed_values::{self, AtRest};
use crate::{Damage, Error, Notice, OtherDraft};

/// Names of the small values kept for a workspace.
pub(crate) mod state {
    pub(crate) const TOKEN: &str = "token";
    /// The relay's identity, once the log's key has vouched for it.
    pub(crate) const RELAY: &str = "relay-identity";
    /// By which the log came to be signed by its key.
    pub(crate) const SUCCESSION: &str = "succession";
    /// The head beyond ours up to which a person has decided to go on with the log.
    pub(crate) const DECIDED: &str = "decided-head";
    /// What two people have compared.
    pub(crate) const COMPARED: &str = "compared";
    /// The device's keys in this workspace only.
    pub(crate) const OWN_KEYS: &str = "device-keys";
}

/// Name of the value that says where new documents go.
pub(crate) const CURRENT: &str = "workspace";

/// How far joining got, as the store keeps it.
pub(crate) mod stage {
    pub(crate) const CREATING: u8 = 0;
    pub(crate) const JOINING: u8 = 1;
    pub(crate) const MEMBER: u8 = 2;
    pub(crate) const FAILED: u8 = 3;
}

impl Workspaces {
    /// Where new documents go; `None` for this device only.
    pub(crate) fn current(&self, read: Reader<'_>) -> Result<Option<WorkspaceId>, Error> {
        let current = read.meta(CURRENT)?.and_then(|bytes| WorkspaceId::from_slice(&bytes));
        // In one of another draft what is new would stay here, so it is not said to go there.
        Ok(current.filter(|workspace| self.linked.contains_key(workspace)))
    }

    /// All of them that can be read, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = WorkspaceId> {
        self.linked.keys().chain(self.old.keys()).copied().collect::<BTreeSet<_>>().into_iter()
    }
}

impl Workspaces {
    /// Makes a workspace with this device as the Owner's first.
    pub(crate) fn create(
        &mut self,
        lent: &mut Lent<'_>,
        relay: &str,
        token: &str,
    ) -> Result<WorkspaceId, Error> {
        let (incarnation, now) = (new_incarnation(lent), lent.now);
        let mut cx = Context { keys: lent.keys, now, random: &mut *lent.random, hash_at: &|_| None };
        let (entry, keyring) = genesis(Suite::XWing, incarnation, &mut cx)
            .ok_or(Error::Bug("the Genesis just written is refused"))?;
        let workspace = keyring.workspace();
        let stored_keys = seal_keys(&keyring, lent.keys, &mut *lent.random);
        let token =
            AtRest { keys: lent.keys, random: &mut *lent.random }.seal(state::TOKEN, token.as_bytes());
        lent.store.transaction(|tx| {
            let row = NewWorkspace {
                id: workspace,
                incarnation,
                state: stage::CREATING,
                draft: DRAFT,
                relay,
                created_at: now,
            };
            tx.insert_workspace(&row)?;
            tx.put_state(workspace, state::TOKEN, &token)?;
            tx.put_state(workspace, keys_at_rest::KEYRING, &stored_keys)?;
            insert_offered(tx, &entry, None)?;
            tx.put_meta(CURRENT, workspace.as_bytes())
        })?;
        self.link_up(lent, workspace)?;
        Ok(workspace)
    }

    /// Begins to join a workspace, as the device that this one is elsewhere or as a new one.
    pub(crate) fn join(
        &mut self,
        lent: &mut Lent<'_>,
        code: &Code,
        as_new: bool,
    ) -> Result<WorkspaceId, Error> {
        let (workspace, now) = (code.workspace, lent.now);
        check_not_there(lent.read(), workspace)?;
        let incarnation = new_incarnation(lent);
        let mut rest = AtRest { keys: lent.keys, random: &mut *lent.random };
        let own_keys = as_new.then(|| DeviceKeys::generate(&mut *rest.random).to_bytes());
        let own_keys = own_keys.map(|keys| rest.seal(state::OWN_KEYS, keys.as_ref()));
        lent.store.transaction(|tx| {
            let row = NewWorkspace {
                id: workspace,
                incarnation,
                state: stage::JOINING,
                draft: DRAFT,
                relay: &code.relay,
                created_at: now,
            };
            tx.insert_workspace(&row)?;
            joining_code::keep(tx, &mut rest, code)?;
            if let Some(own_keys) = &own_keys {
                tx.put_state(workspace, state::OWN_KEYS, own_keys)?;
            }
            evidence::set_aside_all(tx, workspace)
        })?;
        self.link_up(lent, workspace)?;
        Ok(workspace)
    }

    /// Begins to open a workspace of which nothing is known here but that this device has come into it before, with another database.
    pub(crate) fn open_unknown(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        relay: &str,
    ) -> Result<(), Error> {
        check_not_there(lent.read(), workspace)?;
        let row = NewWorkspace {
            id: workspace,
            incarnation: new_incarnation(lent),
            state: stage::MEMBER,
            draft: DRAFT,
            relay,
            created_at: lent.now,
        };
        lent.store.transaction(|tx| tx.insert_workspace(&row))?;
        self.link_up(lent, workspace)
    }

    /// Stores where new documents go; `None` for this device only.
    pub(crate) fn put_current(&self, store: &mut Store, workspace: Option<WorkspaceId>) -> Result<(), Error> {
        if let Some(workspace) = workspace {
            self.replica(workspace)?;
        }
        store.transaction(|tx| match workspace {
            Some(workspace) => tx.put_meta(CURRENT, workspace.as_bytes()),
            None => tx.delete_meta(CURRENT),
        })?;
        Ok(())
    }

    /// Follows a workspace as it is in the database.
    pub(crate) fn link_up(&mut self, lent: &Lent<'_>, workspace: WorkspaceId) -> Result<(), Error> {
        let row = lent.read().workspace(workspace)?.ok_or(Error::NoWorkspace(workspace))?;
        self.follow(lent.read(), lent.keys, &row)
    }

    /// Follows a workspace as its row has it, or keeps of it what there is to read by.
    pub(super) fn follow(
        &mut self,
        read: Reader<'_>,
        keys: &DeviceKeys,
        row: &WorkspaceRow,
    ) -> Result<(), Error> {
        match OtherDraft::of(row.draft) {
            Some(other) => drop(self.old.insert(row.id, restore_old(read, keys, row, other)?)),
            None => drop(self.linked.insert(row.id, restore(read, keys, row)?)),
        }
        Ok(())
    }

    /// Begins with the workspaces that are in the database.
    pub(crate) fn link_up_all(
        &mut self,
        read: Reader<'_>,
        keys: &DeviceKeys,
        notices: &mut Notices,
    ) -> Result<(), Error> {
        for row in read.workspaces()? {
            match self.follow(read, keys, &row) {
                Ok(()) => {}
                Err(error @ Error::Store(_)) => return Err(error),
                // One damaged workspace must not keep a person from everything else.
                Err(error) => {
                    tracing::warn!(%error, "a workspace cannot be restored and is left out");
                    notices.push(Notice::Damaged(row.id));
                }
            }
        }
        Ok(())
    }
}

pub(super) fn new_incarnation(lent: &mut Lent<'_>) -> Incarnation {
    let mut incarnation = [0; Incarnation::LEN];
    lent.random.fill_bytes(&mut incarnation);
    Incarnation::from_bytes(incarnation)
}

/// An error if a workspace is here already.
pub(super) fn check_not_there(read: Reader<'_>, workspace: WorkspaceId) -> Result<(), Error> {
    let Some(row) = read.workspace(workspace)? else {
        return Ok(());
    };
    let other = OtherDraft::of(row.draft);
    Err(other.map_or(Error::AlreadyThere, |other| Error::OtherDraft(workspace, other)))
}

/// Whether the way into a workspace has ended outside it.
pub(crate) fn has_failed(read: Reader<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
    Ok(read.workspace(workspace)?.is_some_and(|row| row.state == stage::FAILED))
}

/// A workspace as it was when the database was last written.
pub(super) fn restore(read: Reader<'_>, keys: &DeviceKeys, row: &WorkspaceRow) -> Result<Linked, Error> {
    let own_keys = own_keys(read, keys, row.id)?;
    let device = own_keys.as_ref().unwrap_or(keys).id();
    let mut offered = Vec::new();
    for found in read.offered(row.id)? {
        let body = read.body(found.n)?;
        offered.push(entry_of(EntryWithBody { entry: found, body })?);
    }
    let head = match row.cursor.as_ref().and_then(|cursor| cursor.head.as_ref()) {
        Some(bytes) => Some(decode::<SeenHead>(bytes).map_err(|_| Error::Damaged(Damage::Head))?),
        None => None,
    };
    let pins = joining_code::pins(read, row.id)?;
    let (log, since_epoch) = if let Some(cursor) = &row.cursor {
        let (log, since_epoch) = restore_log(read, row.id, cursor)?;
        (Some(log), since_epoch)
    } else {
        // A newcomer whose Join is offered knows the log from the code; nothing of it is here yet.
        let pins = pins.as_ref().filter(|_| !offered.is_empty());
        (pins.map(|pins| Log::new(row.id, pins.log)), Vec::new())
    };
    let active = log
        .as_ref()
        .and_then(|log| log.roster().device(&device).map(bowline_wire::roster::Device::is_active));
    let phase = match (row.state, active) {
        (_, Some(false)) => Phase::Removed,
        (stage::CREATING, None) => Phase::Creating(Token(token(read, keys, row.id)?)),
        (stage::JOINING, _) => Phase::Joining(Box::new(Joining::new(offered.first().map(Entry::id)))),
        (stage::FAILED, _) => Phase::Failed(bowline_core::sync::JoinFailed::NotAdmitted),
        _ => Phase::Member,
    };
    let replica = Replica::restore(Stored {
        workspace: row.id,
        device,
        incarnation: row.incarnation,
        phase,
        log,
        head,
        keyring: restore_keys(read, keys, row.id)?,
        since_epoch,
        ticket: joining_code::ticket(read, keys, row.id)?,
        pins,
        lets_in: joining_code::lets_in(read, row.id)?,
        relay: read.state(row.id, state::RELAY)?.and_then(|bytes| RelayId::from_slice(&bytes)),
        offered,
        succession: succession(read, row.id)?,
        decided: read.state(row.id, state::DECIDED)?.and_then(|bytes| decode(&bytes).ok()),
        to_send_again: read.ids_again(row.id)?.into_iter().collect(),
        withheld_from: read.first_withheld(row.id)?,
        distrusted: evidence::counts(read, row.id)?,
    });
    let mut linked = Linked::new(replica, (own_keys, former(read, row.id)?), row.relay.clone());
    if let Some(state) = begun_state(read, row.id)? {
        linked.begun_from(&state);
    }
    Ok(linked)
}

/// A workspace of another draft as it is in the database. What can't be read of a log matters less than that documents are shown.
fn restore_old(
    read: Reader<'_>,
    keys: &DeviceKeys,
    row: &WorkspaceRow,
    other: OtherDraft,
) -> Result<Old, Error> {
    let log = row.cursor.as_ref().map(|cursor| log_of_before(read, row.id, cursor)).transpose();
    let head = row.cursor.as_ref().and_then(|cursor| decode(cursor.head.as_ref()?).ok());
    Ok(Old {
        other,
        head,
        keyring: readable(restore_keys(read, keys, row.id))?,
        own_keys: readable(own_keys(read, keys, row.id))?,
        incarnation: row.incarnation,
        log: readable(log)?,
    })
}

/// Nothing in place of what this version cannot read. That the database fails stays an error.
fn readable<T>(read: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match read {
        Err(error @ Error::Store(_)) => Err(error),
        Err(error) => {
            tracing::warn!(%error, "something of a workspace of another draft cannot be read");
            Ok(None)
        }
        read => read,
    }
}

/// The device's keys in this workspace only, if it came back under others than it has elsewhere.
fn own_keys(
    read: Reader<'_>,
    keys: &DeviceKeys,
    workspace: WorkspaceId,
) -> Result<Option<DeviceKeys>, Error> {
    let Some(bytes) = read.state(workspace, state::OWN_KEYS)? else {
        return Ok(None);
    };
    let bytes = sealed_values::open(keys, state::OWN_KEYS, &bytes)?;
    let bytes = bytes.as_slice().try_into().map_err(|_| Error::Damaged(Damage::Secret))?;
    Ok(Some(DeviceKeys::from_bytes(bytes)))
}

/// Under what it is kept who this device was in a workspace that was forgotten here.
fn former_key(workspace: WorkspaceId) -> String {
    format!("former/{workspace}")
}

/// Who this device was in a workspace whenever that was forgotten here.
fn former(read: Reader<'_>, workspace: WorkspaceId) -> Result<BTreeSet<DeviceId>, Error> {
    let stored = read.meta(&former_key(workspace))?.unwrap_or_default();
    Ok(stored.chunks(DeviceId::LEN).filter_map(DeviceId::from_slice).collect())
}

/// Keeps who this device was in a workspace that is forgotten now: what it wrote there it may have to write again.
pub(crate) fn note_former(tx: &Tx<'_>, workspace: WorkspaceId, device: DeviceId) -> Result<(), Error> {
    let mut known = former(**tx, workspace)?;
    known.insert(device);
    let bytes: Vec<u8> = known.iter().flat_map(|device| *device.as_bytes()).collect();
    Ok(tx.put_meta(&former_key(workspace), &bytes)?)
}

/// By which the log of a workspace came to be signed by its key.
pub(super) fn succession(read: Reader<'_>, workspace: WorkspaceId) -> Result<Succession, Error> {
    let Some(bytes) = read.state(workspace, state::SUCCESSION)? else {
        return Ok(Succession::default());
    };
    let said = decode::<StoredSuccession>(&bytes).map_err(|_| Error::Damaged(Damage::Head))?;
    Succession::stored(workspace, &said.0).map_err(|_| Error::Damaged(Damage::Head))
}

fn token(read: Reader<'_>, keys: &DeviceKeys, workspace: WorkspaceId) -> Result<String, Error> {
    let token = read.state(workspace, state::TOKEN)?;
    let Some(token) = token else {
        return Ok(String::new());
    };
    let token = sealed_values::open(keys, state::TOKEN, &token)?;
    Ok(String::from_utf8_lossy(&token).into_owned())
}

/// The log at the cursor: its roster from the records, its chains from their tips. The records from the one on come along that began the
/// epoch in force.
fn restore_log(
    read: Reader<'_>,
    workspace: WorkspaceId,
    cursor: &Cursor,
) -> Result<(Log, Vec<Entry>), Error> {
    let mut tips = Vec::new();
    for (chain, tip) in read.chains(workspace)? {
        tips.push((chain, decode::<ChainTip>(&tip).map_err(|_| Error::Damaged(Damage::ChainTip))?));
    }
    let records = roster_records(read, workspace)?;
    let roster = Roster::replay(workspace, records.iter().map(|(at, entry)| (*at, entry)));
    let began = roster.began().map(|began| began.position);
    let since = records.into_iter().filter(|(at, _)| began.is_some_and(|began| at.position >= began));
    let since_epoch = since.map(|(_, entry)| entry).collect();
    let log = log_of(read, workspace, cursor, tips, roster)?;
    let log = match begun_state(read, workspace)? {
        Some(state) => log.begun_from(&state),
        None => log,
    };
    Ok((log, since_epoch))
}

/// A log of another draft, as far as this version can read it.
fn log_of_before(read: Reader<'_>, workspace: WorkspaceId, cursor: &Cursor) -> Result<Log, Error> {
    let chains = read.chains(workspace)?.into_iter();
    let tip = |tip: &[u8]| before::tip(tip).or_else(|| decode(tip).ok());
    let tips = chains.filter_map(|(chain, bytes)| Some((chain, tip(&bytes)?))).collect();
    let records = roster_records(read, workspace)?;
    let roster = before::roster(workspace, records.iter().map(|(at, entry)| (*at, entry)));
    log_of(read, workspace, cursor, tips, roster)
}

/// A log with these tips of chains and this roster.
fn log_of(
    read: Reader<'_>,
    workspace: WorkspaceId,
    cursor: &Cursor,
    tips: Vec<(ChainKey, ChainTip)>,
    roster: Roster,
) -> Result<Log, Error> {
    let head = Head { workspace, log: cursor.log, position: cursor.pos, hash: cursor.hash };
    let weights = Weights::restore(read.weights(workspace)?);
    let checkpoints = checkpoints(read, workspace)?;
    Ok(Log::restore(head, cursor.time, roster, tips, weights, checkpoints))
}

/// Successors at rest.
pub(super) struct StoredSuccession(pub(super) Vec<SaidSuccessor>);

impl Canonical for StoredSuccession {
    fn write(&self, to: &mut Writer) {
        to.list(&self.0);
    }
    fn read(from: &mut CborReader<'_>) -> Result<Self, DecodeError> {
        from.list("successors", bowline_wire::limits::MAX_SUCCESSORS).map(Self)
    }
}
