//! What a person is told of a phrase that only its own words take out.

use bowline_engine::Role;

use crate::error::{CommandError, ErrorCode};

/// A recovery phrase has been in force for so long that nobody but itself takes it out. With the role of its person, if that is the one who asks.
pub(in crate::command) fn settled(label: &str, own: Option<Role>) -> CommandError {
    let message = format!(
        "The recovery phrase in workspace {label} has been in force for a week: only its own words take it out"
    );
    let error = CommandError::new(ErrorCode::PhraseSettled, message);
    match own {
        None => error.hint("it goes with its person: `bowline workspace remove`"),
        Some(Role::Member) => error
            .hint("with the words `bowline recovery remove` takes it out, and `bowline recovery replace` puts others in their place")
            .hint(
                "if they are lost, the owner can take you out with your phrase (`bowline workspace remove`) and let you in again: `bowline \
                 workspace invite` there, `bowline workspace rejoin` here; then `bowline recovery create`",
            ),
        Some(Role::Owner) => error
            .hint("with the words `bowline recovery remove` takes it out, and `bowline recovery replace` puts others in their place")
            .hint(
                "if they are lost, hand the workspace over (`bowline workspace hand-over`), let its new owner remove you and invite you again, \
                 and take it back; or `bowline workspace forget`, `create` and `bowline share --all` put every document of this device into a \
                 new workspace",
            ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_cannot_take_a_phrase_out_is_told_which_way_leads_out() {
        for (own, ways) in [
            (None, vec!["`bowline workspace remove`"]),
            (
                Some(Role::Member),
                vec!["`bowline recovery replace`", "`bowline workspace rejoin`", "`bowline recovery create`"],
            ),
            (
                Some(Role::Owner),
                vec!["`bowline recovery remove`", "`bowline workspace hand-over`", "`bowline share --all`"],
            ),
        ] {
            let error = settled("Studio (3e8c)", own);
            assert_eq!(error.code.kind() as u8, 6);
            assert!(error.message.contains("Studio (3e8c)"), "{}", error.message);
            let hints = error.hints.join("\n");
            for way in ways {
                assert!(hints.contains(way), "{own:?}: {way}: {hints}");
            }
        }
    }
}
