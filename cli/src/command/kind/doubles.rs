//! Documents that are called alike and may be one: nobody but a person knows.

use std::collections::BTreeSet;

use bowline_engine::Device;
use bowline_engine::device::Listed;
use bowline_engine::ids::DocId;

use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::grouped;

/// Names the verb for documents that may be one, and may not: each with one that is called like it.
pub(crate) fn hint_at_doubles(
    invocation: &mut Invocation<'_>,
    device: &Device,
    doubles: &[(DocId, DocId)],
) -> Result<(), CommandError> {
    let Some((one, other)) = doubles.first() else { return Ok(()) };
    let (found, prefixes) = (device.find(*one)?, documents::prefixes(device)?);
    let (kind, title) = (found.kind(), documents::title(found.title()));
    let more = match doubles.len() - 1 {
        0 => String::new(),
        more => format!(" ({} more are called alike)", grouped(more as u64)),
    };
    invocation.hint(format_args!(
        "two {} are called \"{title}\": if both are one, `bowline {} merge {} {}` joins them{more}",
        kind.words().several,
        documents::command(kind),
        prefixes.shorten(*other),
        prefixes.shorten(*one),
    ));
    Ok(())
}

/// The rows of a list that are called like another one of the same place, each with that, unless they are known to be two.
pub(super) fn doubles_among(device: &Device, rows: &[Listed]) -> Result<Vec<(DocId, DocId)>, CommandError> {
    let (mut seen, mut doubles) = (BTreeSet::new(), Vec::new());
    for row in rows {
        if !seen.insert((row.workspace, row.title.as_str())) {
            let others = device.namesakes(row.id)?;
            // Lists begin with what was edited last: the one that is older stays.
            doubles.extend(others.first().map(|other| (*other, row.id)));
        }
    }
    Ok(doubles)
}
