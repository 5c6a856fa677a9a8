//! Placeholder.
#![allow(missing_docs, reason = "being written")]
use std::sync::Arc;
use async_trait::async_trait;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;

pub(crate) struct B2 { pub(crate) master: (String, String), }
impl B2 {
    pub(crate) fn new(world: &Arc<World>) -> Self { Self { master: (world.random("b2").token(12), world.random("b2k").token(31)) } }
}
#[async_trait]
impl Vendor for B2 {
    fn name(&self) -> &'static str { "b2" }
    fn specs(&self) -> &'static [SpecFile] { &[] }
    fn admit(&self, _: &Request) -> Result<(), Reply> { Ok(()) }
    async fn handle(&self, _: &Request) -> Reply { Reply::empty(404) }
    fn refuse(&self, status: u16, _: &str, _: &str) -> Reply { Reply::empty(status) }
    fn finish(&self, _: &Request, _: &mut Reply) {}
}
