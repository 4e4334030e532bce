//! `xtask bench`.
pub fn command(_args: &[String]) -> anyhow::Result<std::process::ExitCode> {
    anyhow::bail!("not yet")
}
