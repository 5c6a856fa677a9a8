//! Where a plugin may talk to: decided from the URL's text before any name is
//! resolved, and from the addresses before any connection is made.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// One origin that a plugin may talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `https`, or `http` where the operator says so.
    pub scheme: String,
    /// Host, lower case, IPv6 in brackets; without the `*.` of a pattern.
    pub host: String,
    /// Whether it stands for every name below `host`, and not for `host`.
    pub below: bool,
    /// Port.
    pub port: u16,
    /// Named by the operator's configuration, not just by the manifest.
    pub by_operator: bool,
}

/// Why a text is not an origin.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an origin: {why}")]
pub struct InvalidOrigin {
    text: String,
    why: &'static str,
}

impl Origin {
    /// Reads `https://api.example.com`, `https://*.example.com:8443`.
    pub fn parse(text: &str, by_operator: bool) -> Result<Self, InvalidOrigin> {
        let invalid = |why| InvalidOrigin { text: honey_model::text::visible(text, 120), why };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| invalid("it needs `https://` in front"))?;
        let (below, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.contains('*') {
            return Err(invalid("`*.` may stand only in front of the host"));
        }
        let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| invalid("it is not a URL"))?;
        match url.scheme() {
            "https" => {}
            "http" if by_operator => {}
            "http" => return Err(invalid("a manifest may name https only")),
            _ => return Err(invalid("only https and http are known")),
        }
        if !url.username().is_empty() || url.password().is_some() || rest.contains('@') {
            return Err(invalid("it names a user"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it has a path or a query"));
        }
        let host = url.host().ok_or_else(|| invalid("it has no host"))?;
        let literal = !matches!(host, Host::Domain(_));
        if below && (literal || !url.host_str().unwrap_or_default().contains('.')) {
            return Err(invalid("`*.` needs a domain of two labels or more"));
        }
        let origin = Self {
            scheme: url.scheme().to_owned(),
            host: canonical(&host),
            below,
            port: url.port_or_known_default().ok_or_else(|| invalid("it has no port"))?,
            by_operator,
        };
        if !by_operator && origin.special() {
            return Err(invalid("a manifest may not name a local or private address"));
        }
        Ok(origin)
    }

    /// Whether the host itself is a local name or an address that is not public.
    fn special(&self) -> bool {
        self.host == "localhost" || literal(&self.host).is_some_and(|address| not_public(address).is_some())
    }

    pub(crate) fn matches_host(&self, host: &str) -> bool {
        if self.below {
            host.strip_suffix(self.host.as_str()).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
        } else {
            host == self.host
        }
    }

    fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.scheme == scheme && self.port == port && self.matches_host(host)
    }

    /// Whether both stand for the same place, whoever named it.
    pub(crate) fn same_place(&self, other: &Self) -> bool {
        (&self.scheme, &self.host, self.below, self.port)
            == (&other.scheme, &other.host, other.below, other.port)
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let star = if self.below { "*." } else { "" };
        write!(f, "{}://{star}{}", self.scheme, self.host)?;
        if (self.scheme.as_str(), self.port) == ("https", 443)
            || (self.scheme.as_str(), self.port) == ("http", 80)
        {
            return Ok(());
        }
        write!(f, ":{}", self.port)
    }
}

