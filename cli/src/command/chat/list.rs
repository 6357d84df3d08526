//! `bowline chat list`: the conversations, newest first.

use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing::{self, Columns};

/// List conversations, newest first
///
/// The id is as short as it can be: type that much of it, or more.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Those in the trash instead
    #[arg(long)]
    trash: bool,
    /// Only so many
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
}

impl List {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let here = invocation.open()?;
        let mut rows = here.device.list(self.trash)?;
        rows.truncate(self.limit.unwrap_or(usize::MAX));
        let list = listing::List::new(&here.device, rows, Columns::CHATS, invocation.now())?;
        if list.is_empty() && !self.trash {
            invocation.hint(format_args!("there is no conversation here: `bowline chat new` begins one"));
        }
        invocation.answer(&list)
    }
}
