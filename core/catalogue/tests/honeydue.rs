//! The built-in honeydue catalogue: what it holds, and that its parts fit each other.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use honey_catalogue::{Catalogue, RenderedObject};
use serde_json::{Value, json};

fn parameters() -> BTreeMap<String, Value> {
    let image = |name: &str| {
        format!("registry.example/admin/honeydue-{name}@sha256:{}", "0123456789abcdef".repeat(4))
    };
    BTreeMap::from([
        ("cluster_label".to_owned(), json!("honeydue-lab")),
        (
            "images".to_owned(),
            json!({"api": image("api"), "web": image("web"), "admin": image("admin"), "worker": image("worker")}),
        ),
    ])
}

fn render_with(changes: &[(&str, Value)]) -> Vec<RenderedObject> {
    let mut parameters = parameters();
    for (name, value) in changes {
        parameters.insert((*name).to_owned(), value.clone());
    }
    Catalogue::built_in("honeydue").unwrap().render(&parameters).unwrap()
}

fn of_kind<'a>(objects: &'a [RenderedObject], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().map(|rendered| &rendered.object).filter(move |object| object["kind"] == kind)
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

fn named<'a>(objects: &'a [RenderedObject], kind: &str, wanted: &str) -> &'a Value {
    objects
        .iter()
        .map(|rendered| &rendered.object)
        .find(|object| object["kind"] == kind && name(object) == wanted)
        .unwrap()
}

/// Namespace and template of everything that makes pods.
fn templates(objects: &[RenderedObject]) -> Vec<(&str, &Value)> {
    objects
        .iter()
        .map(|rendered| &rendered.object)
        .filter(|object| object.pointer("/spec/template/spec/containers").is_some())
        .map(|object| (object["metadata"]["namespace"].as_str().unwrap(), &object["spec"]["template"]))
        .collect()
}

fn selects(selector: &Value, labels: &Value) -> bool {
    let plain =
        selector["matchLabels"].as_object().into_iter().flatten().all(|(key, value)| labels[key] == *value);
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten().all(|expression| {
        assert_eq!(expression["operator"], "In");
        expression["values"].as_array().unwrap().contains(&labels[expression["key"].as_str().unwrap()])
    });
    plain && expressions
}

#[test]
fn it_holds_what_the_runbook_counts() {
    let objects = render_with(&[]);
    let count = |kind: &str| of_kind(&objects, kind).count();
    assert_eq!(count("NetworkPolicy"), 13);
    let accounts: BTreeSet<&str> = of_kind(&objects, "ServiceAccount")
        .filter(|account| account["metadata"]["namespace"] == "honeydue")
        .map(name)
        .collect();
    assert_eq!(accounts, BTreeSet::from(["admin", "alloy-logs", "api", "redis", "vmagent", "web", "worker"]));
    let budgets: BTreeSet<&str> = of_kind(&objects, "PodDisruptionBudget").map(name).collect();
    assert_eq!(budgets, BTreeSet::from(["api-pdb", "web-pdb", "worker-pdb"]));
    let deployments: BTreeSet<&str> = of_kind(&objects, "Deployment").map(name).collect();
    assert_eq!(
        deployments,
        BTreeSet::from(["admin", "api", "kube-state-metrics", "redis", "vmagent", "web", "worker"])
    );
    assert_eq!(
        (count("DaemonSet"), count("Job"), count("HorizontalPodAutoscaler"), count("Ingress")),
        (1, 1, 1, 5)
    );
    assert!((45..=60).contains(&objects.len()), "{} objects", objects.len());
}

#[test]
fn the_order_is_the_runbooks_with_the_gotchas_mended() {
    let objects = render_with(&[]);
    let order = |kind: &str, wanted: &str| {
        objects
            .iter()
            .find(|rendered| rendered.object["kind"] == kind && name(&rendered.object) == wanted)
            .unwrap()
    };
    let job = objects.iter().find(|rendered| rendered.object["kind"] == "Job").unwrap();
    assert!(job.gate, "migrations block");
    let line = [
        order("Namespace", "honeydue"),
        order("ServiceAccount", "api"),
        order("NetworkPolicy", "default-deny-all"),
        order("PersistentVolumeClaim", "redis-data"),
        order("Deployment", "redis"),
        order("Ingress", "api"),
        job,
        order("Deployment", "api"),
        order("PodDisruptionBudget", "api-pdb"),
        order("Deployment", "vmagent"),
    ];
    assert!(line.windows(2).all(|pair| pair[0].phase_order < pair[1].phase_order));
    let catalogue = Catalogue::built_in("honeydue").unwrap();
    let position = |wanted: &dyn Fn(&honey_catalogue::Phase) -> bool| {
        catalogue.declaration().phases.iter().position(wanted).unwrap()
    };
    assert!(
        position(&|phase| phase.secrets) < position(&|phase| phase.name == "redis"),
        "secrets come before their readers"
    );
    assert!(objects.windows(2).all(|pair| pair[0].order + 1 == pair[1].order));
}

