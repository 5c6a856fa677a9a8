//! Placeholder.
#![allow(missing_docs, reason = "being written")]
use std::sync::Arc;
use async_trait::async_trait;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;
#[derive(Debug, Clone)]
pub struct Credentials { pub application_key: String, pub application_secret: String, pub consumer_key: String }

pub(crate) struct Ovh { pub(crate) credentials: Credentials, }
impl Ovh {
    pub(crate) async fn new(world: &Arc<World>, _: &[String], _: &str) -> std::io::Result<Self> {
        let r = world.random("ovh");
        Ok(Self { credentials: Credentials { application_key: r.token(16), application_secret: r.token(32), consumer_key: r.token(32) } })
    }
}
#[async_trait]
impl Vendor for Ovh {
    fn name(&self) -> &'static str { "ovh" }
    fn specs(&self) -> &'static [SpecFile] { &[] }
    fn admit(&self, _: &Request) -> Result<(), Reply> { Ok(()) }
    async fn handle(&self, _: &Request) -> Reply { Reply::empty(404) }
    fn refuse(&self, status: u16, _: &str, _: &str) -> Reply { Reply::empty(status) }
    fn finish(&self, _: &Request, _: &mut Reply) {}
}
