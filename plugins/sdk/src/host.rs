//! The host's functions: the component's imports, or the mock in native tests.
//! The only module that knows which of the two it is.

#[cfg(target_arch = "wasm32")]
mod imported {
    use crate::bindings::{
        facts::honey::plugin::ssh_facts,
        honey::plugin::{
            cache, clock,
            http::{self, Error as HttpError, Request, Response},
            log::{self, Level},
            random,
            secrets::{self, Error as SecretError, Piece},
            types::Fault,
        },
    };

    pub(crate) fn log(level: Level, message: &str, fields: &[(String, String)]) {
        log::emit(level, message, fields);
    }
    pub(crate) fn now_ms() -> u64 {
        clock::now_ms()
    }
    pub(crate) fn sleep_ms(ms: u32) {
        clock::sleep_ms(ms);
    }
    pub(crate) fn random(len: u32) -> Vec<u8> {
        random::bytes(len)
    }
    pub(crate) fn send(request: &Request) -> Result<Response, HttpError> {
        http::send(request)
    }
    pub(crate) fn cache_get(key: &str) -> Option<Vec<u8>> {
        cache::get(key)
    }
    pub(crate) fn cache_set(key: &str, value: &[u8]) {
        cache::set(key, value);
    }
    pub(crate) fn secret_exists(name: &str) -> bool {
        secrets::exists(name)
    }
    pub(crate) fn digest(algorithm: &str, pieces: &[Piece]) -> Result<String, SecretError> {
        secrets::digest(algorithm, pieces)
    }
    pub(crate) fn hmac_chain(
        algorithm: &str,
        prefix: &str,
        secret: &str,
        messages: &[Vec<u8>],
    ) -> Result<String, SecretError> {
        secrets::hmac_chain(algorithm, prefix, secret, messages)
    }
    pub(crate) fn generate(name: &str, length: u32) -> Result<(), SecretError> {
        secrets::generate(name, length)
    }
    pub(crate) fn forget(name: &str) -> Result<(), SecretError> {
        secrets::forget(name)
    }
    pub(crate) fn ssh_facts(
        address: &str,
        port: u16,
        user: &str,
        identity: Option<&str>,
    ) -> Result<String, Fault> {
        ssh_facts::read(&ssh_facts::Target {
            address: address.to_owned(),
            port,
            user: user.to_owned(),
            identity: identity.map(str::to_owned),
        })
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) use imported::*;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::host::*;
