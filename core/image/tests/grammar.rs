//! The grammar: what it takes, what it refuses, and that shown is read again.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use honey_image::{Host, ImageReference, ReferenceError, is_digest, short};
use proptest::prelude::*;

fn hex(count: usize) -> String {
    "0123456789abcdef".chars().cycle().take(count).collect()
}

#[test]
fn what_is_left_out_is_filled_in() {
    let digest = format!("sha256:{}", hex(64));
    let pinned = format!("git.example.com:3000/a/b:1@{digest}");
    for (text, host, repository, tag, by_digest) in [
        ("redis", "docker.io", "library/redis", None, false),
        ("redis:7-alpine", "docker.io", "library/redis", Some("7-alpine"), false),
        ("grafana/alloy:v1", "docker.io", "grafana/alloy", Some("v1"), false),
        ("docker.io/redis", "docker.io", "library/redis", None, false),
        ("index.docker.io/grafana/alloy", "docker.io", "grafana/alloy", None, false),
        ("localhost/a", "localhost", "a", None, false),
        ("localhost:5000/a/b", "localhost:5000", "a/b", None, false),
        ("git.example.com:3000/a/b", "git.example.com:3000", "a/b", None, false),
        ("git.example.com:3000/a/b:c", "git.example.com:3000", "a/b", Some("c"), false),
        ("Git.Example.COM/a/b", "git.example.com", "a/b", None, false),
        ("myhost:5000", "docker.io", "library/myhost", Some("5000"), false),
        ("[2001:db8::1]/a/b:1", "[2001:db8::1]", "a/b", Some("1"), false),
        ("[::1]:5000/a", "[::1]:5000", "a", None, false),
        ("127.0.0.1:3000/a/b/c/d", "127.0.0.1:3000", "a/b/c/d", None, false),
        ("r.io/a__b/c---d/e.f_g", "r.io", "a__b/c---d/e.f_g", None, false),
        (pinned.as_str(), "git.example.com:3000", "a/b", Some("1"), true),
    ] {
        let read = ImageReference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((read.host().as_str(), read.repository(), read.tag()), (host, repository, tag), "{text}");
        assert_eq!(read.digest().is_some(), by_digest, "{text}");
    }
    assert_eq!(ImageReference::parse("redis").unwrap().version(), "latest");
    assert_eq!(ImageReference::parse("redis:7").unwrap().version(), "7");
    assert_eq!(ImageReference::parse(&pinned).unwrap().version(), digest);
}

#[test]
fn a_repository_with_a_port_and_no_tag_keeps_itself_under_a_digest() {
    let digest = format!("sha256:{}", hex(64));
    let at = |text: &str| ImageReference::parse(text).unwrap().at_digest(&digest).unwrap().to_string();
    assert_eq!(at("git.example.com:3000/admin/api"), format!("git.example.com:3000/admin/api@{digest}"));
    assert_eq!(at("git.example.com:3000/admin/api:1"), format!("git.example.com:3000/admin/api@{digest}"));
    assert_eq!(at("[::1]:5000/api"), format!("[::1]:5000/api@{digest}"));
    assert_eq!(at("redis:7"), format!("docker.io/library/redis@{digest}"));
    assert!(ImageReference::parse("redis").unwrap().at_digest("sha256:abc").is_err());
}

