//! An address or network in one form, so that what is wanted and what a host
//! tells compare.

use std::net::IpAddr;

/// Why a text is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotANetwork {
    /// No address, or no length that it can have.
    Text,
    /// An address inside a network; this is the network.
    Inside(String),
}

/// The one form: single addresses without a length, IPv6 at its shortest, `any`
/// for everyone.
///
/// # Errors
/// When the text is neither an address nor a network.
pub fn network(text: &str) -> Result<String, NotANetwork> {
    let text = text.trim();
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| NotANetwork::Text)?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => whole,
        Some(length) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            length.parse::<u32>().ok().filter(|length| *length <= whole).ok_or(NotANetwork::Text)?
        }
        Some(_) => return Err(NotANetwork::Text),
    };
    let inside = match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    };
    let shown = match length {
        0 => "any".to_owned(),
        _ if length == whole => inside.to_string(),
        _ => format!("{inside}/{length}"),
    };
    if inside == address { Ok(shown) } else { Err(NotANetwork::Inside(format!("{inside}/{length}"))) }
}

#[cfg(test)]
mod tests {
    use super::{NotANetwork, network};

    #[test]
    fn one_form_for_one_meaning() {
        for (text, form) in [
            ("192.0.2.1/32", "192.0.2.1"),
            (" 192.0.2.0/24 ", "192.0.2.0/24"),
            ("2001:DB8:0::/32", "2001:db8::/32"),
            ("2001:db8::1/128", "2001:db8::1"),
            ("0.0.0.0/0", "any"),
            ("::/0", "any"),
        ] {
            assert_eq!(network(text).as_deref(), Ok(form), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_said_so() {
        for bad in [
            "",
            "office",
            "192.0.2",
            "192.0.2.0/33",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "::/129",
            "192.0.2.0/24/8",
            "any",
        ] {
            assert_eq!(network(bad), Err(NotANetwork::Text), "{bad}");
        }
        assert_eq!(network("192.0.2.7/24"), Err(NotANetwork::Inside("192.0.2.0/24".into())));
        assert_eq!(network("2001:db8::7/32"), Err(NotANetwork::Inside("2001:db8::/32".into())));
        assert_eq!(network("10.0.0.1/0"), Err(NotANetwork::Inside("0.0.0.0/0".into())));
    }
}
