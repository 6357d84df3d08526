//! Running histories: one, many, and the smallest that still fails.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use super::bug::Bug;
use super::errors::Listener;
use super::{Failure, Fired, History, World};

/// What came of a history.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What went wrong, if anything did.
    pub failure: Option<Failure>,
    /// A hash over everything that happened.
    pub hash: [u8; 32],
    /// The last of it.
    pub trace: Vec<String>,
    /// How often each fault has happened.
    pub fired: Fired,
}

/// Runs a history from beginning to end, and checks what it came to.
pub fn run(history: &History, bug: Option<Bug>) -> Outcome {
    let dispatch = tracing::Dispatch::new(Listener);
    tracing::dispatcher::with_default(&dispatch, || {
        super::errors::take();
        let mut fired = Fired::default();
        let mut trace = super::Trace::default();
        let history_run = AssertUnwindSafe(|| live(history, bug, &mut fired, &mut trace));
        let failure = match std::panic::catch_unwind(history_run) {
            Ok(failure) => failure,
            Err(panic) => Some(Failure::Panicked(message(panic.as_ref()))),
        };
        let last = trace.last(60).map(str::to_owned).collect();
        Outcome { failure, hash: trace.hash(), trace: last, fired }
    })
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word").to_owned()
}

fn live(history: &History, bug: Option<Bug>, fired: &mut Fired, trace: &mut super::Trace) -> Option<Failure> {
    let mut world = World::new(history.seed, bug);
    world.found();
    world.network(history.rates);
    for (number, step) in history.steps.iter().enumerate() {
        if world.failure().is_some() {
            break;
        }
        world.act(number, step);
    }
    if world.failure().is_none() {
        world.settle();
    }
    *fired = world.fired().clone();
    *trace = world.trace().clone();
    world.failure().cloned()
}

/// The first of these seeds whose history shows a planted bug, and what it shows.
pub fn first_caught(seeds: impl IntoIterator<Item = u64>, bug: Bug) -> Option<(u64, Failure)> {
    seeds.into_iter().find_map(|seed| Some((seed, run(&History::of(seed), Some(bug)).failure?)))
}

/// A history with as few steps as possible that still fails.
pub fn shrink(history: &History, bug: Option<Bug>) -> History {
    let fails = |steps: &[super::Step]| {
        let shorter = History { steps: steps.to_vec(), ..history.clone() };
        run(&shorter, bug).failure.is_some()
    };
    let mut steps = history.steps.clone();
    let mut chunk = steps.len().div_ceil(2);
    while chunk > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut shorter = steps.clone();
            shorter.drain(at..(at + chunk).min(steps.len()));
            if fails(&shorter) {
                steps = shorter;
            } else {
                at += chunk;
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    History { steps, ..history.clone() }
}
