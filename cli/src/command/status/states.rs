//! docs/STATES.md against the code: every state that `status` can say of a device stands there with its way out.

use std::collections::BTreeSet;

use bowline_engine::NotReady;
use bowline_engine::device::Membership;
use bowline_engine::ids::Millis;

use super::Connection;
use crate::error::not_ready;

const PAGE: &str = include_str!("../../../../docs/STATES.md");

/// What `connection.state` can be in JSON.
const CONNECTIONS: [&str; 7] =
    ["disconnected", "over", "nobody_syncs", "connecting", "catching_up", "connected", "not_connected"];

/// The first cells of the table below a heading, without backticks. Every other cell says something.
fn states(heading: &str) -> BTreeSet<String> {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    let rows =
        section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with('|'));
    let mut first = BTreeSet::new();
    for row in rows.skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() >= 3 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
        first.insert(cells[0].trim_matches('`').to_owned());
    }
    first
}

#[test]
fn every_membership_has_its_way_out_on_the_page() {
    assert_eq!(states("A device in a workspace"), Membership::NAMES.map(str::to_owned).into());
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
        NotReady::InFlight,
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
            | NotReady::InFlight => {}
        }
    }
    assert_eq!(states("Why nothing is sent"), all.map(|it| not_ready(it).to_owned()).into());
}
