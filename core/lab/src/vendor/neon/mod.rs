//! Placeholder.
#![allow(missing_docs, reason = "being written")]
use std::sync::Arc;
use async_trait::async_trait;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;

pub(crate) struct Neon { pub(crate) token: String, }
impl Neon {
    pub(crate) fn new(world: &Arc<World>) -> Self { Self { token: world.random("neon").token(32) } }
}
#[async_trait]
impl Vendor for Neon {
    fn name(&self) -> &'static str { "neon" }
    fn specs(&self) -> &'static [SpecFile] { &[] }
    fn admit(&self, _: &Request) -> Result<(), Reply> { Ok(()) }
    async fn handle(&self, _: &Request) -> Reply { Reply::empty(404) }
    fn refuse(&self, status: u16, _: &str, _: &str) -> Reply { Reply::empty(status) }
    fn finish(&self, _: &Request, _: &mut Reply) {}
}
