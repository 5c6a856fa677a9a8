//! The cluster's own certificate authority, its servers' and its administrator's certificates.

use std::{net::IpAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use sha2::{Digest, Sha256};

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// From the certificate maker.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// From TLS.
    #[error("cannot set TLS up: {0}")]
    Tls(#[from] rustls::Error),
    /// From the client verifier.
    #[error("cannot verify clients: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// An authority and its administrator.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
    admin_certificate: String,
    admin_key: String,
}

impl Authority {
    /// A new authority for a cluster.
    pub(super) fn new(cluster: &str) -> Result<Self, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, format!("k3s-server-ca {cluster}"));
        let certificate = params.self_signed(&key)?;
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        let issuer = Issuer::new(params, key);
        let admin = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::OrganizationName, "system:masters");
        params.distinguished_name.push(DnType::CommonName, "system:admin");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let admin_certificate = params.signed_by(&admin, &issuer)?.pem();
        Ok(Self { issuer, pem, der, admin_certificate, admin_key: admin.serialize_pem() })
    }

    /// The authority's certificate.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// k3s's hash of its authority, the part after `K10` in a full token.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.pem.as_bytes()))
    }

    /// TLS for a server that is known by these addresses.
    pub(super) fn server(&self, addresses: &[IpAddr]) -> Result<Arc<ServerConfig>, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec!["kubernetes".to_owned(), "localhost".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "k3s");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names.extend(addresses.iter().map(|address| SanType::IpAddress(*address)));
        let certificate = params.signed_by(&key, &self.issuer)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()?;
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|why| rustls::Error::General(format!("the new key cannot be read: {why}")))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone(), self.der.clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// A kubeconfig as k3s writes it.
    pub(super) fn kubeconfig(&self, server: &str) -> String {
        let encode = |text: &str| STANDARD.encode(text);
        format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: {server}\n  name: default\n\
             contexts:\n- context:\n    cluster: default\n    user: default\n  name: default\ncurrent-context: default\n\
             kind: Config\nusers:\n- name: default\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
            encode(&self.pem),
            encode(&self.admin_certificate),
            encode(&self.admin_key)
        )
    }

    /// A kubeconfig with a bearer token instead of a client certificate.
    pub(super) fn token_kubeconfig(&self, server: &str, token: &str) -> String {
        format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: {server}\n  name: default\n\
             contexts:\n- context:\n    cluster: default\n    user: default\n  name: default\ncurrent-context: default\n\
             kind: Config\nusers:\n- name: default\n  user:\n    token: {token}\n",
            STANDARD.encode(&self.pem)
        )
    }
}
