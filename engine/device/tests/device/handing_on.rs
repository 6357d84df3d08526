//! Keys that devices hand on to each other, unasked: to whoever came in behind an epoch, to whom its key was wrapped wrongly, and to newcomers
//! whom the history leaves out.

use bowline_core::sync::NotReady;
use bowline_device::DocumentState;
use bowline_wire::ids::{DocId, Position};
use bowline_wire::roster::record::{Record, Rekey};

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, linked, newcomer};

/// The names of the roster records that came on the log after a place.
pub(crate) fn records_after(relay: &FakeRelay, position: Position) -> Vec<&'static str> {
    let after = usize::try_from(position.0).unwrap();
    let record = |entry: bowline_wire::entry::Entry| Record::parse(entry.body()?).ok();
    let names = relay.verified().skip(after).filter_map(record).map(|record| match record {
        Record::Rekey(_) => "Rekey",
        Record::Rewrap { .. } => "Rewrap",
        Record::Fill { .. } => "Fill",
        Record::Complaint { .. } => "Complaint",
        Record::CloseInvite(_) => "CloseInvite",
        Record::Lost(_) => "Lost",
        Record::Leave { .. } => "Leave",
        _ => "another",
    });
    names.collect()
}

/// The Owner's device, and somebody who came in while another device of the Owner's began an epoch.
fn behind() -> (Rig, Rig, Author, FakeRelay) {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let mut own = linked(&mut rig, &mut relay, 8);
    let recipients: Vec<_> = relay.log().roster().recipients().into_iter().collect();
    let rekey = own.rekey(&recipients);
    let rekey = own.record_with(&relay, &Record::Rekey(rekey), |_| {});
    let mut newcomer = newcomer(&mut rig, &mut relay, 9);
    assert_eq!(newcomer.status().waiting_for, None);
    newcomer.disconnect();
    rig.disconnect();
    relay.put(rekey.to_signed());
    assert_eq!(relay.log().roster().behind().len(), 1);
    (rig, newcomer, own, relay)
}

#[test]
fn whoever_came_in_behind_an_epoch_is_given_its_key_by_who_has_it() {
    let (mut rig, mut newcomer, _, mut relay) = behind();
    let before = Position(relay.len());
    newcomer.sync(&mut relay);
    assert_eq!(newcomer.status().waiting_for, Some(NotReady::NoKey));
    rig.sync(&mut relay);
    newcomer.disconnect();
    let id = newcomer.conversation("in the new epoch");
    newcomer.sync(&mut relay);
    assert_eq!(newcomer.status().waiting_for, None);
    assert_eq!(newcomer.device.document_state(id).unwrap(), DocumentState::OnRelay);
    assert_eq!(records_after(&relay, before), ["Rewrap"], "nobody complains, and no other epoch begins");
    rig.disconnect();
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    assert_eq!(rig.texts(id), newcomer.texts(id));
    assert_eq!(records_after(&relay, before), ["Rewrap"], "once is enough");
}

#[test]
fn who_restarts_before_it_handed_a_key_on_does_it_afterwards() {
    let (mut rig, mut newcomer, _, mut relay) = behind();
    rig.sync_without_answers(&relay);
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    newcomer.sync(&mut relay);
    assert_eq!(newcomer.status().waiting_for, None);
}

#[test]
fn whoever_came_in_behind_an_epoch_and_is_given_nothing_asks_for_another_after_ten_seconds() {
    let (_, mut newcomer, mut own, mut relay) = behind();
    let before = Position(relay.len());
    for millis in [10_000, 1] {
        assert!(!records_after(&relay, before).contains(&"Complaint"));
        // Somebody else's record shows how late it is.
        relay.clock = relay.clock.plus(millis);
        own.put_ticket(&mut relay, true);
        newcomer.sync(&mut relay);
        newcomer.disconnect();
    }
    assert!(records_after(&relay, before).ends_with(&["Complaint", "Rekey"]));
    newcomer.sync(&mut relay);
    assert_eq!(newcomer.status().waiting_for, None);
}

/// The Owner's device and a Member's; another Member leaves, and mallory, who is one as well, begins the epoch that is due.
fn spoilt(spoil: impl FnOnce(&mut Rekey, usize)) -> (Rig, Rig, FakeRelay, DocId) {
    let (mut rig, mut relay) = Rig::creator(1);
    let old = rig.conversation("before the epoch");
    rig.say(old, "said");
    rig.sync(&mut relay);
    let code = rig.invited(&mut relay);
    let mut member = Rig::new(9);
    member.join(&code);
    member.sync(&mut relay);
    rig.sync(&mut relay);
    let code = rig.invited(&mut relay);
    let mut mallory = Author::join(7, &code.secret, &mut relay);
    rig.sync(&mut relay);
    let code = rig.invited(&mut relay);
    let mut leaver = Author::join(6, &code.secret, &mut relay);
    rig.sync(&mut relay);
    member.sync(&mut relay);
    rig.disconnect();
    member.disconnect();
    leaver.put_record(&mut relay, &Record::Leave { whole_user: true, cut: Vec::new() });
    let to = relay.log().roster().recipients();
    let recipients: Vec<_> = to.iter().cloned().collect();
    let mut rekey = mallory.rekey(&recipients);
    let own = relay.log().roster().device(&member.device.id_in(member.workspace())).unwrap().hpke.clone();
    spoil(&mut rekey, to.iter().position(|key| *key == own).unwrap());
    mallory.put_record(&mut relay, &Record::Rekey(rekey));
    (rig, member, relay, old)
}

#[test]
fn a_key_that_was_wrapped_wrongly_is_wrapped_again_by_who_has_it() {
    let (mut rig, mut member, mut relay, _) = spoilt(|rekey, at| rekey.wraps[at].ciphertext.reverse());
    let before = Position(relay.len());
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["Rewrap"]);
    member.sync(&mut relay);
    assert_eq!(member.status().waiting_for, None);
    assert_eq!(records_after(&relay, before), ["Rewrap"]);
}

#[test]
fn keys_that_a_history_leaves_out_are_handed_on_and_newcomers_read_everything() {
    let (mut rig, _, mut relay, old) = spoilt(|rekey, _| rekey.history.reverse());
    let before = Position(relay.len());
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["Fill"]);
    let mut newcomer = newcomer(&mut rig, &mut relay, 10);
    newcomer.sync(&mut relay);
    assert_eq!(newcomer.status().waiting_for, None);
    assert_eq!(newcomer.texts(old), ["said"]);
    assert!(!records_after(&relay, before).contains(&"Complaint"));
}

#[test]
fn a_code_that_was_closed_unused_may_have_been_seen_and_another_epoch_begins_unasked() {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let (workspace, now) = (rig.workspace(), rig.now);
    let code = rig.device.invite(workspace, now).unwrap();
    rig.sync(&mut relay);
    let before = Position(relay.len());
    rig.device.close_code(workspace, bowline_device::CodeKind::Invite, code, now).unwrap();
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["CloseInvite", "Rekey"]);
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["CloseInvite", "Rekey"], "once");
}
