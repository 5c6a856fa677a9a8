//! Secrets by handle: digests and MACs come out, the bytes never do.

use hmac::{Hmac, Mac};
use honey_model::{FaultClass, Secret};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::{
    bindings::honey::plugin::secrets::{Error, Host, Piece},
    call::CallState,
};

/// Bytes that one digest may be made of.
const MOST: usize = 16 << 20;

impl CallState {
    /// A secret that may be digested for the guest.
    async fn signing_secret(&mut self, name: &str) -> Result<Secret, Error> {
        let handle = self.plugin.secret(name).map_err(|why| Error::NotGranted(why.to_string()))?;
        if !handle.sign {
            let shown = honey_model::text::visible(name, 80);
            return Err(Error::NotGranted(format!("the manifest does not say `sign = true` for `{shown}`")));
        }
        self.plugin.services.secrets.get(&handle.name).await.map_err(|fault| {
            let text = honey_model::text::visible(&fault.to_string(), 300);
            if fault.class == FaultClass::NotFound { Error::NotFound(text) } else { Error::Unsupported(text) }
        })
    }

    async fn digest_of(&mut self, algorithm: &str, pieces: Vec<Piece>) -> Result<String, Error> {
        let mut bytes = Zeroizing::new(Vec::new());
        for piece in &pieces {
            match piece {
                Piece::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Piece::Secret(name) => bytes.extend_from_slice(self.signing_secret(name).await?.expose()),
            }
            if bytes.len() > MOST {
                return Err(Error::Unsupported(format!("more than {MOST} bytes")));
            }
        }
        match algorithm {
            "sha1" => Ok(hex::encode(Sha1::digest(&*bytes))),
            "sha256" => Ok(hex::encode(Sha256::digest(&*bytes))),
            "sha512" => Ok(hex::encode(Sha512::digest(&*bytes))),
            other => Err(unknown(other)),
        }
    }
}

fn unknown(algorithm: &str) -> Error {
    Error::Unsupported(format!("the algorithm `{}`", honey_model::text::visible(algorithm, 40)))
}

/// Each result is the key of the next step.
fn chain(algorithm: &str, first: Zeroizing<Vec<u8>>, messages: &[Vec<u8>]) -> Result<String, Error> {
    let mut key = first;
    for message in messages {
        let next = match algorithm {
            "sha1" => mac::<Hmac<Sha1>>(&key, message),
            "sha256" => mac::<Hmac<Sha256>>(&key, message),
            other => return Err(unknown(other)),
        };
        key = Zeroizing::new(next);
    }
    Ok(hex::encode(&*key))
}

fn mac<M: Mac + hmac::digest::KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <M as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Letters and digits, so that a generated secret fits everywhere.
fn generated(length: usize) -> Result<Secret, getrandom::Error> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut made = Zeroizing::new(Vec::with_capacity(length));
    let mut random = Zeroizing::new([0_u8; 64]);
    while made.len() < length {
        getrandom::fill(&mut *random)?;
        // Values past the last whole alphabet would favour its first letters.
        let whole = 256 / LETTERS.len() * LETTERS.len();
        let fair = random.iter().filter(|byte| usize::from(**byte) < whole);
        let missing = length - made.len();
        made.extend(fair.map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]).take(missing));
    }
    Ok(Secret::new(made.to_vec()))
}

impl Host for CallState {
    async fn exists(&mut self, name: String) -> wasmtime::Result<bool> {
        Ok(match self.plugin.secret(&name) {
            Ok(handle) => self.plugin.services.secrets.exists(&handle.name).await,
            Err(_) => false,
        })
    }

    async fn digest(
        &mut self,
        algorithm: String,
        pieces: Vec<Piece>,
    ) -> wasmtime::Result<Result<String, Error>> {
        Ok(self.digest_of(&algorithm, pieces).await)
    }

    async fn hmac_chain(
        &mut self,
        algorithm: String,
        prefix: String,
        secret: String,
        messages: Vec<Vec<u8>>,
    ) -> wasmtime::Result<Result<String, Error>> {
        if messages.is_empty() || messages.len() > 64 {
            return Ok(Err(Error::Unsupported("a chain has 1 to 64 messages".to_owned())));
        }
        Ok(match self.signing_secret(&secret).await {
            Ok(secret) => {
                let mut key = Zeroizing::new(prefix.into_bytes());
                key.extend_from_slice(secret.expose());
                chain(&algorithm, key, &messages)
            }
            Err(error) => Err(error),
        })
    }

    async fn generate(&mut self, name: String, length: u32) -> wasmtime::Result<Result<(), Error>> {
        let name = match self.plugin.captured(&name) {
            Ok(name) => name,
            Err(why) => return Ok(Err(Error::NotGranted(why.to_string()))),
        };
        if !(16..=1024).contains(&length) {
            return Ok(Err(Error::Unsupported("a generated secret has 16 to 1024 characters".to_owned())));
        }
        let secrets = &self.plugin.services.secrets;
        if secrets.exists(&name).await {
            return Ok(Ok(()));
        }
        let made = generated(length as usize).map_err(|error| wasmtime::Error::msg(error.to_string()))?;
        Ok(secrets.put(&name, &made).await.map_err(unavailable))
    }

    async fn forget(&mut self, name: String) -> wasmtime::Result<Result<(), Error>> {
        Ok(match self.plugin.captured(&name) {
            Ok(name) => self.plugin.services.secrets.forget(&name).await.map_err(unavailable),
            Err(why) => Err(Error::NotGranted(why.to_string())),
        })
    }
}

fn unavailable(fault: honey_model::Fault) -> Error {
    Error::Unsupported(honey_model::text::visible(&fault.to_string(), 300))
}

#[cfg(test)]
mod tests {
    use super::{chain, generated};
    use zeroize::Zeroizing;

    #[test]
    fn the_chain_is_that_of_signature_version_4() {
        // The example key of the vendor's own documentation.
        let key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
        let messages: Vec<Vec<u8>> =
            [&b"20150830"[..], b"us-east-1", b"iam", b"aws4_request"].map(<[u8]>::to_vec).to_vec();
        let signed = chain("sha256", Zeroizing::new(key), &messages).unwrap();
        assert_eq!(signed, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn generated_secrets_have_their_length_and_differ() {
        let (one, other) = (generated(40).unwrap(), generated(40).unwrap());
        assert_eq!(one.expose().len(), 40);
        assert!(one.expose().iter().all(u8::is_ascii_alphanumeric));
        assert_ne!(one.expose(), other.expose());
    }
}
