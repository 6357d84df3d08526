//! Times and sizes of the sync machine, with unit and reason.

/// Milliseconds by which two clocks that are set right do not part: more is shown to the person.
pub(super) const CLOCKS_APART: u64 = 10 * 60 * 1_000;

/// Milliseconds by which a log's time may be ahead of this device's clock: a clock that shows the time of the wrong zone is
/// let through, and one that shows the wrong day is not.
pub(super) const LOG_AHEAD: u64 = 24 * 60 * 60 * 1_000;

/// Milliseconds before the relay is asked again for bodies, the first time that nothing came of it; twice as many each time
/// after that. Another device may be about to supply them.
pub(super) const FETCH_AGAIN_AFTER: u64 = 5_000;

/// Milliseconds before the relay is asked again for bodies, however often nothing came of it: whoever can supply them may
/// connect at any time.
pub(super) const FETCH_AGAIN_AT_MOST: u64 = 10 * 60 * 1_000;

/// Milliseconds between two questions for bodies, whatever comes of them: each may cost the relay a frame.
pub(super) const FETCH_INTERVAL: u64 = 1_000;

/// Milliseconds between two frames of bodies that this device supplies: a relay that wants everything again gets a frame a
/// second, and the person the rest of the line.
pub(super) const SUPPLY_INTERVAL: u64 = 1_000;

/// Milliseconds for a handshake: many round trips on a bad line, and still no connection that hangs for ever.
pub(super) const HANDSHAKE_TIMEOUT: u64 = 15_000;

/// Milliseconds without a frame before the relay is asked where its log is. Also finds a lost last frame.
pub(super) const PING_AFTER: u64 = 20_000;

/// Milliseconds for the answer to a ping before the connection counts as dead: with [`PING_AFTER`] half a minute, after which
/// whoever waits is told that the relay is silent.
pub(super) const PING_TIMEOUT: u64 = 10_000;

/// Milliseconds before unanswered entries are sent again, and missing ones asked for again.
pub(super) const RETRY_AFTER: u64 = 5_000;

/// Bytes for each full lot of which, on the line and unanswered, the answer may take [`SLOWEST_BLOCK_TIME`] longer.
pub(super) const SLOWEST_BLOCK: usize = 64 * 1024;

/// Milliseconds for [`SLOWEST_BLOCK`] bytes on the slowest line that is of use, 36 KiB/s: any slower, and one frame takes
/// longer than the time after which a silent line counts as dead. Without it, whatever takes more than [`RETRY_AFTER`] to
/// send would be queued over and over behind itself.
pub(super) const SLOWEST_BLOCK_TIME: u64 = 1_778;

/// Bytes of entries on their way to the relay before sealing pauses: a few frames keep the line full, and more would
/// only be sealed under a roster that may be about to change. Asked before a payload is sealed, so that one of any size
/// gets through, all of its parts at once.
pub(super) const MAX_IN_FLIGHT: usize = 4 * 1024 * 1024;

/// Bytes of entries in memory that are sent again after a restore, before more of them are read.
pub(super) const FEED_AHEAD: usize = 4 * 1024 * 1024;

/// Refusals for good that one connection may bring before the device stops appending on it. An honest relay gives one
/// for each chain at most; a lying one could otherwise have the device seal its documents over and over.
pub(super) const MAX_REFUSALS: u32 = 8;

/// Refusals for good in a row that one connection may bring while the log stands still here. What was right by the log as it is known here
/// is refused for something that came first, and an honest relay sends that: it refuses once for each of the two chains until then.
/// So one edit is sealed three times at most on a connection that refuses it, and `sync` makes no other after that.
pub(super) const MAX_UNEXPLAINED: u32 = 3;

/// Milliseconds of patience that a frame costs which brings nothing new: eight of them in a second are paid back by that
/// second, and take less than a thousandth of a processor.
pub(super) const BARREN_FRAME: u64 = 128;

/// Milliseconds of patience that each entry, record or holding costs in a frame which brings nothing new.
pub(super) const BARREN_ITEM: u64 = 16;

/// Milliseconds of patience with one connection: a thousand frames that bring nothing, or eight thousand entries, more than an
/// honest relay has on its way when entries are asked for a second time.
pub(super) const BARREN_CREDIT: u64 = 1024 * BARREN_FRAME;

/// Entries before a relay's head at which a survey begins to look for where its log parts from ours: a frame or two, and most relays
/// that lost something lost the last of it.
pub(super) const SURVEY_STEP: u64 = 1_024;

/// How much further back a survey looks each time: five beginnings are enough for millions of entries.
pub(super) const SURVEY_STEP_GROWS: u64 = 8;

/// Entries behind the place where two logs part whose ids a survey keeps, 32 bytes each. So many take a hundred megabytes, and an honest
/// relay is ahead by a small part of that, after years.
pub(super) const MAX_SURVEYED: usize = 2 * 1024 * 1024;

/// Bytes of roster records taken from a relay before a Join. Far above what the roster's own limits allow in practice,
/// and low enough for any device.
pub(super) const MAX_RECORDS: usize = 64 * 1024 * 1024;

/// Bytes of entries held back in memory because a removed author's run goes on in the next frame. A run fits one Append frame, so
/// it is in two frames at most; no relay has taken a longer one.
pub(super) const MAX_HELD_BACK: usize = 2 * bowline_wire::limits::MAX_FRAME;

/// Bytes of entries behind the place of a state that are kept in memory until its checkpoint has come to stand. Most checkpoints stand a few
/// entries behind their place; what comes of more than this is asked for a second time.
pub(super) const MAX_FOLLOWED: usize = 4 * bowline_wire::limits::MAX_FRAME;
