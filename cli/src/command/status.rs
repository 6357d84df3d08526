//! `bowline status`: what is synced, and what is not and why.

mod never_comes;
mod out;
mod scarce;
#[cfg(test)]
mod states;
mod words;

use bowline_engine::Role;
use bowline_engine::device::{MemberStatus, WithheldStatus, WorkspaceStatus};
use bowline_engine::document::Kind;
use bowline_engine::ids::{Millis, Position, WorkspaceId};
use bowline_engine::run::{LineFailure, LineReport, LineStage};
use clap::Args;
use scarce::Scarce;
use serde::Serialize;

use crate::clocks::ShownClocks;
use crate::compared::{Remembered, remembered};
use crate::documents;
use crate::error::{CommandError, no_connection, not_ready, put_aside, relay_fault, relay_says};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::overlaps::Overlap;
use crate::syncing;
use crate::time::iso;
use crate::workspaces::{self, Called};

/// Show what is synced, and what is not and why
///
/// Never opens a connection: what it says about the relay is what the process that syncs has said last.
#[derive(Args, Debug)]
pub(crate) struct Status;

/// Everything `status` says.
#[derive(Serialize)]
struct Report {
    home: String,
    device: String,
    user_name: Option<String>,
    device_name: Option<String>,
    /// The process that syncs.
    syncing_pid: Option<u32>,
    only_here: OnlyHere,
    #[serde(skip)]
    only_here_words: Option<String>,
    /// What others changed at the same time as this device, and no person has looked at since.
    overlaps: Vec<Overlap>,
    workspaces: Vec<Workspace>,
    #[serde(skip)]
    now: Millis,
}

#[derive(Serialize)]
struct OnlyHere {
    conversations: usize,
    agents: usize,
    skills: usize,
    memories: usize,
    /// Documents in workspaces of which something is only here.
    parts_of: usize,
}

#[derive(Serialize)]
struct Workspace {
    id: String,
    #[serde(skip)]
    label: String,
    name: Option<String>,
    in_use: bool,
    /// Whom this person is there, as far as the log says.
    role: Option<&'static str>,
    relay: String,
    member: bool,
    /// Whether this device is in the workspace, in a word.
    membership: &'static str,
    /// How it came out, as a sentence; `None` while it is in or on its way.
    out_because: Option<String>,
    /// What a person can do about it.
    what_to_do: Option<String>,
    connection: Connection,
    queued: usize,
    on_its_way: usize,
    /// Why nothing is being sent.
    not_sent_because: Option<String>,
    /// Since when the relay takes nothing.
    not_sent_since: Option<String>,
    #[serde(skip)]
    held_up: Option<Millis>,
    undecided: usize,
    decisions: Vec<Decision>,
    /// Where the owner is moving the workspace, while this device is not there yet.
    moving_to: Option<String>,
    /// The ownership that is on offer.
    offer: Option<Offer>,
    /// Who is running out of what they may write of records: this person, or, to the owner, anybody.
    records_scarce: Vec<Scarce>,
    signed_position: Option<u64>,
    /// What this device remembers of having compared the workspace with another person's device.
    verified: Option<Remembered>,
    synced: bool,
    quarantined: Vec<Quarantined>,
    refused: u64,
    update_needed: u64,
    /// What the relay holds back of what others wrote; `null` if nothing.
    withheld: Option<Withheld>,
    /// What can be done about words that have been waited for long.
    #[serde(skip)]
    never_comes: Option<&'static str>,
    /// Entries that the relay lacks since it was restored from a backup, and that are sent again.
    sent_again: usize,
    /// Entries by others that the relay's log lacks, and that are shown here alone until they are written anew.
    apart: u64,
    /// Parts of something large by others of which another part has not come.
    incomplete: u64,
    /// The clocks of the relay, the log and this device, if two of them are apart.
    clocks: Option<ShownClocks>,
    relay_says: Option<String>,
    fault: Option<String>,
    evidence: usize,
    /// Proofs from before this device joined again.
    earlier_evidence: usize,
    /// Whether this person has a recovery phrase in it, as far as this device knows.
    recovery_phrase: Phrase,
    devices: Vec<Device>,
}

