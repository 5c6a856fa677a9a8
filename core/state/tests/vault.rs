//! Secrets: where they come from, who may read them, and where they never appear.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use honey_model::{Secret, SecretName};
use honey_ports::Secrets;
use honey_state::{Source, Sources, Vault};

fn name(text: &str) -> SecretName {
    SecretName::new(text).unwrap()
}

fn vault(folder: &Path) -> Vault {
    let named = BTreeMap::from([
        (name("from-env"), Source::Env("TOKEN".into())),
        (name("unset"), Source::Env("UNSET".into())),
        (name("from-file"), Source::File(folder.join("key.txt"))),
        (name("made"), Source::Generate(32)),
    ]);
    let environment = Arc::new(|variable: &str| (variable == "TOKEN").then(|| b"canary-env".to_vec()));
    Vault::open(&folder.join("secrets"), Sources { named, environment }).unwrap()
}

#[tokio::test]
async fn the_operators_secrets_are_read_and_never_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key.txt"), "canary-file\n").unwrap();
    let vault = vault(folder.path());
    assert_eq!(vault.get(&name("from-env")).await.unwrap().expose(), b"canary-env");
    assert_eq!(vault.get(&name("from-file")).await.unwrap().expose(), b"canary-file");
    let missing = vault.get(&name("unset")).await.unwrap_err();
    assert_eq!(missing.code, "HNY0709");
    assert!(missing.message.contains("UNSET"));
    assert!(!vault.exists(&name("unset")).await);
    let refused = vault.put(&name("from-env"), &Secret::new("x")).await.unwrap_err();
    assert_eq!(refused.code, "HNY0710");
    assert!(!format!("{vault:?}").contains("canary"));
}

#[tokio::test]
async fn kept_secrets_are_private_durable_and_forgotten_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let one = vault(folder.path());
    one.put(&name("neon.password"), &Secret::new("canary-1")).await.unwrap();
    one.put(&name("neon.password"), &Secret::new("canary-2")).await.unwrap();
    let path = folder.path().join("secrets/neon.password");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let again = vault(folder.path());
    assert_eq!(again.get(&name("neon.password")).await.unwrap().expose(), b"canary-2");
    again.forget(&name("neon.password")).await.unwrap();
    again.forget(&name("neon.password")).await.unwrap();
    assert_eq!(again.get(&name("neon.password")).await.unwrap_err().code, "HNY0709");
    let left = std::fs::read_dir(folder.path().join("secrets")).unwrap().count();
    assert_eq!(left, 0, "no half-written file stays");
}

#[tokio::test]
async fn a_generated_secret_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let one = Arc::new(vault(folder.path()));
    assert!(!one.exists(&name("made")).await, "looking makes nothing");
    let tries = (0..8).map(|_| {
        let one = Arc::clone(&one);
        tokio::spawn(async move { one.get(&name("made")).await.unwrap().expose().to_vec() })
    });
    let made: Vec<Vec<u8>> = futures::future::join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert!(made.iter().all(|value| value == &made[0]));
    assert!(made[0].len() == 32 && made[0].iter().all(u8::is_ascii_alphanumeric));
    assert_eq!(vault(folder.path()).get(&name("made")).await.unwrap().expose(), made[0]);
    let key = one.fingerprint_key().await.unwrap();
    assert_eq!(vault(folder.path()).fingerprint_key().await.unwrap().expose(), key.expose());
}

#[test]
fn files_that_others_may_read_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.txt");
    std::fs::write(&file, "x").unwrap();
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let vault = vault(folder.path());
    let warnings = vault.warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].code, "HNY0711");
    assert!(warnings[0].help.as_ref().unwrap().contains("chmod 0600"));
    mode(0o600);
    assert!(vault.warnings().is_empty());
}
