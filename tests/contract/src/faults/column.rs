//! What may go wrong with a request.

/// A column of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// 401, every time.
    Unauthorized,
    /// 403, every time.
    Forbidden,
    /// 404, every time.
    NotFound,
    /// Something else runs on the object, twice.
    Locked,
    /// 422, every time.
    Invalid,
    /// 429 with a wait of two seconds, twice.
    LimitedSeconds,
    /// 429 with a moment two seconds ahead, twice.
    LimitedDate,
    /// 429 without a wait, twice.
    Limited,
    /// 429 as this vendor words it, twice.
    LimitedVendor,
    /// 500, once.
    ServerError,
    /// 502 with a page of a proxy, once.
    BadGateway,
    /// The connection is cut before the vendor acts, once.
    CutBefore,
    /// The connection is cut after the vendor acted, once.
    CutAfter,
    /// The vendor acts and answers too late, once.
    Slow,
    /// The task that was started takes its time.
    TaskRuns,
    /// The task that was started fails.
    TaskFails,
}

/// All of them, in the order of the matrix.
pub const COLUMNS: [Column; 16] = [
    Column::Unauthorized,
    Column::Forbidden,
    Column::NotFound,
    Column::Locked,
    Column::Invalid,
    Column::LimitedSeconds,
    Column::LimitedDate,
    Column::Limited,
    Column::LimitedVendor,
    Column::ServerError,
    Column::BadGateway,
    Column::CutBefore,
    Column::CutAfter,
    Column::Slow,
    Column::TaskRuns,
    Column::TaskFails,
];

impl Column {
    /// Its head in the table.
    pub fn head(self) -> &'static str {
        match self {
            Self::Unauthorized => "401",
            Self::Forbidden => "403",
            Self::NotFound => "404",
            Self::Locked => "locked",
            Self::Invalid => "422",
            Self::LimitedSeconds => "429 s",
            Self::LimitedDate => "429 date",
            Self::Limited => "429",
            Self::LimitedVendor => "429 own",
            Self::ServerError => "500",
            Self::BadGateway => "502",
            Self::CutBefore => "cut<",
            Self::CutAfter => "cut>",
            Self::Slow => "slow",
            Self::TaskRuns => "task",
            Self::TaskFails => "task!",
        }
    }

    /// How often the request is hit; none for every time.
    pub fn times(self) -> Option<usize> {
        match self {
            Self::Unauthorized | Self::Forbidden | Self::NotFound | Self::Invalid => None,
            Self::Locked | Self::LimitedSeconds | Self::LimitedDate | Self::Limited | Self::LimitedVendor => {
                Some(2)
            }
            _ => Some(1),
        }
    }

    /// The shortest wait in seconds after each hit, where the vendor asked for
    /// one; `tells` whether its own form does.
    pub fn asked_seconds(self, tells: bool) -> u64 {
        match self {
            Self::LimitedSeconds => 2,
            // A date has whole seconds, and some of the first is over when it is read.
            Self::LimitedDate => 1,
            Self::LimitedVendor if tells => 1,
            _ => 0,
        }
    }
}
