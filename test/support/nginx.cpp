#include "support/nginx.hpp"

#include "core/owned.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace test {
namespace {

std::string content_of(std::filesystem::path const& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

core::OwnedFd listen_on_a_free_port(std::uint16_t& port) {
    core::OwnedFd listener{::socket(AF_INET, SOCK_STREAM, 0)};   // inherited on purpose
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (::bind(listener.get(), generic, size) != 0 || ::listen(listener.get(), 128) != 0 ||
        ::getsockname(listener.get(), generic, &size) != 0)
        throw std::runtime_error{"no free port for nginx"};
    port = ntohs(address.sin_port);
    return listener;
}

std::string configuration(std::filesystem::path const& in,
                          Certificates const& certificates,
                          std::uint16_t port,
                          std::string const& directives) {
    auto const dir = in.string();
    std::string temporary;
    for (auto const* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        temporary += std::string{kind} + "_temp_path " + dir + "/tmp;\n";
    return (::geteuid() == 0 ? "user root;\n" : "") + ("pid " + dir + "/nginx.pid;\n") +
           "daemon off; worker_processes 1; worker_shutdown_timeout 1s; error_log stderr error;\n"
           "events { worker_connections 256; }\n"
           "http {\n" +
           temporary +
           "log_format test '$request_method $request_uri $status $body_bytes_sent $http_range "
           "$connection';\n" +
           "access_log " + dir + "/access.log test;\n" +
           "default_type application/octet-stream;\n"
           "server {\nlisten 127.0.0.1:" +
           std::to_string(port) + " ssl;\nserver_name localhost;\nssl_certificate " +
           certificates.server.string() + ";\nssl_certificate_key " + certificates.server_key.string() +
           ";\nroot " + dir + "/www;\n" + directives + "\n}\n}\n";
}

}   // namespace

Nginx::Nginx(std::filesystem::path const& in, Certificates const& certificates, std::string const& directives)
    : directory_{in} {
    std::filesystem::create_directories(root());
    auto const listener = listen_on_a_free_port(port_);
    auto const file = (directory_ / "nginx.conf").string();
    std::ofstream{file} << configuration(directory_, certificates, port_, directives);

    auto const said = (directory_ / "nginx.stderr").string();
    auto const prefix = directory_.string();
    auto const inherited = "NGINX=" + std::to_string(listener.get()) + ";";
    std::vector<char const*> const argv{"/usr/sbin/nginx", "-p", prefix.c_str(), "-c",
                                        file.c_str(),      "-e", "stderr",       nullptr};
    std::vector<char const*> const environment{inherited.c_str(), "PATH=/usr/sbin:/usr/bin", nullptr};
    auto const parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);   // a test that crashes leaves no server behind
        if (::getppid() != parent || !std::freopen(said.c_str(), "w", stderr)) ::_exit(127);
        ::execve(argv[0], const_cast<char* const*>(argv.data()),
                 const_cast<char* const*>(environment.data()));
        ::_exit(127);
    }
    // Before its first worker is there, nginx may lose a SIGTERM; and a broken configuration has made it end
    // by then.
    for (int waited_ms = 0; workers().empty(); ++waited_ms) {
        bool const ended = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
        if (ended) pid_ = -1;
        if (ended || waited_ms > 10'000) {
            stop();
            throw std::runtime_error{"nginx did not start: " + content_of(said)};
        }
        ::usleep(1000);
    }
}

std::string Nginx::url(std::string_view path) const {
    return "https://127.0.0.1:" + std::to_string(port_) + "/" + std::string{path};
}

void Nginx::serve(std::string_view name, std::string_view content) const {
    std::ofstream{root() / name, std::ios::binary} << content;
}

std::string Nginx::access_log() const {
    return content_of(directory_ / "access.log");
}

std::size_t Nginx::connections(std::size_t requests) const {
    for (int waited_ms = 0;; ++waited_ms) {
        std::set<std::string> numbers;
        std::size_t lines = 0;
        std::istringstream log{access_log()};
        for (std::string line; std::getline(log, line) && !log.eof(); ++lines)
            numbers.insert(line.substr(line.rfind(' ') + 1));
        if (lines >= requests) return numbers.size();
        if (waited_ms > 10'000) throw std::runtime_error{"nginx has not logged so many requests"};
        ::usleep(1000);
    }
}

std::vector<pid_t> Nginx::workers() const {
    auto const pid = std::to_string(pid_);
    std::ifstream children{"/proc/" + pid + "/task/" + pid + "/children"};
    return {std::istream_iterator<pid_t>{children}, {}};
}

void Nginx::cut_connections() const {
    auto const before = workers();
    for (auto const worker : before) ::kill(worker, SIGKILL);   // the master starts another
    auto const is_there = [&](pid_t worker) { return std::ranges::count(workers(), worker) > 0; };
    while (std::ranges::any_of(before, is_there)) ::usleep(1000);
}

void Nginx::stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

}   // namespace test
