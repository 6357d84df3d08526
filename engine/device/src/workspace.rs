//! Workspaces of this device: the verbs that hosts call, each of which borrows the parts of the device that it needs, and hands them on.
//!
//! Longer than 500 lines because every verb about workspaces stands here, in a few lines each.

mod again;
mod beginning;
pub(crate) mod behind;
mod carrying_out;
mod claims;
mod clocks;
pub(crate) mod code;
pub(crate) mod connection;
pub(crate) mod decisions;
mod effects;
mod entries;
pub(crate) mod evidence;
mod giving_up;
pub(crate) mod going_on;
pub(crate) mod inquiry;
pub mod intent;
mod joining_code;
mod keys_at_rest;
pub(crate) mod line;
pub(crate) mod line_failure;
mod linked;
pub(crate) mod log_state;
pub(crate) mod membership;
mod moving;
pub(crate) mod not_here;
mod old;
pub(crate) mod owed;
pub(crate) mod parts;
pub(crate) mod quarantine;
pub(crate) mod recovery;
pub(crate) mod report;
pub(crate) mod roster;
pub(crate) mod sealed_values;
pub(crate) mod sealing;
pub(crate) mod status;
pub(crate) mod stored_log;
pub(crate) mod taken;
mod taking_in;
mod unasked;
pub(crate) mod unsealing;
pub(crate) mod withheld;
pub(crate) mod workspaces;

use bowline_core::document::ProfileMut;
use bowline_core::sync::{Awaited, GoingOn, LinkState, NotReady, Phase, ShownLog, Survey};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{DeviceId, LineKey, Millis, Position, TicketKey, UserId, WorkspaceId};

use crate::apart::Parts;
use crate::documents::reading::Reading;
use crate::{
    Cancelling, Caught, Code, CodeKind, Device, DocumentState, Error, Lifetime, Look, Looking, Membership,
    Missing, NotHere, OpenCode, OtherDraft, Outstanding, PendingDecision, PutAside, SyncReport, Which,
    Withheld, WorkspaceStatus,
};
use intent::Decision;
pub(crate) use linked::{Keyrings, Workspaces};

impl Device {
    /// Makes a workspace with this device as the Owner's first. It exists at once; the relay learns of it with the first
    /// connection. New documents go there from now on; existing ones stay where they are.
    pub fn create_workspace(&mut self, relay: &str, token: &str, now: Millis) -> Result<WorkspaceId, Error> {
        let Parts { workspaces, mut lent, .. } = self.parts(now);
        workspaces.create(&mut lent, relay, token)
    }

    /// Begins to join a workspace. Nothing existing is shared by it; new documents go there once the relay has let this
    /// device in.
    pub fn join(&mut self, code: &Code, now: Millis) -> Result<WorkspaceId, Error> {
        if workspaces::has_failed(self.store.read(), code.workspace)? {
            // What was written while waiting to be let in stays on this device.
            self.forget_workspace(code.workspace, now)?;
        }
        let Parts { workspaces, mut lent, .. } = self.parts(now);
        workspaces.join(&mut lent, code, false)
    }

    /// Begins to come back into a workspace as a new device, because the one that this device was there was removed: its key lets
    /// nobody in any more. Elsewhere it stays who it is. What is left of the workspace here is forgotten, and its documents stay.
    pub fn rejoin(&mut self, code: &Code, now: Millis) -> Result<WorkspaceId, Error> {
        if let Some(other) = self.other_draft(code.workspace) {
            return Err(Error::OtherDraft(code.workspace, other));
        }
        if self.workspaces.replica(code.workspace).is_ok() {
            if !self.membership(code.workspace)?.is_over() {
                return Err(Error::AlreadyThere);
            }
            self.forget_workspace(code.workspace, now)?;
        }
        let Parts { workspaces, mut lent, .. } = self.parts(now);
        workspaces.join(&mut lent, code, true)
    }

