//! The lab's control API, asked over plain HTTP on loopback.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What a running lab writes into its folder.
pub(super) const ABOUT: &str = "lab.json";
/// No answer of the control API is larger.
const ANSWER_LIMIT: u64 = 64 * 1024 * 1024;
/// It runs on the same machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// The lab.json of a folder.
pub(super) fn about(folder: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(folder.join(ABOUT)).ok()?).ok()
}

/// Asks the lab of a folder; an error when none answers or it refuses.
pub(super) async fn ask(folder: &Path, method: &str, path: &str) -> io::Result<Vec<u8>> {
    let address = about(folder).and_then(|about| address(about["control"].as_str()?));
    let address = address.ok_or_else(|| io::Error::other("no lab"))?;
    tokio::time::timeout(PATIENCE, exchange(address, method, path)).await.map_err(io::Error::from)?
}

/// Only loopback is ever asked, whatever the file says.
fn address(origin: &str) -> Option<SocketAddr> {
    let address: SocketAddr = origin.strip_prefix("http://")?.parse().ok()?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => Some(address),
        _ => None,
    }
}

async fn exchange(address: SocketAddr, method: &str, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    // 1.0: the answer ends with the connection, and is never chunked.
    let request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LIMIT).read_to_end(&mut answer).await?;
    let head_end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4);
    let head_end = head_end.ok_or_else(|| io::Error::other("no HTTP answer"))?;
    let status = String::from_utf8_lossy(&answer[..head_end]);
    match status.split(' ').nth(1) {
        Some(code) if code.starts_with('2') => Ok(answer.split_off(head_end)),
        _ => Err(io::Error::other("the lab refused")),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn only_loopback_is_asked() {
        assert!(address("http://127.0.0.1:8080").is_some());
        for bad in ["http://192.0.2.1:80", "https://127.0.0.1:80", "http://localhost:80", ""] {
            assert!(address(bad).is_none(), "{bad}");
        }
    }
}
