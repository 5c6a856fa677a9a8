//! Puts the parts of a request together, secrets among them. Runs only after
//! the egress check.

use base64::Engine as _;
use honey_model::Secret;
use url::Url;
use zeroize::Zeroizing;

use crate::{
    bindings::honey::plugin::{
        http::{Error, Part},
        secrets::Piece,
    },
    http::{egress::Origin, scrub},
    plugin::Core,
};

/// A filler for one request.
pub(crate) struct Filler<'a> {
    pub(crate) core: &'a Core,
    pub(crate) url: &'a Url,
    pub(crate) origin: &'a Origin,
    /// What must not come back to the guest.
    pub(crate) scrubber: scrub::Scrubber,
    /// The operator's names of the secrets used.
    pub(crate) used: Vec<String>,
}

impl Filler<'_> {
    /// The bytes of some parts.
    pub(crate) async fn parts(&mut self, parts: &[Part], limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = Zeroizing::new(Vec::new());
        for part in parts {
            match part {
                Part::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Part::Bytes(plain) => bytes.extend_from_slice(plain),
                Part::Secret(name) => bytes.extend_from_slice(self.secret(name).await?.expose()),
                Part::SecretJson(name) => {
                    let secret = self.secret(name).await?;
                    let text = secret.expose_str().ok_or_else(|| not_text(name))?;
                    bytes.extend_from_slice(scrub::json_inside(text).as_bytes());
                }
                Part::SecretPercent(name) => {
                    let secret = self.secret(name).await?;
                    bytes.extend_from_slice(scrub::percent(secret.expose(), false).as_bytes());
                }
                Part::Base64(pieces) => {
                    let inner = self.pieces(pieces).await?;
                    let text = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(&*inner));
                    if pieces.iter().any(|piece| matches!(piece, Piece::Secret(_))) {
                        self.scrubber.add(text.as_bytes());
                    }
                    bytes.extend_from_slice(text.as_bytes());
                }
            }
            if bytes.len() > limit {
                return Err(Error::TooLarge(limit as u64));
            }
        }
        Ok(bytes)
    }

    async fn pieces(&mut self, pieces: &[Piece]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = Zeroizing::new(Vec::new());
        for piece in pieces {
            match piece {
                Piece::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Piece::Secret(name) => bytes.extend_from_slice(self.secret(name).await?.expose()),
            }
        }
        Ok(bytes)
    }

    async fn secret(&mut self, name: &str) -> Result<Secret, Error> {
        let handle = self.core.secret(name).map_err(|why| Error::Denied(why.to_string()))?;
        let host = self.url.host_str().unwrap_or_default();
        if !self.core.may_send(&handle, host, self.origin) {
            let shown = honey_model::text::visible(name, 80);
            return Err(Error::Denied(format!("the secret `{shown}` may not be sent to {host}")));
        }
        let secret = self
            .core
            .services
            .secrets
            .get(&handle.name)
            .await
            .map_err(|fault| Error::Denied(honey_model::text::visible(&fault.to_string(), 300)))?;
        if !self.core.manifest.secrets.get(name).is_some_and(|declared| declared.identifier) {
            self.scrubber.add(secret.expose());
        }
        self.used.push(handle.name.as_str().to_owned());
        Ok(secret)
    }
}

fn not_text(name: &str) -> Error {
    Error::Denied(format!("the secret `{}` is not text", honey_model::text::visible(name, 80)))
}
