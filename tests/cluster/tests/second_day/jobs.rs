//! A migration that fails, is fixed and runs again with the same image; a Job
//! that changes although Kubernetes does not let it.

use honey_cluster_tests::Operator;
use honey_cluster_tests::Stage;

use crate::{applies, field, planned, settled, stack::edit};

/// Failed, tried again in vain, fixed outside of the configuration: resume runs it again.
pub(crate) fn failed_and_fixed(stage: &Stage) {
    let operator = &stage.operator;
    let before = field(operator, "job/migrate", ".metadata.uid");
    edit(
        operator,
        "migration.yaml",
        "command: [\"/answer\", \"need\", \"/answer\"]",
        "command: [\"/answer\", \"need\", \"/host/database\"]\n          volumeMounts: [{ name: host, mountPath: /host }]\n      volumes: [{ name: host, hostPath: { path: /var/lib/migration, type: DirectoryOrCreate } }]",
    );
    assert_eq!(planned(operator), ["replace shop/Job/migrate"]);
    let failed = operator.honey(&["apply", "--yes"]).code(4);
    assert!(failed.said().contains("migrate"), "{}", failed.said());
    let tried = field(operator, "job/migrate", ".metadata.uid");
    assert_ne!(tried, before);
    operator.honey(&["apply", "--resume"]).code(4);
    assert_ne!(field(operator, "job/migrate", ".metadata.uid"), tried, "it ran again");
    // Given up and planned anew: a replacement with its reason.
    operator.honey(&["apply", "--abandon"]).code(0);
    let plan = operator.honey(&["plan"]).code(0).said();
    assert!(plan.contains("failed"), "{plan}");
    assert_eq!(planned(operator), ["replace shop/Job/migrate"]);
    stage.server(1).must("touch /var/lib/migration/database").unwrap();
    operator.honey(&["apply", "--yes"]).code(0);
    settled(operator);
    assert_eq!(field(operator, "job/migrate", ".status.succeeded"), "1");
}

/// Its template cannot change: it is replaced, and says so.
pub(crate) fn changed(operator: &Operator) {
    let before = field(operator, "job/migrate", ".metadata.uid");
    edit(
        operator,
        "migration.yaml",
        "image: docker.io/library/answer:1",
        "image: docker.io/library/answer:2",
    );
    applies(operator, &["replace shop/Job/migrate"]);
    assert_ne!(field(operator, "job/migrate", ".metadata.uid"), before);
    assert_eq!(field(operator, "job/migrate", ".status.succeeded"), "1");
}
