//! The profile of a workspace: what its users and devices are called. The relay knows keys only.

use automerge::ScalarValue;
use bowline_wire::ids::{DeviceId, UserId, WorkspaceId};

use crate::document::edit::commit::{EditError, Pen};
use crate::document::edit::deletion::Lifecycle;
use crate::document::edit::fields::{Fields, Issue, container};
use crate::document::edit::write::{is_already, map_at, write};
use crate::document::kind::Kind;
use crate::document::kinds::definition::{Definition, Visibility, Words};
use crate::document::limits::NAME_MAX;
use crate::document::loaded::{Document, OtherKind};
use crate::document::summary::Summary;

const USERS: &str = "users";
const DEVICES: &str = "devices";
const NAME: &str = "name";

pub(in crate::document) static DEFINITION: Definition = Definition {
    words: Words { one: "profile", several: "profiles" },
    visibility: Visibility::Hidden,
    lifecycle: Lifecycle::Permanent,
    summary: |document| {
        let count = Profile::new(document).count() as u64;
        Summary { updated_at: document.last_edit(), count, ..Summary::default() }
    },
    issues: |document| Profile::new(document).issues(),
    export: |_, _| Vec::new(),
};

/// A profile to be read. Names are what members call themselves and one another; the roster says who they are.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'a> {
    document: &'a Document,
}

impl Document {
    /// This document as a profile, to be read.
    pub fn profile(&self) -> Result<Profile<'_>, OtherKind> {
        self.expect(Kind::Profile).map(|()| Profile::new(self))
    }
}

impl<'a> Profile<'a> {
    pub(in crate::document) fn new(document: &'a Document) -> Self {
        Self { document }
    }

    /// What a user is called.
    pub fn user_name(&self, user: UserId) -> Option<String> {
        self.name(USERS, &user.to_string()).ok().flatten()
    }

    /// What a device is called.
    pub fn device_name(&self, device: DeviceId) -> Option<String> {
        self.name(DEVICES, &device.to_string()).ok().flatten()
    }

    /// What the workspace is called. The name stands among the users, under the workspace's own id, which is nobody's: the
    /// kind has no other place for it that every version takes.
    pub fn workspace_name(&self, workspace: WorkspaceId) -> Option<String> {
        self.name(USERS, &workspace.to_string()).ok().flatten()
    }

    /// How many users and devices have an entry.
    pub fn count(&self) -> usize {
        [USERS, DEVICES].iter().map(|map| Fields::container(self.document, map).keys().count()).sum()
    }

    /// What has the wrong type and counts as absent.
    pub fn issues(&self) -> Vec<Issue> {
        let of = |map: &'static str| {
            let keys = Fields::container(self.document, map).keys().collect::<Vec<_>>();
            keys.into_iter().filter_map(move |key| self.name(map, &key).err())
        };
        of(USERS).chain(of(DEVICES)).collect()
    }

    /// Two devices that name the same one apart make a map each; the one that counts may lack a name the other has.
    fn name(self, map: &str, key: &str) -> Result<Option<String>, Issue> {
        for fields in Fields::container(self.document, map).maps(key)? {
            if let Some(name) = fields.text(NAME)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// A profile to be edited.
#[derive(Debug)]
pub struct ProfileMut<'a> {
    document: &'a mut Document,
    pen: Pen,
}

impl Document {
    /// This document as a profile, to be edited.
    pub fn profile_mut(&mut self, pen: Pen) -> Result<ProfileMut<'_>, OtherKind> {
        self.expect(Kind::Profile).map(|()| ProfileMut::new(self, pen))
    }
}

impl<'a> ProfileMut<'a> {
    pub(in crate::document) fn new(document: &'a mut Document, pen: Pen) -> Self {
        Self { document, pen }
    }

    /// Names a user. Returns what [`ConversationMut`](crate::document::ConversationMut)'s edits return.
    pub fn set_user_name(&mut self, user: UserId, name: &str) -> Result<Option<Vec<u8>>, EditError> {
        self.set_name(USERS, &user.to_string(), name)
    }

    /// Names the workspace. Returns what [`ConversationMut`](crate::document::ConversationMut)'s edits return.
    pub fn set_workspace_name(
        &mut self,
        workspace: WorkspaceId,
        name: &str,
    ) -> Result<Option<Vec<u8>>, EditError> {
        self.set_name(USERS, &workspace.to_string(), name)
    }

    /// Names a device. Returns what [`ConversationMut`](crate::document::ConversationMut)'s edits return.
    pub fn set_device_name(&mut self, device: DeviceId, name: &str) -> Result<Option<Vec<u8>>, EditError> {
        self.set_name(DEVICES, &device.to_string(), name)
    }

    fn set_name(&mut self, map: &str, key: &str, name: &str) -> Result<Option<Vec<u8>>, EditError> {
        if name.len() > NAME_MAX {
            return Err(EditError::TooLong { what: "the name", limit: NAME_MAX });
        }
        if Profile::new(self.document).name(map, key) == Ok(Some(name.to_owned())) {
            return Ok(None);
        }
        let map = container(Kind::Profile, map);
        let name = ScalarValue::from(name);
        self.document.commit(self.pen, |tx| {
            let entry = map_at(tx, &map, key)?;
            if is_already(tx, &entry, NAME, Some(&name)) {
                Ok(())
            } else {
                write(tx, &entry, NAME, Some(name))
            }
        })
    }
}
