//! The host's functions in native tests.

use hmac::{Hmac, Mac as _};
use sha1::Digest as _;

use super::{exchange, with};
use crate::bindings::honey::plugin::{
    http::{Error as HttpError, Request, Response},
    log::Level,
    secrets::{Error as SecretError, Piece},
    types::Fault,
};

pub(crate) fn log(level: Level, message: &str, _fields: &[(String, String)]) {
    with(|world| world.logged.push(format!("{level:?}: {message}")));
}

pub(crate) fn now_ms() -> u64 {
    with(|world| world.now_ms)
}

pub(crate) fn sleep_ms(ms: u32) {
    with(|world| world.now_ms += u64::from(ms));
}

pub(crate) fn random(len: u32) -> Vec<u8> {
    with(|world| {
        (0..len)
            .map(|_| {
                world.random += 1;
                world.random.to_le_bytes()[0]
            })
            .collect()
    })
}

pub(crate) fn send(request: &Request) -> Result<Response, HttpError> {
    exchange(request)
}

pub(crate) fn cache_get(key: &str) -> Option<Vec<u8>> {
    with(|world| world.cache.get(key).cloned())
}

pub(crate) fn cache_set(key: &str, value: &[u8]) {
    with(|world| world.cache.insert(key.to_owned(), value.to_owned()));
}

pub(crate) fn secret_exists(name: &str) -> bool {
    with(|world| world.secrets.contains_key(name))
}

fn value(name: &str) -> Result<String, SecretError> {
    with(|world| world.secrets.get(name).cloned()).ok_or_else(|| SecretError::NotFound(name.to_owned()))
}

pub(crate) fn digest(algorithm: &str, pieces: &[Piece]) -> Result<String, SecretError> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(plain) => text.push_str(plain),
            Piece::Secret(name) => text.push_str(&value(name)?),
        }
    }
    Ok(match algorithm {
        "sha1" => hex::encode(sha1::Sha1::digest(&text)),
        "sha256" => hex::encode(sha2::Sha256::digest(&text)),
        "sha512" => hex::encode(sha2::Sha512::digest(&text)),
        other => return Err(SecretError::Unsupported(other.to_owned())),
    })
}

pub(crate) fn hmac_chain(
    algorithm: &str,
    prefix: &str,
    secret: &str,
    messages: &[Vec<u8>],
) -> Result<String, SecretError> {
    let mut key = format!("{prefix}{}", value(secret)?).into_bytes();
    for message in messages {
        key = match algorithm {
            "sha1" => {
                let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).expect("any length");
                mac.update(message);
                mac.finalize().into_bytes().to_vec()
            }
            "sha256" => {
                let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("any length");
                mac.update(message);
                mac.finalize().into_bytes().to_vec()
            }
            other => return Err(SecretError::Unsupported(other.to_owned())),
        };
    }
    Ok(hex::encode(key))
}

#[expect(clippy::unnecessary_wraps, reason = "the component's import has this type")]
pub(crate) fn generate(name: &str, length: u32) -> Result<(), SecretError> {
    let made = "g".repeat(length as usize);
    with(|world| {
        world.secrets.entry(name.to_owned()).or_insert(made);
    });
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the component's import has this type")]
pub(crate) fn forget(name: &str) -> Result<(), SecretError> {
    with(|world| world.secrets.remove(name));
    Ok(())
}

pub(crate) fn ssh_facts(
    address: &str,
    _port: u16,
    _user: &str,
    _identity: Option<&str>,
) -> Result<String, Fault> {
    let (scripted, asked) = with(|world| (world.facts.get(address).cloned(), world.oracle.is_some()));
    if let Some(facts) = scripted {
        return facts;
    }
    let silent = || Fault::new("transient", "test::unreachable", format!("{address} does not answer"));
    if !asked {
        return Err(silent());
    }
    let request = Request {
        method: "FACTS".to_owned(),
        url: address.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: None,
        idempotent: true,
        bucket: String::new(),
        captures: Vec::new(),
    };
    let answer = exchange(&request).map_err(|_| silent())?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}
