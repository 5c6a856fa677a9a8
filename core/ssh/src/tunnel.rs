//! A port of loopback that leads to a port of a host's loopback, through the
//! shared ssh connection: for an API that is closed to the rest of the world.
//!
//! Falls over between hosts one connection at a time: a host counts once it
//! has answered a byte. That suits what is spoken through it (TLS, where the
//! client begins); what was sent before that is sent again to the next host.

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use honey_model::{Fault, FaultClass};
use honey_ports::{CallContext, host::Tunnel};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
    task::{AbortHandle, JoinSet},
};

use crate::{fault, host::SshHost, session::Connection};

/// The first bytes of a client that may be sent again to another host.
const FIRST_BYTES: usize = 64 << 10;

/// Ends the listener and every connection with it.
struct Ended(AbortHandle);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where connections may come out.
struct Ways {
    hosts: Vec<Arc<SshHost>>,
    /// The one that answered last is asked first.
    current: AtomicUsize,
    port: u16,
    context: CallContext,
}

/// Opens the listener once one host lets us in.
pub(crate) async fn open(
    context: &CallContext,
    hosts: Vec<Arc<SshHost>>,
    listen: u16,
    port: u16,
) -> Result<Tunnel, Fault> {
    let mut last = Fault::new(FaultClass::Invalid, fault::UNREACHABLE, "there is no host to go through");
    let mut first = None;
    for (index, host) in hosts.iter().enumerate() {
        match host.connection(context).await {
            Ok(_) => {
                first = Some(index);
                break;
            }
            Err(fault) => last = fault,
        }
    }
    let Some(first) = first else { return Err(last) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, listen)).await.map_err(|error| {
        Fault::new(
            FaultClass::Conflict,
            fault::TUNNEL,
            format!("port {listen} of this machine cannot be listened on: {error}"),
        )
        .with_help("choose another port, or leave it to honey")
    })?;
    let address = listener.local_addr().map_err(|error| {
        Fault::new(FaultClass::Internal, fault::TUNNEL, format!("the tunnel has no address: {error}"))
    })?;
    let ways = Arc::new(Ways { hosts, current: AtomicUsize::new(first), port, context: context.clone() });
    let task = tokio::spawn(serve(listener, ways));
    Ok(Tunnel::new(address, Ended(task.abort_handle())))
}

async fn serve(listener: TcpListener, ways: Arc<Ways>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(carry(client, Arc::clone(&ways)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, from its first bytes to its end.
async fn carry(mut client: TcpStream, ways: Arc<Ways>) {
    let mut first = vec![0; FIRST_BYTES];
    let Ok(count) = client.read(&mut first).await else { return };
    first.truncate(count);
    let start = ways.current.load(Ordering::Relaxed);
    for turn in 0..ways.hosts.len() {
        let index = (start + turn) % ways.hosts.len();
        // The connection is held for as long as something goes through it.
        let Ok((_held, mut server, answer)) = ways.ask(index, &first).await else { continue };
        ways.current.store(index, Ordering::Relaxed);
        if client.write_all(&answer).await.is_ok() {
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
        return;
    }
}

impl Ways {
    /// Connects through one host, hands the first bytes on and waits for an answer.
    async fn ask(&self, index: usize, first: &[u8]) -> io::Result<(Arc<Connection>, UnixStream, Vec<u8>)> {
        let host = &self.hosts[index];
        let connection =
            host.connection(&self.context).await.map_err(|fault| io::Error::other(fault.to_string()))?;
        let opened = async {
            let path = connection.forward(self.port).await.map_err(io::Error::other)?;
            UnixStream::connect(path).await
        };
        let mut server = match opened.await {
            Ok(server) => server,
            Err(error) => {
                tracing::debug!(host = host.shown(), %error, "no way through this host");
                host.drop_connection(&connection).await;
                return Err(error);
            }
        };
        server.write_all(first).await?;
        let mut answer = vec![0; FIRST_BYTES];
        // Nothing listens there, or the host is gone: ssh closes without a word.
        let count = server.read(&mut answer).await?;
        if count == 0 {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        answer.truncate(count);
        Ok((connection, server, answer))
    }
}
