#include "support/tinyproxy.hpp"

#include "core/owned.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

std::uint16_t free_port() {
    core::OwnedFd const probe{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    auto address = loopback(0);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (::bind(probe.get(), generic, size) != 0 || ::getsockname(probe.get(), generic, &size) != 0)
        throw std::runtime_error{"no free port for tinyproxy"};
    return ntohs(address.sin_port);
}

bool accepts(std::uint16_t port) {
    core::OwnedFd const probe{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    auto const address = loopback(port);
    return ::connect(probe.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
}

}   // namespace

Tinyproxy::Tinyproxy(std::filesystem::path const& in, std::string const& directives) : directory_{in} {
    for (int attempts = 0; attempts < 5; ++attempts)
        if (start(directives)) return;
    throw std::runtime_error{"tinyproxy did not start: " + log()};
}

Tinyproxy::~Tinyproxy() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);   // it would wait for its connections to end
    ::waitpid(pid_, nullptr, 0);
}

bool Tinyproxy::start(std::string const& directives) {
    port_ = free_port();
    auto const file = (directory_ / "tinyproxy.conf").string();
    std::ofstream{file} << "Listen 127.0.0.1\nPort " << port_
                        << "\nMaxClients 20\nTimeout 60\nLogLevel Connect\n"
                        << "LogFile \"" << (directory_ / "tinyproxy.log").string() << "\"\n"
                        << directives << "\n";
    auto const said = (directory_ / "tinyproxy.stderr").string();
    auto const parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);   // a test that crashes leaves no proxy behind
        if (::getppid() != parent || !std::freopen(said.c_str(), "w", stderr)) ::_exit(127);
        ::execl("/usr/bin/tinyproxy", "tinyproxy", "-d", "-c", file.c_str(), nullptr);
        ::_exit(127);
    }
    for (int waited_ms = 0; waited_ms < 10'000; ++waited_ms) {
        if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
            pid_ = -1;
            return false;
        }
        if (accepts(port_)) return true;
        ::usleep(1000);
    }
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    return false;
}

std::string Tinyproxy::log() const {
    std::string text;
    for (auto const* name : {"tinyproxy.log", "tinyproxy.stderr"}) {
        std::ifstream in{directory_ / name};
        text.append(std::istreambuf_iterator<char>{in}, {});
    }
    return text;
}

}   // namespace test
