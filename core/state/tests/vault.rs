//! Secrets: where they come from, who may read them, and where they never appear.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use honey_model::{Secret, SecretName};
use honey_ports::Secrets;
use honey_state::{Source, Sources, Vault};

fn name(text: &str) -> SecretName {
    SecretName::new(text).unwrap()
}

fn file(path: &Path, raw: bool) -> Source {
    Source::File { path: path.to_owned(), raw }
}

/// A vault with one secret, `it`, from bytes in a file and in a variable.
async fn read(bytes: &[u8], raw: bool) -> [Result<Vec<u8>, String>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, bytes).unwrap();
    let named = BTreeMap::from([
        (name("file"), file(&path, raw)),
        (name("variable"), Source::Env { variable: "IT".into(), raw }),
    ]);
    let value = bytes.to_vec();
    let environment = Arc::new(move |_: &str| Some(value.clone()));
    let vault = Vault::open(&folder.path().join("secrets"), Sources { named, environment }).unwrap();
    let mut results = Vec::new();
    for one in ["file", "variable"] {
        let checked = vault.check(&name(one), false).await;
        let read = vault.get(&name(one)).await;
        assert_eq!(checked.as_ref().err(), read.as_ref().err(), "what is checked is what is read");
        if let Err(fault) = &read {
            assert!(fault.message.contains(&format!("`{one}`")), "{fault}");
            assert!(!fault.to_string().contains("canary"), "{fault}");
        }
        results.push(read.map(|secret| secret.expose().to_vec()).map_err(|fault| fault.code));
    }
    results.try_into().unwrap()
}

fn vault(folder: &Path) -> Vault {
    let named = BTreeMap::from([
        (name("from-env"), Source::Env { variable: "TOKEN".into(), raw: false }),
        (name("unset"), Source::Env { variable: "UNSET".into(), raw: false }),
        (name("from-file"), file(&folder.join("key.txt"), false)),
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

#[tokio::test]
async fn text_loses_one_line_end_of_a_file_and_nothing_else() {
    for (written, from_file) in [
        ("canary", "canary"),
        ("canary\n", "canary"),
        ("canary\r\n", "canary"),
        ("canary\n\n", "canary\n"),
        ("canary\r", "canary\r"),
        (" canary \t\n", " canary \t"),
        ("zwei\nZeilen ü\n", "zwei\nZeilen ü"),
    ] {
        let [file, variable] = read(written.as_bytes(), false).await;
        assert_eq!(file.unwrap(), from_file.as_bytes(), "{written:?}");
        assert_eq!(variable.unwrap(), written.as_bytes(), "{written:?}");
        let [file, variable] = read(written.as_bytes(), true).await;
        assert_eq!(
            (file.unwrap(), variable.unwrap()),
            (written.as_bytes().to_vec(), written.as_bytes().to_vec())
        );
    }
}

#[tokio::test]
async fn what_is_no_text_is_refused_unless_every_byte_counts() {
    let cases: [(&[u8], &str); 7] = [
        (b"", "HNY0121"),
        (b"\n", "HNY0121"),
        (b" \t\r\n", "HNY0121"),
        (b"\xef\xbb\xbfcanary", "HNY0122"),
        (b"\xff\xfec\0a\0n\0", "HNY0122"),
        (b"canary \xfc", "HNY0122"),
        (b"\x30\x82\x01\x00\xff\xff", "HNY0122"),
    ];
    for (bytes, code) in cases {
        for found in read(bytes, false).await {
            assert_eq!(found.unwrap_err(), code, "{bytes:?}");
        }
        for found in read(bytes, true).await {
            match bytes {
                b"" => assert_eq!(found.unwrap_err(), "HNY0121"),
                bytes => assert_eq!(found.unwrap(), bytes),
            }
        }
    }
}

#[tokio::test]
async fn sources_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    std::fs::File::create(&large).unwrap().set_len((1 << 20) + 1).unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let below = large.join("below");
    let named = [("directory", folder.path()), ("large", &large), ("socket", &socket), ("below", &below)]
        .into_iter()
        .flat_map(|(text, path)| {
            [(name(text), file(path, false)), (name(&format!("{text}-raw")), file(path, true))]
        })
        .chain([(name("gone"), file(&folder.path().join("gone"), true))])
        .collect();
    let sources = Sources { named, environment: Arc::new(|_| None) };
    let vault = Vault::open(&folder.path().join("secrets"), sources).unwrap();
    for one in ["directory", "large", "socket", "below", "directory-raw", "large-raw", "socket-raw"] {
        let fault = vault.check(&name(one), false).await.unwrap_err();
        assert_eq!(fault.code, "HNY0123", "{one}: {fault}");
        assert!(!vault.exists(&name(one)).await);
    }
    assert_eq!(vault.check(&name("gone"), false).await.unwrap_err().code, "HNY0709");
}

#[tokio::test]
async fn a_check_makes_nothing_and_knows_where_only_text_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("binary");
    std::fs::write(&binary, b"\xff\x00").unwrap();
    let named = BTreeMap::from([(name("made"), Source::Generate(32)), (name("binary"), file(&binary, true))]);
    let kept = folder.path().join("secrets");
    let vault = Vault::open(&kept, Sources { named, environment: Arc::new(|_| None) }).unwrap();
    vault.check(&name("made"), true).await.unwrap();
    vault.check(&name("neon.db.password"), true).await.unwrap();
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 0);
    vault.check(&name("binary"), false).await.unwrap();
    assert_eq!(vault.check(&name("binary"), true).await.unwrap_err().code, "HNY0122");
}
