//! Change rows that are no longer needed: what they hold is in the base, and in an entry that is on the log.

use bowline_store::{ChangeN, ChangeRow, DocN, EntryState, Tx};

use crate::Error;
use crate::documents::base::compressed;
use crate::documents::held::Documents;
use crate::lent::Lent;

/// Rows on the log after which a base is written and they go: loading applies each of them, in about 20 µs, and writing the
/// base of a long conversation takes 40 ms.
const FOLD_AFTER: usize = 256;

impl Documents {
    /// Looks, now and then, whether this device's own changes in a document have become many that need no row any more,
    /// as they do in one that nobody else writes into; saves a base with all of them and drops those.
    pub(super) fn fold(&mut self, lent: &mut Lent<'_>, n: DocN) -> Result<(), Error> {
        let Some(loaded) = self.cache.get_mut(n).filter(|loaded| loaded.unfolded >= FOLD_AFTER) else {
            return Ok(());
        };
        // Those that are not on the log yet are looked at again when there are as many more.
        loaded.unfolded = 0;
        if loaded.ours_wait {
            return Ok(()); // what waits is not in the document
        }
        let rev = loaded.rev;
        let read = lent.read();
        let mut settled = 0;
        for change in read.changes(n)? {
            settled += usize::from(match change.entry {
                Some(entry) => read.entry(entry)?.is_some_and(|row| row.state == EntryState::OnLog),
                None => false,
            });
        }
        if settled < FOLD_AFTER {
            return Ok(());
        }
        let Some(loaded) = self.cache.get_mut(n) else { return Ok(()) };
        let base = compressed(&loaded.document)?;
        lent.store.transaction(|tx| -> Result<(), Error> {
            // If another process has written meanwhile, what is here is not all of it.
            if tx.doc(n)?.is_some_and(|row| row.rev == rev) {
                tx.put_base(n, &base)?;
                drop_settled_changes(tx, n)?;
            }
            Ok(())
        })
    }
}

/// Drops rows whose entry is on the log, in a transaction that saves a base with what they hold: it is there and in the
/// entry's body by then.
pub(crate) fn drop_settled_changes(tx: &Tx<'_>, n: DocN) -> Result<(), Error> {
    let mut settled: Vec<ChangeN> = Vec::new();
    for ChangeRow { n, entry, .. } in tx.changes(n)? {
        let Some(entry) = entry else {
            continue;
        };
        if tx.entry(entry)?.is_some_and(|row| row.state == EntryState::OnLog) {
            settled.push(n);
        }
    }
    Ok(tx.delete_changes(&settled)?)
}
