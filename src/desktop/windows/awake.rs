//! Windows: the thread's execution state.
//! <https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setthreadexecutionstate>

#![allow(unsafe_code)]

use std::marker::PhantomData;
use windows_sys::Win32::System::Power::{
    ES_CONTINUOUS, ES_DISPLAY_REQUIRED, ES_SYSTEM_REQUIRED, SetThreadExecutionState,
};

/// A request that holds while it exists. It belongs to its thread.
#[derive(Debug)]
pub(in crate::desktop) struct Request {
    _of_this_thread: PhantomData<*const ()>,
}

impl Request {
    pub(in crate::desktop) fn make() -> Self {
        // SAFETY: the function takes flags and touches no memory.
        if unsafe { SetThreadExecutionState(ES_CONTINUOUS | ES_DISPLAY_REQUIRED | ES_SYSTEM_REQUIRED) } == 0 {
            tracing::info!("the screen may go off during the call: Windows refuses");
        }
        Self { _of_this_thread: PhantomData }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { SetThreadExecutionState(ES_CONTINUOUS) };
    }
}
