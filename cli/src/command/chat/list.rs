//! `bowline chat list`: the conversations, pinned ones and then the newest first.

use bowline_engine::device::Shown;
use clap::Args;

use crate::command::kind::KindInFull;
use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing;
use crate::text::count;

/// List conversations, pinned ones and then the newest first
///
/// The id is as short as it can be: type that much of it, or more. Archived ones are left out.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Those in the trash instead
    #[arg(long)]
    trash: bool,
    /// Archived ones instead
    #[arg(long, conflicts_with = "trash")]
    archived: bool,
    /// Only those with this label
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    /// Only so many
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
}

impl List {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let here = invocation.open()?;
        let mut rows = documents::listed(&here.device, Shown::KIND, self.trash)?;
        if let Some(label) = &self.label {
            rows.retain(|row| row.marks.labels.contains(label));
        }
        let all = rows.len();
        rows.retain(|row| self.trash || row.marks.archived == self.archived);
        let put_away = if self.archived { 0 } else { all - rows.len() };
        // Stable, so that the newest stay first among either.
        rows.sort_by_key(|row| !row.marks.pinned);
        rows.truncate(self.limit.unwrap_or(usize::MAX));
        let list = listing::List::new(&here.device, rows, Shown::COLUMNS, invocation.now())?;
        if put_away > 0 {
            let archived = count(put_away, "archived conversation");
            invocation.hint(format_args!("`bowline chat list --archived` lists {archived}"));
        } else if all == 0 && !self.trash && self.label.is_none() {
            invocation.hint(format_args!("{}", Shown::NONE_YET));
        }
        invocation.answer(&list)
    }
}
