//! The lies, each with what a device that meets it says, and what brings everything back.

use std::net::TcpStream;

use super::database::Forger;
use super::line::{self, Known, Tells};
use super::stage::Who::{self, Desktop, Laptop, Tablet};
use super::tampering;
use Plant::{Database, Line, Older, OlderWrittenOn, Socket};
use Way::{Alone, AsItIs, Decided, Good, MadeAgain, Restored};

/// How a lie is planted.
pub(super) enum Plant {
    /// The relay's database is altered between two runs.
    Database(fn(&Forger)),
    /// The relay goes on from an older copy.
    Older,
    /// The relay goes on from an older copy, and a device that has seen no more writes to it.
    OlderWrittenOn,
    /// Somebody between the devices and the relay alters frames.
    Line(fn(Known) -> Tells),
    /// Somebody between the devices and the relay does this once a WebSocket is open.
    Socket(fn(TcpStream)),
}

/// What a device that meets a lie says of it.
#[derive(Clone, Copy)]
pub(super) struct Met {
    /// How `sync` ends.
    pub(super) code: i32,
    /// What it says.
    pub(super) says: &'static str,
    /// What `status` shows.
    pub(super) shows: &'static str,
}

/// What brings everything back.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// Nothing has to be done: whoever lied on the line is gone, or the devices have mended the relay.
    Alone,
    /// The operator puts the good data back.
    Good,
    /// The operator puts the good data back, which is older than what the relay has signed since, and restores it.
    Restored,
    /// The operator puts the good data back and restores it, and the person decides: `accept` does it, and so does `repair`.
    Decided,
    /// Nobody puts anything back, and the person decides: `accept` does it, and so does `repair`.
    AsItIs,
    /// Nobody puts anything back: the person makes the workspace again at the relay with `repair`, and so do the others' persons.
    MadeAgain,
}

/// A lie, what comes of it for a device that only reads and for one that also writes, and which device that is.
pub(super) struct Lie {
    pub(super) name: &'static str,
    pub(super) who: Who,
    pub(super) plant: Plant,
    pub(super) reads: (Met, Way),
    pub(super) writes: (Met, Way),
}

fn lie(name: &'static str, who: Who, plant: Plant, [reads, writes]: [(Met, Way); 2]) -> Lie {
    Lie { name, who, plant, reads, writes }
}

fn both(met: Met, way: Way) -> [(Met, Way); 2] {
    [(met, way); 2]
}

/// What `sync` says is what `status` shows.
const fn told(code: i32, says: &'static str) -> Met {
    Met { code, says, shows: says }
}

/// The device has nothing to complain of.
const UNHARMED: Met = told(0, "");
const LOST: Met = told(6, "has lost a part of the workspace's log, and waits to be restored");
const TWO_HISTORIES: Met = told(6, "has signed two different histories");
/// The relay is tried again, and caught at the same, before the command ends.
const TOLD_AGAIN: Met = told(5, "has signed two different histories");
const HELD_BACK: Met =
    Met { code: 10, says: "The relay holds back 1 entry that others wrote", shows: "\"withheld\":{" };
const NOT_THE_AUTHORS: Met = told(5, "an entry whose signature or body is not its author's");
const NOT_SIGNED_FOR: Met = told(5, "so it tells two histories, or alters what it sends");
const TIMES: Met = told(5, "entries whose times go back");
const REFUSES: Met = told(5, "the relay keeps refusing what this device writes");
const UNANSWERED: Met =
    Met { code: 5, says: "for a minute nothing has come of what it was asked", shows: "" };

/// All lies but those that take a minute. The slowest come first, so that nothing waits for them.
pub(super) fn all() -> Vec<Lie> {
    [on_the_line(), of_the_log(), of_what_is_in_it(), of_what_is_beside_it()].into_iter().flatten().collect()
}

/// Between the devices and an honest relay, or a relay that misbehaves on the line alone.
fn on_the_line() -> Vec<Lie> {
    let silent = Met { code: 5, says: "The relay is silent", shows: "the relay is silent" };
    let flood = told(5, "sends without end and brings nothing");
    let altered = Met { code: 0, says: "the relay holds back some of what others wrote", shows: "" };
    let old = told(5, "a welcome that its log did not sign on this line");
    let removed =
        Met { code: 6, says: "The relay refused: this device was removed", shows: "\"turned_away\"" };
    vec![
        lie("silence", Desktop, Socket(line::says_nothing), both(silent, Alone)),
        lie("frames reordered", Desktop, Line(line::frames_reordered), both(UNHARMED, Alone)),
        lie("flood of pings", Desktop, Socket(line::pings), both(flood, Alone)),
        lie("bodies held back on the line", Desktop, Line(line::bodies_held_back), both(HELD_BACK, Alone)),
        lie("bodies altered on the line", Desktop, Line(line::bodies_altered), both(altered, Alone)),
        lie("old welcome", Laptop, Line(line::old_welcome), both(old, Alone)),
        lie(
            "everything refused",
            Desktop,
            Line(line::everything_refused),
            [(UNHARMED, Alone), (REFUSES, Alone)],
        ),
        lie("second history", Desktop, Line(line::second_history), both(TOLD_AGAIN, Decided)),
        lie("told removed", Desktop, Line(line::told_removed), both(removed, Alone)),
    ]
}

