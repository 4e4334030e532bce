//! Texts of configuration values → canonical texts, or what is accepted. Knows no key.

/// `true` or `false`, with the spellings of environment variables.
pub(super) fn boolean(text: &str) -> Result<String, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "on" | "yes" => Ok("true".into()),
        "0" | "false" | "off" | "no" => Ok("false".into()),
        _ => Err("true, false".into()),
    }
}

/// A number that may be 0.
pub(super) fn unsigned(text: &str) -> Result<String, String> {
    text.parse::<u64>().map(|number| number.to_string()).map_err(|_| "integers that are not negative".into())
}

/// A number that may not be 0. It must fit 32 bits: it counts entries or bytes of one thing.
pub(super) fn positive(text: &str) -> Result<String, String> {
    match text.parse::<u32>() {
        Ok(number) if number > 0 => Ok(number.to_string()),
        Ok(_) | Err(_) => Err("positive integers".into()),
    }
}

/// Any text.
pub(super) fn text(text: &str) -> Result<String, String> {
    Ok(text.into())
}

/// One of some words.
pub(super) fn one_of(words: &[&str], text: &str) -> Result<String, String> {
    if words.contains(&text) {
        return Ok(text.into());
    }
    Err(words.join(", "))
}

/// What is said of a feature that may still change. A boolean says it too.
pub(super) fn unstable(text: &str) -> Result<String, String> {
    match boolean(text).as_deref() {
        Ok("true") => Ok("enable".into()),
        Ok(_) => Ok("error".into()),
        Err(_) => one_of(&["enable", "warn", "error"], text),
    }
}
