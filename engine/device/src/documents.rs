//! Documents on this device: edited, loaded, listed, shown, filed and shared. The verbs that hosts call stand here; each
//! borrows the parts of the device that it needs, and hands them on.

pub(crate) mod agents;
pub(crate) mod base;
pub(crate) mod cache;
pub(crate) mod edit;
pub(crate) mod edited;
pub(crate) mod folding;
pub(crate) mod found;
pub(crate) mod held;
pub(crate) mod in_part;
mod indexing;
pub(crate) mod listed;
pub(crate) mod loading;
pub(crate) mod memories;
mod named;
pub(crate) mod names;
pub(crate) mod overlaps;
pub(crate) mod own_names;
pub(crate) mod reading;
pub(crate) mod rewriting;
pub(crate) mod sharing;
pub(crate) mod skills;
mod untaken;
pub(crate) mod versions;
pub(crate) mod writers;

use bowline_core::document::{
    AgentEdit, AgentField, Document, ExportedFile, Kind, Pen, ProfileMut, Role, Version, Visibility,
};
use bowline_wire::ids::{DeviceId, DocId, Millis, UserId, WorkspaceId};

use crate::apart::Parts;
use crate::documents::edit::{Beginning, Edit, View};
use crate::documents::edited::Edited;
use crate::documents::versions::{FilesEdit, Versions};
use crate::{
    Device, Error, Found, Kept, Listed, OwnNames, Shown, ShownAgent, ShownMemory, ShownSkill, Went, Which,
};

impl Device {
    /// Begins a conversation, in the current workspace or on this device only.
    pub fn create_conversation(&mut self, title: Option<&str>, now: Millis) -> Result<DocId, Error> {
        let workspace = self.current_workspace()?;
        self.create_conversation_in(workspace, title, now)
    }