/// What the relay holds back: the log is here, and bodies of it are not.
#[derive(Serialize)]
struct Withheld {
    entries: u64,
    documents: u64,
    since: Option<String>,
    #[serde(skip)]
    at: Millis,
}

impl From<WithheldStatus> for Withheld {
    fn from(WithheldStatus { entries, documents, since }: WithheldStatus) -> Self {
        Self { entries, documents, since: iso(since), at: since }
    }
}

/// How the line to the relay is.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Connection {
    /// A person has disconnected it.
    Disconnected,
    /// This device is not in the workspace: there is nothing to connect to.
    Over,
    /// No process syncs this home.
    NobodySyncs {
        last_connected_at: Option<String>,
        /// What kept the last process that synced from it.
        why: Option<String>,
        #[serde(skip)]
        last: Option<Millis>,
    },
    /// A connection is being made.
    Connecting,
    /// There is a connection, and entries are on their way.
    CatchingUp { position: u64 },
    /// There is a connection, and everything that the relay has is here.
    Connected {
        since: Option<String>,
        #[serde(skip)]
        at: Millis,
    },
    /// There is no connection, and this process tries again.
    NotConnected {
        since: Option<String>,
        why: Option<String>,
        retry_at: Option<String>,
        #[serde(skip)]
        at: Millis,
        #[serde(skip)]
        retry: Option<Millis>,
    },
}

/// A decision that is not in force yet.
#[derive(Serialize)]
struct Decision {
    number: u64,
    what: String,
    decided_at: Option<String>,
    sent: bool,
    #[serde(skip)]
    since: Millis,
}

/// The ownership that is on offer to somebody.
#[derive(Serialize)]
struct Offer {
    /// To whom.
    user: String,
    user_name: Option<String>,
    /// Whether that is this person.
    you: bool,
    /// Whether this person has made it, as the owner.
    by_you: bool,
    #[serde(skip)]
    shown: String,
}

/// A person's recovery phrase in a workspace; for programs, whether there is one.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "bool")]
enum Phrase {
    /// There is one.
    Here,
    /// There is none.
    None,
    /// There is none, and the owner is to be reminded of that.
    Lacking,
}

impl From<Phrase> for bool {
    fn from(phrase: Phrase) -> Self {
        phrase == Phrase::Here
    }
}

#[derive(Serialize)]
struct Quarantined {
    entry: String,
    author: String,
    #[serde(skip)]
    author_name: String,
    why: String,
}

#[derive(Serialize)]
struct Device {
    id: String,
    name: Option<String>,
    user: String,
    user_name: Option<String>,
    #[serde(skip)]
    shown: String,
    #[serde(skip)]
    shown_user: String,
    #[serde(rename = "this_device")]
    is_this: bool,
    /// Whether it is a recovery phrase.
    recovery: bool,
    has_everything: bool,
    last_heard_at: Option<String>,
    #[serde(skip)]
    heard: Option<Millis>,
}

impl Status {
    #[expect(clippy::unused_self, reason = "every command is run in the same way")]
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let names = here.device.own_names()?;
        let user_name = own_name(&mut here, names.user, now)?;
        let only_here = documents::OnlyHere::of(&here.device)?;
        let mut workspaces = Vec::new();
        for workspace in here.device.workspaces().collect::<Vec<_>>() {
            workspaces.push(report(&mut here, workspace, now)?);
        }
        let syncing_pid = syncing::who_syncs(&here.home, &here.device)?;
        invocation.answer(&Report {
            home: here.home.folder().display().to_string(),
            device: here.device.id().to_string(),
            user_name,
            device_name: names.device,
            syncing_pid,
            only_here: OnlyHere {
                conversations: documents::number_of(&only_here.whole, Kind::Conversation),
                agents: documents::number_of(&only_here.whole, Kind::Agent),
                skills: documents::number_of(&only_here.whole, Kind::Skill),
                memories: documents::number_of(&only_here.whole, Kind::Memory),
                parts_of: only_here.parts_of,
            },
            only_here_words: only_here.in_words(),
            overlaps: Overlap::all(invocation, &mut here)?,
            workspaces,
            now,
        })
    }
}