#[test]
fn what_the_grammar_does_not_know_is_refused_with_a_reason_and_a_way_out() {
    let (upper, short_hex, long) = ("A".repeat(64), hex(63), "a".repeat(256));
    let tag = "t".repeat(129);
    for (text, word) in [
        (String::new(), "empty"),
        ("https://git.example.com/a/b:1".into(), "https://"),
        ("docker://redis".into(), "docker://"),
        ("git.example.com/Admin/api".into(), "capital"),
        ("Redis".into(), "capital"),
        ("git.example.com/a//b".into(), "empty"),
        ("git.example.com/".into(), "empty"),
        ("/a/b".into(), "empty"),
        ("git.example.com/a/../b".into(), "`..`"),
        ("git.example.com/a/b?x".into(), "`b?x`"),
        ("git.example.com/a b".into(), "`a b`"),
        (" redis".into(), "` redis`"),
        ("r.io/a___b".into(), "a___b"),
        ("r.io/-a".into(), "-a"),
        ("r.io/a._b".into(), "a._b"),
        ("r.io/a/b:".into(), "empty"),
        ("r.io/a/b:1:2".into(), "`1:2`"),
        ("r.io/a/b:.1".into(), "`.1`"),
        (format!("r.io/a/b:{tag}"), "no tag"),
        ("r.io:0/a".into(), "`0` is no port"),
        ("r.io:65536/a".into(), "`65536` is no port"),
        ("r.io:/a".into(), "`` is no port"),
        ("r.io:+1/a".into(), "`+1` is no port"),
        ("user@r.io/a".into(), "no algorithm"),
        ("-r.io/a".into(), "no host"),
        ("r_x.io/a".into(), "no host"),
        ("r..io/a".into(), "no host"),
        ("[::g]/a".into(), "no host"),
        ("[fe80::1%eth0]/a".into(), "no host"),
        ("[::1]x/a".into(), "no host"),
        ("[::1/a".into(), "no host"),
        ("::1/a".into(), "no host"),
        ("r.io/a@".into(), "no algorithm"),
        ("r.io/a@sha256:abc".into(), "here are 3"),
        ("r.io/a@sha256:".into(), "here are 0"),
        (format!("r.io/a@sha256:{short_hex}"), "here are 63"),
        (format!("r.io/a@sha256:{upper}"), "small letters"),
        (format!("r.io/a@sha512:{}", hex(64)), "128 hex digits"),
        (format!("r.io/a@md5:{}", hex(32)), "md5"),
        (format!("r.io/a@{}", hex(64)), "no algorithm"),
        (format!("r.io/a@sha256:{}@sha256:{}", hex(64), hex(64)), "64 hex digits"),
        (hex(64), "cannot be a part"),
        (format!("r.io/{long}"), "255"),
        ("r.io/ä".into(), "`ä`"),
    ] {
        let error = ImageReference::parse(&text).expect_err(&text);
        assert!(error.to_string().contains(word), "{text}: {error} should say {word:?}");
        assert!(!error.help().is_empty(), "{text}");
    }
    let error = ImageReference::parse("https://r.io/a/b").unwrap_err();
    assert_eq!(error.help(), "leave the scheme out: `r.io/a/b`");
    assert_eq!(
        Host::parse("https://r.io"),
        Err(ReferenceError::Scheme { scheme: "https".into(), rest: "r.io".into() })
    );
    assert!(Host::parse("r.io/a").is_err() && Host::parse("").is_err());
}

#[test]
fn a_digest_is_shown_by_its_beginning_and_the_rest_as_written() {
    let digits = hex(64);
    assert_eq!(short(&format!("redis@sha256:{digits}")), "redis@sha256:0123456789ab");
    assert_eq!(short(&format!("r.io:1/a/b:c@sha256:{digits}")), "r.io:1/a/b:c@sha256:0123456789ab");
    assert_eq!(short("redis:7"), "redis:7");
    assert_eq!(short("r.io/a@sha256:abc"), "r.io/a@sha256:abc");
    assert!(is_digest(&format!("sha256:{digits}")) && !is_digest(&digits) && !is_digest("sha256:abc"));
}

fn references() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        Just(String::new()),
        "(localhost|[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?\\.[a-z]{2,5})(:[1-9][0-9]{0,3})?/",
        "\\[2001:db8:(:[0-9a-fA-F]{1,4}){1,3}\\](:[1-9][0-9]{0,3})?/",
    ];
    let part = "[a-z0-9]{1,6}((\\.|_|__|-{1,3})[a-z0-9]{1,6}){0,2}";
    let path = proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    let tag = prop_oneof![Just(String::new()), ":[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"];
    let digest = prop_oneof![Just(String::new()), "@sha256:[0-9a-f]{64}", "@sha512:[0-9a-f]{128}"];
    (host, path, tag, digest).prop_map(|(host, path, tag, digest)| {
        // Without a host in front, a first part with a dot would be one.
        let owner = if host.is_empty() { "owner/" } else { "" };
        format!("{host}{owner}{path}{tag}{digest}")
    })
}

proptest! {
    #[test]
    fn shown_and_read_again_it_is_the_same(text in references()) {
        let read = ImageReference::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let again = ImageReference::parse(&read.to_string());
        prop_assert_eq!(again.as_ref(), Ok(&read));
        prop_assert_eq!(again.unwrap().to_string(), read.to_string());
        // Nothing is lost on the way.
        let end = text.rsplit('/').next().unwrap_or_default();
        prop_assert!(read.to_string().ends_with(end), "{} became {}", text, read);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        if let Ok(read) = ImageReference::parse(&text) {
            prop_assert_eq!(ImageReference::parse(&read.to_string()), Ok(read));
        }
        let _ = short(&text);
    }

    #[test]
    fn texts_that_look_like_one_are_read_or_refused(text in "[a-zA-Z0-9:/@\\[\\]._%-]{0,24}(@sha256:[0-9a-f]{62,66})?") {
        if let Ok(read) = ImageReference::parse(&text) {
            prop_assert_eq!(ImageReference::parse(&read.to_string()), Ok(read.clone()));
            prop_assert!(read.host().as_str().chars().all(|c| !c.is_ascii_uppercase()));
        }
        let _ = short(&text);
    }
}
