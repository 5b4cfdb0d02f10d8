//! What becomes of conflicts that nobody decides.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// Who wins a conflict on fields that waited for a person for so long: `14 days => crm_wins`.
///
/// ```
/// use syncline_core::mapping::{OverdueConflicts, OverdueWinner};
///
/// let overdue: OverdueConflicts = "36 hours => app_wins".parse()?;
/// assert_eq!((overdue.hours, overdue.winner), (36, OverdueWinner::AppWins));
/// assert_eq!(overdue.to_string(), "36 hours => app_wins");
/// # Ok::<(), syncline_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OverdueConflicts {
    /// How long a person has, from when the conflict was opened.
    pub hours: u32,
    /// Who wins then.
    pub winner: OverdueWinner,
}

/// Who wins a conflict that nobody decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverdueWinner {
    /// What the app holds stays.
    AppWins,
    /// What the CRM holds is taken.
    CrmWins,
}

impl OverdueWinner {
    const fn name(self) -> &'static str {
        match self {
            Self::AppWins => "app_wins",
            Self::CrmWins => "crm_wins",
        }
    }
}

impl fmt::Display for OverdueConflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.hours {
            hours if hours % 24 == 0 => (hours / 24, "day"),
            hours => (hours, "hour"),
        };
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {unit}{plural} => {}", self.winner.name())
    }
}

impl FromStr for OverdueConflicts {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || {
            let message = format!(
                "`{text}` does not say when a conflict is decided without a person, and for whom; write \
                 `14 days => crm_wins` or `36 hours => app_wins`"
            );
            Error::new(ErrorKind::Invalid, message)
        };
        let (after, winner) = text.split_once("=>").ok_or_else(unknown)?;
        let winner = match winner.trim() {
            "app_wins" => OverdueWinner::AppWins,
            "crm_wins" => OverdueWinner::CrmWins,
            _ => return Err(unknown()),
        };
        let (count, unit) = after.trim().split_once(' ').ok_or_else(unknown)?;
        let count: u32 = count.parse().map_err(|_| unknown())?;
        let hours = match unit.trim() {
            "hour" | "hours" => Some(count),
            "day" | "days" => count.checked_mul(24),
            _ => None,
        };
        match hours {
            Some(hours) if hours > 0 => Ok(Self { hours, winner }),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_and_a_winner_are_told_in_words() {
        for (text, hours, winner) in [
            ("1 day => crm_wins", 24, OverdueWinner::CrmWins),
            ("14 days => app_wins", 336, OverdueWinner::AppWins),
            ("5 hours => crm_wins", 5, OverdueWinner::CrmWins),
        ] {
            let overdue = OverdueConflicts { hours, winner };
            assert_eq!(text.parse::<OverdueConflicts>().unwrap(), overdue);
            assert_eq!(overdue.to_string(), text);
        }
        for wrong in [
            "",
            "crm_wins",
            "0 days => crm_wins",
            "2 weeks => crm_wins",
            "2 days => manual_review",
            "days => app_wins",
        ] {
            let error = wrong.parse::<OverdueConflicts>().unwrap_err();
            assert!(error.message().contains("14 days => crm_wins"), "{error}");
        }
    }
}
