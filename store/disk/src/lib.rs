//! What a device and a relay ask of a disk: folders, secret files, locks and SQLite databases that open only for their
//! owner and survive a power cut.
//!
//! Nothing here knows what is stored. The store, a home and the relay's data folder are built on it, so that each rule of
//! safety is written once:
//!
//! | module | rule |
//! |---|---|
//! | [`folder`] | a folder is its owner's alone, and durable once it is made |
//! | [`file`](mod@file) | a file is its owner's alone |
//! | [`secret`] | a key's file is whole or not there, and is not read while others can read it |
//! | [`sink`] | a log line is lost rather than waited for |
//! | [`lock`] | one process at a time; the system lets go when the process ends |
//! | [`database`] | the settings that keep a database whole, and secret from whoever finds the disk |
//! | [`schema`] | databases of older versions are brought up to date, those of newer ones and of others are left alone |

pub mod database;
mod error;
pub mod file;
pub mod folder;
pub mod lock;
#[cfg(feature = "planted-bugs")]
mod planted;
pub mod schema;
pub mod secret;
pub mod sink;

pub use error::DatabaseError;
pub use schema::Schema;
