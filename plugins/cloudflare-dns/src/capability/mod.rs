//! The capabilities, one a file.

mod edge_ranges;
mod record_swap;
