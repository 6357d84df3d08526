//! Names of people and devices: in a sealed document of each workspace, because the relay knows keys only, and as this
//! device calls itself, in its own database.

use bowline_core::document::limits::NAME_MAX;
use bowline_core::document::{EditError, Kind};
use bowline_core::sync::Phase;
use bowline_store::DocRow;
use bowline_wire::ids::{DeviceId, Millis, UserId, WorkspaceId};

use crate::Device;
use crate::Error;
use crate::documents::edit::Edit;
use crate::workspace::workspaces::profile_id;

/// Names of the values that say what this device calls itself.
const OWN_DEVICE: &str = "name/device";
const OWN_USER: &str = "name/user";

/// What this device calls itself and the person it belongs to. Does not print.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OwnNames {
    /// The device.
    pub device: Option<String>,
    /// The person.
    pub user: Option<String>,
}

impl std::fmt::Debug for OwnNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnNames")
    }
}

impl Device {
    /// What this device calls itself and its person, apart from any workspace.
    pub fn own_names(&self) -> Result<OwnNames, Error> {
        let name = |key| -> Result<Option<String>, Error> {
            let bytes = self.store.read().meta(key)?;
            Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
        };
        Ok(OwnNames { device: name(OWN_DEVICE)?, user: name(OWN_USER)? })
    }

    /// Sets what this device calls itself and its person, here and in every workspace it is in. What is `None` stays.
    pub fn set_own_names(&mut self, names: &OwnNames, now: Millis) -> Result<(), Error> {
        for name in [&names.device, &names.user].into_iter().flatten() {
            if name.len() > NAME_MAX {
                return Err(Error::Edit(EditError::TooLong { what: "the name", limit: NAME_MAX }));
            }
        }
        self.store.transaction(|tx| -> Result<(), Error> {
            for (key, name) in [(OWN_DEVICE, &names.device), (OWN_USER, &names.user)] {
                if let Some(name) = name {
                    tx.put_meta(key, name.as_bytes())?;
                }
            }
            Ok(())
        })?;
        let members: Vec<WorkspaceId> = self.workspaces().filter(|it| self.is_member(*it)).collect();
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
        if !self.is_member(workspace) {
            return Ok(());
        }
        let names = self.own_names()?;
        let id = self.id();
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

    fn is_member(&self, workspace: WorkspaceId) -> bool {
        self.replica(workspace)
            .is_ok_and(|replica| matches!(replica.phase(), Phase::Creating(_) | Phase::Member))
    }

    /// Whose device this is in a workspace.
    pub fn own_user(&self, workspace: WorkspaceId) -> Result<UserId, Error> {
        let roster = self.replica(workspace)?.log().map(bowline_wire::log::Log::roster);
        let user = roster.and_then(|roster| roster.device(&self.id())).map(|device| device.user);
        // Before the log is known here this can only be the first device of a workspace made here.
        Ok(user.unwrap_or(UserId::of_first_device(self.id())))
    }

    /// Names this device for the others in the workspace.
    pub fn name_device(&mut self, workspace: WorkspaceId, name: &str, now: Millis) -> Result<(), Error> {
        let (row, device) = (self.profile(workspace, now)?, self.id());
        self.edit_row(&row, now, |document, pen| {
            document.profile_mut(pen)?.set_device_name(device, name).map_err(Edit::from)
        })
    }

    /// Names the person whose device this is.
    pub fn name_user(&mut self, workspace: WorkspaceId, name: &str, now: Millis) -> Result<(), Error> {
        let user = self.own_user(workspace)?;
        let row = self.profile(workspace, now)?;
        self.edit_row(&row, now, |document, pen| {
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
        let Some(row) = self.known_profile(workspace)? else {
            return Ok(None);
        };
        let profile = self.load(&row, now)?.document.profile();
        Ok(profile.ok().and_then(|profile| profile.device_name(device)))
    }

    /// What a person is called.
    pub fn user_name(
        &mut self,
        workspace: WorkspaceId,
        user: UserId,
        now: Millis,
    ) -> Result<Option<String>, Error> {
        let Some(row) = self.known_profile(workspace)? else {
            return Ok(None);
        };
        let profile = self.load(&row, now)?.document.profile();
        Ok(profile.ok().and_then(|profile| profile.user_name(user)))
    }

    /// The row of the workspace's profile, if there is one: asking for a name makes none.
    fn known_profile(&self, workspace: WorkspaceId) -> Result<Option<DocRow>, Error> {
        self.replica(workspace)?;
        Ok(self.store.read().find_doc(Some(workspace), profile_id(workspace))?)
    }

    /// The row of the workspace's profile. Every device makes the same document, so that making it twice merges.
    fn profile(&mut self, workspace: WorkspaceId, now: Millis) -> Result<DocRow, Error> {
        self.replica(workspace)?;
        let id = profile_id(workspace);
        let new = self.new_document(Kind::Profile, Some(workspace), id, now);
        // Another process may be making it as well.
        self.store.transaction(|tx| match tx.find_doc(Some(workspace), id)? {
            Some(row) => Ok(row),
            None => {
                let n = tx.insert_doc(&new)?;
                tx.doc(n)?.ok_or(Error::Gone)
            }
        })
    }
}
