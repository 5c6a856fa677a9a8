//! The journalled executor of a plan.
