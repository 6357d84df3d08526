//! The clocks of a workspace, in words and for programs.

use bowline_engine::device::{Clocks, WrongClock};
use serde::Serialize;

use crate::time::{iso, moment};

/// Clocks that are apart, as `status` shows them.
#[derive(Serialize)]
pub(crate) struct ShownClocks {
    relay: Option<String>,
    log: Option<String>,
    here: Option<String>,
    /// `relay`, `here` or `unknown`.
    looks_wrong: &'static str,
    #[serde(skip)]
    pub(crate) words: String,
}

impl From<Clocks> for ShownClocks {
    fn from(clocks: Clocks) -> Self {
        Self {
            relay: iso(clocks.relay),
            log: iso(clocks.log),
            here: iso(clocks.here),
            looks_wrong: match clocks.looks_wrong {
                WrongClock::Relay => "relay",
                WrongClock::Here => "here",
                WrongClock::Unknown => "unknown",
            },
            words: clocks_in_words(&clocks),
        }
    }
}

/// What each clock said, and which looks wrong.
pub(crate) fn clocks_in_words(clocks: &Clocks) -> String {
    let looks_wrong = match clocks.looks_wrong {
        WrongClock::Relay => "the relay's looks wrong",
        WrongClock::Here => "this device's looks wrong",
        WrongClock::Unknown => "one of them is wrong",
    };
    let (relay, log, here) = (moment(clocks.relay), moment(clocks.log), moment(clocks.here));
    format!("the relay's said {relay} when this device's said {here}, and the log is of {log}: {looks_wrong}")
}

#[cfg(test)]
mod tests {
    use bowline_engine::ids::Millis;

    use super::*;

    #[test]
    fn clocks_are_told_with_the_one_that_looks_wrong() {
        let clocks = |looks_wrong| Clocks {
            relay: Millis(1_800_000_000_000),
            log: Millis(1_799_999_000_000),
            here: Millis(1_700_000_000_000),
            looks_wrong,
        };
        let told = clocks_in_words(&clocks(WrongClock::Here));
        assert_eq!(
            told,
            "the relay's said 2027-01-15 08:00 UTC when this device's said 2023-11-14 22:13 UTC, and the log is of \
             2027-01-15 07:43 UTC: this device's looks wrong"
        );
        let shown = ShownClocks::from(clocks(WrongClock::Unknown));
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json["relay"], "2027-01-15T08:00:00.000Z");
        assert_eq!((&json["looks_wrong"], json.get("words")), (&"unknown".into(), None));
        assert!(shown.words.ends_with("one of them is wrong"), "{}", shown.words);
    }
}