/// What the person is called, by the workspaces if they all say the same: lists of devices show that name.
fn own_name(here: &mut Opened, own: Option<String>, now: Millis) -> Result<Option<String>, CommandError> {
    let mut names = std::collections::BTreeSet::new();
    for workspace in here.device.workspaces().collect::<Vec<_>>() {
        let user = here.device.own_user(workspace)?;
        names.insert(here.device.user_name(workspace, user, now)?.or_else(|| own.clone()));
    }
    Ok(if names.len() == 1 { names.pop_first().flatten() } else { own })
}

fn report(here: &mut Opened, workspace: WorkspaceId, now: Millis) -> Result<Workspace, CommandError> {
    let status = here.device.status(workspace)?;
    let called = Called::load(&mut here.device, workspace, &status.members, now)?;
    let synced = here.device.sync_report()?;
    let line = synced.as_ref().and_then(|synced| synced.line(workspace));
    let connection = connection(here, workspace, &status, line)?;
    let outstanding = here.device.outstanding(workspace)?;
    let position = here.device.position(workspace)?;
    let this = here.device.id_in(workspace);
    let is_live = matches!(connection, Connection::Connected { .. });
    let waits = outstanding.queued + outstanding.offered > 0;
    let is_over = status.membership.is_over();
    let own = here.device.own_user(workspace)?;
    let is_phrase = |member: &MemberStatus| member.user == own && member.active && member.recovery;
    let has_phrase = status.members.iter().any(is_phrase);
    let role = workspaces::own_role(&here.device, workspace, &status.members)?;
    let waiting_for = status
        .waiting_for
        .filter(|why| waits && !matches!(why, bowline_engine::NotReady::Offline))
        .map(|why| not_ready(why).to_owned());
    Ok(Workspace {
        id: workspace.to_string(),
        label: workspaces::label(&here.device, workspace),
        name: workspaces::name(&here.device, workspace),
        in_use: here.device.current_workspace()? == Some(workspace),
        role: role.map(workspaces::role_word),
        relay: here.device.relay_address(workspace)?,
        member: status.member && !is_over,
        membership: status.membership.name(),
        out_because: out::because(&status.membership, this, &called),
        what_to_do: match out::way(&status, &here.device, workspace) {
            None => out::last_failure(here, workspace, line)?
                .and_then(|why| out::way_on_line(why, &documents::workspace_prefix(&here.device, workspace))),
            way => way,
        },
        queued: outstanding.queued,
        on_its_way: outstanding.offered,
        not_sent_because: status.held_up.map(|said| relay_says(said.reason)).or(waiting_for),
        not_sent_since: status.held_up.and_then(|said| iso(said.since)),
        held_up: status.held_up.map(|said| said.since),
        undecided: status.undecided,
        decisions: decisions(&here.device, workspace, &called)?,
        moving_to: status.moving.as_ref().map(|to| to.address.clone()),
        offer: offer(&here.device, workspace, &status, &called)?,
        records_scarce: scarce::told(&status, role, own, &called),
        signed_position: status.signed.map(|head| head.position.0),
        verified: match here.device.other_draft(workspace) {
            Some(_) => None,
            None => remembered(&here.device, workspace)?,
        },
        synced: outstanding.is_none()
            && !is_over
            && status.withheld.is_none()
            && status.signed.is_some_and(|head| head.position == position)
            && is_live,
        quarantined: status.quarantined.iter().map(|it| quarantined(it, &called)).collect(),
        refused: status.refused,
        update_needed: status.update_needed,
        withheld: status.withheld.map(Withheld::from),
        never_comes: never_comes::way(&here.device, workspace, (&status, role), now)?,
        sent_again: status.sent_again,
        apart: status.apart,
        incomplete: status.incomplete,
        clocks: status.clocks.map(ShownClocks::from),
        relay_says: status.relay_says.map(relay_says),
        fault: status
            .fault
            .as_ref()
            .map(relay_fault)
            .or_else(|| status.caught.map(|caught| no_connection(&LineFailure::plain(caught))))
            .or_else(|| status.behind.map(|behind| out::shown_instead(&behind))),
        evidence: status.evidence.len(),
        earlier_evidence: status.earlier_evidence,
        recovery_phrase: match (has_phrase, role == Some(Role::Owner) && status.member && !is_over) {
            (true, _) => Phrase::Here,
            (false, true) => Phrase::Lacking,
            (false, false) => Phrase::None,
        },
        devices: status
            .members
            .iter()
            .filter(|member| member.active)
            .map(|member| device(member, &called, member.device == this, position))
            .collect(),
        connection,
    })
}

