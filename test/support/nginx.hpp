#pragma once
// A real nginx with TLS on 127.0.0.1, on a free port of its own, with everything it writes in one directory.
//
// The listening socket is ours and is handed over (nginx's own upgrade mechanism, the variable NGINX), so no
// other program can take the port, and a client may connect as soon as the constructor is done.

#include "support/certificates.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace test {

class Nginx {
public:
    // `directives` go into the server block after the certificate and "root <in>/www;".
    // Throws when nginx does not start; what it said is in the message.
    Nginx(std::filesystem::path const& in,
          Certificates const& certificates,
          std::string const& directives = {});
    ~Nginx() { stop(); }
    Nginx(Nginx const&) = delete;
    Nginx& operator=(Nginx const&) = delete;

    std::uint16_t port() const { return port_; }
    std::string url(std::string_view path) const;   // "https://127.0.0.1:40123/" + path
    std::filesystem::path root() const { return directory_ / "www"; }
    void serve(std::string_view name, std::string_view content) const;   // a file under root()

    // One line per finished request: "GET /bundle.raucb 206 65536 bytes=-65536 3", the last being the number
    // of its connection.
    std::string access_log() const;
    // How many connections carried the requests so far; waits until so many requests are logged.
    std::size_t connections(std::size_t requests) const;

    // Ends every connection in mid-stream, and returns when that is done; the next one is served again.
    void cut_connections() const;
    void stop();   // afterwards connections are refused

private:
    std::vector<pid_t> workers() const;

    std::filesystem::path directory_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

}   // namespace test
