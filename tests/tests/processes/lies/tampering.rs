//! What is done to a relay's database between two runs, each by its name.

use super::database::Forger;

/// The last entry of the log, in SQL.
const LAST: &str = "log = 1 AND position = (SELECT max(position) FROM entry WHERE log = 1)";

/// The last roster record of the log, in SQL.
const LAST_RECORD: &str =
    "log = 1 AND position = (SELECT max(position) FROM entry WHERE log = 1 AND type = 16)";

fn set_in_last(it: &Forger, set: &str) {
    it.change(&format!("UPDATE entry SET {set} WHERE {LAST}"));
}

fn set_in_last_record(it: &Forger, set: &str) {
    it.change(&format!("UPDATE entry SET {set} WHERE {LAST_RECORD}"));
}

fn set_in_log(it: &Forger, set: &str) {
    it.change(&format!("UPDATE log SET {set} WHERE n = 1"));
}

pub(super) fn tail_removed(it: &Forger) {
    it.rewritten(|log| log.truncate(log.len() - 2));
}

/// Everybody has known the entry and what follows it.
pub(super) fn middle_removed(it: &Forger) {
    it.rewritten(|log| drop(log.remove(log.len() - 4)));
}

/// The entry is the first that the tablet lacks.
pub(super) fn middle_removed_before_the_tablet(it: &Forger) {
    it.rewritten(|log| drop(log.remove(log.len() - 3)));
}

/// The entries are the first two that the tablet lacks. The log's times stay in order.
pub(super) fn swapped(it: &Forger) {
    it.rewritten(|log| {
        let at = log.len() - 3;
        let times = (log[at].time, log[at + 1].time);
        log.swap(at, at + 1);
        (log[at].time, log[at + 1].time) = times;
    });
}

pub(super) fn doubled(it: &Forger) {
    it.rewritten(|log| log.extend(log.last().cloned()));
}

pub(super) fn times_going_back(it: &Forger) {
    it.rewritten(|log| log.iter_mut().rev().take(1).for_each(|last| last.time = 1));
}

pub(super) fn log_key_changed(it: &Forger) {
    set_in_log(it, "secret = zeroblob(32)");
}

pub(super) fn hash_changed(it: &Forger) {
    set_in_last(it, "hash = zeroblob(32)");
    set_in_log(it, "hash = zeroblob(32)");
}

pub(super) fn signature_zeroed(it: &Forger) {
    set_in_last(it, "signature = zeroblob(64)");
}

pub(super) fn header_zeroed(it: &Forger) {
    set_in_last(it, "header = zeroblob(length(header))");
}

pub(super) fn body_gone(it: &Forger) {
    set_in_last(it, "body = NULL");
}

pub(super) fn body_zeroed(it: &Forger) {
    set_in_last(it, "body = zeroblob(length(body))");
}

pub(super) fn record_gone(it: &Forger) {
    set_in_last_record(it, "body = NULL");
}

pub(super) fn record_zeroed(it: &Forger) {
    set_in_last_record(it, "body = zeroblob(length(body))");
}

/// The tip of the last author's chain is that of another chain.
pub(super) fn tip_of_another_chain(it: &Forger) {
    it.change(&format!(
        "UPDATE chain SET tip = (SELECT tip FROM chain WHERE n = 1)
         WHERE n = (SELECT chain FROM entry WHERE {LAST})"
    ));
}

pub(super) fn successor_damaged(it: &Forger) {
    it.change("INSERT INTO successor (log, n, said) VALUES (1, 0, x'00')");
}

pub(super) fn workspace_gone(it: &Forger) {
    set_in_log(it, "workspace = zeroblob(length(workspace))");
}

pub(super) fn draft_changed(it: &Forger) {
    set_in_log(it, "draft = 0");
}
