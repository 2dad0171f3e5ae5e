//! Errors with Tencent's documented codes, which back ends compare as text.

use std::fmt;

/// A parameter of the four actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// `SdkAppId`
    SdkAppId,
    /// `RoomId`: a number or text, as the action has it
    RoomId,
    /// `UserIds`
    UserIds,
}

impl Parameter {
    /// Its name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SdkAppId => "SdkAppId",
            Self::RoomId => "RoomId",
            Self::UserIds => "UserIds",
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call was refused. [`ApiError::code`] is Tencent's code; the sentence is for people. Neither repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The signature is missing, or `Authorization` is malformed.
    #[error("The request is not signed as TC3-HMAC-SHA256 (or HmacSHA256, HmacSHA1) has it: {0}.")]
    Authorization(&'static str),
    /// No key pair of this server has this secret id.
    #[error("The SecretId is not known here.")]
    SecretId,
    /// Signed with another secret, or changed afterwards.
    #[error("The signature is wrong. Check the secret key, and that nothing changes the request on its way.")]
    Signature,
    /// The time of signing differs from the server's clock by more than five minutes.
    #[error("The signature was made more than five minutes before or after now. Set the clock.")]
    Expired,
    /// A common parameter is missing.
    #[error("The parameter {0} is missing.")]
    MissingCommon(&'static str),
    /// A common parameter has an invalid value.
    #[error("The parameter {0} is not usable.")]
    InvalidCommon(&'static str),
    /// The action does not exist.
    #[error(
        "There is no such action here. There are RemoveUser, RemoveUserByStrRoomId, DismissRoom and DismissRoomByStrRoomId."
    )]
    Action,
    /// The API has no such version.
    #[error("There is only version 2019-07-22 of the API here.")]
    Version,
    /// The method is neither POST nor GET.
    #[error("Only POST and GET are possible.")]
    Method,
    /// The body is not a JSON object.
    #[error("The body is not a JSON object.")]
    Body,
    /// The body is longer than 1 MB.
    #[error("The request is too long.")]
    TooLong,
    /// The action has no such parameter.
    #[error("The action has no parameter {0}.")]
    Unknown(String),
    /// A parameter of the action is missing.
    #[error("The parameter {0} is missing.")]
    Missing(Parameter),
    /// A parameter of the action has the wrong type or an invalid value.
    #[error("The parameter {0} is not usable: {1}.")]
    Invalid(Parameter, &'static str),
    /// The SdkAppId is not this server's.
    #[error("The SdkAppId is not the one of this server.")]
    SdkAppId,
    /// The room does not exist.
    #[error("The room does not exist.")]
    NoRoom,
    /// The rate limit of the action is exceeded: calls per second.
    #[error("Too many calls of this action. At most {0} a second are possible.")]
    TooMany(u32),
    /// The server is stopping or has failed.
    #[error("The server cannot do this now. Try again.")]
    Internal,
}

/// Longest name of an unknown parameter that an error repeats, in characters.
const NAME_CHARS: usize = 64;

impl ApiError {
    pub(super) fn unknown(name: &str) -> Self {
        Self::Unknown(name.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect())
    }

    /// Tencent's code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Authorization(_) => "AuthFailure.InvalidAuthorization",
            Self::SecretId => "AuthFailure.SecretIdNotFound",
            Self::Signature => "AuthFailure.SignatureFailure",
            Self::Expired => "AuthFailure.SignatureExpire",
            Self::MissingCommon(_) => "MissingParameter",
            Self::InvalidCommon(_) | Self::Body => "InvalidParameter",
            Self::Action => "InvalidAction",
            Self::Version => "NoSuchVersion",
            Self::Method => "UnsupportedProtocol",
            Self::TooLong => "RequestSizeLimitExceeded",
            Self::Unknown(_) => "UnknownParameter",
            Self::Missing(Parameter::SdkAppId) => "MissingParameter.SdkAppId",
            Self::Missing(Parameter::RoomId) => "MissingParameter.RoomId",
            Self::Missing(Parameter::UserIds) => "MissingParameter.UserIds",
            Self::Invalid(Parameter::SdkAppId, _) => "InvalidParameter.SdkAppId",
            Self::Invalid(Parameter::RoomId, _) => "InvalidParameter.RoomId",
            Self::Invalid(Parameter::UserIds, _) => "InvalidParameter.UserIds",
            Self::SdkAppId => "UnauthorizedOperation.SdkAppId",
            Self::NoRoom => "FailedOperation.RoomNotExist",
            Self::TooMany(_) => "RequestLimitExceeded",
            Self::Internal => "InternalError",
        }
    }
}
