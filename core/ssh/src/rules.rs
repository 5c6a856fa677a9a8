//! Firewall rules in one canonical form, so that wanted and found compare.

use honey_ports::host::FirewallRule;

/// The rule as honey compares it: single addresses without a prefix length,
/// IPv6 in its shortest form, every form of "everyone" as `any`.
pub fn canonical(rule: &FirewallRule) -> FirewallRule {
    FirewallRule {
        port: rule.port.trim().replace('-', ":"),
        protocol: rule.protocol.trim().to_ascii_lowercase(),
        from: source(rule.from.trim()),
    }
}

fn source(text: &str) -> String {
    if text.is_empty() || text.eq_ignore_ascii_case("any") {
        return "any".to_owned();
    }
    honey_model::network::network(text).unwrap_or_else(|_| text.to_owned())
}

/// Whether the host's tool will take the rule: a port or range, a known
/// protocol, an address or network.
pub fn is_valid(rule: &FirewallRule) -> bool {
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    let ports = match rule.port.split_once(':') {
        Some((from, to)) => port(from) && port(to),
        None => rule.port == "any" || port(&rule.port),
    };
    let protocol = match rule.protocol.as_str() {
        "tcp" | "udp" => true,
        "any" => rule.port == "any",
        _ => false,
    };
    let from = rule.from == "any" || honey_model::network::network(&rule.from).is_ok();
    ports && protocol && from
}

/// The rules that a host gets: canonical, those for ssh first; ssh for
/// everyone where the list names no ssh rule of its own.
pub fn with_ssh_first(rules: &[FirewallRule], ssh_port: u16) -> Vec<FirewallRule> {
    let ssh_port = ssh_port.to_string();
    let is_ssh = |rule: &FirewallRule| rule.port == ssh_port && rule.protocol == "tcp";
    let mut all: Vec<FirewallRule> = rules.iter().map(canonical).collect();
    all.sort();
    all.dedup();
    let (mut first, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(is_ssh);
    if first.is_empty() {
        first.push(FirewallRule { port: ssh_port, protocol: "tcp".to_owned(), from: "any".to_owned() });
    }
    first.extend(rest);
    first
}

#[cfg(test)]
mod tests {
    use super::{canonical, is_valid, with_ssh_first};
    use honey_ports::host::FirewallRule;

    fn rule(port: &str, protocol: &str, from: &str) -> FirewallRule {
        FirewallRule { port: port.into(), protocol: protocol.into(), from: from.into() }
    }

    #[test]
    fn one_form_for_one_meaning() {
        assert_eq!(canonical(&rule("2379-2380", "TCP", "10.0.0.1/32")), rule("2379:2380", "tcp", "10.0.0.1"));
        assert_eq!(canonical(&rule("80", "tcp", "0.0.0.0/0")), rule("80", "tcp", "any"));
        assert_eq!(canonical(&rule("80", "tcp", "2001:DB8:0::/32")), rule("80", "tcp", "2001:db8::/32"));
    }

    #[test]
    fn ssh_comes_first_and_is_never_missing() {
        let rules = with_ssh_first(&[rule("443", "tcp", "any"), rule("443", "tcp", "0.0.0.0/0")], 2222);
        assert_eq!(rules, [rule("2222", "tcp", "any"), rule("443", "tcp", "any")]);
        let own = with_ssh_first(&[rule("22", "tcp", "192.0.2.1"), rule("1", "tcp", "any")], 22);
        assert_eq!(own, [rule("22", "tcp", "192.0.2.1"), rule("1", "tcp", "any")]);
    }

    #[test]
    fn nonsense_is_refused_before_it_reaches_a_host() {
        for bad in [
            rule("0", "tcp", "any"),
            rule("80", "icmp", "any"),
            rule("80", "tcp", "any; reboot"),
            rule("a", "tcp", "any"),
            rule("80", "tcp", "192.0.2.7/24"),
        ] {
            assert!(!is_valid(&bad), "{bad:?}");
        }
        assert!(is_valid(&rule("any", "any", "10.42.0.0/16")));
    }
}
