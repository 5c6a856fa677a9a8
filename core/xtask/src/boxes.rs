//! `cargo xtask boxes`: machines to test on, by hand. What they are is told in
//! tests/boxes.

use clap::{Subcommand, ValueEnum};
use honey_boxes::{Boxes, Image, Link, Options, System};

use crate::{setup, workspace::Failure};

/// Machines to test on: network namespaces with a real init, sshd, sudo, apt and firewall.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask boxes up 3\n  cargo xtask boxes exec box-1 -- systemctl status ssh\n  \
                        ssh -F \"$(cargo xtask boxes config)\" box-1\n  cargo xtask boxes down"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Make boxes that stay until `down`; prints the path of their ssh configuration.
    Up {
        /// How many.
        #[arg(default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=200))]
        count: u8,
        /// What is installed.
        #[arg(long, value_enum, default_value_t = Kind::Bare)]
        image: Kind,
        /// What /etc/os-release says.
        #[arg(long, value_enum, default_value_t = Name::Debian12)]
        system: Name,
    },
    /// Show what is there.
    List,
    /// Print the path of a run's ssh configuration.
    Config {
        #[command(flatten)]
        run: OfRun,
    },
    /// Run a command in a box as root, beside its network.
    Exec {
        /// The box, `box-1`.
        name: String,
        #[command(flatten)]
        run: OfRun,
        /// The command; a shell without one.
        #[arg(last = true)]
        words: Vec<String>,
    },
    /// Cut a box's cable.
    Cut {
        /// The box.
        name: String,
        #[command(flatten)]
        run: OfRun,
    },
    /// Make a box's cable slow or lossy, as long as this command runs; `heal` it afterwards.
    Slow {
        /// The box.
        name: String,
        #[command(flatten)]
        run: OfRun,
        /// Milliseconds a frame is on its way, in each direction.
        #[arg(long, default_value_t = 0)]
        delay: u64,
        /// Frames lost of a hundred, in each direction.
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
        loss: u8,
    },
    /// Join a box's cable again, as it was made.
    Heal {
        /// The box.
        name: String,
        #[command(flatten)]
        run: OfRun,
    },
    /// Cut a box's power and turn it on again.
    Reboot {
        /// The box.
        name: String,
        #[command(flatten)]
        run: OfRun,
    },
    /// Take a run away.
    Down {
        #[command(flatten)]
        run: OfRun,
        /// Every run, also those of tests that are still at work.
        #[arg(long, conflicts_with = "run")]
        all: bool,
    },
}

#[derive(clap::Args)]
struct OfRun {
    /// The run's number; the only detached one where there is one.
    #[arg(long)]
    run: Option<u8>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Bare,
    Prepared,
    Cluster,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    #[value(name = "debian-12")]
    Debian12,
    #[value(name = "debian-13")]
    Debian13,
    #[value(name = "ubuntu-22.04")]
    Ubuntu2204,
    #[value(name = "ubuntu-24.04")]
    Ubuntu2404,
    #[value(name = "ubuntu-26.04")]
    Ubuntu2604,
}

impl From<Kind> for Image {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Bare => Self::Bare,
            Kind::Prepared => Self::Prepared,
            Kind::Cluster => Self::Cluster,
        }
    }
}

impl From<Name> for System {
    fn from(name: Name) -> Self {
        match name {
            Name::Debian12 => Self::Debian12,
            Name::Debian13 => Self::Debian13,
            Name::Ubuntu2204 => Self::Ubuntu2204,
            Name::Ubuntu2404 => Self::Ubuntu2404,
            Name::Ubuntu2604 => Self::Ubuntu2604,
        }
    }
}

impl From<honey_boxes::Failure> for Failure {
    fn from(failure: honey_boxes::Failure) -> Self {
        Self::Holds(failure.to_string())
    }
}

impl OfRun {
    fn number(&self) -> Result<u8, Failure> {
        let there: Vec<u8> = Boxes::list().iter().filter(|run| run.detached).map(|run| run.run).collect();
        match (self.run, there.as_slice()) {
            (Some(run), _) => Ok(run),
            (None, [only]) => Ok(*only),
            (None, []) => {
                Err(Failure::Holds("no boxes are up; `cargo xtask boxes up` makes some".to_owned()))
            }
            (None, several) => {
                Err(Failure::Holds(format!("several runs are up, say which with --run: {several:?}")))
            }
        }
    }
}

/// Runs the verb.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::Up { count, image, system } => {
            setup::ensure_for_boxes()?;
            let image = Image::from(*image);
            if !image.is_made() {
                eprintln!("making the image, once: a few minutes");
            }
            let options = Options { image, system: (*system).into(), ..Options::default() };
            let boxes = Boxes::up(usize::from(*count), &options)?;
            let config = boxes.ssh_config();
            eprintln!("run {}: {count} boxes; `ssh -F {} box-1`", boxes.number(), config.display());
            println!("{}", config.display());
            boxes.detach()?;
        }
        Verb::List => {
            for run in Boxes::list() {
                let whose = run.owner.map_or("detached".to_owned(), |pid| format!("process {pid}"));
                println!("run {} ({whose})", run.run);
                for (name, address, up) in run.boxes {
                    println!("  {name:<8} {address:<16} {}", if up { "up" } else { "off" });
                }
            }
        }
        Verb::Config { run } => println!("{}", Boxes::open(run.number()?)?.ssh_config().display()),
        Verb::Exec { name, run, words } => {
            let boxes = Boxes::open(run.number()?)?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let words = if words.is_empty() { &["bash", "-l"][..] } else { &words };
            let mut command = boxes.named(name)?.command(words)?;
            command.stdin(std::process::Stdio::inherit());
            let status =
                command.status().map_err(|error| Failure::Start { program: "nsenter".to_owned(), error })?;
            std::process::exit(status.code().unwrap_or(1));
        }
        Verb::Cut { name, run } => Boxes::open(run.number()?)?.named(name)?.cut()?,
        Verb::Slow { name, run, delay, loss } => {
            let link = Link {
                delay: std::time::Duration::from_millis(*delay),
                loss_percent: *loss,
                bytes_per_second: None,
            };
            Boxes::open(run.number()?)?.named(name)?.slow(link)?;
            eprintln!(
                "{name}: {delay} ms and {loss}% loss until this command ends; `cargo xtask boxes heal {name}` afterwards"
            );
            loop {
                std::thread::park();
            }
        }
        Verb::Heal { name, run } => Boxes::open(run.number()?)?.named(name)?.heal()?,
        Verb::Reboot { name, run } => Boxes::open(run.number()?)?.named(name)?.reboot()?,
        Verb::Down { run, all } => {
            let gone = Boxes::down(if *all { None } else { Some(run.number()?) })?;
            eprintln!("took away {} run(s)", gone.len());
        }
    }
    Ok(())
}
