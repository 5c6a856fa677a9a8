//! The place that k3s is installed from: the real names, over HTTPS, on the
//! machine under the boxes.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use honey_boxes::Boxes;

use crate::{PARTS, RELEASES};

/// Serves until dropped.
pub(crate) struct Mirror(Child);

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Mirror {
    /// Starts it and makes every box trust it.
    pub(crate) fn start(boxes: &Boxes, parts: &Path) -> Self {
        let folder = boxes.folder().join("mirror");
        std::fs::create_dir_all(&folder).expect("a folder");
        let (address, _) = boxes.operator();
        let mut child = Command::new(parts.join("mirror"))
            .arg(&folder)
            .arg(parts.join("k3s"))
            .args([PARTS, &format!("{address}:443")])
            .args(RELEASES)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the mirror starts");
        let mut line = String::new();
        let _ = BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line);
        let mirror = Self(child);
        assert_eq!(line.trim(), "ready", "the mirror listens on {address}:443");
        let authority = std::fs::read(folder.join("ca.crt")).expect("its authority");
        for one in boxes.iter() {
            one.write("/usr/local/share/ca-certificates/mirror.crt", &authority).expect("the authority");
            one.must(&format!(
                "update-ca-certificates >/dev/null 2>&1; echo '{address} get.k3s.io github.com' >>/etc/hosts"
            ))
            .expect("the box trusts the mirror");
        }
        mirror
    }
}
