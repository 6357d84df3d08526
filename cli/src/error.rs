//! What a person is told when a command did not do what was asked: one sentence, what it comes from, what to do now,
//! and an exit code for scripts. The one place that turns the engine's errors into that; a program is told the same as one
//! line of JSON.

mod code;
mod command;
mod device;
mod draft;
mod edit;
mod hints;
mod join;
mod kind;
mod line;
mod quarantine;
mod survey;
mod usage;

pub use code::ErrorCode;
pub use command::CommandError;
pub(crate) use command::ErrorLine;
pub(crate) use draft::{other_draft, way_on};
pub(crate) use hints::{COME_BACK, FROM_ITS_BEGINNING, HAND_OVER_FIRST, KEPT};
pub(crate) use join::{inquiry_failed, join_failed, no_line_for_code};
pub(crate) use kind::EXIT_CODES;
pub use kind::Kind;
pub(crate) use line::{
    line_failed, no_connection, not_permitted, not_ready, refusal_code, relay_fault, relay_says, turned_away,
    void,
};
pub(crate) use quarantine::put_aside;
pub(crate) use survey::survey_failed;