#[test]
fn every_selector_finds_the_pods_it_means() {
    let objects = render_with(&[]);
    let templates = templates(&objects);
    let found = |namespace: &str, selector: &Value| {
        templates
            .iter()
            .any(|(home, template)| *home == namespace && selects(selector, &template["metadata"]["labels"]))
    };
    for service in of_kind(&objects, "Service") {
        let selector = json!({"matchLabels": service["spec"]["selector"]});
        assert!(
            found(service["metadata"]["namespace"].as_str().unwrap(), &selector),
            "Service {}",
            name(service)
        );
        for port in service["spec"]["ports"].as_array().unwrap() {
            let target = port["targetPort"].as_str().unwrap();
            let named = templates
                .iter()
                .filter(|(_, template)| selects(&selector, &template["metadata"]["labels"]))
                .any(|(_, template)| {
                    template["spec"]["containers"][0]["ports"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|port| port["name"] == target)
                });
            assert!(named, "Service {} port {target}", name(service));
        }
    }
    for policy in of_kind(&objects, "NetworkPolicy") {
        assert!(found("honeydue", &policy["spec"]["podSelector"]), "NetworkPolicy {}", name(policy));
        for direction in ["ingress", "egress"] {
            for rule in policy["spec"][direction].as_array().into_iter().flatten() {
                for peer in
                    ["from", "to"].iter().flat_map(|side| rule[*side].as_array().into_iter().flatten())
                {
                    if peer["namespaceSelector"].is_null() && !peer["podSelector"].is_null() {
                        assert!(found("honeydue", &peer["podSelector"]), "a peer of {}", name(policy));
                    }
                }
            }
        }
    }
    for budget in of_kind(&objects, "PodDisruptionBudget") {
        assert!(found("honeydue", &budget["spec"]["selector"]), "budget {}", name(budget));
    }
    for workload in ["Deployment", "DaemonSet"].iter().flat_map(|kind| of_kind(&objects, kind)) {
        assert!(
            selects(&workload["spec"]["selector"], &workload["spec"]["template"]["metadata"]["labels"]),
            "{}",
            name(workload)
        );
    }
    for ingress in of_kind(&objects, "Ingress") {
        let backend = &ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"];
        let service = named(&objects, "Service", backend["name"].as_str().unwrap());
        assert!(
            service["spec"]["ports"]
                .as_array()
                .unwrap()
                .iter()
                .any(|port| port["name"] == backend["port"]["name"])
        );
        for middleware in
            ingress["metadata"]["annotations"]["traefik.ingress.kubernetes.io/router.middlewares"]
                .as_str()
                .unwrap()
                .split(',')
        {
            let plain =
                middleware.strip_prefix("honeydue-").and_then(|text| text.strip_suffix("@kubernetescrd"));
            named(
                &objects,
                "Middleware",
                plain.unwrap_or_else(|| panic!("{middleware:?} of {}", name(ingress))),
            );
        }
    }
}

