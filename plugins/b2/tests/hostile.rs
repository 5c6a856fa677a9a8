//! No answer of the vendor makes the plugin panic, and every refusal says what it is.

use honey_plugin_b2::B2;
use honey_sdk::{
    Value, json,
    testing::{
        self,
        hostile::{Case, nothing, survives},
    },
};

fn usual(_method: &str, target: &str) -> Value {
    let bucket = json!({"accountId": "a", "bucketId": "b1", "bucketName": "honeydue", "bucketType": "allPrivate",
        "bucketInfo": {"honey-owner": "honeydue-box"}, "revision": 3,
        "corsRules": [{"corsRuleName": "c", "allowedOrigins": ["*"], "allowedOperations": ["s3_get"], "allowedHeaders": null,
            "exposeHeaders": null, "maxAgeSeconds": 60}],
        "lifecycleRules": [{"fileNamePrefix": "", "daysFromHidingToDeleting": 1, "daysFromUploadingToHiding": null}],
        "defaultServerSideEncryption": {"isClientAuthorizedToRead": true, "value": {"mode": "SSE-B2"}}});
    let key = json!({"applicationKeyId": "k1", "keyName": "backup", "capabilities": ["readFiles"], "bucketIds": ["b1"],
        "namePrefix": null, "expirationTimestamp": null, "applicationKey": "s"});
    if target.contains("authorize") {
        return json!({"accountId": "a", "authorizationToken": "t", "apiInfo": {"storageApi": {
            "apiUrl": "https://api002.backblazeb2.com", "s3ApiUrl": "https://s3.us-west-002.backblazeb2.com",
            "allowed": {"buckets": null, "capabilities": []}}}});
    }
    if target.contains("list_buckets") {
        return json!({"buckets": [bucket]});
    }
    if target.contains("list_keys") {
        return json!({"keys": [key], "nextApplicationKeyId": null});
    }
    if target.contains("key") { key } else { bucket }
}

#[test]
fn no_answer_makes_it_panic() {
    survives(&Case::<B2> {
        settings: json!({}),
        base: "https://api.backblazeb2.com",
        objects: vec![
            (
                "bucket",
                "b1",
                json!({"name": "honeydue", "private": true, "encrypted": true,
                "lifecycle": [{"prefix": "", "delete_after_days": 1}],
                "cors": [{"name": "c", "origins": ["https://a.example"], "operations": ["s3_get"], "max_age_seconds": 60}]}),
            ),
            (
                "bucket-key",
                "k1",
                json!({"name": "backup", "bucket": "b1", "capabilities": ["readFiles"], "valid_days": 9}),
            ),
        ],
        usual,
        corpus: testing::examples("backblaze")
            .into_iter()
            .map(|(_, example)| example["body"].clone())
            .collect(),
        others: nothing,
    });
}
