//! Names of people and devices in a sealed document of each workspace, because the relay knows keys only.

use bowline_core::document::{EditError, Kind, Profile, ProfileMut};
use bowline_store::DocRow;
use bowline_wire::ids::WorkspaceId;

use crate::Error;
use crate::documents::edit::{Beginning, Edit};
use crate::documents::edited::Edited;
use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::rows::profile_id;
use crate::workspace::Keyrings;

impl Documents {
    /// Writes a name into a workspace's profile, which is made if there is none.
    pub(crate) fn name(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        workspace: WorkspaceId,
        mut set: impl FnMut(&mut ProfileMut<'_>) -> Result<Option<Vec<u8>>, EditError>,
    ) -> Result<Option<Edited>, Error> {
        let row = profile(lent, keyrings, workspace)?;
        self.edit(lent, keyrings, &row, |document, pen| {
            set(&mut document.profile_mut(pen)?).map_err(Edit::from)
        })
    }

    /// What a workspace's profile says, if there is one: asking for a name makes none.
    pub(crate) fn named(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        workspace: WorkspaceId,
        name: impl FnOnce(&Profile<'_>) -> Option<String>,
    ) -> Result<Option<String>, Error> {
        let Some(row) = lent.read().find_doc(profile_id(workspace))? else {
            return Ok(None);
        };
        let profile = self.load(lent, keyrings, &row)?.document.profile();
        Ok(profile.ok().and_then(|profile| name(&profile)))
    }
}

/// The row of the workspace's profile. Every device makes the same document, so that making it twice merges.
fn profile(lent: &mut Lent<'_>, keyrings: Keyrings<'_>, workspace: WorkspaceId) -> Result<DocRow, Error> {
    let id = profile_id(workspace);
    let beginning = Beginning { kind: Kind::Profile, id, workspace: Some(workspace) };
    let new = beginning.row(keyrings, lent.now);
    // Another process may be making it as well.
    lent.store.transaction(|tx| {
        if let Some(row) = tx.find_doc(id)? {
            return Ok(row);
        }
        let n = tx.insert_doc(&new)?;
        tx.doc(n)?.ok_or(Error::Gone)
    })
}
