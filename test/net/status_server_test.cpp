// The server on real sockets; only its time is the test's.

#include "net/status_server.hpp"

#include "network_namespace.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>

#include <doctest/doctest.h>

#include <list>

using namespace std::chrono_literals;
namespace asio = core::asio;
using asio::ip::tcp;

namespace {

auto const kLoopback = asio::ip::address{asio::ip::address_v4::loopback()};

struct Client {
    tcp::socket socket;
    std::string received;
    bool is_closed = false;
    std::array<char, 4096> piece{};

    Client(asio::io_context& io, std::uint16_t port) : socket{io} {
        socket.connect({kLoopback, port});
        listen();
    }
    void listen() {
        socket.async_read_some(asio::buffer(piece),
                               [this](boost::system::error_code failed, std::size_t count) {
                                   received.append(piece.data(), count);
                                   is_closed = failed.failed();
                                   if (!failed) listen();
                               });
    }
    void say(std::string_view text) { asio::write(socket, asio::buffer(text)); }
    void get(std::string const& target) { say("GET " + target + " HTTP/1.1\r\nHost: atomixos\r\n\r\n"); }
    bool has(std::string_view text) const { return received.find(text) != std::string::npos; }
    std::size_t replies() const {
        std::size_t count = 0;
        for (auto at = received.find("HTTP/1.1 "); at != std::string::npos;
             at = received.find("HTTP/1.1 ", at + 1))
            ++count;
        return count;
    }
};

struct World {
    asio::io_context io;
    test::FakeClock clock{io};
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    core::StateBus state{io.get_executor(), {}};
    int times_listening = 0;
    net::StatusServer server{net::StatusListen{.address = kLoopback,
                                               .port = 0,
                                               .interface = "",
                                               .names = {"atomixos"},
                                               .on_listening = [this] { ++times_listening; }},
                             clock, state, core::Log{lines, "net"}};
    asio::cancellation_signal stop;
    bool ended = false;
    std::list<Client> clients;

    World() {
        asio::co_spawn(
            io, server.run(),
            asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr) { ended = true; }));
        run_until([&] { return server.is_listening(); });
    }
    ~World() {
        if (!ended) stop.emit(asio::cancellation_type::terminal);
        run_until([&] { return ended; });
        for (auto& client : clients) client.socket.close();
        clock.settle();   // their reads end before they do
    }

    template <class Condition> void run_until(Condition is_true) {
        io.restart();
        while (!is_true()) io.run_one();
    }
    Client& connect() { return clients.emplace_back(io, server.port()); }
    // Connected, and served before: the server knows it.
    Client& known_client() {
        auto& client = connect();
        client.get("/healthz");
        run_until([&] { return client.has("ok\n"); });
        client.received.clear();
        return client;
    }
};

}   // namespace

TEST_CASE_FIXTURE(
    World,
    "the state is shown as it is now, with headers that keep it from being stored or guessed at") {
    core::Update update;
    update.phase = core::Phase::trial;
    core::Writer<&core::DeviceState::update>{state}.set(update);
    auto& client = connect();
    client.get("/api/v1/status");
    run_until([&] { return client.has("\"flags\": []\n}\n"); });
    CHECK(client.has("HTTP/1.1 200 OK\r\n"));
    CHECK(client.has("\"phase\": \"trial\""));
    for (auto const* header : {"Server: atomixd\r\n", "Content-Type: application/json\r\n",
                               "Cache-Control: no-store\r\n", "X-Content-Type-Options: nosniff\r\n"}) {
        CAPTURE(header);
        CHECK(client.has(header));
    }
    CHECK(times_listening == 1);
    CHECK(lines->contains("status page is up"));
}

TEST_CASE_FIXTURE(World, "a connection serves one request after another, also when they come together") {
    auto& client = known_client();
    client.say(
        "GET /healthz HTTP/1.1\r\nHost: atomixos\r\n\r\nGET /nothing HTTP/1.1\r\nHost: atomixos\r\n\r\n"
        "GET /healthz HTTP/1.1\r\nHost: atomixos\r\nConnection: close\r\n\r\n");
    run_until([&] { return client.is_closed; });
    CHECK(client.replies() == 3);
    CHECK(client.has("HTTP/1.1 404 Not Found\r\n"));
    CHECK(client.received.rfind("Connection: close\r\n") > client.received.find("404"));
}

