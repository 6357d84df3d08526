//! docs/STATES.md against the code: every state of a document, and all that `status` can say of a device, stands there with its way out.

use std::collections::{BTreeMap, BTreeSet};

use bowline_engine::NotReady;
use bowline_engine::device::{Compared, DocumentState, Membership, Since};
use bowline_engine::ids::{Millis, Position};

use super::Connection;
use crate::compared::Remembered;
use crate::documents::Whereabouts;
use crate::error::not_ready;

const PAGE: &str = include_str!("../../../../docs/STATES.md");

/// What `state` of a document can be in JSON.
const DOCUMENTS: [&str; 11] = [
    "only_here",
    "kept",
    "partly_here",
    "queued",
    "stays",
    "too_large",
    "full",
    "on_relay",
    "doubted",
    "on_devices",
    "unknown",
];

/// What `connection.state` can be in JSON.
const CONNECTIONS: [&str; 7] =
    ["disconnected", "over", "nobody_syncs", "connecting", "catching_up", "connected", "not_connected"];

/// The rows of the table below a heading, cell by cell. Every cell says something.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    let rows =
        section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with('|'));
    let cells = |row: &str| -> Vec<String> {
        let cells: Vec<String> =
            row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        assert!(cells.len() >= 3 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
        cells
    };
    rows.skip(2).map(cells).collect()
}

/// The first cells of the table below a heading, without backticks.
fn states(heading: &str) -> BTreeSet<String> {
    rows(heading).into_iter().map(|cells| cells[0].trim_matches('`').to_owned()).collect()
}

#[test]
fn every_state_of_a_document_has_its_words_and_its_way_out_on_the_page() {
    let of_engine = [
        (DocumentState::OnlyHere, vec![None]),
        (DocumentState::Kept, vec![Some(0), Some(3)]),
        (DocumentState::PartlyHere, vec![Some(3), None]),
        (DocumentState::Queued, vec![None]),
        (DocumentState::Stays, vec![None]),
        (DocumentState::TooLarge(8_000_000), vec![None]),
        (DocumentState::Full, vec![None]),
        (DocumentState::OnRelay, vec![None]),
        (DocumentState::Doubted, vec![None]),
        (DocumentState::OnDevices(2), vec![None]),
    ];
    // A state more has to be listed above.
    for (it, _) in &of_engine {
        match it {
            DocumentState::OnlyHere
            | DocumentState::Kept
            | DocumentState::PartlyHere
            | DocumentState::Queued
            | DocumentState::Stays
            | DocumentState::TooLarge(_)
            | DocumentState::Full
            | DocumentState::OnRelay
            | DocumentState::Doubted
            | DocumentState::OnDevices(_) => {}
        }
    }
    let mut all: Vec<_> = of_engine.map(|(it, only_here)| (Whereabouts::from(it), only_here)).into();
    all.push((Whereabouts::Unknown, vec![None]));
    let told = all.iter().map(|(it, only_here)| {
        let name = serde_json::to_value(it).unwrap()["state"].as_str().unwrap().to_owned();
        let words: Vec<_> = only_here.iter().map(|parts| format!("`{}`", it.place(*parts))).collect();
        (name, words.join(", "))
    });
    let told: BTreeMap<String, String> = told.collect();
    let names: BTreeSet<&str> = told.keys().map(String::as_str).collect();
    assert_eq!(names, DOCUMENTS.into(), "words that programs read stay what they are");
    let on_page =
        rows("A document").into_iter().map(|cells| (cells[0].trim_matches('`').to_owned(), cells[1].clone()));
    assert_eq!(on_page.collect::<BTreeMap<_, _>>(), told);
}

#[test]
fn every_membership_has_its_way_out_on_the_page() {
    assert_eq!(states("A device in a workspace"), Membership::NAMES.map(str::to_owned).into());
}

#[test]
fn every_state_of_what_was_compared_has_its_way_out_on_the_page() {
    let at = |roster| Compared { at: Millis(0), position: Position(1), roster, log: None };
    let all = [Since::Same, Since::Changed { records: 1, came: 0, went: 0 }, Since::Gone];
    let name =
        |it| serde_json::to_value(Remembered::from(at(it))).unwrap()["roster"].as_str().unwrap().to_owned();
    assert_eq!(states("What was compared"), all.into_iter().map(name).collect());
}

#[test]
fn every_state_of_a_connection_has_its_way_out_on_the_page() {
    let at = Millis(0);
    let all = [
        Connection::Disconnected,
        Connection::Over,
        Connection::NobodySyncs { last_connected_at: None, why: None, last: None },
        Connection::Connecting,
        Connection::CatchingUp { position: 1 },
        Connection::Connected { since: None, at },
        Connection::NotConnected { since: None, why: None, retry_at: None, at, retry: None },
    ];
    let name = |it: &Connection| serde_json::to_value(it).unwrap()["state"].as_str().unwrap().to_owned();
    let names: BTreeSet<String> = all.iter().map(name).collect();
    // A state more has to be listed above.
    for it in &all {
        match it {
            Connection::Disconnected
            | Connection::Over
            | Connection::NobodySyncs { .. }
            | Connection::Connecting
            | Connection::CatchingUp { .. }
            | Connection::Connected { .. }
            | Connection::NotConnected { .. } => {}
        }
    }
    assert_eq!(names, CONNECTIONS.map(str::to_owned).into(), "words that programs read stay what they are");
    assert_eq!(states("The connection"), names);
}

#[test]
fn every_reason_for_sending_nothing_has_its_way_out_on_the_page() {
    let all = [
        NotReady::Offline,
        NotReady::CatchingUp,
        NotReady::NotMember,
        NotReady::Distrusted,
        NotReady::RekeyDue,
        NotReady::NoKey,
        NotReady::UpdateNeeded,
        NotReady::RemovalPending,
        NotReady::SendingAgain,
        NotReady::InFlight,
        NotReady::RecordsSpent,
    ];
    for it in all {
        match it {
            NotReady::Offline
            | NotReady::CatchingUp
            | NotReady::NotMember
            | NotReady::Distrusted
            | NotReady::RekeyDue
            | NotReady::NoKey
            | NotReady::UpdateNeeded
            | NotReady::RemovalPending
            | NotReady::SendingAgain
            | NotReady::InFlight
            | NotReady::RecordsSpent => {}
        }
    }
    assert_eq!(states("Why nothing is sent"), all.map(|it| not_ready(it).to_owned()).into());
}
