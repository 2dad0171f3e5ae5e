//! Runs the commands of a section in order, in one shell.

use super::read::Section;
use crate::kit::{Display, Process, Pulse, TIMEOUT, TestContext, Visavis};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

/// The beginnings of commands that no test can run, with the reasons.
pub(super) const NOT_RUN: &[(&str, &str)] = &[
    ("./scripts/setup", "installs packages as root; every test run begins with it"),
    ("cargo build --release", "takes half an hour; the workflow of releases and scripts/build-linux run it"),
    ("./scripts/demo", "builds the program first; it opens the call of `visavis host`, which is run"),
    ("./scripts/test", "runs this test"),
    ("systemctl enable --now visavis-server", "needs the installed package; scripts/test-linux tries that"),
    ("journalctl --unit visavis-server", "needs the installed package; scripts/test-linux tries that"),
    ("podman ", "fetches a system and builds in it; scripts/lint-packaging checks the Containerfile"),
];

/// Commands that search or check: exit code 1 means that they have found nothing, or a computer without a camera, which is
/// no failure here.
const LOOKS: &[&str] = &["grep", "pgrep", "doctor"];

/// Exit code of `--verify` if the media was not good enough, as on a busy machine. Other tests check the verification itself.
const NOT_MET: i32 = 30;

/// The server of the examples. Commands that connect to it get a server of the test instead.
const EXAMPLE: &str = "wss://calls.example.com";
/// Its key pair.
const EXAMPLE_KEYS: [(&str, &str); 2] =
    [("LIVEKIT_API_KEY", "office"), ("LIVEKIT_API_SECRET", "0123456789abcdef0123456789abcdef")];

/// How a command is run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is not run.
    NotRun,
    /// It sets variables of the shell.
    Sets,
    /// A room server: it runs on after its ready line.
    Serves,
    /// So many participants, who stay in a room.
    Stays(usize),
    /// It asks for confirmation, and gets it.
    Asks,
    /// It ends by itself.
    Ends,
}

/// How `command` is run; `None` for an unknown command.
pub(super) fn kind(command: &str) -> Option<Kind> {
    if NOT_RUN.iter().any(|(start, _)| command.starts_with(start)) {
        return Some(Kind::NotRun);
    }
    let words: Vec<&str> = command.split(' ').collect();
    let has = |word: &str| words.contains(&word);
    Some(match words[..] {
        ["export", ..] => Kind::Sets,
        ["visavis", "serve", ..] => Kind::Serves,
        ["visavis", "bot", ..] if !has("--leave-after") => Kind::Stays(count(&words)),
        ["visavis", "room", "remove-user" | "dismiss", ..] if !has("--yes") => Kind::Asks,
        ["visavis", "bot" | "room" | "devices" | "doctor" | "scenario" | "support" | "--version", ..] => Kind::Ends,
        ["visavis", ..] if has("--join") => Kind::Stays(1),
        ["lsof" | "pactl" | "pgrep", ..] => Kind::Ends,
        _ => return None,
    })
}

/// The `n`th EnterRoom among the events.
fn entry(lines: &[String], n: usize) -> Option<Value> {
    let events = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["event"] == "EnterRoom").nth(n - 1)
}

fn count(words: &[&str]) -> usize {
    let at = words.iter().position(|word| *word == "--count");
    at.and_then(|at| words.get(at + 1)?.parse().ok()).unwrap_or(1)
}

/// A shell and the processes that it has started.
pub(super) struct Session<'a> {
    context: &'a TestContext,
    name: String,
    folder: PathBuf,
    variables: BTreeMap<String, String>,
    running: Vec<Process>,
    /// The server that replaces the one of the examples, and its address.
    stand_in: Option<(Process, String)>,
}

