#pragma once
// A real HTTP proxy (tinyproxy) on 127.0.0.1, on a free port, with everything it writes in one directory.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace test {

class Tinyproxy {
public:
    // `directives` as in tinyproxy.conf(5). Throws when it does not start; what it said is in the message.
    explicit Tinyproxy(std::filesystem::path const& in, std::string const& directives = {});
    ~Tinyproxy();
    Tinyproxy(Tinyproxy const&) = delete;
    Tinyproxy& operator=(Tinyproxy const&) = delete;

    std::string place() const { return "127.0.0.1:" + std::to_string(port_); }
    // Of each request its first line is in there: "… CONNECT localhost:8443 HTTP/1.1".
    std::string log() const;

private:
    bool start(std::string const& directives);   // false: another program took the port

    std::filesystem::path directory_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

}   // namespace test
