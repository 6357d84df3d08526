//! One device on a database in memory, against a relay that may do anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, the functions they share as well"
)]

#[path = "../../../core/tests/sync/author.rs"]
#[allow(dead_code, reason = "core's own tests use the rest")]
mod author;
#[path = "../../../core/tests/sync/letting_go.rs"]
#[allow(dead_code, reason = "core's own tests use the rest")]
mod letting_go;
#[path = "../../../core/tests/sync/opening.rs"]
mod opening;
#[path = "../../../core/tests/sync/relay.rs"]
#[allow(dead_code, reason = "core's own tests use the rest")]
mod relay;

mod accepting;
mod agents;
mod aside;
mod audit;
mod beginning;
mod begun_again;
mod begun_log;
mod built_on_lost;
mod came_back;
mod checkpoints;
mod clocks;
mod comparing;
mod consent;
mod copies;
mod counting;
mod crashes;
mod damage;
mod deciding_to_give_up;
mod filing;
mod folding;
mod giving_up;
mod handing_on;
mod holdings;
mod imported_files;
mod imported_twice;
mod importing;
mod join;
mod keys_apart;
mod log_check;
mod moving;
mod named;
mod one_home;
mod one_row;
mod other_process;
mod overlaps;
mod ownership;
mod parts;
mod put_back_relay;
mod quarantine;
mod record_bytes;
mod recovery;
mod relay_lies;
mod removal;
mod removal_costs;
mod repairing;
mod restored;
mod restored_relay;
mod restored_relay_lies;
mod rig;
mod roles;
mod sealing;
mod secrets;
mod taken_apart;
mod versions;
mod way_out;
mod withheld;
mod wrong_clocks;
