//! `edge-ranges`: from where the edge connects to origins.

use honey_sdk::{
    Context, Fault,
    capability::{EdgeRanges, Ranges},
};

use crate::CloudflareDns;

impl EdgeRanges for CloudflareDns {
    fn edge_ranges(&self, _ctx: Context) -> Result<Ranges, Fault> {
        let addresses = self.api.addresses()?;
        // A firewall made of nothing would close the site.
        if addresses.ipv4_cidrs.is_empty() {
            return Err(Fault::malformed("Cloudflare lists no IPv4 range of its edge"));
        }
        Ok(Ranges { ipv4: addresses.ipv4_cidrs, ipv6: addresses.ipv6_cidrs })
    }
}
