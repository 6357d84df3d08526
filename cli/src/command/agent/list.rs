//! `bowline agent list`: the agents.

use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing::{self, Columns};

/// List agents, those edited last first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Those in the trash instead
    #[arg(long)]
    trash: bool,
}

impl List {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let here = invocation.open()?;
        let rows = here.device.agents(self.trash)?;
        let list = listing::List::new(&here.device, rows, Columns::FILES, invocation.now())?;
        if list.is_empty() && !self.trash {
            invocation.hint(format_args!("there is no agent here: `bowline agent new NAME` makes one"));
        }
        invocation.answer(&list)
    }
}
