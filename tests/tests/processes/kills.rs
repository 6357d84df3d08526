//! Processes that end in the middle of things: whatever was acknowledged is there afterwards, without anybody's help.

use std::time::Duration;

use bowline_tests::processes::{Home, Relay, Tls, Watching, wait_for};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::{shared_conversation, two_devices};

/// Kills in one run of all tests, and in a nightly one.
const KILLS: [u64; 2] = [20, 300];

/// Commits of a process after which it is ended, at the most: a round takes a device about as many.
const COMMITS: u64 = 12;

/// Milliseconds between two kills at most: long enough to be connected and idle, short enough to be in the middle of
/// something most of the time.
const LONGEST_LIFE: u64 = 300;

/// Two devices that watch, and their relay.
struct Rig {
    /// Before the homes, because fields are dropped in this order and a home's folder goes when nobody writes to it.
    watching: [Option<Watching>; 2],
    homes: [Home; 2],
    relay: Relay,
    conversation: String,
    /// Everything that a `say` which succeeded has said.
    said: Vec<String>,
    random: ChaCha8Rng,
}

/// Who is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Device(usize),
    Relay,
}

impl Rig {
    fn new(seed: u64) -> Self {
        let relay = Relay::start(Tls::SelfSigned);
        let (laptop, desktop) = two_devices(&relay);
        let conversation = shared_conversation(&laptop, &desktop);
        let watching = [Some(laptop.watch()), Some(desktop.watch())];
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { watching, homes: [laptop, desktop], relay, conversation, said: Vec::new(), random }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random.next_u64() % below
    }

    /// Somebody says something on one of the devices.
    fn say(&mut self) {
        let at = usize::try_from(self.draw(2)).unwrap();
        let text = format!("message {}", self.said.len());
        self.homes[at].run(["chat", "say", &self.conversation, &text]).answer();
        self.said.push(text);
    }

    fn kill_somebody(&mut self) {
        match self.draw(3) {
            at @ 0..=1 => self.kill(Victim::Device(usize::try_from(at).unwrap())),
            _ => self.kill(Victim::Relay),
        }
    }

    fn kill(&mut self, victim: Victim) {
        match victim {
            Victim::Device(at) => {
                self.watching[at].take().unwrap().kill();
                self.watching[at] = Some(self.homes[at].watch());
            }
            Victim::Relay => {
                self.relay.kill();
                self.relay.restart();
            }
        }
    }

    /// Starts the victim anew so that it ends at one of its commits, gives it work until it has, and starts it again.
    fn end_at_commit(&mut self, victim: Victim, at: &str) {
        match victim {
            Victim::Device(index) => {
                self.watching[index].take().unwrap().kill();
                self.watching[index] = Some(self.homes[index].watch_to_end(Some(at)));
            }
            Victim::Relay => {
                self.relay.kill();
                self.relay.restart_to_end(at);
            }
        }
        for _ in 0..4 * COMMITS {
            if self.has_ended(victim) {
                break;
            }
            self.say();
        }
        wait_for(&format!("{victim:?} to end {at}"), || self.has_ended(victim).then_some(()));
        self.kill(victim);
    }

    fn has_ended(&mut self, victim: Victim) -> bool {
        match victim {
            Victim::Device(index) => self.watching[index].as_mut().unwrap().has_ended(),
            Victim::Relay => self.relay.has_ended(),
        }
    }

    /// Both devices show everything that was said, and every database is whole.
    fn check(mut self) {
        self.watching = [None, None];
        for home in self.homes.iter().chain(&self.homes) {
            home.run(["sync"]).answer();
        }
        let mut said = std::mem::take(&mut self.said);
        said.sort_unstable();
        for home in &self.homes {
            let mut found = home.messages(&self.conversation);
            found.sort_unstable();
            assert_eq!(found, said, "what one device shows");
            home.check_database();
        }
        self.relay.kill();
        self.relay.check_database();
    }
}

/// How many this run kills.
fn kills() -> u64 {
    KILLS[usize::from(std::env::var_os("BOWLINE_NIGHTLY").is_some())]
}

#[test]
fn what_was_said_survives_kill_9_of_any_process_at_any_time() {
    let seed = 1;
    let mut rig = Rig::new(seed);
    for _ in 0..kills() {
        for _ in 0..rig.draw(4) {
            rig.say();
        }
        // Not to wait for anything: the kill has to hit dialling, catching up and waiting alike.
        std::thread::sleep(Duration::from_millis(rig.draw(LONGEST_LIFE)));
        rig.kill_somebody();
    }
    println!("{} kills at random (seed {seed}), {} messages said", kills(), rig.said.len());
    rig.check();
}

#[test]
fn what_was_said_survives_an_end_right_before_and_right_after_each_commit() {
    let mut rig = Rig::new(2);
    let mut ends = 0;
    let all = [Victim::Device(0), Victim::Device(1), Victim::Relay];
    for commit in 1..=COMMITS {
        for victim in all {
            for side in ["before", "after"] {
                // A share of all of them in a common run, each in a nightly one.
                if kills() == KILLS[1] || rig.draw(COMMITS * 6 / KILLS[0]) == 0 {
                    rig.end_at_commit(victim, &format!("{side} {commit}"));
                    ends += 1;
                }
            }
        }
    }
    println!("{ends} ends at commits, {} messages said", rig.said.len());
    assert!(ends >= 10, "only {ends}");
    rig.check();
}
