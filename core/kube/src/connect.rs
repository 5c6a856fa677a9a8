//! From a kubeconfig to a cluster.
//!
//! A kubeconfig comes from a machine that somebody else could control, so
//! only what k3s writes is taken: inline certificates or a token. Commands,
//! files and proxies that it names are refused, never run or read.

use std::{sync::Arc, sync::Once, time::Duration};

use async_trait::async_trait;
use honey_model::{Fault, FaultClass, Secret};
use honey_ports::cluster::{Cluster, Clusters};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::{
    access::{Access, Endpoint},
    cluster::KubeCluster,
    fault::{self, shown},
};

/// The extension in which honey's own kubeconfig lists every server of the cluster.
const SERVERS_EXTENSION: &str = "honey.servers";

/// How long one server may take to accept a connection before the next is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// At most so many servers are taken from a kubeconfig.
const MOST_SERVERS: usize = 16;

/// Connects to clusters.
#[derive(Clone, Copy, Debug, Default)]
pub struct KubeClusters;

#[async_trait]
impl Clusters for KubeClusters {
    async fn connect(&self, kubeconfig: &Secret) -> Result<Arc<dyn Cluster>, Fault> {
        Ok(Arc::new(connect(kubeconfig).await?))
    }
}

/// TLS everywhere is rustls with ring.
fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else in this process may have installed one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn unusable(why: impl std::fmt::Display) -> Fault {
    Fault::new(FaultClass::Invalid, fault::KUBECONFIG, format!("the kubeconfig cannot be used: {why}"))
        .with_help("fetch it from the cluster again: `honey apply` does it")
}

/// Reads the text and builds a client for each server. Contacts nobody yet.
async fn connect(kubeconfig: &Secret) -> Result<KubeCluster, Fault> {
    install_provider();
    let text = kubeconfig.expose_str().ok_or_else(|| unusable("it is not text"))?;
    // A parser's message may quote the text, which holds keys.
    let parsed = Kubeconfig::from_yaml(text).map_err(|_| unusable("it is not a kubeconfig in YAML"))?;
    refuse_what_reaches_out(&parsed)?;
    let listed = listed_servers(&parsed);
    let base = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default())
        .await
        .map_err(|error| unusable(shown(&error.to_string())))?;
    let mut servers = vec![base.cluster_url.clone()];
    for server in listed {
        let url: http::Uri =
            server.parse().map_err(|_| unusable(format!("{} is not a URL", shown(&server))))?;
        if !servers.contains(&url) && servers.len() < MOST_SERVERS {
            servers.push(url);
        }
    }
    let mut endpoints = Vec::with_capacity(servers.len());
    for url in servers {
        if url.scheme_str() != Some("https") {
            return Err(unusable(format!("server {} is not https", shown(&url.to_string()))));
        }
        let mut config = base.clone();
        let name = url.authority().map(ToString::to_string).unwrap_or_default();
        config.cluster_url = url;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.default_retry = false;
        let client = Client::try_from(config)
            .map_err(|error| fault::from_kube("cannot use the kubeconfig", &error))?;
        endpoints.push(Endpoint { name, client });
    }
    Ok(KubeCluster::new(Access::new(endpoints)))
}

/// Commands, files, proxies and switched-off verification.
fn refuse_what_reaches_out(config: &Kubeconfig) -> Result<(), Fault> {
    for user in config.auth_infos.iter().filter_map(|named| named.auth_info.as_ref()) {
        let reasons = [
            (user.exec.is_some(), "it names a command to run (`exec`)"),
            (user.auth_provider.is_some(), "it names an authentication provider (`auth-provider`)"),
            (user.token_file.is_some(), "it names a file (`tokenFile`)"),
            (user.client_certificate.is_some(), "it names a file (`client-certificate`)"),
            (user.client_key.is_some(), "it names a file (`client-key`)"),
        ];
        if let Some((_, why)) = reasons.iter().find(|(found, _)| *found) {
            return Err(unusable(format!("{why}; only inline certificates and tokens are taken")));
        }
    }
    for cluster in config.clusters.iter().filter_map(|named| named.cluster.as_ref()) {
        let reasons = [
            (cluster.certificate_authority.is_some(), "it names a file (`certificate-authority`)"),
            (cluster.proxy_url.is_some(), "it names a proxy (`proxy-url`)"),
            (
                cluster.insecure_skip_tls_verify == Some(true),
                "it switches certificate checks off (`insecure-skip-tls-verify`)",
            ),
            (cluster.certificate_authority_data.is_none(), "it holds no `certificate-authority-data`"),
        ];
        if let Some((_, why)) = reasons.iter().find(|(found, _)| *found) {
            return Err(unusable(why));
        }
    }
    Ok(())
}

fn listed_servers(config: &Kubeconfig) -> Vec<String> {
    let context = config.current_context.as_deref().unwrap_or_default();
    let current = config
        .contexts
        .iter()
        .find(|named| named.name == context)
        .and_then(|named| named.context.as_ref())
        .map(|context| context.cluster.as_str());
    config
        .clusters
        .iter()
        .filter(|named| current.is_none_or(|current| named.name == current))
        .filter_map(|named| named.cluster.as_ref()?.extensions.as_ref())
        .flatten()
        .filter(|extension| extension.name == SERVERS_EXTENSION)
        .flat_map(|extension| {
            let list = extension.extension.as_array().or_else(|| extension.extension["servers"].as_array());
            list.into_iter().flatten().filter_map(|server| server.as_str().map(str::to_owned))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use honey_model::Secret;

    use super::connect;

    fn kubeconfig(cluster: &str, user: &str) -> Secret {
        Secret::new(format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:1\n{cluster}contexts:\n- name: c\n  context: {{cluster: c, user: u}}\nusers:\n- name: u\n  user:\n{user}"
        ))
    }

    #[tokio::test]
    async fn what_reaches_out_is_refused() {
        let authority = "    certificate-authority-data: Y2E=\n";
        for (cluster, user, word) in [
            (
                authority,
                "    exec: {command: /bin/true, apiVersion: client.authentication.k8s.io/v1}\n",
                "exec",
            ),
            (authority, "    tokenFile: /etc/hostname\n", "tokenFile"),
            (authority, "    client-key: /etc/hostname\n", "client-key"),
            ("    certificate-authority: /etc/hostname\n", "    token: t\n", "certificate-authority"),
            (
                "    certificate-authority-data: Y2E=\n    proxy-url: http://127.0.0.1:1\n",
                "    token: t\n",
                "proxy-url",
            ),
            ("    insecure-skip-tls-verify: true\n", "    token: t\n", "insecure-skip-tls-verify"),
        ] {
            let fault = connect(&kubeconfig(cluster, user)).await.err().unwrap();
            assert_eq!(fault.code, "HNY0605");
            assert!(fault.message.contains(word), "{}", fault.message);
        }
    }

    #[tokio::test]
    async fn a_broken_kubeconfig_is_not_quoted() {
        let fault = connect(&Secret::new("users: [canary-secret")).await.err().unwrap();
        assert!(!format!("{fault:?}").contains("canary"), "{fault:?}");
    }
}
