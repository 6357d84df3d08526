//! The library that hosts embed: a [`Home`] on the disk, the [`Device`] in it, and the loop that syncs both.
//!
//! A host's first hour, from two homes to one conversation on both (`engine/examples/two_devices.rs`):
//!
//! ```no_run
#![doc = include_str!("../examples/two_devices.rs")]
//! ```

pub mod home;
pub mod run;

pub use bowline_core::document;
pub use bowline_core::sync::{
    Awaited, GoingOn, InquiryFailed, Invitation, JoinFailed, LinkState, LookupFailed, NotReady, RelayFault,
    ShownLog, SurveyFailed,
};
pub use bowline_crypto::{PhraseError, RecoveryPhrase};
pub use bowline_device as device;
pub use bowline_device::{Code, CodeError, CodeKind, Damage, Device, Error, Lifetime, intent};
pub use bowline_disk::sink;
pub use bowline_store::{DatabaseError, StoreError};
pub use bowline_transport as transport;
pub use bowline_wire::evidence;
pub use bowline_wire::frame::Reason;
pub use bowline_wire::head::SeenHead;
pub use bowline_wire::ids;
pub use bowline_wire::roster::record::{Lost, Move};
pub use bowline_wire::roster::{Deed, RecordBytes, Role, Void};
pub use home::{Home, HomeError};
