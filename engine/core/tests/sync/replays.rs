//! Entries that a relay puts on the log again, which it had before or has of another workspace: at once, later, and after whoever wrote them is
//! out. They stand there and count for nothing, and what follows counts.

use bowline_core::sync::{RelayFault, Verdict};
use bowline_wire::entry::SignedEntry;
use bowline_wire::header::Header;
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::Record;

use crate::author::{Author, message, opaque_payload};
use crate::bench::Bench;
use crate::relay::FakeRelay;

/// A workspace of the Owner, this bench and another member, in which most has happened that can happen, and all of it as it was captured.
struct Scene {
    bench: Bench,
    owner: Author,
    member: Author,
    relay: FakeRelay,
    captured: Vec<SignedEntry>,
}

impl Scene {
    fn new() -> Self {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let mut member = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
        let mut second = Author::join(8, &member.put_ticket(&mut relay, true), &mut relay);
        let [invite, link] = [owner.put_ticket(&mut relay, false), member.put_ticket(&mut relay, true)];
        owner.put_record(&mut relay, &Record::CloseInvite(invite.ticket_key()));
        member.put_record(&mut relay, &Record::CloseLink(link.ticket_key()));
        member.put_message(&mut relay, opaque_payload(1).doc, "before");
        second.put_message(&mut relay, opaque_payload(2).doc, "as well");
        let epoch = relay.log().roster().epoch().unwrap();
        member.put_record(&mut relay, &Record::Complaint { epoch });
        second.put_record(&mut relay, &Record::Leave { whole_user: false, cut: Vec::new() });
        let recipients: Vec<_> = relay.log().roster().recipients().into_iter().collect();
        let rekey = owner.rekey(&recipients);
        owner.put_record(&mut relay, &Record::Rekey(rekey.clone()));
        owner.accept(&relay, &rekey);
        member.accept(&relay, &rekey);
        owner.put_record(&mut relay, &Record::HandOver { user: member.user() });
        member.put_record(&mut relay, &Record::TakeOver);
        member.put_record(&mut relay, &Record::HandOver { user: owner.user() });
        owner.put_record(&mut relay, &Record::TakeOver);
        owner.put_message(&mut relay, opaque_payload(3).doc, "under the new key");
        bench.sync(&mut relay);
        bench.sync(&mut relay);
        let captured = (1..=relay.len()).map(|at| relay.signed(at)).collect();
        Self { bench, owner, member, relay, captured }
    }

    /// The relay puts everything on the log once more, each with something of the Owner's behind it.
    fn play(&mut self) {
        let Self { bench, owner, relay, captured, .. } = self;
        let before = relay.log().roster().hash();
        for (at, entry) in (1..).zip(captured.iter()) {
            bench.forget();
            relay.put(entry.clone());
            owner.put_message(
                relay,
                opaque_payload(9).doc,
                &format!("goes on behind {at} of {}", relay.len()),
            );
            bench.sync(relay);
            let [Verdict::NotAcceptable(again, why), Verdict::Content(_)] = bench.verdicts()[..] else {
                panic!("{at}: {:?}", bench.verdicts())
            };
            assert_eq!(&again.to_signed(), entry);
            let is_known = matches!(why, Refusal::SeqTaken { .. } | Refusal::NotActive | Refusal::NotGenesis);
            assert!(is_known, "{at}: {why:?}");
            assert_eq!(bench.replica.log().unwrap().roster().hash(), before, "{at}: nothing has changed");
            assert!(bench.faults().is_empty());
        }
    }
}

#[test]
fn what_a_relay_puts_on_the_log_again_counts_for_nothing_at_once_and_after_its_author_is_out() {
    let mut scene = Scene::new();
    scene.play();
    let Scene { owner, member, relay, .. } = &mut scene;
    owner.put_removal(relay, member, Vec::new());
    assert!(!relay.log().roster().is_active(&member.id()));
    scene.bench.sync(&mut scene.relay);
    scene.play();
}

/// What somebody signed for another workspace, where it was good, verifies in none but that.
#[test]
fn what_a_relay_has_of_another_workspace_of_the_same_devices_is_the_relays_fault() {
    let elsewhere = Author::owner(3).1.workspace();
    for is_content in [false, true] {
        let Scene { mut bench, mut owner, mut relay, .. } = Scene::new();
        let roster = relay.log().roster().hash();
        let (position, doc) = (bench.replica.position(), opaque_payload(1).doc);
        let foreign = if is_content {
            let payload = message(owner.id(), doc, "said elsewhere");
            owner.content_with(&relay, &payload.encode(), doc, |_| {})
        } else {
            let invite = owner.put_ticket(&mut relay.clone(), false);
            owner.record_with(&relay, &Record::CloseInvite(invite.ticket_key()), |_| {})
        };
        let header = Header { workspace: elsewhere, ..foreign.header().clone() };
        let foreign = owner.keys.sign_header(header, foreign.body().unwrap().to_vec()).unwrap();
        relay.put(foreign.to_signed());
        bench.forget();
        bench.sync(&mut relay);
        assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]), "{:?}", bench.faults());
        assert!(bench.closed());
        assert_eq!(bench.replica.position(), position);
        assert_eq!(bench.replica.log().unwrap().roster().hash(), roster);
    }
}
