//! The lab's control API over HTTP, for a lab that runs as a process.
