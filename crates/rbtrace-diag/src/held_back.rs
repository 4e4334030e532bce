//! Which warnings nobody wants to see. Knows codes as texts; which there are is a table elsewhere.

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeldBack {
    /// All are shown.
    #[default]
    Nothing,
    /// Those of these codes are not.
    Codes(Vec<String>),
    /// None is shown.
    All,
}

impl HeldBack {
    /// Whether those of a code are not shown.
    pub fn includes(&self, code: &str) -> bool {
        *self == Self::All || self.names(code)
    }

    /// Whether a code is held back by its name. `All` names none: losses of events are no mere warnings.
    pub fn names(&self, code: &str) -> bool {
        match self {
            Self::Nothing | Self::All => false,
            Self::Codes(codes) => codes.iter().any(|held| held == code),
        }
    }

    /// What either of two holds back.
    #[must_use]
    pub fn and(self, other: HeldBack) -> HeldBack {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::Codes(mut codes), Self::Codes(more)) => {
                codes.extend(more);
                Self::Codes(codes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HeldBack;

    #[test]
    fn more_is_held_back_by_both_than_by_one() {
        let one = HeldBack::Codes(vec!["odd".into()]);
        assert!(one.includes("odd") && one.names("odd") && !one.includes("even"));
        let both = one.clone().and(HeldBack::Codes(vec!["even".into()]));
        assert!(both.includes("odd") && both.includes("even") && both.names("even"));
        assert!(one.clone().and(HeldBack::All).includes("even") && !HeldBack::All.names("odd"));
        assert_eq!(HeldBack::Nothing.and(one.clone()), one);
        assert!(!HeldBack::Nothing.includes("odd"));
    }
}
