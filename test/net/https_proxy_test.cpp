// The client behind a real proxy, and behind some that are none.

#include "net/https_client.hpp"

#include "net/https_web.hpp"
#include "support/tinyproxy.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
namespace asio = core::asio;
using asio::ip::tcp;
using core::Errc;
using test::Reply;

namespace {

struct Office : test::Web {
    using Web::Web;
    std::string local = "localhost:" + std::to_string(nginx.port());

    net::HttpsClient behind(std::string const& proxy) {
        auto const environment = [proxy](std::string_view name) -> std::optional<std::string> {
            if (name != "https_proxy") return std::nullopt;
            return proxy;
        };
        return {clock, certificates.ca, "atomixd/test", {{}, environment}};
    }
    Reply get_through(net::HttpsClient& client, std::string const& url) {
        return test::run_task(io, test::fetch(client, ask(url)));
    }
    std::string refusal(std::string const& proxy, std::string const& url) {
        auto one = behind(proxy);
        auto const reply = get_through(one, url);
        REQUIRE(reply.failed);
        return reply.failed->text();
    }

    // What is no proxy: takes one connection, reads the request, says `answer`, and closes.
    tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    tcp::socket taken{io};
    std::string asked;
    std::string fake(std::string answer) {
        asked.clear();
        acceptor.async_accept(taken, [this, answer = std::move(answer)](boost::system::error_code) {
            auto const text = std::make_shared<std::string const>(answer);
            asio::async_read_until(taken, asio::dynamic_buffer(asked), "\r\n\r\n",
                                   [this, text](boost::system::error_code, std::size_t) {
                                       boost::system::error_code ignored;
                                       asio::write(taken, asio::buffer(*text), ignored);
                                       taken.close(ignored);
                                   });
        });
        return "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    }
};

}   // namespace

TEST_CASE_FIXTURE(Office, "a request goes through the proxy, and TLS is with the server") {
    test::Tinyproxy proxy{directory.path()};
    auto one = behind("http://" + proxy.place());
    auto const reply = get_through(one, "https://" + local + "/file");
    CHECK(!reply.failed);
    CHECK(reply.body == "0123456789");
    CHECK(proxy.log().find("CONNECT " + local + " HTTP/1.1") != std::string::npos);
}

TEST_CASE_FIXTURE(Office, "a certificate is judged through a proxy as without one") {
    test::Tinyproxy proxy{directory.path()};
    auto one = behind("http://" + proxy.place());
    auto request = ask("https://" + local + "/file");
    request.judge_at = test::kValidUntil + 1s;
    auto const late = test::run_task(io, test::fetch(one, request));
    REQUIRE(late.failed);
    CHECK(late.failed->text() == "TLS with " + local +
                                     " failed: certificate has expired (judged at 2049-01-01T00:00:01Z) "
                                     "[bad signature]");
}

TEST_CASE_FIXTURE(Office, "requests through a proxy share a connection too") {
    test::Tinyproxy proxy{directory.path()};
    auto one = behind("http://" + proxy.place());
    for (int i = 0; i < 5; ++i) CHECK(get_through(one, "https://" + local + "/file").body == "0123456789");
    CHECK(nginx.connections(5) == 1);
}

TEST_CASE("user and password are for the proxy only") {
    Office office{"location /echo { return 200 '[$http_proxy_authorization]'; }"};
    test::Tinyproxy proxy{office.directory.path(), "BasicAuth me secret"};
    auto const url = "https://" + office.local + "/echo";
    auto known = office.behind("http://me:s%65cret@" + proxy.place());
    CHECK(office.get_through(known, url).body == "[]");

    CHECK(office.refusal("http://" + proxy.place(), url) ==
          "the proxy " + proxy.place() +
              " answered 407: it wants a user name and a password, and https_proxy has none [refused]");
    auto const wrong = office.refusal("http://me:wrong@" + proxy.place(), url);
    CHECK(wrong.starts_with("the proxy " + proxy.place() + " answered 40"));
    CHECK(wrong.find("wrong") == std::string::npos);
}

TEST_CASE_FIXTURE(Office, "a proxy that refuses, is not there or does not exist is named") {
    CHECK(refusal(fake("HTTP/1.1 403 Filtered\r\nContent-Length: 9\r\n\r\nforbidden"),
                  "https://" + local + "/file") ==
          "the proxy 127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) +
              " answered 403 when asked to connect to " + local + " [refused]");
    CHECK(asked.starts_with("CONNECT " + local + " HTTP/1.1\r\n"));

    auto const place = "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    acceptor.close();
    CHECK(refusal(place, "https://" + local + "/file") ==
          "could not connect to the proxy " + place + ": Connection refused [unreachable]");

    std::string const name = std::string(64, 'x') + ".invalid";   // too long a label: no name server is asked
    auto const unknown = refusal("http://me:secret@" + name, "https://" + local + "/file");
    CHECK(unknown.starts_with("could not find the address of " + name + ": "));
    CHECK(unknown.ends_with("; while looking for the proxy that https_proxy names [no address]"));
}

TEST_CASE_FIXTURE(Office, "a server that the proxy does not reach is told apart from the proxy") {
    test::Tinyproxy proxy{directory.path()};
    auto const nobody = "127.0.0.2:" + std::to_string(nginx.port());
    CHECK(refusal("http://" + proxy.place(), "https://" + nobody + "/file") ==
          "the proxy " + proxy.place() + " answered 500 when asked to connect to " + nobody +
              " [unreachable]");
}

TEST_CASE_FIXTURE(Office, "what is no proxy is told apart from what is no server") {
    auto const url = "https://" + local + "/file";
    auto const peer = "the proxy 127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    CHECK(refusal(fake("SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), url)
              .starts_with(peer + ": the reply is not HTTP: "));
    CHECK(refusal(fake(""), url) == peer + " did not answer: it closed the connection [unreachable]");
    CHECK(refusal(fake("HTTP/1.1 200 " + std::string(5000, 'x')), url).starts_with(peer + ": "));
    CHECK(refusal(fake("HTTP/1.1 200 OK\r\n\r\n\x16\x03"), url) ==
          peer + " sent data of its own into the connection [bad input]");
}

