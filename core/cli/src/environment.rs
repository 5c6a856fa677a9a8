//! What is read of the process's environment beside `HONEY_` variables.

use std::{env, os::unix::ffi::OsStringExt as _, path::PathBuf};

/// A variable's bytes.
pub(crate) fn variable(name: &str) -> Option<Vec<u8>> {
    env::var_os(name).map(std::ffi::OsString::into_vec)
}

/// Where compiled plugins are kept: `$XDG_CACHE_HOME/honey` or `~/.cache/honey`.
pub(crate) fn cache_directory() -> Option<PathBuf> {
    let named = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home =
        || env::var_os("HOME").filter(|path| !path.is_empty()).map(|home| PathBuf::from(home).join(".cache"));
    named.or_else(home).map(|folder| folder.join("honey"))
}

/// Who works here, as others see it in the lock: `user@host`.
pub(crate) fn operator() -> String {
    let user = env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "somewhere" } else { host.trim() };
    honey_model::text::visible(&format!("{user}@{host}"), 120)
}

/// The operator's own public ssh key, where it stands at its usual place.
pub(crate) fn public_key() -> Option<String> {
    let home = env::var_os("HOME").filter(|path| !path.is_empty()).map(PathBuf::from)?;
    let text = std::fs::read_to_string(home.join(".ssh/id_ed25519.pub")).ok()?;
    let line = text.lines().next()?.trim();
    let plain = |c: char| !c.is_control() && c != '"' && c != '\\';
    (line.starts_with("ssh-") && line.len() < 1000 && line.chars().all(plain)).then(|| line.to_owned())
}

/// The operator's own kubeconfig: the first file that KUBECONFIG names, else `~/.kube/config`.
pub(crate) fn kubeconfig() -> Result<PathBuf, env::VarError> {
    let named = env::var_os("KUBECONFIG").unwrap_or_default();
    if let Some(first) = env::split_paths(&named).find(|path| !path.as_os_str().is_empty()) {
        return Ok(first);
    }
    let home = env::var_os("HOME").filter(|home| !home.is_empty()).ok_or(env::VarError::NotPresent)?;
    Ok(PathBuf::from(home).join(".kube/config"))
}