    /// The workspace's relay is at another address from now on. Its log is still held to what is known of it here.
    pub fn move_workspace(&mut self, workspace: WorkspaceId, relay: &str, now: Millis) -> Result<(), Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        workspaces.move_to(&mut lent, documents, workspace, relay)
    }

    /// Names a workspace, for everybody in it.
    pub fn name_workspace(&mut self, workspace: WorkspaceId, name: &str, now: Millis) -> Result<(), Error> {
        self.workspaces.replica(workspace)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let set = |profile: &mut ProfileMut<'_>| profile.set_workspace_name(workspace, name);
        let edited = documents.name(&mut lent, workspaces.keyrings(), workspace, set)?;
        self.send_edit(edited, now);
        Ok(())
    }

    /// What a workspace is called; `None` if nobody has named it.
    pub fn workspace_name(&self, workspace: WorkspaceId) -> Result<Option<String>, Error> {
        let (read, keyrings) = (self.store.read(), self.workspaces.keyrings());
        let Some(row) = read.find_doc(crate::rows::profile_id(workspace))? else {
            return Ok(None);
        };
        let document = Reading { read, device: self.id(), keyrings }.document(row.n)?;
        Ok(document.profile().ok().and_then(|profile| profile.workspace_name(workspace)))
    }

    /// Whether this device is in a workspace, as people are told.
    pub fn membership(&self, workspace: WorkspaceId) -> Result<Membership, Error> {
        self.workspaces.membership(self.store.read(), self.id_in(workspace), workspace)
    }

    /// Which other draft of the protocol than this version's a workspace's log is of; `None` if it is of this one. Such a
    /// workspace is only read: what needs its relay or its log fails with [`Error::OtherDraft`].
    pub fn other_draft(&self, workspace: WorkspaceId) -> Option<OtherDraft> {
        self.workspaces.other_draft(workspace)
    }

    /// Whether lasting evidence keeps this device from sending anything to the workspace's relay.
    pub fn is_distrusted(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        Ok(self.workspaces.replica(workspace)?.is_distrusted())
    }

    /// Which device this is in a workspace: the one that it is elsewhere, unless it came back as a new one.
    pub fn id_in(&self, workspace: WorkspaceId) -> DeviceId {
        self.workspaces.device_in(&self.keys, workspace)
    }

    /// The decisions about a workspace that are not in force yet, in the order in which they were made.
    pub fn decisions(&self, workspace: WorkspaceId) -> Result<Vec<PendingDecision>, Error> {
        self.workspaces.decisions(self.store.read(), &self.keys, workspace)
    }

    /// Takes back a decision that is not in force yet.
    pub fn cancel_decision(&mut self, workspace: WorkspaceId, number: u64) -> Result<Cancelling, Error> {
        self.workspaces.cancel_decision(&mut self.store, &self.keys, workspace, number)
    }

    /// The invites and links that are open, whoever made them.
    pub fn open_codes(&self, workspace: WorkspaceId) -> Result<Vec<OpenCode>, Error> {
        self.workspaces.open_codes(workspace)
    }

    /// Where new documents go; `None` for this device only.
    pub fn use_workspace(&mut self, workspace: Option<WorkspaceId>) -> Result<(), Error> {
        self.workspaces.put_current(&mut self.store, workspace)
    }

    /// Where new documents go; `None` for this device only.
    pub fn current_workspace(&self) -> Result<Option<WorkspaceId>, Error> {
        self.workspaces.current(self.store.read())
    }

    /// All workspaces of this device, in order.
    pub fn workspaces(&self) -> impl Iterator<Item = WorkspaceId> {
        self.workspaces.ids()
    }

    /// A line to this workspace's relay is up. `line` is the key of the relay's certificate as the line has proven it (a pinned
    /// TLS key), which the relay's challenge then has to name; `None` if the line proves something else.
    pub fn handle_connected(
        &mut self,
        workspace: WorkspaceId,
        line: Option<LineKey>,
        now: Millis,
    ) -> Result<(), Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        workspaces.connect(&mut lent, documents, workspace, line)?;
        workspaces.drive(&mut lent, documents, workspace)
    }

    /// Whether the identity of this workspace's relay is known: the key of its certificate may then be another than the address
    /// names, if that identity says so.
    pub fn knows_relay(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        moving::knows_relay(self.store.read(), workspace)
    }

    /// The key of the relay's certificate, once on each line: when the relay's identity and the log have vouched for it.
    pub fn take_relay_key(&mut self, workspace: WorkspaceId) -> Option<LineKey> {
        self.workspaces.take_relay_key(workspace)
    }

    /// Stores the address at which this workspace's relay was reached.
    pub fn note_relay_address(&mut self, workspace: WorkspaceId, relay: &str) -> Result<(), Error> {
        let Parts { workspaces, mut lent, .. } = self.parts(Millis::default());
        workspaces.readdress(&mut lent, workspace, relay)
    }

    /// Lets the log's time be as far ahead of this device's clock as the relay has shown it to be: the person says that it is right, or
    /// wants to go on with it. Returns `false` if no connection has failed because of that.
    pub fn accept_time(&mut self, workspace: WorkspaceId, now: Millis) -> Result<bool, Error> {
        let Parts { workspaces, mut lent, .. } = self.parts(now);
        workspaces.accept_time(&mut lent, workspace)
    }

    /// Everything this workspace's relay was caught at, oldest first, with what proves it to others.
    pub fn caught(&self, workspace: WorkspaceId) -> Result<Vec<Caught>, Error> {
        Ok(evidence::all(self.store.read(), workspace)?)
    }

    /// Begins to look at the log that a workspace's relay has, on a line of its own, beside the one that is known here. Nothing that is
    /// known here changes by it. `line` is as with [`Device::handle_connected`]. Where it is made again, the relay changes.
    ///
    /// # Errors
    /// [`Error::NothingToGoOnFrom`] if this device knows nothing of the log, or has not reached the point that its code names;
    /// [`Error::LetGo`] if the log is to be made again, and a checkpoint has let a part of it go here.
    pub fn survey(
        &mut self,
        workspace: WorkspaceId,
        (line, how): (Option<LineKey>, &Looking),
        now: Millis,
    ) -> Result<Survey, Error> {
        let Parts { workspaces, mut lent, .. } = self.parts(now);
        workspaces.survey(&mut lent, workspace, (line, how))
    }

    /// A frame has come on a line on which a relay's log is looked at.
    pub fn look(
        &mut self,
        workspace: WorkspaceId,
        survey: &mut Survey,
        bytes: &[u8],
        now: Millis,
    ) -> Result<Look, Error> {
        let Parts { workspaces, mut lent, .. } = self.parts(now);
        workspaces.look(&mut lent, workspace, survey, bytes)
    }

    /// What a relay's log lacks of the one that is known here.
    ///
    /// # Errors
    /// [`Error::LogMoved`] if more is known here by now: look again.
    pub fn missing(&self, workspace: WorkspaceId, shown: &ShownLog) -> Result<Missing, Error> {
        self.workspaces.missing(self.store.read(), workspace, shown)
    }

    /// Goes on with a relay's log. Only a person may decide so, who has seen what it lacks.
    ///
    /// # Errors
    /// [`Error::LogMoved`] if more is known here by now: look again.
    pub fn go_on_with(
        &mut self,
        workspace: WorkspaceId,
        shown: &ShownLog,
        how: GoingOn,
        now: Millis,
    ) -> Result<(), Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        workspaces.go_on_with(&mut lent, documents, workspace, (shown, how))
    }

    /// The line is down.
    pub fn handle_disconnected(&mut self, workspace: WorkspaceId) -> Result<(), Error> {
        self.workspaces.disconnect(workspace)
    }

    /// A frame has come. Bytes that are none close the line.
    pub fn handle_frame(&mut self, workspace: WorkspaceId, bytes: &[u8], now: Millis) -> Result<(), Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        workspaces.take_frame(&mut lent, workspace, bytes)?;
        workspaces.drive(&mut lent, documents, workspace)
    }

    /// When [`Device::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.workspaces.poll_timeout()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis) -> Result<(), Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        workspaces.time_out(&mut lent, documents)
    }

    /// The next frame for this workspace's line. Whatever it tells the relay is durable here.
    pub fn poll_transmit(&mut self, workspace: WorkspaceId) -> Option<Vec<u8>> {
        self.workspaces.poll_transmit(workspace)
    }

    /// Whether the line is to be closed, once everything was handed over.
    pub fn poll_close(&mut self, workspace: WorkspaceId) -> bool {
        self.workspaces.poll_close(workspace)
    }

    /// How the line is.
    pub fn link_state(&self, workspace: WorkspaceId) -> Result<LinkState, Error> {
        Ok(self.workspaces.replica(workspace)?.link())
    }

    /// Does what there is to do in a workspace.
    pub(crate) fn drive(&mut self, workspace: WorkspaceId, now: Millis) -> Result<(), Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        workspaces.drive(&mut lent, documents, workspace)
    }

    /// Invites somebody as a Member. The code is ready once the relay has signed for it: see [`Device::code`].
    pub fn invite(&mut self, workspace: WorkspaceId, now: Millis) -> Result<TicketKey, Error> {
        self.make_code(workspace, Lifetime::usual(CodeKind::Invite), now)
    }

    /// Lets another device of the same person in. The code is ready once the relay has signed for it.
    pub fn link_device(&mut self, workspace: WorkspaceId, now: Millis) -> Result<TicketKey, Error> {
        self.make_code(workspace, Lifetime::usual(CodeKind::Link), now)
    }

    /// Lets somebody in by a code that is good for so long. The code is ready once the relay has signed for it.
    pub fn make_code(
        &mut self,
        workspace: WorkspaceId,
        lifetime: Lifetime,
        now: Millis,
    ) -> Result<TicketKey, Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let key = workspaces.open_door(&mut lent, workspace, lifetime)?;
        workspaces.drive(&mut lent, documents, workspace)?;
        Ok(key)
    }

    /// Closes an invite or link.
    pub fn close_code(
        &mut self,
        workspace: WorkspaceId,
        kind: CodeKind,
        key: TicketKey,
        now: Millis,
    ) -> Result<(), Error> {
        self.decide(workspace, Decision::Close(kind, key), now)
    }

    /// Removes a device. In force once the relay has signed for it; from now on nothing more is sealed to it.
    pub fn remove_device(
        &mut self,
        workspace: WorkspaceId,
        device: DeviceId,
        now: Millis,
    ) -> Result<(), Error> {
        self.decide(workspace, Decision::RemoveDevice(device), now)
    }

    /// Removes a Member with all devices. In force once the relay has signed for it; from now on nothing more is sealed to them.
    pub fn remove_member(&mut self, workspace: WorkspaceId, user: UserId, now: Millis) -> Result<(), Error> {
        self.decide(workspace, Decision::RemoveMember(user), now)
    }

    /// Leaves, with all devices of this person or with this one.
    pub fn leave(&mut self, workspace: WorkspaceId, whole_user: bool, now: Millis) -> Result<(), Error> {
        self.decide(workspace, Decision::Leave { whole_user }, now)
    }

    /// Stores a decision, which becomes a record as soon as a relay can be reached.
    pub fn decide(&mut self, workspace: WorkspaceId, decision: Decision, now: Millis) -> Result<(), Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        workspaces.decide(&mut lent, workspace, decision)?;
        workspaces.drive(&mut lent, documents, workspace)
    }

    /// The code of an open invite or link that was made on this device.
    pub fn code(&self, workspace: WorkspaceId, ticket: TicketKey) -> Result<Option<Code>, Error> {
        self.workspaces.code(self.store.read(), &self.keys, workspace, ticket)
    }

    /// How a workspace is.
    pub fn status(&self, workspace: WorkspaceId) -> Result<WorkspaceStatus, Error> {
        self.workspaces.status(self.store.read(), &self.keys, workspace)
    }

    /// Entries of a workspace that were put aside, whole or in part, each with what it says.
    pub fn put_aside(&self, workspace: WorkspaceId) -> Result<Vec<PutAside>, Error> {
        self.workspaces.put_aside(self.store.read(), workspace)
    }

    /// Where a document is.
    pub fn document_state(&self, which: impl Into<Which>) -> Result<DocumentState, Error> {
        let found = self.find(which)?;
        let device = found.row.ws.map_or(self.id(), |workspace| self.id_in(workspace));
        self.workspaces.document_state(self.store.read(), device, &found.row)
    }

    /// What of a workspace's content is on the log and not here, and could be given up by the Owner.
    pub fn not_here(&self, workspace: WorkspaceId) -> Result<Vec<NotHere>, Error> {
        self.workspaces.not_here(self.store.read(), self.id_in(workspace), workspace)
    }

    /// What of a document the workspace's relay withholds, so that it is not shown; `None` if nothing.
    pub fn withheld(&self, which: impl Into<Which>) -> Result<Option<Withheld>, Error> {
        crate::documents::listed::withheld_of(self.store.read(), &self.find(which)?.row)
    }

    /// Whether bodies that the relay withheld may be about to come on this line.
    pub fn is_fetching(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        Ok(self.workspaces.replica(workspace)?.is_fetching())
    }

    /// Whose device this is in a workspace.
    pub fn own_user(&self, workspace: WorkspaceId) -> Result<UserId, Error> {
        self.workspaces.own_user(self.id_in(workspace), workspace)
    }

    /// Says whether a workspace may be connected. Without that, no host opens a socket for it; everything else works.
    pub fn set_connected(&mut self, workspace: WorkspaceId, connected: bool) -> Result<(), Error> {
        self.workspaces.check_known(workspace)?;
        connection::put_connected(&mut self.store, workspace, connected)
    }

    /// Whether a person wants the workspace connected and it makes sense to: this device is in it or on its way in. What
    /// other processes have said counts at once.
    pub fn wants_connection(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        self.workspaces.wants_connection(self.store.read(), workspace)
    }

    /// Whether a person has disconnected the workspace.
    pub fn is_disconnected(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        connection::is_disconnected(self.store.read(), workspace)
    }

    /// Why the line that has just ended did.
    pub fn take_parting(&mut self, workspace: WorkspaceId) -> Result<connection::Parting, Error> {
        self.workspaces.take_parting(workspace)
    }

    /// Whether the device has given the line up because of what the relay did on it, or did not do: nobody there needs to be
    /// waited for.
    pub fn has_given_up(&self, workspace: WorkspaceId) -> bool {
        self.workspaces.has_given_up(workspace)
    }

    /// What the relay owes an answer to at the moment.
    pub fn awaited(&self, workspace: WorkspaceId) -> Result<Option<Awaited>, Error> {
        Ok(self.workspaces.replica(workspace)?.awaited())
    }

    /// What grows while a workspace comes in: the log's length here, and the bytes of a newcomer's records.
    pub fn progress(&self, workspace: WorkspaceId) -> Result<(Position, usize), Error> {
        Ok(self.workspaces.replica(workspace)?.progress())
    }

    /// How many documents have unsealed work that others would not take.
    pub(crate) fn unsealable(&self, workspace: WorkspaceId) -> Result<usize, Error> {
        self.workspaces.unsealable(workspace)
    }

    /// Why the relay does not take what this device offers at the moment, though it may later.
    pub(crate) fn held_up(&self, workspace: WorkspaceId) -> Result<Option<Reason>, Error> {
        Ok(self.workspaces.replica(workspace)?.held_up())
    }

    /// Why nothing is sealed at the moment.
    pub(crate) fn not_ready(&self, workspace: WorkspaceId) -> Result<Option<NotReady>, Error> {
        self.workspaces.waiting_for(self.store.read(), &self.keys, workspace)
    }

    /// Whether this device is on its way into a workspace.
    pub fn is_joining(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        Ok(matches!(self.workspaces.replica(workspace)?.phase(), Phase::Joining(_)))
    }

    /// How much of a workspace's log is here.
    pub fn position(&self, workspace: WorkspaceId) -> Result<Position, Error> {
        self.workspaces.position(workspace)
    }

    /// What the process that syncs has last said about itself.
    pub fn sync_report(&self) -> Result<Option<SyncReport>, Error> {
        connection::report(self.store.read())
    }

    /// Stores what the process that syncs says about itself.
    pub fn put_sync_report(&mut self, report: &SyncReport) -> Result<(), Error> {
        connection::put_report(&mut self.store, report)
    }

    /// The relay's address, as it was given when the workspace was made or joined.
    pub fn relay_address(&self, workspace: WorkspaceId) -> Result<String, Error> {
        let row = self.store.read().workspace(workspace)?.ok_or(Error::NoWorkspace(workspace))?;
        Ok(row.relay)
    }

    /// What waits for the relay, as the database has it: whichever process does the sending.
    pub fn outstanding(&self, workspace: WorkspaceId) -> Result<Outstanding, Error> {
        connection::outstanding(self.store.read(), workspace)
    }

    /// Another process may have written: looks for workspaces that came or went, and does what there is to do in others.
    pub fn handle_store_changed(&mut self, now: Millis) -> Result<(), Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        workspaces.look_again(&mut lent, documents)
    }

    /// Believes what is in the database instead of what is in memory, for a process that waits while another one syncs, or
    /// begins to. Not for one that has lines: they would be forgotten.
    pub fn reload(&mut self) -> Result<(), Error> {
        self.workspaces.reload(self.store.read(), &self.keys, &mut self.documents)
    }
}
