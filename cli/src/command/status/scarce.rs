//! Who is running out of what a member may write about people and keys.

use bowline_engine::Role;
use bowline_engine::device::WorkspaceStatus;
use bowline_engine::ids::UserId;
use serde::Serialize;

use crate::text::{OneLine, grouped};
use crate::workspaces::Called;

/// Somebody who is running out of what a member may write of records about people and keys.
#[derive(Serialize)]
pub(super) struct Scarce {
    user: String,
    user_name: Option<String>,
    you: bool,
    /// Bytes that are written, and that may be.
    written: u64,
    allowed: u64,
    #[serde(skip)]
    left: u64,
    #[serde(skip)]
    shown: String,
}

/// Whoever is running out, as far as that concerns this person.
pub(super) fn told(
    status: &WorkspaceStatus,
    role: Option<Role>,
    own: UserId,
    called: &Called,
) -> Vec<Scarce> {
    let concerns = |user: UserId| user == own || role == Some(Role::Owner);
    let short = status.record_bytes.iter().filter(|(user, bytes)| bytes.are_scarce() && concerns(**user));
    let all = short.map(|(user, bytes)| Scarce {
        user: user.to_string(),
        user_name: called.user_name(*user).map(str::to_owned),
        you: *user == own,
        written: bytes.written(),
        allowed: bytes.allowed(),
        left: bytes.left(),
        shown: called.user(*user),
    });
    all.filter(|_| !status.membership.is_over()).collect()
}

impl Scarce {
    /// What is left, and the way out.
    pub(super) fn in_words(&self) -> String {
        let left = if self.left < LEAST {
            "nothing left".to_owned()
        } else {
            format!("{} KiB of {} left", grouped(self.left / 1024), grouped(self.allowed / 1024))
        };
        let whom = OneLine(&self.shown);
        if self.you {
            format!(
                "About people and keys: {left} for you to write; ask the owner for `bowline workspace allow` with your name. Documents \
                 sync as before, and you can always leave"
            )
        } else {
            format!(
                "About people and keys: {left} for {whom} to write; `bowline workspace allow` gives them as much again"
            )
        }
    }
}

/// Bytes of a record below which next to none that anybody decides fits.
const LEAST: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn scarce(you: bool, left: u64) -> Scarce {
        Scarce {
            user: String::new(),
            user_name: None,
            you,
            written: (4 << 20) - left,
            allowed: 4 << 20,
            left,
            shown: "Ben (ab12)".to_owned(),
        }
    }

    #[test]
    fn who_is_running_out_is_told_and_the_owner_with_the_verb_that_leads_on() {
        let words = scarce(true, 0).in_words();
        assert!(
            words.starts_with("About people and keys: nothing left for you to write; ask the owner for"),
            "{words}"
        );
        assert!(words.contains("you can always leave"), "{words}");
        assert_eq!(
            scarce(false, 700 << 10).in_words(),
            "About people and keys: 700 KiB of 4,096 left for Ben (ab12) to write; `bowline workspace allow` gives them as much again"
        );
    }
}
