//! A part of 127.0.0.0/8 that no other lab on this machine holds.

use std::net::{Ipv4Addr, TcpListener};

use crate::random::Random;

/// Port at the last address of a subnet whose listener is the claim to it.
const CLAIM_PORT: u16 = 47_411;

/// `127.R.S.0/24`, held as long as this lives.
#[derive(Debug)]
pub(crate) struct Subnet {
    r: u8,
    s: u8,
    _claim: TcpListener,
}

impl Subnet {
    /// Claims a free subnet, first choice by seed and process.
    pub(crate) fn claim(seed: u64) -> std::io::Result<Self> {
        let random = Random::new(seed ^ (u64::from(std::process::id()) << 20), "subnet");
        let mut last = std::io::Error::other("no address");
        for _ in 0..64 {
            let r = u8::try_from(random.between(64, 250)).unwrap_or(64);
            let s = u8::try_from(random.between(1, 250)).unwrap_or(1);
            match TcpListener::bind((Ipv4Addr::new(127, r, s, 254), CLAIM_PORT)) {
                Ok(claim) => return Ok(Self { r, s, _claim: claim }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The address with the last byte `n`.
    pub(crate) fn address(&self, n: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.r, self.s, n)
    }

    /// `127.R.S.0/24`.
    pub(crate) fn text(&self) -> String {
        format!("127.{}.{}.0/24", self.r, self.s)
    }
}
