//! What somebody does with kubectl, and fields that the stack loses.

use honey_cluster_tests::{Operator, stage::until};

use crate::{applies, field, kubectl, planned, settled, stack::edit};

/// The plan says from whom it takes over, and apply does it.
pub(crate) fn by_kubectl(operator: &Operator) {
    kubectl(operator, &["scale", "deployment/web", "--replicas=2"]);
    let plan = operator.honey(&["plan"]).code(0).said();
    assert!(plan.contains("takes spec.replicas over from kubectl"), "{plan}");
    applies(operator, &["update shop/Deployment/web"]);
    assert_eq!(field(operator, "deployment/web", ".spec.replicas"), "1");

    kubectl(operator, &["set", "image", "deployment/web", "web=docker.io/library/answer:2"]);
    let plan = operator.honey(&["plan"]).code(0).said();
    assert!(plan.contains("from kubectl-set"), "{plan}");
    applies(operator, &["update shop/Deployment/web"]);
    assert_eq!(
        field(operator, "deployment/web", ".spec.template.spec.containers[0].image"),
        "docker.io/library/answer:1"
    );

    kubectl(operator, &["patch", "configmap", "settings", "-p", r#"{"data":{"LEVEL":"debug"}}"#]);
    applies(operator, &["update shop/ConfigMap/settings"]);
    assert_eq!(field(operator, "configmap/settings", ".data.LEVEL"), "info");
    // What somebody adds and nobody wants is theirs.
    kubectl(operator, &["label", "deployment/web", "theirs=yes"]);
    settled(operator);
}

/// What is gone is made again.
pub(crate) fn deleted(operator: &Operator) {
    kubectl(operator, &["delete", "deployment/other", "--wait=true"]);
    applies(operator, &["create shop/Deployment/other"]);
    kubectl(operator, &["rollout", "status", "deployment/other", "--timeout=60s"]);
}

/// Replicas that an autoscaler wrote are left alone while it is there, and taken over when it is gone.
pub(crate) fn autoscaled(operator: &Operator) {
    operator.apply(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: shop}\nspec:\n  \
         scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  minReplicas: 2\n  maxReplicas: 3\n",
    );
    until("the autoscaler scales", || {
        let replicas = field(operator, "deployment/web", ".spec.replicas");
        if replicas == "2" { Ok(()) } else { Err(replicas) }
    });
    settled(operator);
    edit(operator, "workloads.yaml", "{ name: STAYS, value: \"1\" }", "{ name: STAYS, value: \"2\" }");
    applies(operator, &["update shop/Deployment/web"]);
    assert_eq!(field(operator, "deployment/web", ".spec.replicas"), "2", "the autoscaler's number stays");
    kubectl(operator, &["delete", "hpa/web"]);
    applies(operator, &["update shop/Deployment/web"]);
    assert_eq!(field(operator, "deployment/web", ".spec.replicas"), "1");
}

/// A field that the stack loses goes, even where it is the only change of its object.
pub(crate) fn taken_out(operator: &Operator) {
    edit(operator, "workloads.yaml", "            - { name: GOES, value: \"1\" }\n", "");
    applies(operator, &["update shop/Deployment/web"]);
    let names = field(operator, "deployment/web", ".spec.template.spec.containers[0].env[*].name");
    assert_eq!(names, "STAYS PASSWORD");
    edit(operator, "settings.yaml", "  GOES: \"1\"\n", "");
    assert_eq!(planned(operator), ["update shop/ConfigMap/settings", "update shop/Deployment/other"]);
    operator.honey(&["apply", "--yes"]).code(0);
    settled(operator);
    assert_eq!(field(operator, "configmap/settings", ".data"), r#"{"LEVEL":"info"}"#);
}

/// Runbook 9.1: an account that is missing is made before the workload that runs as it.
pub(crate) fn accounts_first(operator: &Operator) {
    kubectl(operator, &["delete", "serviceaccount/web"]);
    kubectl(operator, &["delete", "deployment/web", "--wait=true"]);
    applies(operator, &["create shop/ServiceAccount/web", "create shop/Deployment/web"]);
    kubectl(operator, &["rollout", "status", "deployment/web", "--timeout=60s"]);
}
