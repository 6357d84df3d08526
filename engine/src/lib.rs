//! The library that hosts embed: [`Device`] is documents, store and sync behind one synchronous type.

pub mod code;
pub mod device;
mod error;
pub mod intent;

pub use code::{Code, CodeError, CodeKind};
pub use device::Device;
pub use error::Error;
