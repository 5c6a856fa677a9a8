//! Files that make a lab usable from outside: configuration, secrets, keys.