    /// Begins a conversation in a workspace; with `None` on this device only, whatever the current workspace is.
    pub fn create_conversation_in(
        &mut self,
        workspace: Option<WorkspaceId>,
        title: Option<&str>,
        now: Millis,
    ) -> Result<DocId, Error> {
        self.create(Kind::Conversation, workspace, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_title(title)?)
        })
    }

    /// Makes an agent, in the current workspace or on this device only.
    pub fn create_agent(&mut self, name: &str, now: Millis) -> Result<DocId, Error> {
        let mut edit = AgentEdit::default();
        edit.set(AgentField::Name, Some(name));
        self.create_agent_with(&edit, now)
    }

    /// Makes an agent with all that an edit says of it: there is nothing of it if the edit is refused.
    pub fn create_agent_with(&mut self, edit: &AgentEdit, now: Millis) -> Result<DocId, Error> {
        let workspace = self.current_workspace()?;
        self.create(Kind::Agent, workspace, now, |document, pen| Ok(document.agent_mut(pen)?.edit(edit)?))
    }

    /// Makes an agent, a skill or a memory as an edit says: all of it or, with an error, nothing. What is personal stays here.
    pub fn create_files(&mut self, edit: &FilesEdit, now: Millis) -> Result<DocId, Error> {
        let is_personal = edit.kind().visibility() == Visibility::Personal;
        let workspace = if is_personal { None } else { self.current_workspace()? };
        let id = self.create(edit.kind(), workspace, now, |document, pen| edit.make(document, pen, None))?;
        self.versions(id, now)?.note_seen(None)?;
        Ok(id)
    }

    /// Begins a document of a kind with a first edit, in a workspace or on this device only.
    fn create<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        kind: Kind,
        workspace: Option<WorkspaceId>,
        now: Millis,
        edit: impl FnOnce(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<DocId, Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let beginning = Beginning { kind, id: lent.new_id(), workspace };
        let edited = documents.begin(&mut lent, workspaces.keyrings(), beginning, edit, |_| Ok(()))?;
        self.send_edit(Some(edited), now);
        Ok(beginning.id)
    }

    /// Appends a message. Where it is now.
    pub fn say(
        &mut self,
        which: impl Into<Which>,
        role: Role,
        text: &str,
        now: Millis,
    ) -> Result<Went, Error> {
        self.say_after(which, None, (role, text), now)
    }

    /// Appends a message below the entry with the id `after`, or below the last one. Where it is now.
    pub fn say_after(
        &mut self,
        which: impl Into<Which>,
        after: Option<&str>,
        said: (Role, &str),
        now: Millis,
    ) -> Result<Went, Error> {
        let found = self.find_of_kind(which, Kind::Conversation)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let edited = documents.say(&mut lent, workspaces.keyrings(), &found.row, said, after)?;
        let is_kept = documents.is_kept(&found.row);
        let went = match edited.as_ref().and_then(|edited| edited.workspace) {
            None => Went::OnlyHere,
            Some(workspace) if is_kept => Went::Kept(workspace),
            Some(workspace) => Went::Into(workspace),
        };
        self.send_edit(edited, now);
        Ok(went)
    }

    /// Appends a transcript line byte for byte.
    pub fn append_line(&mut self, which: impl Into<Which>, line: &str, now: Millis) -> Result<(), Error> {
        self.edit_kind(which, Kind::Conversation, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.append_raw(line)?)
        })
    }

    /// Sets or removes the title.
    pub fn set_title(
        &mut self,
        which: impl Into<Which>,
        title: Option<&str>,
        now: Millis,
    ) -> Result<(), Error> {
        self.set_kind(which, Kind::Conversation, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_title(title)?)
        })
    }

    /// Sets or removes a label.
    pub fn set_label(
        &mut self,
        which: impl Into<Which>,
        label: &str,
        on: bool,
        now: Millis,
    ) -> Result<(), Error> {
        self.set_kind(which, Kind::Conversation, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_label(label, on)?)
        })
    }

    /// Has it shown first, or no longer.
    pub fn set_pinned(&mut self, which: impl Into<Which>, pinned: bool, now: Millis) -> Result<(), Error> {
        self.set_kind(which, Kind::Conversation, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_pinned(pinned)?)
        })
    }

    /// Puts it away, or takes it out again.
    pub fn set_archived(
        &mut self,
        which: impl Into<Which>,
        archived: bool,
        now: Millis,
    ) -> Result<(), Error> {
        self.set_kind(which, Kind::Conversation, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_archived(archived)?)
        })
    }

    /// Edits an agent: all of it or, with an error, nothing. What the edit does not name stays, and what others write into
    /// the same files meanwhile as well.
    pub fn edit_agent(
        &mut self,
        which: impl Into<Which>,
        edit: &AgentEdit,
        now: Millis,
    ) -> Result<(), Error> {
        self.edit_kind(which, Kind::Agent, now, |document, pen| Ok(document.agent_mut(pen)?.edit(edit)?))
    }

    /// Edits an agent, a skill or a memory: all of it or, with an error, nothing. With the version that somebody had before them
    /// (`since`), only what they changed of its files is done to those of now. Without, files come to hold what the edit says.
    ///
    /// # Errors
    /// [`Error::NoVersion`] if the document does not have that version here.
    pub fn edit_files(
        &mut self,
        which: impl Into<Which>,
        edit: &FilesEdit,
        since: Option<&Version>,
        now: Millis,
    ) -> Result<(), Error> {
        let found = self.find_of_kind(which, edit.kind())?;
        let since = since.map(|version| self.versions(&found, now)?.as_of(version)).transpose()?;
        self.edit(found, now, |document, pen| edit.make(document, pen, since.as_ref()))
    }

    /// A document in all its versions.
    pub fn versions(&mut self, which: impl Into<Which>, now: Millis) -> Result<Versions<'_>, Error> {
        let found = self.find(which)?;
        Ok(Versions::new(self.parts(now), found))
    }

    /// Moves a document to the trash; it can be restored.
    pub fn delete(&mut self, which: impl Into<Which>, now: Millis) -> Result<(), Error> {
        let found = self.find_deletable(which)?;
        self.set(found, now, |document, pen| Ok(document.delete(pen)?))
    }

    /// Takes a document out of the trash.
    pub fn restore_deleted(&mut self, which: impl Into<Which>, now: Millis) -> Result<(), Error> {
        let found = self.find_deletable(which)?;
        self.set(found, now, |document, pen| Ok(document.restore(pen)?))
    }

    /// Documents but profiles, those in the trash included, whose id begins so as it is printed: for people, who type the
    /// beginning of it. Loads none of them.
    pub fn find_by_prefix(&self, prefix: &str) -> Result<Vec<(DocId, Kind)>, Error> {
        Ok(self.find_beginning(prefix)?.iter().map(|found| (found.id(), found.kind())).collect())
    }

    /// As [`Device::find_by_prefix`], each of them as a verb takes it.
    pub fn find_beginning(&self, prefix: &str) -> Result<Vec<Found>, Error> {
        Found::beginning(self.store.read(), prefix)
    }

    /// Documents of a kind with this title, in order of their ids: those in view or, if there is none, those in the trash.
    pub fn find_titled(&self, kind: Kind, title: &str) -> Result<Vec<Found>, Error> {
        Found::titled(self.store.read(), kind, title)
    }

    /// The document that is meant, looked up if it was not yet.
    pub fn find(&self, which: impl Into<Which>) -> Result<Found, Error> {
        match which.into() {
            Which::Id(id) => Found::with_id(self.store.read(), id),
            Which::Found(found) => Ok(*found),
        }
    }

    /// What a document is.
    pub fn kind_of(&self, which: impl Into<Which>) -> Result<Kind, Error> {
        Ok(self.find(which)?.kind())
    }

    /// A conversation in full.
    pub fn show(&mut self, which: impl Into<Which>, now: Millis) -> Result<Shown, Error> {
        let found = self.find_of_kind(which, Kind::Conversation)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let mut shown: Shown = documents.show(&mut lent, workspaces.keyrings(), &found)?;
        shown.written_by = documents.entries_written_by(&mut lent, workspaces, &found.row)?;
        shown.only_here = documents.entries_only_here(&mut lent, workspaces.keyrings(), &found.row)?;
        Ok(shown)
    }

    /// An agent in full.
    pub fn show_agent(&mut self, which: impl Into<Which>, now: Millis) -> Result<ShownAgent, Error> {
        self.show_as(which, now)
    }

    /// A skill in full.
    pub fn show_skill(&mut self, which: impl Into<Which>, now: Millis) -> Result<ShownSkill, Error> {
        self.show_as(which, now)
    }

    /// The personal files of one agent, in full.
    pub fn show_memory(&mut self, which: impl Into<Which>, now: Millis) -> Result<ShownMemory, Error> {
        self.show_as(which, now)
    }

    /// The files into which a document is exported, as its kind says; a document of a hidden kind has none.
    pub fn export(&mut self, which: impl Into<Which>, now: Millis) -> Result<Vec<ExportedFile>, Error> {
        let found = self.find(which)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        Ok(documents.load(&mut lent, workspaces.keyrings(), &found.row)?.shown().export(found.id()))
    }

    pub(crate) fn show_as<V: View>(&mut self, which: impl Into<Which>, now: Millis) -> Result<V, Error> {
        let found = self.find_of_kind(which, V::KIND)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        documents.show(&mut lent, workspaces.keyrings(), &found)
    }

    fn edit_kind<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        which: impl Into<Which>,
        kind: Kind,
        now: Millis,
        edit: impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<(), Error> {
        let found = self.find_of_kind(which, kind)?;
        self.edit(found, now, edit)
    }

    /// Makes one edit, as [`Documents::edit`], and sends what there is to send of it.
    pub(crate) fn edit<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        which: impl Into<Which>,
        now: Millis,
        edit: impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<(), Error> {
        let found = self.find(which)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let edited = documents.edit(&mut lent, workspaces.keyrings(), &found.row, edit)?;
        self.send_edit(edited, now);
        Ok(())
    }

    fn set_kind<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        which: impl Into<Which>,
        kind: Kind,
        now: Millis,
        edit: impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<(), Error> {
        let found = self.find_of_kind(which, kind)?;
        self.set(found, now, edit)
    }

    /// Makes one edit, as [`Documents::set`], and sends what there is to send of it.
    fn set<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        found: Found,
        now: Millis,
        edit: impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<(), Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let edited = documents.set(&mut lent, workspaces.keyrings(), &found.row, edit, &|_| Ok(()))?;
        self.send_edit(edited, now);
        Ok(())
    }

    fn find_of_kind(&self, which: impl Into<Which>, kind: Kind) -> Result<Found, Error> {
        let found = self.find(which)?;
        if found.kind() == kind { Ok(found) } else { Err(Error::OtherKind(found.id())) }
    }

    fn find_deletable(&self, which: impl Into<Which>) -> Result<Found, Error> {
        let found = self.find(which)?;
        if found.kind().can_be_deleted() { Ok(found) } else { Err(Error::OtherKind(found.id())) }
    }

    /// What this device calls itself and its person, apart from any workspace.
    pub fn own_names(&self) -> Result<OwnNames, Error> {
        OwnNames::read(self.store.read())
    }

    /// Sets what this device calls itself and its person, here and in every workspace it is in. What is `None` stays.
    pub fn set_own_names(&mut self, names: &OwnNames, now: Millis) -> Result<(), Error> {
        names.put(&mut self.store)?;
        let members: Vec<WorkspaceId> =
            self.workspaces().filter(|it| self.workspaces.is_member(*it)).collect();
        for workspace in members {
            if let Some(name) = &names.device {
                self.name_device(workspace, name, now)?;
            }
            if let Some(name) = &names.user {
                self.name_user(workspace, name, now)?;
            }
        }
        Ok(())
    }

    /// Tells a workspace, once everything in it is here, what this device and its person are called, as far as it does
    /// not know yet. A person's name that another of their devices gave stays.
    pub fn introduce(&mut self, workspace: WorkspaceId, now: Millis) -> Result<(), Error> {
        if !self.workspaces.is_member(workspace) {
            return Ok(());
        }
        let (names, id) = (self.own_names()?, self.id_in(workspace));
        if let Some(name) = &names.device
            && self.device_name(workspace, id, now)?.is_none()
        {
            self.name_device(workspace, name, now)?;
        }
        let user = self.own_user(workspace)?;
        if let Some(name) = &names.user
            && self.user_name(workspace, user, now)?.is_none()
        {
            self.name_user(workspace, name, now)?;
        }
        Ok(())
    }

    /// Names this device for the others in the workspace.
    pub fn name_device(&mut self, workspace: WorkspaceId, name: &str, now: Millis) -> Result<(), Error> {
        self.workspaces.replica(workspace)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let device = workspaces.keyrings().writer(Some(workspace), lent.device());
        let set = |profile: &mut ProfileMut<'_>| profile.set_device_name(device, name);
        let edited = documents.name(&mut lent, workspaces.keyrings(), workspace, set)?;
        self.send_edit(edited, now);
        Ok(())
    }

    /// Names the person whose device this is.
    pub fn name_user(&mut self, workspace: WorkspaceId, name: &str, now: Millis) -> Result<(), Error> {
        self.workspaces.replica(workspace)?;
        let user = self.own_user(workspace)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        let set = |profile: &mut ProfileMut<'_>| profile.set_user_name(user, name);
        let edited = documents.name(&mut lent, workspaces.keyrings(), workspace, set)?;
        self.send_edit(edited, now);
        Ok(())
    }

    /// What a device is called.
    pub fn device_name(
        &mut self,
        workspace: WorkspaceId,
        device: DeviceId,
        now: Millis,
    ) -> Result<Option<String>, Error> {
        self.workspaces.check_known(workspace)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        documents.named(&mut lent, workspaces.keyrings(), workspace, |profile| profile.device_name(device))
    }

    /// What a person is called.
    pub fn user_name(
        &mut self,
        workspace: WorkspaceId,
        user: UserId,
        now: Millis,
    ) -> Result<Option<String>, Error> {
        self.workspaces.check_known(workspace)?;
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        documents.named(&mut lent, workspaces.keyrings(), workspace, |profile| profile.user_name(user))
    }

    /// Keeps a document here: whatever is written into it on this device from now on stays, until it is shared again. One of
    /// which nothing has left is on this device only from then on; of another one others keep what they have, and what they
    /// write still comes.
    pub fn keep_local(&mut self, id: DocId, now: Millis) -> Result<Kept, Error> {
        let Parts { documents, mut lent, .. } = self.parts(now);
        documents.keep_local(&mut lent, id)
    }

    /// Documents of which something is only here, trash aside: what could be shared. Those to be kept here are not among them,
    /// and no memories: what an agent knows about its person is shared by name or not at all.
    pub fn shareable(&self) -> Result<Vec<Listed>, Error> {
        sharing::shareable(self.store.read())
    }

    /// Forgets a workspace: its log, keys and entries. Documents stay, only on this device from now on; what of them
    /// could not be read goes with the entries. The relay and the others notice nothing. How many documents stay.
    pub fn forget_workspace(&mut self, workspace: WorkspaceId, now: Millis) -> Result<usize, Error> {
        let Parts { documents, workspaces, mut lent } = self.parts(now);
        workspaces.check_known(workspace)?;
        // With the keys of now: another process may have synced since this one looked, and what it took in could not be
        // read without the keys that came with it.
        workspaces.link_up(&lent, workspace)?;
        let stay = documents.forget_workspace(&mut lent, workspaces, workspace)?;
        workspaces.forget(workspace);
        Ok(stay)
    }

    /// Sends what there is to send of an edit. The edit is durable whatever comes of it; if the database fails now, that
    /// shows in [`Device::needs_reopening`].
    pub(crate) fn send_edit(&mut self, edited: Option<Edited>, now: Millis) {
        let Some(edited) = edited else { return };
        self.workspaces.note_edited(&edited);
        self.drive_after_edit(edited.workspace, now);
    }

    pub(crate) fn drive_after_edit(&mut self, workspace: Option<WorkspaceId>, now: Millis) {
        if let Some(workspace) = workspace
            && let Err(error) = self.drive(workspace, now)
        {
            tracing::warn!(%error, "an edit is stored and cannot be sent now");
        }
    }
}
