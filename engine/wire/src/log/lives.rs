//! How many lives of its database a device may have: each has chains of its own, which everybody keeps.

use std::collections::BTreeMap;

use crate::ids::{ChainKey, DeviceId, Incarnation, Lane, LogTime};
use crate::limits::{LIFE_INTERVAL, MAX_LIVES};
use crate::log::ChainTip;

/// Whether a new incarnation of a device may begin at this time of the log: the first [`MAX_LIVES`] at once, later ones when the one
/// before is old enough.
pub(super) fn may_begin(tips: &BTreeMap<ChainKey, ChainTip>, chain: &ChainKey, time: LogTime) -> bool {
    let is_known = |lane| tips.contains_key(&ChainKey { lane, ..*chain });
    if is_known(Lane::Control) || is_known(Lane::Content) {
        return true;
    }
    let lives = began(tips, chain.device);
    let latest = lives.values().max().copied().unwrap_or_default();
    lives.len() < MAX_LIVES || time.millis().since(latest.millis()) >= LIFE_INTERVAL
}

/// When each incarnation of a device began, by the log.
fn began(tips: &BTreeMap<ChainKey, ChainTip>, device: DeviceId) -> BTreeMap<Incarnation, LogTime> {
    let first = ChainKey { device, incarnation: Incarnation::ZERO, lane: Lane::Control };
    let mut began = BTreeMap::new();
    for (chain, tip) in tips.range(first..).take_while(|(chain, _)| chain.device == device) {
        let at = began.entry(chain.incarnation).or_insert(tip.since);
        *at = tip.since.min(*at);
    }
    began
}
