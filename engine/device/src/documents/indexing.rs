//! Taking in what came for documents that nobody has looked at since, so that lists, search and what is told are right.

use bowline_store::DocN;

use crate::Error;
use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::{Keyrings, Workspaces};

impl Documents {
    /// Takes in what came for the first document that nobody has looked at since; whether there are more.
    pub(crate) fn index_one(&mut self, lent: &mut Lent<'_>, keyrings: Keyrings<'_>) -> Result<bool, Error> {
        let mut waiting = lent.read().docs_with_unapplied()?;
        waiting.extend(lent.read().docs_uncounted()?);
        self.index_first(lent, keyrings, &waiting)
    }

    /// As [`Self::index_one`], of documents into which this device has written.
    pub(crate) fn index_own(&mut self, lent: &mut Lent<'_>, workspaces: &Workspaces) -> Result<bool, Error> {
        let mut waiting = Vec::new();
        for workspace in workspaces.ids() {
            for device in workspaces.keyrings().own_ids(Some(workspace), lent.device()) {
                waiting.extend(lent.read().own_docs_with_unapplied(workspace, device)?);
            }
        }
        self.index_first(lent, workspaces.keyrings(), &waiting)
    }

    fn index_first(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        waiting: &[DocN],
    ) -> Result<bool, Error> {
        for (at, n) in waiting.iter().enumerate() {
            // What waits for changes that have not come is not looked at again before something has.
            let row = lent.row(*n)?;
            if self.indexed.get(n) == Some(&row.rev) {
                continue;
            }
            let rev = self.load(lent, keyrings, &row)?.rev;
            self.indexed.insert(*n, rev);
            return Ok(at + 1 < waiting.len());
        }
        Ok(false)
    }
}
