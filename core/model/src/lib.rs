//! Pure domain types: what the phases hand to each other.
//!
//! No IO, no clock, no async runtime, no vendor. Everything here can be built
//! by hand in a test.

pub mod address;
pub mod alarm;
pub mod codes;
pub mod desired;
pub mod diagnostic;
pub mod digest;
pub mod fault;
pub mod image;
pub mod kubernetes;
pub mod network;
pub mod observed;
pub mod resource;
pub mod schema;
pub mod secret;
pub mod state;
pub mod text;
pub mod value;

pub use address::Address;
pub use alarm::Alarm;
pub use desired::Desired;
pub use diagnostic::{Diagnostic, Severity, Source};
pub use digest::Digest;
pub use fault::{Fault, FaultClass, VendorError};
pub use image::ImageReference;
pub use observed::{Found, Observation, Observed, Ownership};
pub use resource::{Lifecycle, Resource};
pub use schema::{Field, KindSchema};
pub use secret::{Secret, SecretName};
pub use state::{Active, Record, State};
