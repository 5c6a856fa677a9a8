//! The envelope around every answer.

use serde_json::{Value, json};

use crate::vendor::reply::Reply;
use crate::vendor::request::Request;

use super::Answer;

/// A success.
pub(super) fn success(result: Value, info: Option<Value>) -> Reply {
    let mut body = json!({"result": result, "success": true, "errors": [], "messages": []});
    if let Some(info) = info {
        body["result_info"] = info;
    }
    Reply::json(200, &body)
}

/// A failure with one error.
pub(super) fn failure(status: u16, code: u32, message: &str) -> Reply {
    let body = json!({
        "result": null,
        "success": false,
        "errors": [{"code": code, "message": message}],
        "messages": [],
    });
    Reply::json(status, &body).doing(&format!("refused.{code}"))
}

/// A failure with a chain of two errors.
pub(super) fn failure_chain(status: u16, code: u32, message: &str, inner: u32, detail: &str) -> Reply {
    let body = json!({
        "result": null,
        "success": false,
        "errors": [{
            "code": code,
            "message": message,
            "error_chain": [{"code": inner, "message": detail}],
        }],
        "messages": [],
    });
    Reply::json(status, &body).doing(&format!("refused.{code}"))
}

/// One page of a list.
pub(super) fn page(
    request: &Request,
    items: &[Value],
    usual: usize,
    (least, most): (usize, usize),
    operation: &str,
) -> Answer {
    let number = |name: &str, usual: usize, least: usize, most: usize| match request.query(name) {
        None => Ok(usual),
        Some(text) => match text.parse::<usize>() {
            Ok(value) if (least..=most).contains(&value) => Ok(value),
            _ => Err(failure(400, 1004, &format!("{name}: must be from {least} to {most}"))),
        },
    };
    let page = number("page", 1, 1, usize::MAX)?;
    let per_page = number("per_page", usual, least, most)?;
    let total = items.len();
    let start = (page - 1).saturating_mul(per_page);
    let shown: Vec<&Value> = items.iter().skip(start).take(per_page).collect();
    let info = json!({
        "page": page,
        "per_page": per_page,
        "count": shown.len(),
        "total_count": total,
        "total_pages": total.div_ceil(per_page),
    });
    Ok(success(json!(shown), Some(info)).doing(operation))
}
