//! Carries out the commands of one section, in order, as somebody would who follows it with one shell.

use super::read::Section;
use crate::kit::{Display, PATIENCE, Process, Pulse, Stage, Visavis};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

/// Commands that no test can run, and why: each is known by how it begins.
pub(super) const NOT_RUN: &[(&str, &str)] = &[
    ("./scripts/setup", "installs packages as root; every test run begins with it"),
    ("cargo build --release", "takes half an hour; the workflow of releases and scripts/build-linux run it"),
    ("./scripts/demo", "builds the program first; it opens the call of `visavis host`, which is run"),
    ("./scripts/test", "runs this test"),
    ("systemctl enable --now visavis-server", "needs the installed package; scripts/test-linux tries that"),
    ("journalctl --unit visavis-server", "needs the installed package; scripts/test-linux tries that"),
    ("podman ", "fetches a system and builds in it; scripts/lint-packaging checks the Containerfile"),
];

/// Commands that look for something: they end with 1 when nothing is there, which is an answer.
const LOOKS: &[&str] = &["grep", "pgrep"];

/// What arrived was not as good as it should be: the answer of a machine that has too much to do. That it verifies what
/// it says is another test's matter.
const NOT_MET: i32 = 30;

/// The examples' server, for which a server of the test stands where somebody goes there.
const EXAMPLE: &str = "wss://calls.example.com";
/// Its key pair in the examples.
const EXAMPLE_KEYS: [(&str, &str); 2] =
    [("LIVEKIT_API_KEY", "office"), ("LIVEKIT_API_SECRET", "0123456789abcdef0123456789abcdef")];

/// How a command is carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not at all.
    NotRun,
    /// It changes the shell's variables.
    Sets,
    /// A room server: it goes on, and is ready when it says so.
    Serves,
    /// People in a room, as many as these: they stay.
    Stays(usize),
    /// It asks whether it shall, and is told yes.
    Asks,
    /// It ends by itself.
    Ends,
}

/// How `command` is carried out; `None` for one that nobody has thought of.
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
        ["visavis", "bot" | "room" | "devices" | "support" | "--version", ..] => Kind::Ends,
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

/// A shell and what was started from it.
pub(super) struct Session<'a> {
    stage: &'a Stage,
    name: String,
    folder: PathBuf,
    variables: BTreeMap<String, String>,
    running: Vec<Process>,
    /// The server in the place of the examples' one, and its address.
    stand_in: Option<(Process, String)>,
}

impl<'a> Session<'a> {
    /// A shell in an empty folder, that finds the program under test as `visavis`.
    pub(super) fn new(stage: &'a Stage, name: &str, display: &Display, pulse: &Pulse) -> Self {
        let folder = stage.artifact(name);
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
        Self { stage, name: name.to_owned(), folder, variables, running: Vec::new(), stand_in: None }
    }

    /// Carries out all commands of the section; a sentence about the first one that does not do what it should.
    pub(super) fn follow(&mut self, section: &Section) -> Result<(), String> {
        if section.commands.iter().any(|command| command.contains(" --profile ")) {
            self.keep_profiles(&section.toml.join("\n"));
        }
        section.commands.iter().try_for_each(|command| self.carry_out(command))
    }

    fn carry_out(&mut self, command: &str) -> Result<(), String> {
        match kind(command) {
            None => Err(format!("nobody has said how to run this, or why not: {command}")),
            Some(Kind::NotRun) => Ok(()),
            Some(Kind::Sets) => self.set(command),
            Some(Kind::Serves) => {
                let server = self.start(command);
                let ready = |lines: &[String]| lines.iter().any(|l| l.starts_with("Listening on ")).then_some(());
                server.wait_for_line("its ready line", PATIENCE, ready);
                self.running.push(server);
                Ok(())
            }
            Some(Kind::Stays(people)) => {
                let command = self.with_stand_in(command);
                let there = self.start(&format!("{command} --events -"));
                for n in 1..=people {
                    let entered = there.wait_for_line("people in the room", PATIENCE, |lines| entry(lines, n));
                    if !entered["error"].is_null() {
                        return Err(format!("{command}: {entered}"));
                    }
                }
                self.running.push(there);
                Ok(())
            }
            // Whoever types it has a terminal.
            Some(Kind::Asks) => self.end(command, &format!("echo y | script -qec '{command}' /dev/null")),
            Some(Kind::Ends) => self.end(command, command),
        }
    }

    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("bash");
        // The surroundings in which the program runs in every test.
        for (name, value) in Visavis::command(self.stage).get_envs() {
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
        Process::start(self.stage, &name, &mut self.shell(&format!("exec {command}")))
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

    /// The command with a server of the test in the place of the examples' one, and the token that it names.
    fn with_stand_in(&mut self, command: &str) -> String {
        if !command.contains(EXAMPLE) {
            return command.to_owned();
        }
        if command.contains("--token mina.jwt") {
            let token = ["room", "token", "tea", "--user", "mina"];
            let output = Visavis::run(Visavis::command(self.stage).envs(EXAMPLE_KEYS).args(token));
            std::fs::write(self.folder.join("mina.jwt"), output.stdout).expect("a token file");
        }
        command.replace(EXAMPLE, &self.stand_in())
    }

    /// Writes the profiles of an example where the program looks for them.
    fn keep_profiles(&mut self, text: &str) {
        let folder = self.stage.artifact("home/visavis");
        std::fs::create_dir_all(&folder).expect("a folder for profiles");
        let file = folder.join("profiles.toml");
        std::fs::write(&file, text.replace(EXAMPLE, &self.stand_in())).expect("profiles");
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("permissions");
    }

    fn stand_in(&mut self) -> String {
        let start = || {
            let mut command = Visavis::command(self.stage);
            command.envs(EXAMPLE_KEYS).args(["serve", "--listen", "127.0.0.1:0", "--udp", "0"]);
            let server = Process::start(self.stage, &format!("{}-stand-in", self.name), &mut command);
            let address = server.wait_for_line("its ready line", PATIENCE, |lines| {
                lines.iter().find_map(|line| line.strip_prefix("Listening on ")?.split(',').next().map(str::to_owned))
            });
            (server, address)
        };
        self.stand_in.get_or_insert_with(start).1.clone()
    }
}
