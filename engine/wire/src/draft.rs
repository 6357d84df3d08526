//! Drafts of protocol 1: which one logs are written in, until the formats are frozen, and how both sides of a line name theirs.
//!
//! A log can't be brought from one draft to another: its heads are signed, and what its entries have seen are old hashes.

/// The draft of protocol 1 that this version writes logs in, the only one in which it goes on with a log. Logs from before
/// drafts were counted are of draft 0; 1 had no suites, and in 2 epochs were named by their keys.
pub const DRAFT: u16 = 3;

/// The capability of a side that writes logs in [`DRAFT`]. Without it in both Hello and Welcome there is no session.
pub const WRITES_DRAFT: &str = "draft/3";

/// The newest draft that a side names among its capabilities; `None` if it names none, as versions did from before drafts were
/// counted.
pub fn newest_named(capabilities: &[String]) -> Option<u16> {
    let named = capabilities.iter().filter_map(|name| name.strip_prefix("draft/")?.parse().ok());
    named.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capability_names_the_draft() {
        assert_eq!(newest_named(&[WRITES_DRAFT.to_owned()]), Some(DRAFT));
    }

    #[test]
    fn of_several_drafts_the_newest_counts_and_of_none_none() {
        let newest =
            |names: &[&str]| newest_named(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(newest(&["draft/10", "draft/9", "entries/1"]), Some(10));
        for none in [&[][..], &["entries/1"], &["draft/"], &["draft/x"], &["draft/65536"], &["drafts/1"]] {
            assert_eq!(newest(none), None, "{none:?}");
        }
    }
}
