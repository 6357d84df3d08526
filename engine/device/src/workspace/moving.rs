//! Moving a workspace to another address of its relay.

use bowline_store::Reader;
use bowline_wire::ids::WorkspaceId;

use crate::Error;
use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::evidence;
use crate::workspace::workspaces::state;

/// Whether the relay's identity is known, so that its certificate may have another key than the address names.
pub(crate) fn knows_relay(read: Reader<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
    Ok(read.state(workspace, state::RELAY)?.is_some())
}

impl Workspaces {
    /// Stores the address at which the relay that is known has been reached. Lines, queue and log stay as they are.
    pub(crate) fn readdress(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        relay: &str,
    ) -> Result<(), Error> {
        lent.store.transaction(|tx| tx.set_relay(workspace, relay))?;
        relay.clone_into(&mut self.linked(workspace)?.relay);
        Ok(())
    }

    /// Stores the address and follows the workspace anew from it. Queue, log and documents stay; a relay that shows another
    /// log than the one known here is refused as before.
    pub(crate) fn move_to(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        relay: &str,
    ) -> Result<(), Error> {
        self.replica(workspace)?;
        lent.store.transaction(|tx| {
            tx.set_relay(workspace, relay)?;
            // Whoever types an address says which relay it is; the log's key has to vouch for it again.
            tx.delete_state(workspace, state::RELAY)?;
            // The next address may lead to the workspace's relay again.
            evidence::set_aside_of_address(tx, workspace)
        })?;
        self.look_again(lent, documents)
    }
}
