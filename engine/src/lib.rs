//! The library that hosts embed: [`Device`] is documents, store and sync behind one synchronous type.

pub mod code;
pub mod device;
mod error;
pub mod home;
pub mod import;
pub mod intent;
pub mod jsonl;
pub mod openclaw;
pub mod run;

pub use bowline_core::document;
pub use bowline_core::sync::{JoinFailed, LinkState, NotReady, RelayFault};
pub use bowline_store::StoreError;
pub use bowline_transport as transport;
pub use bowline_wire::frame::Reason;
pub use bowline_wire::head::SeenHead;
pub use bowline_wire::ids;
pub use bowline_wire::limits::{INVITE_LIFETIME, LINK_LIFETIME};
pub use bowline_wire::roster::{Role, Void};
pub use code::{Code, CodeError, CodeKind};
pub use device::Device;
pub use error::Error;
pub use home::{Home, HomeError};
