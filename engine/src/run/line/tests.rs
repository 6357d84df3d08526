//! When a line is dialled again.

use bowline_transport::RelayKey;
use bowline_transport::memory::network;

use super::*;

const WORKSPACE: WorkspaceId = WorkspaceId::ZERO;

/// A line that has just come up.
fn up(line: &mut Line, now: Millis) {
    let (dial, _listener) = network(RelayKey::from_bytes([1; 32]));
    let (said, _heard) = mpsc::channel(1);
    let whose = Said::from(WORKSPACE, 1);
    line.dial(Arc::new(dial), "wss://relay.example/", Follows::Nobody, whose, said, now);
    line.came_up(now);
}

/// How long until the next dial, with the largest draw.
fn lost(line: &mut Line, now: Millis) -> Option<u128> {
    line.went_down(None, Parting::default(), u64::MAX, now).map(|(_, pause)| pause.as_millis())
}

#[tokio::test]
async fn a_relay_that_drops_whoever_it_lets_in_is_dialled_ever_more_rarely() {
    let mut line = Line::new(Millis(0));
    let pauses: Vec<_> = (0..4)
        .map(|_| {
            up(&mut line, Millis(0));
            assert!(line.turned_live(Millis(0)));
            lost(&mut line, Millis(HELD - 1)).unwrap()
        })
        .collect();
    assert_eq!(pauses, [250, 500, 1000, 2000]);
    assert_eq!(line.failures(), 4);
    up(&mut line, Millis(0));
    line.turned_live(Millis(0));
    assert_eq!(lost(&mut line, Millis(HELD)), Some(250), "that one held");
    assert_eq!(line.failures(), 1);
}

#[tokio::test]
async fn connections_follow_one_another_at_once_only_so_often() {
    let mut line = Line::new(Millis(0));
    let pauses: Vec<_> = (0..=MAX_FOLLOWS)
        .map(|_| {
            up(&mut line, Millis(0));
            line.is_to_follow();
            lost(&mut line, Millis(0))
        })
        .collect();
    assert_eq!(pauses, [None, None, None, Some(250)]);
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_no_line_down() {
    let (hour, day) = (3_600_000, 86_400_000);
    let mut line = Line::new(Millis(day));
    up(&mut line, Millis(day));
    lost(&mut line, Millis(day)).unwrap();
    assert!(!line.is_due(Millis(day)));
    assert!(line.is_due(Millis(day - hour)));
}

#[tokio::test]
async fn of_what_a_relay_owes_while_everything_of_it_is_here_people_are_told_once() {
    let mut line = Line::new(Millis(0));
    up(&mut line, Millis(0));
    let mut seconds = 0..;
    let mut told = |line: &mut Line, owed| {
        seconds
            .by_ref()
            .take(60)
            .filter(|second| {
                let now = Millis(second * 1000);
                line.turned_live(now);
                line.note_awaited(owed, now).is_some()
            })
            .count()
    };
    assert_eq!(told(&mut line, Some(Awaited::Answer)), 1);
    assert_eq!(told(&mut line, None), 0);
    assert_eq!(told(&mut line, Some(Awaited::Answer)), 1, "something else is owed");
}