impl<'a> Session<'a> {
    /// A shell in an empty folder, with the program under test in its path as `visavis`.
    pub(super) fn new(context: &'a TestContext, name: &str, display: &Display, pulse: &Pulse) -> Self {
        let folder = context.artifact(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_visavis"), folder.join("visavis")).expect("a link to the program");
        let path = std::env::var("PATH").expect("PATH");
        let variables = [
            ("PATH", format!("{}:{path}", folder.display())),
            ("DISPLAY", display.name().to_owned()),
            ("PULSE_SERVER", pulse.server().to_owned()),
            ("VISAVIS_RENDERER", "glow".to_owned()),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { context, name: name.to_owned(), folder, variables, running: Vec::new(), stand_in: None }
    }

    /// Runs all commands of the section. The error describes the first failure.
    pub(super) fn follow(&mut self, section: &Section) -> Result<(), String> {
        if section.commands.iter().any(|command| command.contains(" --profile ")) {
            self.keep_profiles(&section.toml.join("\n"));
        }
        section.commands.iter().try_for_each(|command| self.run_command(command))
    }

    fn run_command(&mut self, command: &str) -> Result<(), String> {
        match kind(command) {
            None => Err(format!("nobody has said how to run this, or why not: {command}")),
            Some(Kind::NotRun) => Ok(()),
            Some(Kind::Sets) => self.set(command),
            Some(Kind::Serves) => {
                let server = self.start(command);
                let ready = |lines: &[String]| lines.iter().any(|l| l.starts_with("Listening on ")).then_some(());
                server.wait_for_line("its ready line", TIMEOUT, ready);
                self.running.push(server);
                Ok(())
            }
            Some(Kind::Stays(people)) => {
                let command = self.with_stand_in(command);
                let there = self.start(&format!("{command} --events -"));
                for n in 1..=people {
                    let entered = there.wait_for_line("people in the room", TIMEOUT, |lines| entry(lines, n));
                    if !entered["error"].is_null() {
                        return Err(format!("{command}: {entered}"));
                    }
                }
                self.running.push(there);
                Ok(())
            }
            // `script` gives the command a terminal.
            Some(Kind::Asks) => self.end(command, &format!("echo y | script -qec '{command}' /dev/null")),
            Some(Kind::Ends) => self.end(command, command),
        }
    }

    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("bash");
        // The environment of the program in every test.
        for (name, value) in Visavis::command(self.context).get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.envs(&self.variables).current_dir(&self.folder).args(["-o", "pipefail", "-c", line]);
        shell
    }

    fn set(&mut self, command: &str) -> Result<(), String> {
        let output = Visavis::run(&mut self.shell(&format!("{command} && env -0")));
        if !output.status.success() {
            return Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let all = String::from_utf8_lossy(&output.stdout).into_owned();
        for (name, value) in all.split('\0').filter_map(|pair| pair.split_once('=')) {
            if command.contains(&format!(" {name}=")) {
                self.variables.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(())
    }

    fn start(&self, command: &str) -> Process {
        let name = format!("{}-{}", self.name, self.running.len());
        Process::start(self.context, &name, &mut self.shell(&format!("exec {command}")))
    }

    fn end(&self, shown: &str, line: &str) -> Result<(), String> {
        let output = Visavis::run(&mut self.shell(line));
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let (code, has) = (output.status.code(), |words: &[&str]| shown.split(' ').any(|word| words.contains(&word)));
        let answered = (code == Some(1) && has(LOOKS)) || (code == Some(NOT_MET) && has(&["--verify"]));
        if !output.status.success() && !answered {
            return Err(format!("{shown} ended with {}: {said}", output.status));
        }
        if said.contains("panicked") { Err(format!("{shown}: {said}")) } else { Ok(()) }
    }

    /// Replaces the server of the examples by one of the test, and makes the token file that the command names.
    fn with_stand_in(&mut self, command: &str) -> String {
        if !command.contains(EXAMPLE) {
            return command.to_owned();
        }
        if command.contains("--token mina.jwt") {
            let token = ["room", "token", "tea", "--user", "mina"];
            let output = Visavis::run(Visavis::command(self.context).envs(EXAMPLE_KEYS).args(token));
            std::fs::write(self.folder.join("mina.jwt"), output.stdout).expect("a token file");
        }
        command.replace(EXAMPLE, &self.stand_in())
    }

    /// Writes the profiles of an example into the configuration folder.
    fn keep_profiles(&mut self, text: &str) {
        let folder = self.context.artifact("home/visavis");
        std::fs::create_dir_all(&folder).expect("a folder for profiles");
        let file = folder.join("profiles.toml");
        std::fs::write(&file, text.replace(EXAMPLE, &self.stand_in())).expect("profiles");
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("permissions");
    }

    fn stand_in(&mut self) -> String {
        let start = || {
            let mut command = Visavis::command(self.context);
            command.envs(EXAMPLE_KEYS).args(["serve", "--listen", "127.0.0.1:0", "--udp", "0"]);
            let server = Process::start(self.context, &format!("{}-stand-in", self.name), &mut command);
            let address = server.wait_for_line("its ready line", TIMEOUT, |lines| {
                lines.iter().find_map(|line| line.strip_prefix("Listening on ")?.split(',').next().map(str::to_owned))
            });
            (server, address)
        };
        self.stand_in.get_or_insert_with(start).1.clone()
    }
}
