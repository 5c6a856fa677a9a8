//! Human and JSON views.
