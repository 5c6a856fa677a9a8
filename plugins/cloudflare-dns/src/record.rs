//! DNS records: Cloudflare's shape of them and the normal form of names and
//! values. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// A record as the vendor tells it. Only what honey uses; the rest of the
/// reply, and types honey does not manage, are tolerated.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Record {
    /// The vendor's id.
    pub id: String,
    /// Full name.
    pub name: String,
    /// `A`, `AAAA` …
    #[serde(rename = "type")]
    pub record_type: String,
    /// The value; absent for types that carry `data` only.
    #[serde(default)]
    pub content: String,
    /// MX and SRV.
    #[serde(default)]
    pub priority: Option<u32>,
    /// Whether the edge stands in front.
    #[serde(default)]
    pub proxied: bool,
    /// Seconds; 1 where the vendor chooses. Enterprise replies may hold a float.
    #[serde(default = "automatic", deserialize_with = "whole_seconds")]
    pub ttl: u32,
    /// Null when unset.
    #[serde(default)]
    pub comment: Option<String>,
}

fn automatic() -> u32 {
    AUTOMATIC_TTL
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float converts saturating")]
fn whole_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    f64::deserialize(deserializer).map(|seconds| seconds as u32)
}

/// Characters of a full name.
const LONGEST_NAME: usize = 255;

/// The TTL that lets Cloudflare choose.
pub const AUTOMATIC_TTL: u32 = 1;

/// What a record is written as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// The value.
    pub content: String,
    /// MX only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
}

/// Types whose records the edge can stand in front of.
pub fn can_be_proxied(record_type: &str) -> bool {
    matches!(record_type, "A" | "AAAA" | "CNAME")
}

/// Types that honey writes.
pub fn is_managed(record_type: &str) -> bool {
    matches!(record_type, "A" | "AAAA" | "CNAME" | "TXT" | "MX" | "NS" | "PTR")
}

/// Lower case, no trailing dot.
pub fn normal_name(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// The full name of `name` in `zone`, or why it is not in it.
pub fn full_name(zone: &str, name: &str) -> Result<String, String> {
    let name = normal_name(name);
    if name == "@" || name == zone {
        return Ok(zone.to_owned());
    }
    if !name.is_ascii() {
        return Err(format!("`{name}` is not in ASCII: write international names in punycode (xn--…)"));
    }
    if name.len() > LONGEST_NAME || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(format!(
            "`{name}` is no name: at most {LONGEST_NAME} characters, 1 to 63 between two dots"
        ));
    }
    if name.strip_suffix(zone).is_some_and(|front| front.len() > 1 && front.ends_with('.')) {
        return Ok(name);
    }
    Err(format!("`{name}` is not in the zone `{zone}`: write the full name, e.g. `{name}.{zone}`"))
}

/// The normal form of one value of a record of this type, or what is wrong with it.
pub fn normal_value(record_type: &str, value: &str) -> Result<String, String> {
    let value = value.trim();
    match record_type {
        "A" => value
            .parse::<Ipv4Addr>()
            .map(|address| address.to_string())
            .map_err(|_| format!("`{value}` is not an IPv4 address")),
        "AAAA" => value
            .parse::<Ipv6Addr>()
            .map(|address| address.to_string())
            .map_err(|_| format!("`{value}` is not an IPv6 address")),
        "CNAME" | "NS" | "PTR" => host_name(value),
        "MX" => {
            let (priority, host) = value
                .split_once(char::is_whitespace)
                .ok_or_else(|| format!("`{value}` is not `priority host`"))?;
            let priority: u16 =
                priority.parse().map_err(|_| format!("`{priority}` is not a priority (0 to 65535)"))?;
            Ok(format!("{priority} {}", host_name(host)?))
        }
        _ => Ok(unquoted(value)),
    }
}

fn host_name(value: &str) -> Result<String, String> {
    let name = normal_name(value);
    if name.is_empty()
        || !name.is_ascii()
        || name.contains(|c: char| c.is_whitespace() || c == '/' || c == ':')
    {
        return Err(format!("`{value}` is not a host name"));
    }
    Ok(name)
}

/// Cloudflare shows the text of a TXT record with or without its quotes,
/// depending on how it was entered.
fn unquoted(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.contains('"') => inner.to_owned(),
        _ => value.to_owned(),
    }
}

/// A normal value as the vendor wants it written.
pub fn content_of(record_type: &str, value: &str) -> Content {
    if record_type == "MX"
        && let Some((priority, host)) = value.split_once(' ')
    {
        return Content { content: host.to_owned(), priority: priority.parse().ok() };
    }
    let quoted = record_type == "TXT" && !value.contains('"');
    Content { content: if quoted { format!("\"{value}\"") } else { value.to_owned() }, priority: None }
}

impl Record {
    /// The value in normal form; as it is where the vendor holds something odd.
    pub fn value(&self) -> String {
        let raw = match (self.record_type.as_str(), self.priority) {
            ("MX", Some(priority)) => format!("{priority} {}", self.content),
            _ => self.content.clone(),
        };
        normal_value(&self.record_type, &raw).unwrap_or(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, content_of, full_name, normal_value};

    #[test]
    fn names_are_full_and_inside_the_zone() {
        assert_eq!(full_name("example.com", "@").as_deref(), Ok("example.com"));
        assert_eq!(full_name("example.com", "API.Example.COM.").as_deref(), Ok("api.example.com"));
        for outside in ["api", "example.com.evil.org", "notexample.com", ".example.com", "bücher.example.com"]
        {
            assert!(full_name("example.com", outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn values_have_one_form_each() {
        assert_eq!(normal_value("AAAA", "2001:DB8:0::1").as_deref(), Ok("2001:db8::1"));
        assert_eq!(normal_value("CNAME", "Target.Example.com.").as_deref(), Ok("target.example.com"));
        assert_eq!(normal_value("MX", "10  Mail.example.com.").as_deref(), Ok("10 mail.example.com"));
        assert_eq!(normal_value("TXT", "\"v=spf1 -all\"").as_deref(), Ok("v=spf1 -all"));
        assert!(normal_value("A", "2001:db8::1").is_err());
        assert!(normal_value("A", "127.0.0.1.").is_err());
        assert!(normal_value("MX", "mail.example.com").is_err());
        assert!(normal_value("CNAME", "https://example.com").is_err());
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_value() {
        for (record_type, value) in
            [("A", "127.0.0.1"), ("MX", "10 mail.example.com"), ("TXT", "v=spf1 -all")]
        {
            let written = content_of(record_type, value);
            let record = Record {
                id: String::new(),
                name: "example.com".to_owned(),
                record_type: record_type.to_owned(),
                content: written.content,
                priority: written.priority.map(u32::from),
                proxied: false,
                ttl: 1,
                comment: None,
            };
            assert_eq!(record.value(), value);
        }
    }
}
