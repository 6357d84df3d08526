//! A spike: a grown workspace through snapshot, confirm, checkpoint and a newcomer under the rules of protocol 1, in real bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "tests may fail loudly, in their own functions too"
)]

mod bounded {
    pub(crate) mod checkpoint;
    pub(crate) mod log;
    pub(crate) mod newcomer;
    pub(crate) mod people;
    pub(crate) mod report;
    pub(crate) mod rounds;
    pub(crate) mod story;
    pub(crate) mod workspace;

    use bowline_wire::codec::Writer;

    /// What this writes.
    pub(crate) fn field(write: impl FnOnce(&mut Writer) -> &mut Writer) -> Vec<u8> {
        let mut writer = Writer::new();
        write(&mut writer);
        writer.into_bytes()
    }
}

use bounded::log::Row;
use bounded::newcomer::{Handed, Refusal, begin};
use bounded::report::{self, Sizes};
use bounded::story::{Growth, Team};
use bounded::workspace::Workspace;

/// W, which has 1,000 conversations of 100 messages, as far as CI can afford it. What is read off it grows with the number of
/// conversations, but for the roster and the ends of chains.
const SCALED: Growth =
    Growth { conversations: 10, messages: 50, in_one_entry: 1, in_one_round: 5, idle_share: 25 };

/// How many conversations of how many messages at night: all of W with `BOWLINE_NIGHTLY=1`, else as many conversations as
/// `BOWLINE_CONVERSATIONS` says.
fn of_w() -> Growth {
    let asked = std::env::var("BOWLINE_CONVERSATIONS").ok().and_then(|count| count.parse().ok());
    match asked.or(is_nightly().then_some(1000)) {
        Some(conversations) => Growth { conversations, messages: 100, ..SCALED },
        None => SCALED,
    }
}

fn is_nightly() -> bool {
    std::env::var_os("BOWLINE_NIGHTLY").is_some_and(|value| value == "1")
}

/// A newcomer with what the relay hands out, or as it is bent: how many documents it has in the end.
fn newcomer(workspace: &Workspace, bend: impl FnOnce(&mut Handed<'_>)) -> Result<usize, Refusal> {
    let mut handed = workspace.handed();
    bend(&mut handed);
    let documents = begin(&handed, workspace.log.workspace, &workspace.keys(), &workspace.devices)?;
    for doc in &workspace.docs {
        assert_eq!(documents[&doc.wire].heads(), doc.document.heads(), "what counted counts");
    }
    Ok(documents.len())
}

/// Hundredths of the floor that a newcomer may download beside the roster: a quarter is for tails that are not yet due, and what is left
/// for headers and state, which weigh more the smaller a workspace is.
const MOST: u64 = 130;

/// Bytes of roster records for each device at the most. Three public keys of 1,216 bytes, a wrap of one key for the code it comes by, and the headers
/// of two entries are nearly all of it.
const ROSTER_OF_A_DEVICE: u64 = 6 * 1024;

/// Holds a workspace to what every one has to be like after a round.
fn hold(workspace: &mut Workspace, sizes: &Sizes) {
    assert_eq!(newcomer(workspace, |_| {}), Ok(workspace.docs.len()));
    assert!(!workspace.maintain(), "an idle workspace writes nothing");
    let (download, floor) = (sizes.download(), sizes.floor);
    let (roster, devices) = (sizes.roster, workspace.devices.len() as u64);
    assert!(roster <= devices * ROSTER_OF_A_DEVICE, "{devices} devices take {roster} in the roster");
    let beside = download - roster;
    assert!(
        beside * 100 <= floor * MOST,
        "a newcomer downloads {beside} beside the roster for a floor of {floor}"
    );
    // Confirms and checkpoints go in turn: there are the two signatures of the newest one.
    assert_eq!(sizes.upkeep_rows, 2);
}

#[test]
fn what_a_newcomer_downloads_is_bounded_by_the_documents_however_they_came_about() {
    let of = of_w();
    let named = |how: &str| format!("{} conversations x {} messages, {how}", of.conversations, of.messages);
    let mut whole = Growth { in_one_entry: of.messages, in_one_round: of.messages, ..of }.grow();
    report::print(&named("in one step"), &mut whole);
    for (how, growth) in [
        ("five messages an entry", Growth { in_one_entry: 5, ..of }),
        ("message by message", of),
        ("message by message, snapshots when the tail is a half", Growth { idle_share: 50, ..of }),
    ] {
        let mut workspace = growth.grow();
        let sizes = report::print(&named(how), &mut workspace);
        hold(&mut workspace, &sizes);
        assert!(2 * sizes.today.line > 3 * sizes.download(), "the log of today is much more");
    }
}

#[test]
fn ten_times_the_entries_for_the_same_documents_leave_nothing_but_a_tail_that_is_not_due() {
    let download = |in_one_entry: usize| {
        let mut workspace = Growth { in_one_entry, in_one_round: 10, ..SCALED }.grow();
        let sizes = Sizes::of(&mut workspace);
        hold(&mut workspace, &sizes);
        (sizes.today.entries, sizes.download())
    };
    let ((few, once), (many, ten_times)) = (download(10), download(1));
    assert!(many > 8 * few, "{many} entries, {few} entries");
    assert!(ten_times * 100 <= once * (100 + SCALED.idle_share), "{ten_times} for {once}");
}

#[test]
fn a_team_with_an_absent_member_keeps_their_words_and_little_else() {
    let mut team = if is_nightly() { Team::found(100, 200, 25) } else { Team::found(6, 12, 25) };
    for _ in 0..5 {
        team.work();
        team.workspace.maintain();
    }
    let sizes = report::print("team, after 5 rounds", &mut team.workspace);
    hold(&mut team.workspace, &sizes);
    team.work();
    team.workspace.absent.insert(5);
    for _ in 0..10 {
        team.work();
        team.workspace.maintain();
    }
    let sizes = report::print("team, 10 rounds later, one member absent", &mut team.workspace);
    hold(&mut team.workspace, &sizes);
    team.work();
    report::print_header(&team.workspace);
    report::print_adopted(&mut team.workspace);
    team.print_rewritten(30);
}

#[test]
fn a_newcomer_refuses_what_is_bent() {
    let workspace = Growth { conversations: 3, messages: 20, ..SCALED }.grow();
    let refusal = |bend: &dyn Fn(&mut Handed<'_>)| newcomer(&workspace, bend).unwrap_err();
    let without_one = |rows: &mut Vec<&Row>| rows.truncate(rows.len() - 1);
    assert_eq!(newcomer(&workspace, |_| {}), Ok(3));
    assert_eq!(refusal(&|handed| without_one(&mut handed.below)), Refusal::Below);
    assert_eq!(refusal(&|handed| without_one(&mut handed.above)), Refusal::Chain);
    assert_eq!(refusal(&|handed| handed.below = handed.below.split_off(1)), Refusal::Roster);
    // A state that says otherwise where nothing else could tell: of it, nobody signed the digest.
    assert_eq!(refusal(&|handed| *handed.state.last_mut().unwrap() ^= 1), Refusal::Unsigned);
    assert_eq!(refusal(&|handed| handed.state.truncate(handed.state.len() - 1)), Refusal::State);
}
