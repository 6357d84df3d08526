//! Why an entry was put aside, as a sentence.

use bowline_engine::device::{QuarantineReason, Quarantined};

/// Why an entry was put aside, with what the reason leaves open in brackets.
pub(crate) fn put_aside(it: &Quarantined) -> String {
    let words = match it.reason {
        QuarantineReason::Told => {
            return it.detail.clone().unwrap_or_else(|| "for a reason that was not noted".to_owned());
        }
        QuarantineReason::Unknown(number) => {
            format!("for a reason that this version does not know ({number})")
        }
        known => known_reason(known).to_owned(),
    };
    match &it.detail {
        Some(detail) => format!("{words} ({detail})"),
        None => words,
    }
}

fn known_reason(reason: QuarantineReason) -> &'static str {
    match reason {
        QuarantineReason::NoKey => "this device has no key for its epoch; it is read when the key comes",
        QuarantineReason::NoBody => "the relay does not have its body",
        QuarantineReason::NoPart => "it ends something large of which an earlier part is not here",
        QuarantineReason::Parts => "it ends something large whose parts do not belong together",
        QuarantineReason::OtherDocument => "it holds another document than its header says",
        QuarantineReason::Payload => "what its author sealed cannot be read",
        QuarantineReason::NotAuthentic => "its author sealed it wrongly",
        QuarantineReason::NotUnpacked => "what its author sealed cannot be unpacked",
        QuarantineReason::OtherWorkspacesKeys => {
            "it was to be opened with another workspace's keys: this is a bug"
        }
        QuarantineReason::NotSealed => "it is not sealed and was to be opened: this is a bug",
        QuarantineReason::OtherWorkspace => "it belongs to another workspace",
        QuarantineReason::BadRecord => "its roster record cannot be read",
        QuarantineReason::NoRecord => "it is a roster record without a body",
        QuarantineReason::ChainGap => "the entry before it in its author's chain is missing",
        QuarantineReason::SeqTaken => "its author wrote another entry with the same number",
        QuarantineReason::Doubled => "the relay put it on the log twice, and it counts once",
        QuarantineReason::NotActive => "its author is not in the workspace",
        QuarantineReason::RunIncomplete => "its author was removed, and not all came that was still allowed",
        QuarantineReason::JoinVoid => "it lets somebody in who is not let in",
        QuarantineReason::NotGenesis => "it is not this workspace's beginning",
        QuarantineReason::RosterUnknown => "it was written for members that are not known here",
        QuarantineReason::RosterStale => "its author did not know of members it had heard of before",
        QuarantineReason::RekeyDue => "it was written before the new key that a removal asks for",
        QuarantineReason::WrongEpoch => "it is sealed under another key than the one in force",
        QuarantineReason::BadSeen => "what it says its author had seen goes back, or is of another log",
        QuarantineReason::Forked => "its author was shown another history by the relay",
        QuarantineReason::LivesSpent => "its author's database had begun anew too often",
        QuarantineReason::RecordsSpent => {
            "its author had used up what a member may write about people and keys"
        }
        QuarantineReason::DocumentFull => "its document, or its author's share of it, was full",
        QuarantineReason::TooLarge => "its changes are too long, in bytes",
        QuarantineReason::TooMany => "its changes have too many of something",
        QuarantineReason::Malformed => "its changes are malformed",
        QuarantineReason::BadChecksum => "a checksum in its changes does not hold",
        QuarantineReason::Compressed => "its changes are compressed, which is not allowed",
        QuarantineReason::Unused => "its changes use something that no document does",
        QuarantineReason::NotConsented => {
            "its author put words into the mouth of somebody who has not said them; those words are left out"
        }
        QuarantineReason::NotTheAuthors => "it holds a change by somebody who is not its author",
        QuarantineReason::NoFirstChange => "it holds a change with no history",
        QuarantineReason::ForgedFirstChange => "it forges the beginning of a document",
        QuarantineReason::WrongKind => "it belongs to a document of another kind, number",
        QuarantineReason::AppendOnly => "it changes or removes what is only ever added to",
        QuarantineReason::BrokenHistory => "its changes do not continue the document's history",
        QuarantineReason::Rejected => "Automerge refuses its changes",
        QuarantineReason::Unfaithful => "its changes do not survive being stored",
        QuarantineReason::Panicked => "its changes make Automerge panic",
        QuarantineReason::Heavier => "its changes weigh more than its author declared",
        QuarantineReason::OtherKind => "it claims another kind for a document that is here",
        QuarantineReason::Damaged => "it cannot be opened any more: it was damaged on this device",
        QuarantineReason::Crashed => "this program ended three times while it applied the entry",
        QuarantineReason::NotTakenAgain => {
            "the relay was restored from a backup, and its log does not take this again"
        }
        QuarantineReason::GivenUp => {
            "the owner gave it up, since it or a part of it never came; whoever wrote it says it again if they still have it"
        }
        QuarantineReason::Told | QuarantineReason::Unknown(_) => "for a reason that is told apart",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bowline_engine::ids::{DeviceId, EntryId};

    use super::*;

    fn aside(reason: QuarantineReason, detail: Option<&str>) -> String {
        let (entry, author) = (EntryId::ZERO, DeviceId::from_bytes([1; 32]));
        put_aside(&Quarantined { entry, author, reason, detail: detail.map(str::to_owned) })
    }

    #[test]
    fn every_reason_has_a_sentence_of_its_own() {
        let told: BTreeSet<String> =
            QuarantineReason::NAMED.iter().map(|(_, reason)| aside(*reason, None)).collect();
        assert_eq!(told.len(), QuarantineReason::NAMED.len());
    }

    #[test]
    fn what_a_reason_leaves_open_stands_in_brackets_and_unknown_ones_are_shown_as_they_are() {
        let told = aside(QuarantineReason::SeqTaken, Some("17"));
        assert_eq!(told, "its author wrote another entry with the same number (17)");
        assert_eq!(aside(QuarantineReason::Told, Some("as it was said")), "as it was said");
        let unknown = aside(QuarantineReason::Unknown(999), None);
        assert_eq!(unknown, "for a reason that this version does not know (999)");
    }
}
