//! Software development kit for honey plugins.
