//! How each device came into a workspace and how it went: when, and by whose hand.

use std::collections::BTreeMap;

use bowline_wire::ids::{DeviceId, LogTime, Position};
use bowline_wire::roster::{Device, Roster, Standing};

use super::StoredLog;
use crate::{Damage, Error};

/// How a device came into a workspace, and how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coming {
    /// The entrance. The hand is that of whoever made the code, or its own if it made the workspace.
    pub came: Step,
    /// The removal, by somebody else or itself; `None` while it is in.
    pub went: Option<Step>,
}

/// Something that happened to a device in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where the record stands.
    pub position: Position,
    /// The log's time there.
    pub at: LogTime,
    /// By whose hand.
    pub by: DeviceId,
}

impl StoredLog<'_> {
    /// How each device that is or was in the workspace came and went. Empty if nothing of the log is here.
    pub fn comings(&self) -> Result<BTreeMap<DeviceId, Coming>, Error> {
        let Some(log) = self.log()? else {
            return Ok(BTreeMap::new());
        };
        let roster = log.roster();
        roster.devices().map(|(id, device)| Ok((*id, self.coming(roster, device)?))).collect()
    }

    fn coming(&self, roster: &Roster, device: &Device) -> Result<Coming, Error> {
        let joined = roster.points().get(device.joined_at).ok_or(Error::Damaged(Damage::Entry))?;
        let came = self.step(joined.at.position)?;
        let maker = device.joined_by.and_then(|key| roster.ticket(&key)).map(|ticket| ticket.maker);
        let went = match &device.standing {
            Standing::Active => None,
            Standing::Removed { position, .. } => Some(self.step(*position)?),
        };
        Ok(Coming { came: Step { by: maker.unwrap_or(came.by), ..came }, went })
    }

    fn step(&self, position: Position) -> Result<Step, Error> {
        let found = self.read.author_at(self.workspace, position)?;
        let (at, by) = found.ok_or(Error::Damaged(Damage::Entry))?;
        Ok(Step { position, at, by })
    }
}
