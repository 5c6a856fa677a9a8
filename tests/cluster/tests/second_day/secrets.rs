//! Secrets that are rotated, overwritten, taken out.

use honey_cluster_tests::Operator;

use crate::{applies, field, kubectl, planned};

/// When a Deployment's pods were made, as its name of the newest `ReplicaSet`'s hash.
fn pods(operator: &Operator, app: &str) -> String {
    kubectl(
        operator,
        &[
            "get",
            "pods",
            "-l",
            &format!("app={app}"),
            "-o",
            "jsonpath={.items[*].metadata.labels.pod-template-hash}",
        ],
    )
}

fn held(operator: &Operator, key: &str) -> String {
    use base64::Engine as _;
    let encoded = field(operator, "secret/app", &format!(".data.{key}"));
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()).unwrap()
}

/// A rotated file is seen, written, and reaches the pods that use it, no others.
pub(crate) fn rotated(operator: &Operator) {
    let (web, other) = (pods(operator, "web"), pods(operator, "other"));
    operator.write("project/secrets/password", "second");
    applies(operator, &["update shop/Secret/app", "update shop/Deployment/web"]);
    assert_eq!(held(operator, "PASSWORD"), "second");
    assert_eq!(held(operator, "URL"), "postgres://shop:second@db/shop");
    assert_ne!(pods(operator, "web"), web, "its pods use the password");
    assert_eq!(pods(operator, "other"), other, "its pods do not");
    // A key that no workload uses rolls nothing.
    operator.write("project/secrets/token", "token-2");
    applies(operator, &["update shop/Secret/app"]);
    assert_eq!(held(operator, "TOKEN"), "token-2");
}

/// Runbook 9.4: somebody applies a file with a placeholder over the real token.
pub(crate) fn overwritten_by_a_placeholder(operator: &Operator) {
    operator.apply(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: app, namespace: shop}\nstringData: {TOKEN: TOKEN_PLACEHOLDER}\n",
    );
    assert_eq!(held(operator, "TOKEN"), "TOKEN_PLACEHOLDER");
    let plan = operator.honey(&["plan"]).code(0).said();
    assert!(
        plan.contains("kubectl") && !plan.contains("TOKEN_PLACEHOLDER") && !plan.contains("token-2"),
        "{plan}"
    );
    applies(operator, &["update shop/Secret/app"]);
    assert_eq!(held(operator, "TOKEN"), "token-2");
}

/// A key that is missing comes back, one that nobody wants goes, also by configuration.
pub(crate) fn keys_come_and_go(operator: &Operator) {
    let patch = r#"[{"op":"remove","path":"/data/URL"},{"op":"add","path":"/data/EXTRA","value":"eA=="}]"#;
    kubectl(operator, &["patch", "secret", "app", "--type", "json", "-p", patch]);
    applies(operator, &["update shop/Secret/app"]);
    assert_eq!(held(operator, "URL"), "postgres://shop:second@db/shop");
    assert_eq!(held(operator, "EXTRA"), "");
    operator.edit("TOKEN = \"${secret:token}\"\n", "");
    assert_eq!(planned(operator), ["update shop/Secret/app"]);
    applies(operator, &["update shop/Secret/app"]);
    assert_eq!(held(operator, "TOKEN"), "");
}
