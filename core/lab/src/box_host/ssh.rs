//! The SSH side of a box: public keys only, many sessions per connection, as
//! OpenSSH's multiplexing client uses it. A session runs one script, or one
//! look after another where its shell is to stay.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use russh::{
    Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet,
    keys::{PrivateKey, PublicKey},
    server::{self, Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey},
};

use super::{boxes::OneBox, play};
use crate::world::World;

/// Most bytes a session may send.
const INPUT_LIMIT: usize = 64 << 20;

/// What every connection of a box is served with.
pub(super) fn config(key: PrivateKey) -> server::Config {
    server::Config {
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::from_millis(50),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        inactivity_timeout: None,
        nodelay: true,
        ..Default::default()
    }
}

/// A session that sends its input.
#[derive(Default)]
struct Incoming {
    command: Option<String>,
    input: Vec<u8>,
    ended: bool,
}

/// One connection.
pub(super) struct Handler {
    one: Arc<OneBox>,
    world: Weak<World>,
    user: String,
    incoming: HashMap<ChannelId, Incoming>,
}

impl Handler {
    pub(super) fn new(one: Arc<OneBox>, world: Weak<World>) -> Self {
        Self { one, world, user: String::new(), incoming: HashMap::new() }
    }

    fn knows(&self, user: &str, key: &PublicKey) -> bool {
        let machine = self.one.machine();
        (user == machine.user || user == "root" && machine.user == "root")
            && machine
                .authorized_keys
                .iter()
                .filter_map(|line| PublicKey::from_openssh(line.trim()).ok())
                .any(|known| known.key_data() == key.key_data())
    }

    /// Runs what a shell that stays has got so far, when that is complete.
    fn go_on(&mut self, channel: ChannelId, session: &Session) {
        let Some(incoming) = self.incoming.get_mut(&channel) else { return };
        let Some(command) = incoming.command.clone().filter(|command| play::reads_input(command)) else {
            return;
        };
        if !play::is_kept(&incoming.input) {
            return;
        }
        let input = std::mem::take(&mut incoming.input);
        self.spawn(channel, session, command, input, true);
    }

    /// Runs a session whose command and input are complete.
    fn begin(&mut self, channel: ChannelId, session: &Session) {
        let ready = self.incoming.get(&channel).is_some_and(|incoming| {
            incoming.command.as_deref().is_some_and(|command| incoming.ended || !play::reads_input(command))
        });
        if !ready {
            return;
        }
        let Some(Incoming { command: Some(command), input, .. }) = self.incoming.remove(&channel) else {
            return;
        };
        self.spawn(channel, session, command, input, false);
    }

    /// Plays a script; the session ends with it, unless its shell stays and it went well.
    fn spawn(&self, channel: ChannelId, session: &Session, command: String, input: Vec<u8>, stays: bool) {
        let Some(world) = self.world.upgrade() else { return };
        let (one, user, handle) = (Arc::clone(&self.one), self.user.clone(), session.handle());
        tokio::spawn(async move {
            let sink = play::Sink { handle: handle.clone(), channel };
            let status = play::run(&world, &one, &user, &command, &input, &sink).await;
            if stays && status == 0 {
                return;
            }
            let _ = handle.exit_status_request(channel, status).await;
            let _ = handle.eof(channel).await;
            let _ = handle.close(channel).await;
        });
    }
}

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: server::PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(if self.knows(user, offer.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        if !self.knows(user, key.public_key) {
            return Ok(Auth::reject());
        }
        user.clone_into(&mut self.user);
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.incoming.insert(channel.id(), Incoming::default());
        reply.accept().await;
        Ok(())
    }

    /// Ports of the box's own loopback: what listens on a box listens on its address.
    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _from: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let address = self.one.machine().ipv4;
        let own = matches!(host, "127.0.0.1" | "localhost") || host == address.to_string();
        let Some(port) = u16::try_from(port).ok().filter(|_| own) else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        tokio::spawn(async move {
            let Ok(mut inside) = tokio::net::TcpStream::connect((address, port)).await else {
                reply.reject(ChannelOpenFailure::ConnectFailed).await;
                return;
            };
            reply.accept().await;
            let mut outside = channel.into_stream();
            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
        });
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(data).into_owned();
        self.one.note_command(command.clone());
        self.incoming.entry(channel).or_default().command = Some(command);
        self.begin(channel, session);
        Ok(())
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(incoming) = self.incoming.get_mut(&channel) {
            if incoming.input.len() + data.len() > INPUT_LIMIT {
                self.incoming.remove(&channel);
                return session.close(channel);
            }
            incoming.input.extend_from_slice(data);
            self.go_on(channel, session);
        }
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        if let Some(incoming) = self.incoming.get_mut(&channel) {
            incoming.ended = true;
            self.begin(channel, session);
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.incoming.remove(&channel);
        Ok(())
    }
}
