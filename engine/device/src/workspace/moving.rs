//! Moving a workspace to another address of its relay.

use bowline_wire::ids::WorkspaceId;

use crate::Error;
use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::evidence;

impl Workspaces {
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
            // The next address may lead to the workspace's relay again.
            evidence::set_aside_of_address(tx, workspace)
        })?;
        self.look_again(lent, documents)
    }
}
