//! What this device and a relay say to one another.

mod again;
mod beginning;
mod bodies;
mod clocks;
pub(super) mod faults;
mod frames;
pub(super) mod heads;
mod holdings;
pub(super) mod inquiry;
mod join;
pub(super) mod lookup;
mod patience;
pub(super) mod session;
pub(super) mod survey;
