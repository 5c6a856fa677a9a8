//! Randomness of the operating system, by way of the host.

use crate::host;

/// At most 4096 bytes.
pub fn bytes(len: u32) -> Vec<u8> {
    host::random(len)
}

/// Lower-case hexadecimal digits of random bytes.
pub fn hex(bytes: u32) -> String {
    crate::marks::hex(&host::random(bytes))
}
