//! Times as people read them, and as programs do.

use std::sync::OnceLock;

use bowline_engine::ids::Millis;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// In which zone people are told times. A process has one reader, so it is set once, by the binary; until then it is UTC.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Has people told times as the clocks of this machine show them: `TZ`, else the system's zone.
pub fn tell_local_times() {
    // Told again, it stays what it was.
    let _ = ZONE.set(TimeZone::system());
}

/// How long ago `then` is: `just now`, `5 minutes ago`; as a date when that is more than a month.
pub(crate) fn ago(then: Millis, now: Millis) -> String {
    let passed = now.since(then);
    let (n, unit) = match passed {
        _ if then.since(now) > MINUTE => return date(then), // another clock is ahead of ours
        0..MINUTE => return "just now".to_owned(),
        MINUTE..HOUR => (passed / MINUTE, "minute"),
        HOUR..DAY => (passed / HOUR, "hour"),
        _ if passed < 31 * DAY => (passed / DAY, "day"),
        _ => return date(then),
    };
    format!("{} ago", crate::text::count(usize::try_from(n).unwrap_or(usize::MAX), unit))
}

/// `10 minutes`, `1 hour`, `7 days`: in the largest unit of which it is whole.
pub(crate) fn lasting(millis: u64) -> String {
    let units = [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second")];
    let (length, unit) =
        units.into_iter().find(|(length, _)| millis.is_multiple_of(*length)).unwrap_or((1, "millisecond"));
    crate::text::count(usize::try_from(millis / length).unwrap_or(usize::MAX), unit)
}

/// How long somebody says that something lasts: a number and `m`, `h` or `d` for minutes, hours or days. `None` if it says nothing.
pub(crate) fn parse_lasting(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        _ => return None,
    };
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// `2026-01-31 09:05 UTC`, in the reader's zone.
pub(crate) fn moment(time: Millis) -> String {
    in_zone(time, "%Y-%m-%d %H:%M %Z", zone())
}

/// `2026-01-31T09:05:00.250Z`, for programs; `None` beyond the year 9999.
pub(crate) fn iso(time: Millis) -> Option<String> {
    timestamp(time).map(|time| format!("{time:.3}"))
}

/// The time that somebody writes: a date, which begins at midnight in the reader's zone, or a time with its zone. `None` if it is neither.
pub(crate) fn parse(text: &str) -> Option<Millis> {
    let time = match text.trim().parse::<Date>() {
        Ok(date) if !text.contains(['T', 't', ':']) => date.to_zoned(zone()).ok()?.timestamp(),
        _ => text.trim().parse::<Timestamp>().ok()?,
    };
    u64::try_from(time.as_millisecond()).ok().map(Millis)
}

fn date(time: Millis) -> String {
    in_zone(time, "%Y-%m-%d", zone())
}

fn zone() -> TimeZone {
    ZONE.get().cloned().unwrap_or(TimeZone::UTC)
}

fn in_zone(time: Millis, format: &str, zone: TimeZone) -> String {
    timestamp(time).map_or_else(unknown, |time| time.to_zoned(zone).strftime(format).to_string())
}

fn timestamp(time: Millis) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(time.0).ok()?).ok()
}

fn unknown() -> String {
    "at no known time".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_a_time_the_more_exactly_it_is_told() {
        let now = Millis(1_769_850_300_250);
        let told = |passed| ago(Millis(now.0 - passed), now);
        assert_eq!(told(0), "just now");
        assert_eq!(told(59 * SECOND), "just now");
        assert_eq!(told(MINUTE), "1 minute ago");
        assert_eq!(told(2 * HOUR - 1), "1 hour ago");
        assert_eq!(told(30 * DAY), "30 days ago");
        assert_eq!(told(31 * DAY), "2025-12-31");
    }

    #[test]
    fn a_time_that_another_clock_puts_in_the_future_is_a_date() {
        assert_eq!(ago(Millis(1_769_850_300_250), Millis(1_000)), "2026-01-31");
        assert_eq!(ago(Millis(30_000), Millis(1_000)), "just now");
    }

    #[test]
    fn people_are_told_the_time_of_their_zone_and_programs_utc() {
        let zone = TimeZone::fixed(jiff::tz::offset(-10));
        let time = Millis(1_769_850_300_250);
        assert_eq!(in_zone(time, "%Y-%m-%d %H:%M %Z", zone.clone()), "2026-01-30 23:05 -10");
        assert_eq!(in_zone(time, "%Y-%m-%d", zone), "2026-01-30");
        assert_eq!(iso(time).unwrap(), "2026-01-31T09:05:00.250Z");
    }

    #[test]
    fn a_date_is_its_beginning_and_a_time_says_its_zone() {
        let day = 1_769_817_600_000; // 2026-01-31 00:00 UTC
        assert_eq!(parse("2026-01-31"), Some(Millis(day)));
        assert_eq!(parse("2026-01-31T09:05:00.250Z"), Some(Millis(1_769_850_300_250)));
        assert_eq!(parse("2026-01-31T10:05:00.250+01:00"), Some(Millis(1_769_850_300_250)));
        for text in ["", "yesterday", "2026-02-30", "2026-01-31T09:05:00", "09:05", "1969-12-31"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_beyond_the_calendar_is_no_error() {
        assert_eq!(moment(Millis(u64::MAX)), "at no known time");
        assert_eq!(iso(Millis(u64::MAX)), None);
        assert_eq!(iso(Millis(1_769_850_300_250)).unwrap(), "2026-01-31T09:05:00.250Z");
        assert_eq!(moment(Millis(1_769_850_300_250)), "2026-01-31 09:05 UTC");
    }
}
