//! Names of people and devices: in a sealed document of the workspace, because the relay knows keys only.

use bowline_core::document::Kind;
use bowline_store::DocN;
use bowline_wire::ids::{DeviceId, Millis, UserId, WorkspaceId};

use super::Device;
use super::documents::Edit;
use super::workspaces::profile_id;
use crate::Error;

impl Device {
    /// Names this device for the others in the workspace.
    pub fn name_device(&mut self, workspace: WorkspaceId, name: &str, now: Millis) -> Result<(), Error> {
        let (n, device) = (self.profile(workspace, now)?, self.id());
        self.edit(n, now, |document, pen| {
            document.profile_mut(pen)?.set_device_name(device, name).map_err(Edit::from)
        })
    }

    /// Names the person whose device this is.
    pub fn name_user(&mut self, workspace: WorkspaceId, name: &str, now: Millis) -> Result<(), Error> {
        let roster = self.replica(workspace)?.log().map(bowline_wire::log::Log::roster);
        let user = roster.and_then(|roster| roster.device(&self.id())).map(|device| device.user);
        // Before the log is known here this can only be the first device of a workspace made here.
        let user = user.unwrap_or(UserId::of_first_device(self.id()));
        let n = self.profile(workspace, now)?;
        self.edit(n, now, |document, pen| {
            document.profile_mut(pen)?.set_user_name(user, name).map_err(Edit::from)
        })
    }

    /// What a device is called.
    pub fn device_name(
        &mut self,
        workspace: WorkspaceId,
        device: DeviceId,
        now: Millis,
    ) -> Result<Option<String>, Error> {
        let n = self.profile(workspace, now)?;
        let profile = self.load(n, now)?.document.profile();
        Ok(profile.ok().and_then(|profile| profile.device_name(device)))
    }

    /// What a person is called.
    pub fn user_name(
        &mut self,
        workspace: WorkspaceId,
        user: UserId,
        now: Millis,
    ) -> Result<Option<String>, Error> {
        let n = self.profile(workspace, now)?;
        let profile = self.load(n, now)?.document.profile();
        Ok(profile.ok().and_then(|profile| profile.user_name(user)))
    }

    /// The row of the workspace's profile. Every device makes the same document, so that making it twice merges.
    fn profile(&mut self, workspace: WorkspaceId, now: Millis) -> Result<DocN, Error> {
        self.replica(workspace)?;
        let id = profile_id(workspace);
        if let Some(row) = self.store.read().find_doc(Some(workspace), id)? {
            return Ok(row.n);
        }
        let new = self.new_document(Kind::Profile, Some(workspace), id, now);
        Ok(self.store.transaction(|tx| tx.insert_doc(&new))?)
    }
}