/// A trailing dot does not make another host.
fn canonical(host: &Host<&str>) -> String {
    match host {
        Host::Domain(name) => name.trim_end_matches('.').to_ascii_lowercase(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => format!("[{address}]"),
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Checks a URL against the origins that are granted. Nothing is resolved here.
pub(crate) fn check<'a>(text: &str, granted: &'a [Origin]) -> Result<(Url, &'a Origin), String> {
    if text.len() > 8192 {
        return Err("the URL is longer than 8192 bytes".to_owned());
    }
    if text.chars().any(|c| c.is_control() || c == '\\') {
        return Err("the URL holds control characters or backslashes".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("the URL cannot be read: {error}"))?;
    let host = url.host().ok_or("the URL has no host")?;
    let host = canonical(&host);
    let port = url.port_or_known_default().ok_or("the URL has no port")?;
    if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
        return Err(format!("the URL for {host} names a user"));
    }
    let Some(origin) = granted.iter().find(|origin| origin.allows(url.scheme(), &host, port)) else {
        let asked = Origin { scheme: url.scheme().to_owned(), host, below: false, port, by_operator: false };
        return Err(format!(
            "{} is not granted; the configuration's `egress` names what is",
            visible(&asked)
        ));
    };
    if let Some(why) = literal(&host).and_then(not_public)
        && !(origin.by_operator && origin.host == host)
    {
        return Err(format!("{host} is {why}"));
    }
    Ok((url, origin))
}

fn visible(origin: &Origin) -> String {
    honey_model::text::visible(&origin.to_string(), 300)
}

fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Checks an address that a granted name resolved to. Only `localhost` may be
/// local; a literal address never gets here.
pub(crate) fn check_resolved(name: &str, address: IpAddr) -> Result<(), String> {
    let name = name.trim_end_matches('.');
    match not_public(address) {
        Some("a loopback address") if name.eq_ignore_ascii_case("localhost") => Ok(()),
        Some(why) => Err(format!("{name} resolves to {address}, which is {why}")),
        None if name.eq_ignore_ascii_case("localhost") => {
            Err(format!("localhost resolves to {address}, which is not local"))
        }
        None => Ok(()),
    }
}

/// What is wrong with an address that is not a public one.
pub(crate) fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, ..) => Some("a loopback address"),
        (169, 254, _) => Some("a link-local address"),
        (10, ..) | (192, 168, _) => Some("a private address"),
        (172, b, _) if (16..32).contains(&b) => Some("a private address"),
        (100, b, _) if (64..128).contains(&b) => Some("an address of a carrier's network"),
        (0, ..) | (192, 0, 0 | 2) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => {
            Some("a reserved address")
        }
        (224.., ..) => Some("a multicast or reserved address"),
        _ => None,
    }
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let parts = address.segments();
    if address.is_loopback() {
        return Some("a loopback address");
    }
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match parts {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] => Some("an IPv4 address in disguise"),
        [0x64, 0xff9b, ..] => not_public_v4(embedded(parts[6], parts[7])),
        [0x2002, high, low, ..] => not_public_v4(embedded(high, low)),
        [first, ..] if first & 0xffc0 == 0xfe80 => Some("a link-local address"),
        [first, ..] if first & 0xffc0 == 0xfec0 || first & 0xfe00 == 0xfc00 => Some("a private address"),
        [first, ..] if first & 0xff00 == 0xff00 => Some("a multicast address"),
        [0x2001, 0xdb8, ..] | [0x100, 0, 0, 0, ..] => Some("a reserved address"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, check, check_resolved, not_public};

    fn granted() -> Vec<Origin> {
        vec![
            Origin::parse("https://api.example.com", false).unwrap(),
            Origin::parse("https://*.zone.example.org", false).unwrap(),
            Origin::parse("http://127.0.0.1:4010", true).unwrap(),
            Origin::parse("http://localhost:4011", true).unwrap(),
        ]
    }

    #[test]
    fn urls_are_judged_by_what_they_mean() {
        for (url, allowed) in [
            ("https://api.example.com/v1?x=1", true),
            ("https://API.example.com./v1", true),
            ("https://api.example.com:443/", true),
            ("https://a.zone.example.org/", true),
            ("http://127.0.0.1:4010/x", true),
            ("http://0177.0.0.1:4010/x", true),
            ("http://localhost:4011/", true),
            ("http://api.example.com/", false),
            ("https://api.example.com:8443/", false),
            ("https://zone.example.org/", false),
            ("https://evilzone.example.org/", false),
            ("https://api.example.com.evil.net/", false),
            ("https://api.example.com@evil.net/", false),
            ("https://evil.net@api.example.com/", false),
            ("https://@api.example.com/", false),
            ("https://evil.net\\@api.example.com/", false),
            ("https://evil.net/#@api.example.com", false),
            ("http://127.0.0.1:4011/", false),
            ("http://127.0.0.2:4010/", false),
            ("http://[::ffff:127.0.0.1]:4010/", false),
            ("http://169.254.169.254/latest", false),
            ("https://2130706433/", false),
            ("file:///etc/passwd", false),
            ("https:///", false),
            ("https://api.example.com\n/", false),
        ] {
            assert_eq!(check(url, &granted()).is_ok(), allowed, "{url}");
        }
    }

    #[test]
    fn origins_are_origins_and_manifests_cannot_grant_themselves_the_local_net() {
        for bad in [
            "api.example.com",
            "https://api.example.com/path",
            "https://u@api.example.com",
            "https://*",
            "https://*.com",
            "https://a.*.com",
            "ftp://x.com",
        ] {
            assert!(Origin::parse(bad, true).is_err(), "{bad}");
        }
        for local in ["http://api.example.com", "https://localhost", "https://10.0.0.1", "https://[::1]"] {
            assert!(Origin::parse(local, false).is_err(), "{local}");
            assert!(Origin::parse(local, true).is_ok(), "{local}");
        }
    }

    #[test]
    fn resolved_addresses_are_public_or_refused() {
        for bad in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::7f00:1",
            "fe80::1",
            "fd00::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "ff02::1",
        ] {
            assert!(not_public(bad.parse().unwrap()).is_some(), "{bad}");
            assert!(check_resolved("api.example.com", bad.parse().unwrap()).is_err(), "{bad}");
        }
        for good in ["8.8.8.8", "172.32.0.1", "100.63.0.1", "2606:4700::1", "64:ff9b::808:808"] {
            assert!(check_resolved("api.example.com", good.parse().unwrap()).is_ok(), "{good}");
            assert!(check_resolved("localhost", good.parse().unwrap()).is_err(), "{good}");
        }
        assert!(check_resolved("localhost", "127.0.0.1".parse().unwrap()).is_ok());
        assert!(check_resolved("localhost", "10.0.0.1".parse().unwrap()).is_err());
    }
}
