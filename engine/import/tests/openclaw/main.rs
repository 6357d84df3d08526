//! Importing OpenClaw's homes and files of JSON lines into a device: homes that real releases wrote, and small ones made here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may fail loudly, the functions they share as well"
)]

mod again;
mod any_file;
mod copies;
mod databases;
mod definitions;
mod desk;
mod dry_run;
mod encodings;
mod fixtures;
mod hostile;
mod jsonl;
mod secrets;
mod sessions;
mod skill_folders;
mod spellings;
#[cfg(unix)]
mod workspaces;
