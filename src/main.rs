//! The program: everything it can do is a subcommand in [`visavis::cmd`].

fn main() -> std::process::ExitCode {
    visavis::cmd::main()
}
