//! Hosts of one's own: network namespaces that reach one of them, the hub, and not each other. What is done to the cable of one of them
//! does nothing to this machine.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::fd::AsFd;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::find;

/// The hub, and hosts from 1 on. They are gone when this is dropped.
#[derive(Debug)]
pub struct Hosts {
    /// Names of namespaces, the hub's first.
    names: Vec<String>,
}

/// While this exists, this thread is on another host: connections that it makes are that host's. Programs that it starts are not, see
/// [`Hosts::inside`].
#[derive(Debug)]
pub struct Visit(File);

impl Drop for Visit {
    fn drop(&mut self) {
        let _ = move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network));
    }
}

impl Hosts {
    /// Where all hosts reach the hub.
    pub const HUB: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

    /// The hub and so many hosts.
    ///
    /// # Errors
    /// It takes root, and programs of iproute2 and util-linux.
    pub fn new(hosts: u8) -> Result<Self> {
        let name = |index| format!("testbed-{}-{index}", std::process::id());
        let mut made = Self { names: Vec::new() };
        ensure!(find::on_path("nsenter").is_some(), "there is no nsenter (package util-linux)");
        for index in 0..=hosts {
            let name = name(index);
            ip(&["netns", "add", &name])?;
            made.names.push(name.clone());
            ip(&["-n", &name, "link", "set", "lo", "up"])?;
            if index == 0 {
                ip(&["-n", &name, "address", "add", &format!("{}/32", Self::HUB), "dev", "lo"])?;
            } else {
                made.plug_in(index)?;
            }
        }
        Ok(made)
    }

    /// A cable between the hub and a host.
    fn plug_in(&self, index: u8) -> Result<()> {
        let (hub, host) = (self.name(0)?, self.name(index)?);
        let cable = format!("host{index}");
        ip(&["link", "add", &cable, "netns", hub, "type", "veth", "peer", "name", "hub", "netns", host])?;
        let (here, there) = (format!("10.77.{index}.1"), format!("10.77.{index}.2"));
        ip(&["-n", hub, "address", "add", &format!("{here}/24"), "dev", &cable])?;
        ip(&["-n", host, "address", "add", &format!("{there}/24"), "dev", "hub"])?;
        ip(&["-n", hub, "link", "set", &cable, "up"])?;
        ip(&["-n", host, "link", "set", "hub", "up"])?;
        ip(&["-n", host, "route", "add", "default", "via", &here])
    }

    fn name(&self, index: u8) -> Result<&str> {
        self.names.get(usize::from(index)).map(String::as_str).context("there is no such host")
    }

    /// A program and arguments that run another program, named after them, on a host: 0 is the hub.
    ///
    /// # Errors
    /// There is no such host.
    pub fn inside(&self, index: u8) -> Result<[String; 3]> {
        Ok(["nsenter".to_owned(), format!("--net={}", self.path(index)?.display()), "--".to_owned()])
    }

    fn path(&self, index: u8) -> Result<PathBuf> {
        Ok(Path::new("/run/netns").join(self.name(index)?))
    }

    /// Moves this thread to a host until the answer is dropped. Nothing else may run in this thread meanwhile.
    ///
    /// # Errors
    /// There is no such host, or the kernel does not let us.
    pub fn visit(&self, index: u8) -> Result<Visit> {
        let back = File::open("/proc/thread-self/ns/net").context("cannot open this thread's network")?;
        let there = File::open(self.path(index)?).context("cannot open the network of a host")?;
        move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network)).context("cannot go there")?;
        Ok(Visit(back))
    }

    /// Pulls the cable of a host, or plugs it in again.
    ///
    /// # Errors
    /// There is no such host.
    pub fn cut(&self, index: u8, is_cut: bool) -> Result<()> {
        ip(&["-n", self.name(0)?, "link", "set", &format!("host{index}"), if is_cut { "down" } else { "up" }])
    }

    /// Makes the cable of a host slow: 50 ms each way, and of what goes each way 1 % is lost.
    ///
    /// # Errors
    /// The kernel has no netem, or there is no tc (package iproute2).
    pub fn slow_down(&self, index: u8) -> Result<()> {
        let ends = [(self.name(0)?, format!("host{index}")), (self.name(index)?, "hub".to_owned())];
        for (namespace, device) in ends {
            let how = ["root", "netem", "delay", "50ms", "loss", "1%"];
            run(Command::new("tc").args(["-n", namespace, "qdisc", "add", "dev", &device]).args(how))?;
        }
        Ok(())
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

fn ip(args: &[&str]) -> Result<()> {
    run(Command::new("ip").args(args))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let why = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", why.trim());
    Ok(())
}
