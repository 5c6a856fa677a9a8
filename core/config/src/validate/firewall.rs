//! Networks that the firewall lets in.

use honey_model::{
    Diagnostic,
    network::{NotANetwork, network},
    text::visible,
};

use super::Findings;
use crate::{
    path::{self, Path},
    schema::Firewall,
};

pub(super) fn check(firewall: &Firewall, at: &Path, findings: &mut Findings) {
    for (name, networks) in [("ssh-from", &firewall.ssh_from), ("api-from", &firewall.api_from)] {
        let list = path::join(at, name);
        for (index, text) in networks.iter().enumerate() {
            let Err(wrong) = network(text) else { continue };
            let (summary, help) = match wrong {
                NotANetwork::Text => (
                    format!("`{}` is neither an address nor a network", visible(text, 80)),
                    "write it as `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/32`; an empty list lets everyone in".to_owned(),
                ),
                NotANetwork::Inside(whole) => (
                    format!("`{}` is an address inside a network", visible(text, 80)),
                    format!("write `{whole}` for the network, or the address alone"),
                ),
            };
            findings.value(path::at(&list, index), Diagnostic::error("HNY0119", summary).with_help(help));
        }
    }
}
