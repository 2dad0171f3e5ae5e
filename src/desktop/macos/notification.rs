//! macOS: the notification center, which takes notifications of programs in a bundle only.
//! <https://developer.apple.com/documentation/usernotifications>

use block2::RcBlock;
use objc2::runtime::Bool;
use objc2_foundation::{NSArray, NSBundle, NSError, NSString};
use objc2_user_notifications::{
    UNAuthorizationOptions, UNMutableNotificationContent, UNNotificationRequest, UNUserNotificationCenter,
};

/// The name of the one notification: a later one replaces the earlier.
const NAME: &str = "call";

/// The notification center.
#[derive(Debug, Default)]
pub(in crate::desktop) struct Board {
    has_asked: bool,
    is_shown: bool,
}

impl Board {
    pub(in crate::desktop) fn show(&mut self, title: &str, body: &str) {
        // Without a bundle the center raises an exception.
        if NSBundle::mainBundle().bundleIdentifier().is_none() {
            return tracing::debug!("no notification is shown: the program is in no bundle");
        }
        let center = UNUserNotificationCenter::currentNotificationCenter();
        if !std::mem::replace(&mut self.has_asked, true) {
            let answered = RcBlock::new(|allowed: Bool, _: *mut NSError| {
                tracing::debug!(allowed = allowed.as_bool(), "the user was asked about notifications");
            });
            center.requestAuthorizationWithOptions_completionHandler(UNAuthorizationOptions::Alert, &answered);
        }
        let content = UNMutableNotificationContent::new();
        content.setTitle(&NSString::from_str(title));
        content.setBody(&NSString::from_str(body));
        let name = NSString::from_str(NAME);
        let request = UNNotificationRequest::requestWithIdentifier_content_trigger(&name, &content, None);
        center.addNotificationRequest_withCompletionHandler(&request, None);
        self.is_shown = true;
    }

    pub(in crate::desktop) fn withdraw(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let center = UNUserNotificationCenter::currentNotificationCenter();
            let names = NSArray::from_retained_slice(&[NSString::from_str(NAME)]);
            center.removePendingNotificationRequestsWithIdentifiers(&names);
            center.removeDeliveredNotificationsWithIdentifiers(&names);
        }
    }
}
