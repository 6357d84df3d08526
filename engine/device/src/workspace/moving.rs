//! Moving a workspace: its relay is at another address, or the Owner has moved it to another relay, which every device follows.

use bowline_core::sync::{LinkState, Replica};
use bowline_store::Reader;
use bowline_wire::ids::WorkspaceId;
use bowline_wire::roster::record::Move;

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::evidence;
use crate::workspace::workspaces::state;
use crate::{Error, Notice};

/// Name of the value that says which move was followed: a person may say that the relay is at another address since.
const FOLLOWED: &str = "followed-move";

/// Where the Owner has moved a workspace, while this device is not there yet.
pub(crate) fn on_its_way(replica: &Replica) -> Option<&Move> {
    let log = replica.log()?;
    let to = log.roster().moves().last()?;
    let mut logs = replica.succession().successors().map(|it| it.new);
    let is_there = log.head().log == to.log || logs.any(|log| log == to.log);
    (!is_there).then_some(to)
}

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

    /// Goes to where the Owner has moved the workspace, once everything is known that is on the log here: the line is closed, and the next one
    /// leads there. Whether it did.
    pub(super) fn follow_move(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
    ) -> Result<bool, Error> {
        let replica = self.replica(workspace)?;
        if replica.link() != LinkState::Live || replica.to_send_again() > 0 {
            return Ok(false);
        }
        let Some(to) = on_its_way(replica).cloned() else {
            return Ok(false);
        };
        let followed = lent.read().state(workspace, FOLLOWED)?;
        if followed.is_some_and(|log| log.as_slice() == to.log.as_bytes()) {
            return Ok(false);
        }
        lent.store.transaction(|tx| -> Result<(), Error> {
            tx.set_relay(workspace, &to.address)?;
            tx.put_state(workspace, state::RELAY, to.relay.as_bytes())?;
            tx.put_state(workspace, FOLLOWED, to.log.as_bytes())?;
            Ok(evidence::set_aside_whole(tx, workspace)?)
        })?;
        lent.notices.push(Notice::Moved { workspace, address: to.address });
        let row = lent.read().workspace(workspace)?.ok_or(Error::NoWorkspace(workspace))?;
        self.take_up(lent.read(), lent.keys, documents, &row)?;
        Ok(true)
    }
}
