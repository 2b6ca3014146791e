"""The user of the rootless containers, on a device: deploy/containers/sysusers.conf."""
UID = 880
AS_APP_USER = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", "-C", "/",
               "HOME=/data/containers/appsvc", f"XDG_RUNTIME_DIR=/run/user/{UID}",
               f"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{UID}/bus")
