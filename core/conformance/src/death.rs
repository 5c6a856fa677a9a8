//! Dying at a given host call: kill -9 at exactly that moment, in one process.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts the points at which a process may die, and dies at one of them.
#[derive(Default)]
pub(crate) struct Death {
    passed: AtomicUsize,
    at: AtomicUsize,
    struck: AtomicBool,
    bell: Notify,
    names: Mutex<Vec<String>>,
}

impl Death {
    /// Begins to count anew. 0: nobody dies.
    pub(crate) fn arm(&self, at: usize) {
        self.passed.store(0, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
        self.struck.store(false, Ordering::SeqCst);
        self.names().clear();
    }

    /// How many points were passed since [`Death::arm`].
    pub(crate) fn points(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    /// What the point with this number is.
    pub(crate) fn name(&self, number: usize) -> String {
        self.names().get(number.saturating_sub(1)).cloned().unwrap_or_default()
    }

    fn names(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One point. True: this process is dead and must do nothing more.
    pub(crate) fn point(&self, name: impl FnOnce() -> String) -> bool {
        if self.struck.load(Ordering::SeqCst) {
            return true;
        }
        let number = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        self.names().push(name());
        if number == self.at.load(Ordering::SeqCst) {
            self.struck.store(true, Ordering::SeqCst);
            self.bell.notify_waiters();
            return true;
        }
        false
    }

    /// A point of the process itself: it never goes on when it dies there.
    pub(crate) async fn pass(&self, name: impl FnOnce() -> String) {
        if self.point(name) {
            std::future::pending::<()>().await;
        }
    }

    /// Ends when the process died.
    pub(crate) async fn struck(&self) {
        loop {
            let bell = self.bell.notified();
            if self.struck.load(Ordering::SeqCst) {
                return;
            }
            bell.await;
        }
    }
}
