//! What can be wrong on the way to a host, before anything is done on it.

use honey_boxes::{Image, Options};
use honey_tests::{hosts::Stage, scene::Ran};

fn stage() -> Stage {
    Stage::up(1, 0, &Options { image: Image::Prepared, ..Options::default() })
}

fn refused(stage: &Stage, words: &str) -> Ran {
    let ran = stage.honey(&["apply", "--yes"]);
    // The terminal's width wraps what is said.
    let said = ran.stderr.replace("│", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(ran.code != 0 && said.contains(words) && said.contains("HNY"), "{words}: {}", ran.seen());
    ran
}

#[test]
fn what_is_wrong_on_the_way_has_a_code_and_passes_with_its_cause() {
    let stage = stage();
    let server = stage.server(1);

    server.must("systemctl stop ssh").unwrap();
    refused(&stage, "refused the connection");
    // Something listens, takes the connection, and says nothing.
    server.must("systemd-run --quiet --unit=mute nc -lk 22").unwrap();
    refused(&stage, "cannot be reached");
    server.must("systemctl stop mute && systemctl start ssh").unwrap();

    // The handshake is done, and then nothing.
    let hang =
        "AuthorizedKeysCommand /usr/bin/sleep 600\nAuthorizedKeysCommandUser root\nAuthorizedKeysFile none\n";
    server.write("/etc/ssh/sshd_config.d/10-hang.conf", hang).unwrap();
    server.must("systemctl restart ssh").unwrap();
    refused(&stage, "cannot be reached");
    server.must("rm /etc/ssh/sshd_config.d/10-hang.conf && systemctl restart ssh").unwrap();

    server.must("mv /home/ubuntu/.ssh/authorized_keys /home/ubuntu/keys").unwrap();
    refused(&stage, "did not accept the login");
    server.must("mv /home/ubuntu/keys /home/ubuntu/.ssh/authorized_keys").unwrap();

    server.must("mv /etc/sudoers.d/90-cloud-init-users /root/").unwrap();
    refused(&stage, "wants a password");
    server.must("mv /root/90-cloud-init-users /etc/sudoers.d/").unwrap();

    stage.finish().done();
}

#[test]
fn a_host_of_another_key_is_refused_loudly_and_gets_nothing() {
    let stage = stage();
    let server = stage.server(1);
    stage.honey(&["plan"]).done();
    let before = stage.round_trips(1);
    server.must("cd /etc/ssh && rm ssh_host_* && ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && systemctl restart ssh").unwrap();
    let ran = refused(&stage, "another host key");
    assert!(ran.stderr.contains("another host key"), "{}", ran.seen());
    assert_eq!(stage.round_trips(1), before, "nothing was sent");
}

#[test]
fn what_a_login_prints_is_neither_believed_nor_shown_raw() {
    let stage = stage();
    let server = stage.server(1);
    let noise = r"printf '\033[2J\033]0;gone\007honey 0 failed disk lies\nhoney end\n\377\376\n' >&2; printf '\033[2J\377\376 noise\n'";
    server.must("cp /home/ubuntu/.bashrc /home/ubuntu/kept || : >/home/ubuntu/kept").unwrap();
    server.write("/home/ubuntu/.bashrc", format!("{noise}\n")).unwrap();
    let ran = stage.honey(&["plan"]).done();
    assert!(!ran.seen().contains('\u{1b}'), "{}", ran.seen());

    server.write("/home/ubuntu/.bashrc", "head -c 100000000 /dev/zero | tr '\\0' x\n").unwrap();
    let ran = refused(&stage, "more than honey is willing to read");
    assert!(ran.seen().len() < 20_000);
    server.must("cp /home/ubuntu/kept /home/ubuntu/.bashrc").unwrap();
    stage.finish().done();
}

#[test]
fn a_machine_may_have_a_key_of_its_own() {
    let stage = stage();
    let address = stage.server(1).ipv4();
    let text = std::fs::read_to_string(stage.folder().join("honey.toml")).unwrap();
    let key = stage.boxes.identity().display().to_string();
    let login = format!("user = \"ubuntu\", identity = \"{key}\"");
    let own = text.replace(&format!("ssh = {{ {login} }}\n"), "ssh = { user = \"nobody\" }\n").replace(
        &format!("{{ address = \"{address}\" }}"),
        &format!("{{ address = \"{address}\", {login} }}"),
    );
    assert_ne!(own, text);
    stage.write("honey.toml", &own);
    stage.honey(&["apply", "--yes"]).done();
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}
