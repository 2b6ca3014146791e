"""Containers on a device, and the user of the rootless ones: deploy/containers/sysusers.conf."""
UID = 880
AS_APP_USER = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", "-C", "/",
               "HOME=/data/containers/appsvc", f"XDG_RUNTIME_DIR=/run/user/{UID}",
               f"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{UID}/bus")


def required_run(status, modes):
    """Whether the status tells of each container, by its name, that it runs in this mode and is required."""
    known = (status or {}).get("containers", {}).get("known", {})
    return all({"unit": "active", "state": "running", "mode": mode, "required": True}.items() <= known.get(name, {}).items()
               for name, mode in modes.items())
