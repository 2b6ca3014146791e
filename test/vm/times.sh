#!/bin/sh
# times.sh ROOT: the times of a trial in an image of the tests'.
set -eu
sed -i '/^trial:/a\  window: 20s\n  limit: 4min' "$1/etc/atomix/device.yaml"
mkdir -p "$1/etc/systemd/system/atomix-trial-end.timer.d"
printf '[Timer]\nOnBootSec=\nOnBootSec=5min\n' >"$1/etc/systemd/system/atomix-trial-end.timer.d/50-test.conf"