#[test]
fn everything_that_is_referred_to_exists() {
    let objects = render_with(&[]);
    let catalogue = Catalogue::built_in("honeydue").unwrap();
    let secrets: BTreeMap<&str, &Vec<String>> =
        catalogue.declaration().secrets.iter().map(|secret| (secret.name.as_str(), &secret.keys)).collect();
    let exists = |kind: &str, namespace: &str, wanted: &str| {
        of_kind(&objects, kind)
            .any(|object| name(object) == wanted && object["metadata"]["namespace"] == namespace)
    };
    for (namespace, template) in templates(&objects) {
        let spec = &template["spec"];
        assert!(exists("ServiceAccount", namespace, spec["serviceAccountName"].as_str().unwrap()));
        let volumes: BTreeSet<&str> = spec["volumes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|volume| volume["name"].as_str().unwrap())
            .collect();
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            if let Some(map) = volume["configMap"]["name"].as_str() {
                assert!(exists("ConfigMap", namespace, map), "{map}");
            }
            if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
                assert!(exists("PersistentVolumeClaim", namespace, claim), "{claim}");
            }
            if let Some(secret) = volume["secret"]["secretName"].as_str() {
                let keys = secrets[secret];
                for item in volume["secret"]["items"].as_array().into_iter().flatten() {
                    assert!(keys.iter().any(|key| item["key"] == json!(key)), "{secret}: {item}");
                }
            }
        }
        for pull in spec["imagePullSecrets"].as_array().into_iter().flatten() {
            assert!(secrets.contains_key(pull["name"].as_str().unwrap()));
        }
        for container in spec["containers"].as_array().unwrap() {
            for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                assert!(volumes.contains(mount["name"].as_str().unwrap()), "{mount}");
            }
            for source in container["envFrom"].as_array().into_iter().flatten() {
                if let Some(map) = source["configMapRef"]["name"].as_str() {
                    assert!(exists("ConfigMap", namespace, map));
                }
                if let Some(secret) = source["secretRef"]["name"].as_str() {
                    assert!(secrets.contains_key(secret));
                }
            }
            for variable in container["env"].as_array().into_iter().flatten() {
                let reference = &variable["valueFrom"]["secretKeyRef"];
                if let Some(secret) = reference["name"].as_str() {
                    assert!(secrets[secret].iter().any(|key| reference["key"] == json!(key)), "{reference}");
                }
            }
        }
    }
    for binding in ["RoleBinding", "ClusterRoleBinding"].iter().flat_map(|kind| of_kind(&objects, kind)) {
        named(
            &objects,
            binding["roleRef"]["kind"].as_str().unwrap(),
            binding["roleRef"]["name"].as_str().unwrap(),
        );
        for subject in binding["subjects"].as_array().unwrap() {
            assert!(exists(
                "ServiceAccount",
                subject["namespace"].as_str().unwrap(),
                subject["name"].as_str().unwrap()
            ));
        }
    }
}

#[test]
fn containers_run_restricted_but_for_the_one_that_says_why() {
    let objects = render_with(&[]);
    for (_, template) in templates(&objects) {
        let spec = &template["spec"];
        let reads_host = spec["serviceAccountName"] == "alloy-logs";
        assert_eq!(
            spec["securityContext"]["runAsNonRoot"] == true,
            !reads_host,
            "{}",
            spec["serviceAccountName"]
        );
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for container in spec["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false);
            assert_eq!(context["readOnlyRootFilesystem"], true);
            assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
            assert_eq!(context["capabilities"]["add"].is_null(), !reads_host);
            assert!(container["resources"]["limits"]["memory"].is_string());
        }
    }
}

#[test]
fn a_standby_has_everything_but_the_worker() {
    let (active, standby) = (render_with(&[]), render_with(&[("singleton_replicas", json!(0))]));
    let different: Vec<&str> = active
        .iter()
        .zip(&standby)
        .filter(|(a, b)| a.object != b.object)
        .map(|(a, _)| name(&a.object))
        .collect();
    assert_eq!(different, ["worker"]);
    let worker = named(&standby, "Deployment", "worker");
    assert_eq!(worker["spec"]["replicas"], 0);
    assert_eq!(worker["metadata"]["annotations"]["honey.dev/singleton"], "true");
    assert_eq!(worker["spec"]["strategy"]["type"], "Recreate");
    let two = Catalogue::built_in("honeydue").unwrap().render(&{
        let mut parameters = parameters();
        parameters.insert("singleton_replicas".into(), json!(2));
        parameters
    });
    assert_eq!(two.unwrap_err()[0].code, "HNY0631");
    let singletons = of_kind(&active, "Deployment")
        .filter(|object| object["metadata"]["annotations"]["honey.dev/singleton"] == "true");
    assert_eq!(singletons.map(name).collect::<Vec<_>>(), ["worker"]);
}

#[test]
fn vmagent_may_reach_the_api_server_gotcha_9_2() {
    let objects = render_with(&[]);
    let policy = named(&objects, "NetworkPolicy", "allow-egress-from-vmagent");
    let allows = |cidr: &str, port: u64| {
        policy["spec"]["egress"].as_array().unwrap().iter().any(|rule| {
            rule["to"].as_array().unwrap().iter().any(|peer| peer["ipBlock"]["cidr"] == cidr)
                && rule["ports"].as_array().unwrap().iter().any(|found| found["port"] == port)
        })
    };
    assert!(allows("10.43.0.0/16", 443), "the service's own address");
    assert!(allows("0.0.0.0/0", 6443), "a node's address, which k3s puts in its place before it judges");
}

#[test]
fn vmagents_liveness_proves_scrapes_gotcha_9_3() {
    let objects = render_with(&[]);
    let probe = &named(&objects, "Deployment", "vmagent")["spec"]["template"]["spec"]["containers"][0]["livenessProbe"];
    let command = probe["exec"]["command"][2].as_str().unwrap();
    assert!(command.contains("/api/v1/targets") && command.contains("\"health\":\"up\""), "{command}");
}

