//! What goes wrong on the way to a host while honey is at work on it: the run
//! stops with 4 and a code, and `apply --resume` finishes it once the cause is gone.

use honey_boxes::{Image, Options, TestBox};
use honey_tests::hosts::{Stage, until};

/// A cause, how it is undone, and the code that names it.
struct Cause {
    code: &'static str,
    begin: &'static str,
    end: &'static str,
}

/// Told at once.
const AT_ONCE: [Cause; 4] = [
    Cause { code: "HNY0501", begin: "systemctl stop ssh", end: "systemctl start ssh" },
    Cause {
        code: "HNY0504",
        begin: "mv /home/ubuntu/.ssh/authorized_keys /root/keys",
        end: "mv /root/keys /home/ubuntu/.ssh/authorized_keys",
    },
    Cause {
        code: "HNY0505",
        begin: "mkdir /root/own && mv /etc/ssh/ssh_host_* /root/own/ && \
                ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key && systemctl restart ssh",
        end: "rm /etc/ssh/ssh_host_* && mv /root/own/* /etc/ssh/ && rmdir /root/own && systemctl restart ssh",
    },
    Cause {
        code: "HNY0507",
        begin: "mv /etc/sudoers.d/90-cloud-init-users /root/",
        end: "mv /root/90-cloud-init-users /etc/sudoers.d/",
    },
];

/// Only told when nothing came for so long.
const SILENT: Cause = Cause {
    code: "HNY0502",
    begin: "printf 'AuthorizedKeysCommand /usr/bin/sleep 600\\nAuthorizedKeysCommandUser root\\nAuthorizedKeysFile none\\n' \
                >/etc/ssh/sshd_config.d/10-hang.conf && systemctl restart ssh",
    end: "rm /etc/ssh/sshd_config.d/10-hang.conf && systemctl restart ssh",
};

/// honey's script waits on the host, as long as somebody else installs packages.
fn hold(server: &TestBox) {
    server.must("apt-get -qq -y remove fail2ban >/dev/null 2>&1").unwrap();
    let hold = "import fcntl,signal; f=open('/var/lib/dpkg/lock-frontend','w'); fcntl.lockf(f,fcntl.LOCK_EX); signal.pause()";
    server.must(&format!("systemd-run --quiet --unit=holder python3 -c \"{hold}\"")).unwrap();
    until("it is held", || {
        server.shell("grep -q :$(stat -c %i /var/lib/dpkg/lock-frontend) /proc/locks").unwrap().ok()
    });
}

fn breaks(causes: &[Cause], again: bool) {
    let stage = Stage::up(1, 0, &Options { image: Image::Prepared, ..Options::default() });
    let server = stage.server(1);
    for Cause { code, begin, end } in causes {
        hold(server);
        let apply = stage.begin(&["apply", "--yes"]);
        until("honey waits on the host", || server.shell("test -e /run/honey.lock/pid").unwrap().ok());
        server.must(begin).unwrap();
        // What is open ends too: the script with its session.
        server.must("pkill -KILL -u ubuntu; pkill -KILL -f '[s]udo.*sh -s'; systemctl stop holder").unwrap();
        let ended = apply.end().ends(4);
        assert!(ended.stderr.contains(code), "{code}: {}", ended.seen());
        assert!(ended.seen().contains("honey apply --resume"), "{}", ended.seen());
        if again {
            let still = stage.honey(&["apply", "--resume"]).ends(4);
            assert!(still.stderr.contains(code), "{code}: {}", still.seen());
        }
        server.must(end).unwrap();
        stage.honey(&["apply", "--resume"]).done();
        stage.honey(&["plan", "--detailed-exitcode"]).done();
        server.must("dpkg -s fail2ban").unwrap();
    }
}

#[test]
fn a_way_that_breaks_while_honey_works_is_told_and_resumed() {
    breaks(&AT_ONCE, true);
}

/// Once is enough: each try waits as long as a slow network would need.
#[test]
fn a_host_that_falls_silent_while_honey_works_is_told_and_resumed() {
    breaks(&[SILENT], false);
}
