//! The simulated vendors and what they have in common.

use async_trait::async_trait;

pub mod b2;
pub mod cloudflare;
pub mod fault;
pub mod gitea;
pub mod hetzner;
pub mod neon;
pub mod ovh;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod rules;
pub(crate) mod serve;
pub mod spec;
pub mod tap;

use reply::Reply;
use request::Request;

/// Names of the vendors, in the order they are started.
pub const NAMES: [&str; 6] = ["hetzner", "ovh", "cloudflare", "neon", "b2", "gitea"];

/// Where a specification file applies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpecFile {
    /// Path in the folder of specifications.
    pub(crate) file: &'static str,
    /// Part of the request path in front of the file's paths.
    pub(crate) prefix: &'static str,
}

/// One simulated vendor.
#[async_trait]
pub(crate) trait Vendor: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Its specification files.
    fn specs(&self) -> &'static [SpecFile];

    /// Whether those files say anything about a request.
    fn is_specified(&self, _request: &Request) -> bool {
        true
    }

    /// Lets a request in or refuses it: unknown routes, credentials, limits.
    fn admit(&self, request: &Request) -> Result<(), Reply>;

    /// Acts.
    async fn handle(&self, request: &Request) -> Reply;

    /// An error in the vendor's form; an empty code means the usual one.
    fn refuse(&self, request: &Request, status: u16, code: &str, message: &str) -> Reply;

    /// Headers that every answer carries.
    fn finish(&self, request: &Request, reply: &mut Reply);
}
