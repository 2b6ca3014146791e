# What the gateway meets on its WAN: DHCP and DNS by dnsmasq, NTP by chronyd, and the update server by nginx.

readonly kServerName=updates.atomix.test
readonly kLineRate=24m   # bytes a second per connection: slow enough for the progress bar to be seen

start_upstream() {
    local dir=$work/upstream
    mkdir -p "$dir" && chmod 750 "$dir"
    in_wan dnsmasq -k --conf-file=/dev/null --user=root --pid-file= --interface=wan0 --except-interface=lo \
        --bind-dynamic --no-resolv --no-hosts --no-ping --dhcp-authoritative --dhcp-leasefile="$dir/leases" \
        --dhcp-range=10.99.0.50,10.99.0.99,255.255.255.0,2m --address="/$kServerName/$kWanAddress" \
        --dhcp-option="option:router,$kWanAddress" --dhcp-option="option:dns-server,$kWanAddress" \
        --dhcp-option="option:ntp-server,$kWanAddress" >"$dir/dnsmasq.log" 2>&1 &
    cat >"$dir/chrony.conf" <<CONF
local stratum 3
allow 10.99.0.0/24
bindaddress $kWanAddress
cmdport 0
bindcmdaddress /
pidfile $dir/chronyd.pid
driftfile $dir/drift
CONF
    in_wan chronyd -x -d -u root -f "$dir/chrony.conf" >"$dir/chronyd.log" 2>&1 &   # -x: the clock is everybody's
}

start_update_server() {
    site=$work/site
    mkdir -p "$site/api/v1/updates" "$site/bundles" "$work/nginx"
    cat >"$work/nginx/nginx.conf" <<CONF
daemon off;
user root;
worker_processes 1;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
events {}
http {
    log_format short '\$request_uri \$status \$body_bytes_sent';
    access_log $work/nginx/access.log short;
    client_body_temp_path $work/nginx/body;
    proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi;
    uwsgi_temp_path $work/nginx/uwsgi;
    scgi_temp_path $work/nginx/scgi;
    sendfile on;
    server {
        listen $kWanAddress:443 ssl;
        server_name $kServerName;
        ssl_certificate $keys/server.pem;
        ssl_certificate_key $keys/server.key;
        root $site;
        location /api/ { default_type application/json; }
        location /bundles/ { limit_rate $kLineRate; }
    }
}
CONF
    in_wan nginx -e "$work/nginx/error.log" -c "$work/nginx/nginx.conf" >>"$work/nginx/error.log" 2>&1 &
}

fetch_offer() {   # as any client that trusts the throw-away CA
    in_wan curl -fsS --max-time 3 --cacert "$keys/tls-ca.pem" --resolve "$kServerName:443:$kWanAddress" \
        "https://$kServerName/api/v1/updates/latest"
}

offer() {   # VERSION: from now on the newest; replaced at once, as a real server would
    local latest=$site/api/v1/updates/latest
    printf '{"version": "%s", "bundle_url": "https://%s/bundles/%s.raucb"}\n' "$1" "$kServerName" "$1" >"$latest.new"
    mv "$latest.new" "$latest"
}

bytes_served_of() {   # VERSION: bytes of its bundle that left the server so far
    awk -v name="/bundles/$1.raucb" '$1 == name { sum += $3 } END { printf "%d\n", sum }' "$work/nginx/access.log"
}
