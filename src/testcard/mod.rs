//! The test picture and the test tone: drawn by one side, read by the other, so that any peer can check what arrived.
