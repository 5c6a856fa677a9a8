//! honey plugin: cloudflare-dns
