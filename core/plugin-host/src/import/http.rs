//! HTTP of a guest; the work is done in [`crate::http`].

use crate::{
    bindings::honey::plugin::http::{Error, Host, Request, Response},
    call::CallState,
    http,
};

impl Host for CallState {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        Ok(http::send(self, request).await)
    }
}
