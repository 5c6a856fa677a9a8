//! One capability a file.

mod login;
mod power;
mod prices;
mod reinstall;