/// Which entries there are, and in which order.
fn of_the_log() -> Vec<Lie> {
    let doubled = Met { code: 0, says: "put aside", shows: "the relay put it on the log twice" };
    vec![
        lie("tail removed", Desktop, Database(tampering::tail_removed), both(LOST, Good)),
        lie("rolled back", Desktop, Older, both(LOST, Good)),
        lie("rolled back and written on", Desktop, OlderWrittenOn, both(LOST, Restored)),
        lie("middle removed", Desktop, Database(tampering::middle_removed), both(LOST, Good)),
        lie(
            "middle removed before a device",
            Tablet,
            Database(tampering::middle_removed_before_the_tablet),
            both(TWO_HISTORIES, Decided),
        ),
        lie("entries swapped", Desktop, Database(tampering::swapped), both(LOST, Good)),
        lie(
            "entries swapped before a device",
            Tablet,
            Database(tampering::swapped),
            both(TWO_HISTORIES, Decided),
        ),
        lie("entry doubled", Desktop, Database(tampering::doubled), both(doubled, Restored)),
        lie("times going back", Desktop, Database(tampering::times_going_back), both(TIMES, Good)),
        lie("hash changed", Desktop, Database(tampering::hash_changed), both(NOT_SIGNED_FOR, Good)),
    ]
}

/// The parts of an entry.
fn of_what_is_in_it() -> Vec<Lie> {
    vec![
        lie(
            "body null",
            Desktop,
            Database(tampering::body_gone),
            [(HELD_BACK, Alone), (HELD_BACK, Restored)],
        ),
        lie(
            "body rotten",
            Desktop,
            Database(tampering::body_zeroed),
            [(HELD_BACK, Alone), (HELD_BACK, Restored)],
        ),
        lie("roster body null", Desktop, Database(tampering::record_gone), both(LOST, Good)),
        lie("roster body damaged", Desktop, Database(tampering::record_zeroed), both(LOST, Good)),
        lie(
            "signature zeroed",
            Desktop,
            Database(tampering::signature_zeroed),
            [(NOT_THE_AUTHORS, Good), (NOT_THE_AUTHORS, Restored)],
        ),
        lie(
            "header zeroed",
            Desktop,
            Database(tampering::header_zeroed),
            [(NOT_SIGNED_FOR, Good), (NOT_SIGNED_FOR, Restored)],
        ),
    ]
}

/// What a relay keeps beside the entries.
fn of_what_is_beside_it() -> Vec<Lie> {
    let other_log = told(5, "offers another log for this workspace than before");
    let half = told(5, "only one of the relay's keys says that");
    let none = Met { code: 6, says: "it has no such workspace", shows: "\"turned_away\"" };
    // Its log does not have the device, and its head is of another key.
    let stranger = Met { code: 6, says: "this device may not use the workspace", shows: "\"turned_away\"" };
    let older = told(6, "an earlier version made this workspace");
    vec![
        lie("log key changed", Desktop, Database(tampering::log_key_changed), both(other_log, Good)),
        lie(
            "weights raised",
            Laptop,
            Database(Forger::raise_weights),
            [(UNHARMED, Good), (REFUSES, Restored)],
        ),
        lie(
            "continued without the identity",
            Desktop,
            Database(Forger::continue_without_the_identity),
            both(half, Good),
        ),
        lie("successor damaged", Desktop, Database(tampering::successor_damaged), both(LOST, Good)),
        lie("another log under this id", Desktop, Database(Forger::take_another_log), both(stranger, Good)),
        lie("workspace gone", Desktop, Database(tampering::workspace_gone), both(none, Good)),
        lie("workspace gone for good", Desktop, Database(tampering::workspace_gone), both(none, MadeAgain)),
        lie("draft changed", Desktop, Database(tampering::draft_changed), both(older, Good)),
    ]
}

/// Lies that keep a command waiting for a minute.
pub(super) fn slow() -> Vec<Lie> {
    let waits = [(UNHARMED, Alone), (UNANSWERED, Alone)];
    let lacks = told(5, "that it lacks what it has signed for");
    // Whoever only reads meets nothing, and whatever it writes later meets the same as one that writes at once: a relay that
    // takes nothing more of one of its chains. A person goes on in another one, on the log as it is, which has lost nothing. Once
    // others have written on, the good data is older than what the relay has signed since.
    let tip = [(UNHARMED, AsItIs), (lacks, Restored)];
    vec![
        lie("acknowledged and dropped", Desktop, Line(line::acknowledged_and_dropped), waits),
        lie("tip of another chain", Laptop, Database(tampering::tip_of_another_chain), tip),
    ]
}
