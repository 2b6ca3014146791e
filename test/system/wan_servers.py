"""What a provider gives a gateway: one address by DHCP, DNS that knows no names, and the time."""
from lan_client import GW_WAN, WAN_HOST


def serve_the_wan(wan, interface, at):
    """In the namespace `wan`, until it ends its processes; files and what the programs say are in the folder `at`."""
    config = at / "chrony.conf"
    config.write_text(f"local stratum 1\nallow\nbindaddress {WAN_HOST}\ncmdport 0\nbindcmdaddress /\n"
                      f"pidfile {at}/chronyd.pid\nuser root\n")
    with (at / "wan.log").open("wb") as log:
        wan.start("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                  f"--interface={interface}", "--bind-interfaces", "--dhcp-authoritative", "--user=root",
                  f"--dhcp-leasefile={at}/leases", f"--dhcp-range={GW_WAN},{GW_WAN},1h", f"--dhcp-option=3,{WAN_HOST}",
                  f"--dhcp-option=6,{WAN_HOST}", "--log-facility=-", f"--pid-file={at}/dnsmasq.pid", stdout=log, stderr=log)
        wan.start("chronyd", "-d", "-x", "-U", "-f", str(config), stdout=log, stderr=log)
