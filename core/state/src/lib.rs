//! State, journal, lock and secret vault on an object store.
