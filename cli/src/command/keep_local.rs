//! `bowline keep-local`: keeps documents out of every workspace.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Keep documents on this device only
///
/// Takes back what is queued for a workspace and has not left this device yet, and leaves these documents out when all
/// are shared. What has left this device cannot be taken back.
#[derive(Args, Debug)]
pub(crate) struct KeepLocal {
    /// Which documents: the beginnings of their ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

#[derive(Serialize)]
struct Kept {
    kept: Vec<String>,
    #[serde(skip)]
    amount: String,
}

impl KeepLocal {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let found = documents::find_all(&here.device, &self.ids)?;
        for (_, id) in &found {
            here.device.keep_local(*id)?;
        }
        here.wake()?;
        invocation.answer(&Kept {
            kept: found.iter().map(|(_, id)| id.to_string()).collect(),
            amount: documents::amount(&found, ""),
        })
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Kept {} on this device only", self.amount)
    }
}