#[test]
fn no_placeholder_can_reach_a_cluster_gotcha_9_4() {
    let objects = render_with(&[]);
    assert_eq!(of_kind(&objects, "Secret").count(), 0, "secrets are made from the configuration only");
    let text =
        serde_json::to_string(&objects.iter().map(|rendered| &rendered.object).collect::<Vec<_>>()).unwrap();
    for word in ["PLACEHOLDER", "CHANGEME", "TODO", "{{", "{%"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn metrics_carry_the_labels_that_dashboards_ask_for_gotcha_9_5() {
    let objects = render_with(&[]);
    let text = named(&objects, "ConfigMap", "vmagent-config")["data"]["scrape.yaml"].as_str().unwrap();
    let config: Value = serde_norway::from_str(text).unwrap();
    let api =
        config["scrape_configs"].as_array().unwrap().iter().find(|job| job["job_name"] == "api").unwrap();
    let targets: BTreeSet<&str> = api["relabel_configs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|rule| rule["target_label"].as_str())
        .collect();
    assert_eq!(targets, BTreeSet::from(["pod", "node", "service"]));
}

#[test]
fn each_cluster_has_a_label_of_its_own_gotcha_9_6() {
    let objects = render_with(&[("cluster_label", json!("honeydue-ovh"))]);
    for (map, key) in [("vmagent-config", "scrape.yaml"), ("alloy-logs-config", "config.alloy")] {
        let text = named(&objects, "ConfigMap", map)["data"][key].as_str().unwrap();
        assert!(text.contains("\"honeydue-ovh\""), "{map}");
    }
    let mut without = parameters();
    without.remove("cluster_label");
    let wrong = Catalogue::built_in("honeydue").unwrap().render(&without).unwrap_err();
    assert_eq!(wrong[0].code, "HNY0631", "it has no default that two clusters could share");
}

#[test]
fn the_migration_is_named_after_its_image_and_asks_the_database_itself() {
    let objects = render_with(&[]);
    let job = of_kind(&objects, "Job").next().unwrap();
    assert_eq!(name(job), "migrate-0123456789ab");
    assert_eq!(
        job["metadata"]["annotations"]["honey.dev/active-only"], "true",
        "the database is everybody's"
    );
    let retries = job["spec"]["backoffLimit"].as_u64().unwrap();
    assert!(
        (1..=3).contains(&retries),
        "one failed attempt is not the end, ten would hide a broken migration"
    );
    let text = job.to_string();
    assert!(text.contains("MIGRATE_DATABASE_URL"));
    let mut images = parameters().remove("images").unwrap();
    images["migrate"] = json!(format!("registry.example/migrate@sha256:{}", "f".repeat(64)));
    let other = render_with(&[("images", images)]);
    assert_eq!(name(of_kind(&other, "Job").next().unwrap()), "migrate-ffffffffffff");
}

#[test]
fn the_edge_can_be_made_the_only_way_in() {
    let objects = render_with(&[
        ("edge_only", json!(["api", "app", "admin", "apex"])),
        ("edge_ranges", json!(["192.0.2.0/24"])),
    ]);
    let chain = |site: &str| {
        named(&objects, "Ingress", site)["metadata"]["annotations"]["traefik.ingress.kubernetes.io/router.middlewares"].clone()
    };
    for site in ["api", "app", "admin", "apex"] {
        assert!(
            chain(site).as_str().unwrap().starts_with("honeydue-cloudflare-only@kubernetescrd,"),
            "{site}: {}",
            chain(site)
        );
    }
    assert!(
        !chain("api-health").as_str().unwrap().contains("cloudflare-only"),
        "each node can be asked by its address"
    );
    assert!(chain("admin").as_str().unwrap().contains("admin-basic-auth"));
    assert_eq!(
        named(&objects, "Middleware", "cloudflare-only")["spec"]["ipAllowList"]["sourceRange"],
        json!(["192.0.2.0/24"])
    );
}

#[test]
fn settings_reach_the_pods() {
    let objects = render_with(&[("settings", json!({"LOG_LEVEL": "debug: yes"}))]);
    assert_eq!(named(&objects, "ConfigMap", "honeydue-config")["data"]["LOG_LEVEL"], "debug: yes");
    for workload in ["api", "worker"] {
        let container = &named(&objects, "Deployment", workload)["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["envFrom"][0]["configMapRef"]["name"], "honeydue-config", "{workload}");
    }
}

#[test]
fn without_observability_nothing_of_it_remains() {
    let objects = render_with(&[("observability", json!(false))]);
    assert!(!objects.iter().any(|rendered| rendered.phase == "observability"));
}