fn quarantined(it: &bowline_engine::device::Quarantined, called: &Called) -> Quarantined {
    Quarantined {
        entry: it.entry.to_string(),
        author: it.author.to_string(),
        author_name: called.device(it.author),
        why: put_aside(it),
    }
}

fn decisions(
    device: &bowline_engine::Device,
    workspace: WorkspaceId,
    called: &Called,
) -> Result<Vec<Decision>, CommandError> {
    if device.other_draft(workspace).is_some() {
        return Ok(Vec::new()); // nothing will become of any
    }
    let (pending, own) = (device.decisions(workspace)?, device.own_user(workspace)?);
    let told = pending.into_iter().map(|it| Decision {
        number: it.number,
        what: out::decided(&it.decision, own, called),
        decided_at: iso(it.since),
        sent: it.is_sent,
        since: it.since,
    });
    Ok(told.collect())
}

fn offer(
    device: &bowline_engine::Device,
    workspace: WorkspaceId,
    status: &WorkspaceStatus,
    called: &Called,
) -> Result<Option<Offer>, CommandError> {
    let Some(offer) = status.offer.filter(|_| !status.membership.is_over()) else {
        return Ok(None);
    };
    let own = device.own_user(workspace)?;
    let maker = status.members.iter().find(|member| member.device == offer.by);
    Ok(Some(Offer {
        user: offer.to.to_string(),
        user_name: called.user_name(offer.to).map(str::to_owned),
        you: offer.to == own,
        by_you: maker.is_some_and(|maker| maker.user == own),
        shown: called.user(offer.to),
    }))
}

fn device(member: &MemberStatus, called: &Called, is_this: bool, position: Position) -> Device {
    Device {
        id: member.device.to_string(),
        name: called.device_name(member.device).map(str::to_owned),
        user: member.user.to_string(),
        user_name: called.user_name(member.user).map(str::to_owned),
        shown: called.device(member.device),
        shown_user: called.user(member.user),
        is_this,
        recovery: member.recovery,
        has_everything: is_this || member.seen >= position,
        last_heard_at: member.heard.and_then(iso),
        heard: member.heard,
    }
}

fn connection(
    here: &Opened,
    workspace: WorkspaceId,
    status: &WorkspaceStatus,
    line: Option<&LineReport>,
) -> Result<Connection, CommandError> {
    if status.membership.is_over() {
        return Ok(Connection::Over);
    }
    if here.device.is_disconnected(workspace)? {
        return Ok(Connection::Disconnected);
    }
    if here.home.try_sync_lock()?.is_some() {
        // Who was refused was in step with what the relay had, and the relay not with what is here.
        let last = line.and_then(|line| line.last_live).map(Millis).filter(|_| status.held_up.is_none());
        let why = line.and_then(|line| line.error.as_ref()).map(no_connection);
        return Ok(Connection::NobodySyncs { last_connected_at: last.and_then(iso), why, last });
    }
    // A process that has just begun has not said anything yet.
    Ok(line.map_or(Connection::Connecting, |line| of_line(line, status)))
}

fn of_line(line: &LineReport, status: &WorkspaceStatus) -> Connection {
    let at = Millis(line.since);
    match line.stage {
        LineStage::Live => Connection::Connected { since: iso(at), at },
        LineStage::CatchingUp => Connection::CatchingUp { position: line.position },
        LineStage::Connecting if line.error.is_none() => Connection::Connecting,
        LineStage::Off | LineStage::Waiting | LineStage::Connecting => {
            let retry = line.retry_at.map(Millis);
            let said = status.relay_says.map(relay_says);
            Connection::NotConnected {
                since: iso(at),
                why: line.error.as_ref().map(no_connection).or(said),
                retry_at: retry.and_then(iso),
                at,
                retry,
            }
        }
    }
}
