#!/bin/sh
# The first process of a node's namespaces (processes, mounts, network): when it ends, the kernel ends all others and the
# mounts and interfaces are gone. Argument: the name of the node's control groups.
set -eu
name=$1

for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$folder"; done
mkdir /run/lock
busybox ip link set lo up

# Inside, the node's control groups are the only ones: what is left of them can be found and removed from outside.
for hierarchy in $(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts); do
  mkdir -p "$hierarchy/$name"
  # Without processors and memory of its own a group of version 1 takes no process.
  for file in cpuset.cpus cpuset.mems; do
    if [ -e "$hierarchy/$file" ]; then cat "$hierarchy/$file" >"$hierarchy/$name/$file"; fi
  done
  # Not mounted over the other one: runc reads the first entry of a folder in the list of mounts.
  mkdir /run/hierarchy
  mount --bind "$hierarchy/$name" /run/hierarchy
  umount "$hierarchy"
  mount --move /run/hierarchy "$hierarchy"
  rmdir /run/hierarchy
  # In version 2 a group with processes of its own shares out nothing to its children.
  if [ -e "$hierarchy/cgroup.controllers" ]; then mkdir -p "$hierarchy/programs"; fi
done

touch /run/node-is-up
# Waits for its children, and so for all that lost their parent.
while sleep 1; do :; done
