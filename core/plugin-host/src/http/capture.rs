//! Takes secrets out of a reply and stores them before the guest sees it.

use honey_model::Secret;
use serde_json::Value;

use crate::{
    bindings::honey::plugin::http::{Capture, Error},
    http::scrub::Scrubber,
    plugin::Core,
};

/// Refuses captures that the manifest does not allow; asked before anything is sent.
pub(crate) fn check(core: &Core, captures: &[Capture]) -> Result<(), Error> {
    for capture in captures {
        core.captured(&capture.into).map_err(|why| Error::Denied(why.to_string()))?;
        if !capture.pointer.starts_with('/') {
            return Err(Error::Other("a capture's pointer begins with `/`".to_owned()));
        }
    }
    Ok(())
}

/// Stores what the captures name; the body comes back with null in their place.
pub(crate) async fn run(
    core: &Core,
    captures: &[Capture],
    body: Vec<u8>,
    scrubber: &mut Scrubber,
) -> Result<Vec<u8>, Error> {
    let body = zeroize::Zeroizing::new(body);
    let mut value: Value = serde_json::from_slice(&body).map_err(|_| {
        Error::Other("the reply is not JSON, so nothing could be captured from it".to_owned())
    })?;
    let mut wrong = None;
    for capture in captures {
        let Some(place) = value.pointer_mut(&capture.pointer) else { continue };
        match place.take() {
            Value::Null => {}
            Value::String(text) => {
                let name = core.captured(&capture.into).map_err(|why| Error::Denied(why.to_string()))?;
                let secret = Secret::new(text);
                core.services.secrets.put(&name, &secret).await.map_err(|fault| {
                    Error::Other(honey_model::text::visible(
                        &format!("`{name}` could not be stored: {fault}"),
                        400,
                    ))
                })?;
                scrubber.add(secret.expose());
            }
            _ => wrong = Some(capture.pointer.clone()),
        }
    }
    match wrong {
        Some(pointer) => Err(Error::Other(format!("the reply has no text at `{pointer}`"))),
        None => Ok(value.to_string().into_bytes()),
    }
}