TEST_CASE_FIXTURE(World, "HEAD gives the head of GET and no body") {
    auto& client = connect();
    client.say("HEAD /healthz HTTP/1.1\r\nHost: atomixos\r\nConnection: close\r\n\r\n");
    run_until([&] { return client.is_closed; });
    CHECK(client.has("HTTP/1.1 200 OK\r\n"));
    CHECK(client.has("Content-Length: 3\r\n"));
    CHECK(client.received.ends_with("\r\n\r\n"));
}

TEST_CASE_FIXTURE(
    World,
    "a request that cannot be served is refused with its problem, and the connection goes on or ends") {
    struct {
        char const* name;
        std::string request;
        std::string status;
        bool closes;
    } const cases[] = {
        {"no such page", "GET / HTTP/1.1\r\nHost: atomixos\r\n\r\n", "404 Not Found", false},
        {"a method that writes", "DELETE /healthz HTTP/1.1\r\nHost: atomixos\r\n\r\n",
         "405 Method Not Allowed", false},
        {"another's name", "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421 Misdirected Request",
         false},
        {"a body", "GET /healthz HTTP/1.1\r\nHost: atomixos\r\nContent-Length: 4\r\n\r\nbody", "413 ", true},
        {"a body in chunks", "GET /healthz HTTP/1.1\r\nHost: atomixos\r\nTransfer-Encoding: chunked\r\n\r\n",
         "413 ", true},
        {"a head over 4 KiB", "GET /healthz HTTP/1.1\r\nX: " + std::string(5000, 'x') + "\r\n\r\n", "431 ",
         true},
        {"a target over 4 KiB", "GET /" + std::string(5000, 'x') + " HTTP/1.1\r\n\r\n", "431 ", true},
        {"not HTTP", "hello there\r\n\r\n", "400 Bad Request", true},
        {"TLS", "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03\r\n\r\n", "400 Bad Request", true},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto& client = connect();
        client.say(c.request);
        run_until([&] { return client.has("}\n") || client.is_closed; });
        CHECK(client.has("HTTP/1.1 " + c.status));
        CHECK(client.has("Content-Type: application/problem+json\r\n"));
        CHECK(client.has(c.closes ? "Connection: close\r\n" : "\r\n"));
        if (c.closes) {
            run_until([&] { return client.is_closed; });
        } else {
            client.received.clear();
            client.get("/healthz");
            run_until([&] { return client.has("ok\n"); });
        }
    }
}

TEST_CASE_FIXTURE(World, "a request that drips in is ended after 5 s, however often it drips") {
    auto& client = known_client();
    client.say("G");
    for (int second = 0; second < 4; ++second) {
        clock.advance(1s);
        client.say("E");
    }
    clock.advance(900ms);
    CHECK(client.received == "");
    clock.advance(200ms);
    run_until([&] { return client.has("}\n"); });
    CHECK(client.has("HTTP/1.1 408 Request Timeout\r\n"));
    run_until([&] { return client.is_closed; });
}

TEST_CASE_FIXTURE(
    World,
    "a client that connects and says nothing is ended after 5 s, one between requests after 15 s") {
    auto& used = known_client();
    auto& silent = connect();
    clock.settle();
    clock.advance(4900ms);
    CHECK(!silent.is_closed);
    clock.advance(1200ms);   // and up to a second for a goodbye
    run_until([&] { return silent.is_closed; });
    clock.advance(8800ms);
    CHECK(!used.is_closed);
    clock.advance(200ms);
    run_until([&] { return used.is_closed; });
    CHECK(used.received == "");
}

