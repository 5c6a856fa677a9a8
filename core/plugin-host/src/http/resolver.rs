//! Name resolution with a check of every address. The connection goes to the
//! address that was checked: there is no second look-up.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::http::egress;

/// Resolves through the system and refuses addresses that are not public.
pub(crate) struct CheckedResolver;

/// Why a name may not be connected to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &found {
                egress::check_resolved(name.as_str(), address.ip()).map_err(Refused)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
