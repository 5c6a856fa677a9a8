//! The join token: where it comes from, and how it is kept out of words.

use honey_model::{Fault, FaultClass, Secret};
use honey_ports::{CallContext, host::HostTarget};

use super::super::connect::{Connections, secret_name};

/// Where k3s has it; a restored server may have the first one only.
const PATHS: [&str; 2] = ["/var/lib/rancher/k3s/server/token", "/var/lib/rancher/k3s/server/node-token"];

/// The kept token, else that of a server.
pub(super) async fn token(
    connections: &Connections,
    context: &CallContext,
    server: &HostTarget,
    name: &str,
) -> Result<Secret, Fault> {
    match connections.secret(name).await {
        Ok(token) => Ok(token),
        Err(_) => keep_token(connections, context, server, name).await,
    }
}

/// Keeps the full token: its first part pins the cluster's authority, so
/// that a joining server cannot be fooled.
pub(super) async fn keep_token(
    connections: &Connections,
    context: &CallContext,
    server: &HostTarget,
    name: &str,
) -> Result<Secret, Fault> {
    let host = connections.host(context, server).await?;
    for path in PATHS {
        if let Some(token) = host.read(context, path, 4096).await?.filter(|token| !token.is_empty()) {
            connections.secrets.put(&secret_name(name)?, &token).await?;
            return Ok(token);
        }
    }
    let text = format!("the server {} has no join token, though k3s runs", server.address);
    Err(Fault::new(FaultClass::NotFound, "HNY0583", text))
}

/// k3s prints its join token when it fails to join. Whatever looks like one
/// is masked before the fault can reach a journal or a terminal.
pub(super) fn without_tokens(mut fault: Fault) -> Fault {
    fault.message = masked(&fault.message);
    fault.help = fault.help.as_deref().map(masked);
    for finding in &mut fault.diagnostics {
        finding.summary = masked(&finding.summary);
    }
    fault
}

/// `K10<digest>::server:<password>`, also inside other words.
fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("K10") {
        let end = rest[start..].find(|c: char| c.is_whitespace() || "\"'`,;)".contains(c));
        let token = &rest[start..end.map_or(rest.len(), |end| start + end)];
        shown.push_str(&rest[..start]);
        shown.push_str(if token.len() > 20 { "****" } else { token });
        rest = &rest[start + token.len()..];
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn join_tokens_are_masked_and_nothing_else() {
        let token = format!("K10{}::server:{}", "a".repeat(64), "b".repeat(32));
        let told = format!("level=fatal msg=\"bad token {token}\" K10 node");
        assert_eq!(masked(&told), "level=fatal msg=\"bad token ****\" K10 node");
    }
}
