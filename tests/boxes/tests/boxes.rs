//! The boxes themselves: what tests build on holds.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::time::Duration;

use honey_boxes::{Boxes, Image, Link, Options, System};

#[test]
fn a_box_is_a_machine_of_its_own() {
    let options = Options { system: System::Ubuntu2604, ..Options::default() };
    let boxes = Boxes::up(2, &options).unwrap();
    let (one, two) = (&boxes[0], &boxes[1]);

    let seen =
        boxes.ssh("box-1", "uname -n; id -un; sudo -n id -un; . /etc/os-release; echo $VERSION_ID").unwrap();
    assert_eq!(seen.text(), "box-1\nubuntu\nroot\n26.04\n", "{}", seen.errors());
    assert_eq!(one.must("ps -o comm= -p 1; systemctl is-system-running").unwrap(), "systemd\nrunning\n");

    // Kernel settings and files are private.
    one.must("sysctl -q -w vm.swappiness=7 && touch /etc/mark").unwrap();
    assert_eq!(one.must("sysctl -n vm.swappiness").unwrap(), "7\n");
    assert_ne!(two.must("sysctl -n vm.swappiness").unwrap(), "7\n");
    assert_ne!(std::fs::read_to_string("/proc/sys/vm/swappiness").unwrap(), "7\n");
    assert!(two.read("/etc/mark").unwrap().is_none());

    // The cable, and both kinds of address.
    let reaches = |address: &str| one.exec(&["ping", "-c1", "-W1", address]).unwrap().ok();
    assert!(reaches(two.ipv4()) && reaches(two.ipv6()));
    two.cut().unwrap();
    assert!(!reaches(two.ipv4()));
    two.heal().unwrap();
    assert!(reaches(two.ipv4()) && reaches(two.ipv6()));

    // A cable of 60 ms each way: twice that for there and back, and right again.
    let link = Link { delay: Duration::from_millis(60), ..Link::default() };
    two.slow(link).unwrap();
    let seen = one.must(&format!("ping -c3 -W5 {}", two.ipv4())).unwrap();
    let fastest: f64 = seen.rsplit_once("mdev = ").unwrap().1.split('/').next().unwrap().parse().unwrap();
    assert!(fastest >= 120.0, "{seen}");
    two.slow(Link { loss_percent: 100, ..Link::default() }).unwrap();
    assert!(!reaches(two.ipv4()));
    two.heal().unwrap();
    assert!(reaches(two.ipv4()) && reaches(two.ipv6()));

    // Power: processes are gone, files are kept.
    one.must("systemd-run --quiet --unit=work sleep infinity && systemctl is-active work").unwrap();
    one.reboot().unwrap();
    assert!(!one.shell("systemctl is-active --quiet work").unwrap().ok());
    assert!(one.read("/etc/mark").unwrap().is_some());
    assert!(boxes.ssh("box-1", "true").unwrap().ok());
}

#[test]
fn apt_installs_from_the_folder_and_ufw_filters() {
    let boxes = Boxes::up(2, &Options::default()).unwrap();
    let (one, two) = (&boxes[0], &boxes[1]);
    assert!(!one.shell("command -v ufw").unwrap().ok());
    one.must(
        "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install ufw fail2ban open-iscsi",
    )
    .unwrap();
    assert_eq!(
        one.must("systemctl is-active iscsid.socket; systemctl is-enabled fail2ban").unwrap(),
        "active\nenabled\n"
    );

    one.must("systemd-run --quiet --unit=web nc -lk 8080 && ufw allow 22/tcp && ufw --force enable").unwrap();
    let reaches = |address: &str, port: &str| two.exec(&["nc", "-z", "-w1", address, port]).unwrap().ok();
    assert!(reaches(one.ipv4(), "22") && reaches(one.ipv6(), "22"));
    assert!(!reaches(one.ipv4(), "8080") && !reaches(one.ipv6(), "8080"));
    one.reboot().unwrap();
    assert!(reaches(one.ipv4(), "22") && one.must("ufw status").unwrap().starts_with("Status: active"));
}

#[test]
fn nothing_is_left_behind() {
    let boxes = Boxes::up(1, &Options { image: Image::Prepared, ..Options::default() }).unwrap();
    let (number, folder) = (boxes.number(), boxes.folder().to_owned());
    assert!(boxes[0].must("ufw version && fail2ban-client --version").is_ok());
    drop(boxes);
    assert!(!folder.exists());
    let name = format!("hb{number}-");
    let spaces = std::process::Command::new("ip").args(["netns", "list"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&spaces.stdout).contains(&name));
    assert!(!std::fs::read_to_string("/proc/self/mounts").unwrap().contains(&folder.display().to_string()));
    let groups =
        std::fs::read_dir("/sys/fs/cgroup/systemd").or_else(|_| std::fs::read_dir("/sys/fs/cgroup")).unwrap();
    assert!(!groups.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(&name)));
}