TEST_CASE_FIXTURE(
    World,
    "32 clients are served at once, one more is closed, and a place that frees is given again") {
    for (int i = 0; i < 32; ++i) known_client();
    auto& refused = connect();
    run_until([&] { return refused.is_closed; });
    CHECK(lines->contains("too many clients, refusing more clients=32"));

    auto& first = clients.front();
    first.say("GET /healthz HTTP/1.1\r\nHost: atomixos\r\nConnection: close\r\n\r\n");
    run_until([&] { return first.is_closed; });
    first.socket.close();
    clock.settle();
    known_client();
    auto& last = clients.back();
    CHECK(!last.is_closed);
}

TEST_CASE_FIXTURE(World, "when it is stopped, every connection is closed before it ends") {
    auto& idle = known_client();
    auto& halfway = known_client();
    halfway.say("GET /hea");
    clock.settle();
    stop.emit(asio::cancellation_type::terminal);
    run_until([&] { return ended; });
    CHECK(!server.is_listening());
    run_until([&] { return idle.is_closed && halfway.is_closed; });
    CHECK(!lines->contains("could not accept"));
}

TEST_CASE_FIXTURE(World, "a port that is taken is named in the log and ends the task") {
    net::StatusServer second{
        net::StatusListen{
            .address = kLoopback, .port = server.port(), .interface = "", .names = {}, .on_listening = {}},
        clock, state, core::Log{lines, "net"}};
    std::exception_ptr thrown;
    asio::co_spawn(io, second.run(), [&](std::exception_ptr failed) { thrown = failed; });
    clock.settle();
    REQUIRE(thrown);
    CHECK_THROWS_WITH(std::rethrow_exception(thrown), doctest::Contains("Address already in use"));
    CHECK(lines->contains("cannot listen on 127.0.0.1 port " + std::to_string(server.port())));
    CHECK(!second.is_listening());
}

TEST_CASE_FIXTURE(World, "it can listen on an address that no interface has yet, and only on one interface") {
    net::StatusServer early{net::StatusListen{.address = asio::ip::make_address("198.51.100.7"),
                                              .port = 0,
                                              .interface = "lo",
                                              .names = {},
                                              .on_listening = {}},
                            clock, state, core::Log{lines, "net"}};
    asio::cancellation_signal stop_early;
    bool early_ended = false;
    asio::co_spawn(io, early.run(), asio::bind_cancellation_slot(stop_early.slot(), [&](std::exception_ptr) {
                       early_ended = true;
                   }));
    clock.settle();
    CHECK(early.is_listening());
    stop_early.emit(asio::cancellation_type::terminal);
    clock.settle();
    CHECK(early_ended);
}

// The Rock64's second port is on USB: what is plugged in again is another interface of the same name.
TEST_CASE_FIXTURE(World, "an interface that is made anew is listened on again") {
    test::NetworkNamespace const space;
    auto const make = "ip link add lan0 type veth peer name far0 && ip address add 192.0.2.1/24 dev lan0";
    space.shell(make);
    int listened = 0;
    net::StatusServer second{net::StatusListen{.address = asio::ip::make_address("192.0.2.1"),
                                               .port = 0,
                                               .interface = "lan0",
                                               .names = {},
                                               .on_listening = [&] { ++listened; }},
                             clock, state, core::Log{lines, "net"}};
    core::Writer<&core::DeviceState::links> links{state};
    auto const tell = [&](bool present) {
        links.change([&](core::Links& all) { all.lan.present = present; });
        clock.settle();
    };
    asio::cancellation_signal stop_second;
    bool has_ended = false;
    asio::co_spawn(
        io, second.run(),
        asio::bind_cancellation_slot(stop_second.slot(), [&](std::exception_ptr) { has_ended = true; }));
    tell(true);
    CHECK(second.is_listening());

    space.shell("ip link delete lan0");
    tell(false);
    CHECK(!second.is_listening());
    space.shell(make);
    tell(true);
    CHECK(second.is_listening());
    CHECK(listened == 2);

    stop_second.emit(asio::cancellation_type::terminal);
    clock.settle();
    CHECK(has_ended);
}
