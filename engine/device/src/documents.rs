//! Documents on this device: edited, loaded, listed, shown, filed and shared.

pub(crate) mod agents;
pub(crate) mod cache;
pub(crate) mod edit;
pub(crate) mod folding;
pub(crate) mod found;
pub(crate) mod loading;
pub(crate) mod marks;
pub(crate) mod memories;
pub(crate) mod names;
pub(crate) mod sharing;
pub(crate) mod skills;
