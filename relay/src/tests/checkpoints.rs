//! What is said of checkpoints goes on after a restart, and with it what the log's sums come to.

use bowline_wire::checkpoint::Freed;
use bowline_wire::entry::Entry;
use bowline_wire::frame::Reason;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::{Lane, Position, StateDigest, WireDoc};
use bowline_wire::limits::MEMBER_WEIGHT;
use bowline_wire::weight::Weight;

use super::Two;

const DOC: WireDoc = WireDoc::from_bytes([8; 16]);

impl Two {
    /// What a device says of the state at a place.
    fn speak(&mut self, by_phone: bool, about: Position, freed: Vec<Freed>) {
        let word = self.word_on(by_phone, about, StateDigest::from_bytes([3; 32]), freed);
        self.bench.must_append(if by_phone { self.on_phone } else { self.on_laptop }, &[&word]);
        self.bench.drain();
    }

    /// What the phone would write of the document.
    fn heavy(&mut self, weight: u64) -> Entry {
        let header = self.phone.draft(&self.bench.view(self.workspace), EntryType::Changes, Lane::Content);
        self.phone.clone().write(Header { doc: DOC, weight: Weight::of(weight), ..header }, b"sealed")
    }

    fn write(&mut self, weight: u64) {
        let entry = self.heavy(weight);
        self.bench.must_append(self.on_phone, &[&entry]);
        self.phone.rewind(Lane::Content, entry.header().seq, entry.id());
    }

    fn restart(&mut self) {
        self.bench.restart();
        self.on_laptop = self.bench.open(&self.laptop, self.workspace);
        self.on_phone = self.bench.open(&self.phone, self.workspace);
    }
}

#[test]
fn a_document_takes_again_what_a_checkpoint_has_let_go_of_also_when_the_relay_is_restarted_between() {
    for restarts in [false, true] {
        let mut two = Two::connected();
        let user = two.phone.user();
        two.write(MEMBER_WEIGHT);
        let about = two.bench.position(two.workspace);
        let full = two.heavy(1);
        assert_eq!(two.bench.refusal(two.on_phone, &full), Reason::DocumentFull);
        two.speak(false, about, vec![Freed { doc: DOC, user, sum: MEMBER_WEIGHT / 2 }]);
        if restarts {
            two.restart();
        }
        two.speak(true, about, vec![]);
        if restarts {
            two.restart();
        }
        two.write(MEMBER_WEIGHT / 2);
        let full = two.heavy(1);
        assert_eq!(two.bench.refusal(two.on_phone, &full), Reason::DocumentFull);
    }
}
