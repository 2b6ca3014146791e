// Mutual TLS: who we are, and who is told.

#include "net/https_client.hpp"

#include "net/https_web.hpp"

#include "core/owned.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>

#include <fstream>

using namespace std::chrono_literals;
using core::Errc;
using test::Web;

namespace {

constexpr auto kEcho = "ssl_verify_client optional;\n"
                       "location /who { return 200 '$ssl_client_verify $ssl_client_s_dn'; }\n"
                       "location /away { return 302 https://localhost:$server_port/who; }\n"
                       "location /here { return 302 https://127.0.0.1:$server_port/who; }\n";

struct Gate : Web {
    // nginx reads the authority when it starts: it lies beside its configuration by then.
    explicit Gate(std::string const& directives) : Web{"ssl_client_certificate ca.pem;\n" + directives} {}

    net::ClientIdentity identity(std::string const& name, std::string const& passphrase = {}) {
        auto const made = test::make_client_certificate(directory.path(), certificates, name, passphrase);
        return {made.certificate, made.key};
    }
    core::Error refusal(net::ClientIdentity identity) {
        auto one = client(std::move(identity));
        auto const reply = get(one, "file");
        REQUIRE(reply.failed);
        return *reply.failed;
    }
};

}   // namespace

TEST_CASE("a server that wants a certificate serves its owner, and nobody else") {
    Gate gate{"ssl_verify_client on;"};
    auto known = gate.client(gate.identity("device7"));
    CHECK(gate.get(known, "file").body == "0123456789");

    auto unknown = gate.client();
    CHECK(gate.get(unknown, "file").head.status == 400);

    test::TemporaryDirectory elsewhere;
    auto const other = test::make_certificates(elsewhere.path());
    auto const foreign = test::make_client_certificate(elsewhere.path(), other, "device7");
    auto stranger = gate.client(net::ClientIdentity{foreign.certificate, foreign.key});
    CHECK(gate.get(stranger, "file").head.status == 400);
}

TEST_CASE("the certificate is shown to the server that was asked, and not to where it sends us") {
    Gate gate{kEcho};
    auto one = gate.client(gate.identity("device7"));
    CHECK(gate.get(one, "who").body == "SUCCESS CN=device7");
    CHECK(gate.get(one, "here").body == "SUCCESS CN=device7");
    CHECK(gate.get(one, "away").body == "NONE ");
}

TEST_CASE("a certificate that is for one server is shown to no other, whoever names it") {
    Gate gate{kEcho};
    auto const port = std::to_string(gate.nginx.port());
    net::HttpsClient one{gate.clock,
                         gate.certificates.ca,
                         "atomixd/test",
                         {gate.identity("device7"), test::no_environment, "https://localhost:" + port}};
    auto const here = Web::ask("https://localhost:" + port + "/who");
    CHECK(test::run_task(gate.io, test::fetch(one, here)).body == "SUCCESS CN=device7");
    CHECK(gate.get(one, "who").body == "NONE ");   // of 127.0.0.1
}

TEST_CASE("what was not shown to a server is not taken from a connection where it was, nor the other way") {
    Gate gate{kEcho};
    auto one = gate.client(gate.identity("device7"));
    CHECK(gate.get(one, "away").body == "NONE ");
    auto const here = Web::ask("https://localhost:" + std::to_string(gate.nginx.port()) + "/who");
    CHECK(test::run_task(gate.io, test::fetch(one, here)).body == "SUCCESS CN=device7");
    CHECK(gate.get(one, "away").body == "NONE ");
}

TEST_CASE("certificate and key are read anew for each connection") {
    Gate gate{kEcho};
    auto const first = gate.identity("device7");
    auto one = gate.client(first);
    CHECK(gate.get(one, "who").body == "SUCCESS CN=device7");
    auto const second = gate.identity("device8");
    std::filesystem::rename(second.certificate, first.certificate);
    std::filesystem::rename(second.key, first.key);
    gate.clock.advance(16s);
    CHECK(gate.get(one, "who").body == "SUCCESS CN=device8");
}

TEST_CASE("a certificate or key that is of no use is named, and nothing is asked of the server") {
    Gate gate{kEcho};
    auto const good = gate.identity("device7");
    auto const other = gate.identity("device8");
    auto const absent = gate.directory / "absent.pem";
    auto const garbage = gate.directory / "garbage.pem";
    std::ofstream{garbage} << "no PEM\n";

    CHECK(gate.refusal({absent, good.key}).text() == "cannot use the client certificate " + absent.string() +
                                                         ": No such file or directory [input/output]");
    CHECK(gate.refusal({good.certificate, absent}).text() ==
          "cannot use the client key " + absent.string() + ": No such file or directory [input/output]");
    CHECK(gate.refusal({good.certificate, other.key}).text() ==
          "the client key " + other.key.string() + " does not belong to the certificate " +
              good.certificate.string() + " [input/output]");
    auto const no_certificate = gate.refusal({garbage, good.key});
    CHECK(no_certificate.is(Errc::io));
    CHECK(no_certificate.context.starts_with("cannot use the client certificate " + garbage.string() + ": "));
    auto const no_key = gate.refusal({good.certificate, garbage});
    CHECK(no_key.is(Errc::io));
    CHECK(no_key.context.starts_with("cannot use the client key " + garbage.string() + ": "));
    CHECK(gate.nginx.access_log() == "");
}

// OpenSSL itself would ask at the terminal, else at the standard input, and the loop would stand still.
TEST_CASE("a key with a passphrase is refused, and nobody is asked for it") {
    Gate gate{kEcho};
    auto const locked = gate.identity("device7", "secret");
    auto const typed = gate.directory / "typed";
    std::ofstream{typed} << "secret\n";
    core::OwnedFd const before{::dup(STDIN_FILENO)};
    core::OwnedFd const answer{::open(typed.c_str(), O_RDONLY | O_CLOEXEC)};
    ::dup2(answer.get(), STDIN_FILENO);
    auto one = gate.client(locked);
    auto const reply = gate.get(one, "file");
    auto const read = ::lseek(answer.get(), 0, SEEK_CUR);
    ::dup2(before.get(), STDIN_FILENO);
    CHECK(read == 0);
    REQUIRE(reply.failed);
    CHECK(reply.failed->is(Errc::io));
    CHECK(reply.failed->context.starts_with("cannot use the client key " + locked.key.string() + ": "));
}
