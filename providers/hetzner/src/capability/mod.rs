//! One capability a file.

mod power;
mod prices;
mod reinstall;