TEST_CASE_FIXTURE(Office, "a proxy that says nothing is given up after 10 s, with what it was asked for") {
    tcp::socket silent{io};
    acceptor.async_accept(silent, [&](boost::system::error_code) {
        asio::async_read_until(silent, asio::dynamic_buffer(asked), "\r\n\r\n",
                               [](boost::system::error_code, std::size_t) {});
    });
    auto const place = "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    auto one = behind(place);
    std::optional<Reply> reply;
    auto const take = [&]() -> core::Task<void> {
        reply = co_await test::fetch(one, ask("https://" + local + "/file"));
    };
    asio::co_spawn(io, take(), [](std::exception_ptr) {});
    io.restart();
    while (asked.empty()) io.run_one();
    clock.advance(9s);
    CHECK(!reply);
    clock.advance(1s);
    REQUIRE(reply);
    CHECK(reply->failed->text() == "no answer from the proxy " + place +
                                       " within 10 s (waiting for its connection to " + local +
                                       ") [timed out]");
}

TEST_CASE_FIXTURE(Office, "a variable that names no proxy fails the request, and the client lives on") {
    auto one = behind("socks5://me:secret@proxy.example:1080");
    for (int i = 0; i < 2; ++i) {
        auto const reply = get_through(one, "https://" + local + "/file");
        REQUIRE(reply.failed);
        CHECK(reply.failed->text() ==
              "the environment variable https_proxy names no usable proxy: only http:// proxies are "
              "supported; it must be like http://proxy.example:3128 [bad input]");
    }
}

TEST_CASE_FIXTURE(Office, "a host that no_proxy names is asked without the proxy") {
    auto const environment = [](std::string_view name) -> std::optional<std::string> {
        if (name == "https_proxy") return "http://127.0.0.1:1";
        if (name == "no_proxy") return "localhost";
        return std::nullopt;
    };
    net::HttpsClient one{clock, certificates.ca, "atomixd/test", {{}, environment}};
    CHECK(get_through(one, "https://" + local + "/file").body == "0123456789");
    CHECK(get_through(one, nginx.url("file")).failed->context.starts_with("could not connect to the proxy "));
}
