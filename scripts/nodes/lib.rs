//! Empty: Cargo wants a target in each package.
