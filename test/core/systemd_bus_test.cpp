#include "core/systemd_bus.hpp"

#include "support/run_task.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

// What a real systemd says is test/system/service_host_test.cpp's; here are peers that are none.

using core::SystemdBus;

namespace {

// Listens where a manager would.
struct World {
    core::asio::io_context io;
    test::TemporaryDirectory directory;
    std::filesystem::path socket = directory / "private";
    core::OwnedFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    World() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener.get(), 5) == 0);
    }
    core::OwnedFd accept() {
        return core::OwnedFd{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    }
    SystemdBus open() {
        auto bus = SystemdBus::open(io.get_executor(), socket, ::geteuid());
        REQUIRE(bus.has_value());
        return std::move(*bus);
    }
};

// The other end of the D-Bus protocol, as far as it takes: dbus.freedesktop.org/doc/dbus-specification.html.
class Talker {
public:
    explicit Talker(core::OwnedFd peer) : peer_{std::move(peer)} {
        say("DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n");
    }

    // A signal that nobody listens for; false: there is no room for more.
    bool chatter() {
        std::string fields;
        field(fields, 1, 'o', "/org/freedesktop/systemd1/unit/other_2eservice");
        field(fields, 2, 's', "org.freedesktop.DBus.Properties");
        field(fields, 3, 's', "Other");
        return say(message(kSignal, fields, ""));
    }
    // To the first call, the properties of a unit: the name, and its text.
    void answer(std::vector<std::pair<std::string, std::string>> const& properties) {
        std::string entries;
        for (auto const& [name, text] : properties) {
            pad(entries, 8);
            string(entries, name);
            entries += std::string{"\1s\0", 3};
            pad(entries, 4);
            string(entries, text);
        }
        std::string body;
        number(body, entries.size());
        pad(body, 8);
        std::string fields = reply_to(first_call_);
        pad(fields, 8);
        fields += std::string{"\10\1g\0\5a{sv}\0", 11};
        REQUIRE(say(message(kReply, fields, body + entries)));
    }
    void refuse(std::string const& words) {
        std::string fields = reply_to(first_call_), body;
        field(fields, 4, 's', "org.freedesktop.systemd1.NoSuchUnit");
        pad(fields, 8);
        fields += std::string{"\10\1g\0\1s\0", 7};
        string(body, words);
        REQUIRE(say(message(kError, fields, body)));
    }

    // Something is left that has not been read.
    bool is_unheard() const {
        int left = 0;
        REQUIRE(::ioctl(peer_.get(), SIOCOUTQ, &left) == 0);
        return left > 0;
    }

private:
    static constexpr char kReply = 2, kError = 3, kSignal = 4;
    static constexpr unsigned first_call_ = 1;

    static void pad(std::string& to, std::size_t alignment) {
        while (to.size() % alignment != 0) to += '\0';
    }
    static void number(std::string& to, std::size_t value) {
        for (int shift = 0; shift < 32; shift += 8) to += static_cast<char>(value >> shift & 0xff);
    }
    static void string(std::string& to, std::string const& text) {
        number(to, text.size());
        to += text + '\0';
    }
    static void field(std::string& to, char code, char type, std::string const& text) {
        pad(to, 8);
        to += std::string{code, 1, type, '\0'};
        string(to, text);
    }
    static std::string reply_to(unsigned serial) {
        std::string made{"\5\1u\0", 4};
        number(made, serial);
        return made;
    }
    std::string message(char type, std::string const& fields, std::string const& body) {
        std::string made{'l', type, '\1', '\1'};
        number(made, body.size());
        number(made, ++serial_);
        number(made, fields.size());
        made += fields;
        pad(made, 8);
        return made + body;
    }
    bool say(std::string const& bytes) {
        auto const sent = ::send(peer_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        return sent == static_cast<ssize_t>(bytes.size());
    }

    core::OwnedFd peer_;
    unsigned serial_ = 0;
};

core::Task<void> count_turns(int& turns) {
    for (;;) {
        co_await core::asio::post(co_await core::asio::this_coro::executor, core::asio::use_awaitable);
        ++turns;
    }
}
core::Task<void> listen(SystemdBus& bus) {
    (void)co_await bus.changed();
}

}   // namespace

TEST_CASE_FIXTURE(World, "where nobody listens there is no connection, and the error says where") {
    auto const bus = SystemdBus::open(io.get_executor(), directory / "absent", ::geteuid());
    REQUIRE(!bus.has_value());
    CHECK(bus.error().text() ==
          "connecting to systemd at " + (directory / "absent").string() + " [No such file or directory]");
}

TEST_CASE_FIXTURE(World, "a peer that hangs up ends what is asked") {
    auto bus = SystemdBus::open(io.get_executor(), socket, ::geteuid());
    REQUIRE(bus.has_value());
    REQUIRE(bus->watch("a-b.service").has_value());
    { auto const peer = accept(); }
    auto const state = test::run_task(io, bus->state("a-b.service"));
    REQUIRE(!state.has_value());
    CHECK(state.error().text() ==
          "systemd does not answer: Connection terminated; while asking for the state "
          "of a-b.service [unreachable]");
    CHECK(!test::run_task(io, bus->changed()).has_value());
}

TEST_CASE_FIXTURE(World, "what talks nonsense is no systemd") {
    auto bus = SystemdBus::open(io.get_executor(), socket, ::geteuid());
    REQUIRE(bus.has_value());
    auto const peer = accept();
    REQUIRE(::send(peer.get(), "ERROR\r\nNO\r\nNO\r\n", 15, 0) == 15);
    CHECK(!test::run_task(io, bus->start("a.service")).has_value());
    CHECK(!test::run_task(io, bus->stop("a.service")).has_value());
    CHECK(!test::run_task(io, bus->reload()).has_value());
}

TEST_CASE_FIXTURE(World, "a question that is not answered can be given up") {
    auto bus = SystemdBus::open(io.get_executor(), socket, ::geteuid());
    REQUIRE(bus.has_value());
    auto const peer = accept();
    {
        test::Started asking{
            io, [](SystemdBus& to) -> core::Task<void> { (void)co_await to.state("a.service"); }(*bus)};
        io.poll();
        CHECK(!asking.ended());
        asking.cancel();
        CHECK(test::happens(io, [&] { return asking.ended(); }));
        CHECK(asking.threw() == "cancelled");
    }
}

TEST_CASE_FIXTURE(World, "a manager that another user serves is not used, and the error says whose it is") {
    auto const bus = SystemdBus::open(io.get_executor(), socket, ::geteuid() + 1);
    REQUIRE(!bus.has_value());
    CHECK(bus.error().text() == socket.string() + " is served by user " + std::to_string(::geteuid()) +
                                    " and not by user " + std::to_string(::geteuid() + 1) +
                                    ", so it is not used; while connecting to systemd at " + socket.string() +
                                    " [refused]");
}

TEST_CASE_FIXTURE(World, "a peer that talks on and on leaves everything else on the loop its turn") {
    auto bus = open();
    Talker peer{accept()};
    int messages = 0, turns = 0;
    while (messages < 300 && peer.chatter()) ++messages;
    REQUIRE(messages >= 100);
    test::Started listening{io, listen(bus)};
    test::Started other{io, count_turns(turns)};
    for (int handlers = 0; handlers < messages; ++handlers) io.poll_one();
    CHECK(turns >= messages / 3);
    CHECK(peer.is_unheard());   // as long as others come between, not all of it has been heard by now
    CHECK_FALSE(listening.ended());
    listening.cancel();   // in the midst of it
    other.cancel();
    CHECK(test::happens(io, [&] { return listening.ended() && other.ended(); }));
    CHECK(listening.threw() == "cancelled");
}

TEST_CASE_FIXTURE(World, "what is said of a unit is kept to a line each") {
    auto bus = open();
    Talker peer{accept()};
    peer.answer({{"ActiveState", "active\nindeed"}, {"Unheard", "of"}, {"SubState", std::string(5000, 'x')}});
    auto const state = test::run_task(io, bus.state("a.service"));
    REQUIRE(state.has_value());
    CHECK(state->active == "active indeed");
    CHECK(state->sub == std::string(4096, 'x') + "…");
}

TEST_CASE_FIXTURE(World, "a unit with more properties than systemd has is not read to the end") {
    auto bus = open();
    Talker peer{accept()};
    std::vector<std::pair<std::string, std::string>> const many(2001, {"ActiveState", "active"});
    peer.answer(many);
    auto const state = test::run_task(io, bus.state("a.service"));
    REQUIRE(!state.has_value());
    CHECK(state.error().text() == "systemd gives too many properties of a.service [too large]");
}

TEST_CASE_FIXTURE(World, "a refusal without end is cut") {
    auto bus = open();
    Talker peer{accept()};
    peer.refuse("no\n" + std::string(1000, 'x'));
    auto const started = test::run_task(io, bus.start("a.service"));
    REQUIRE(!started.has_value());
    CHECK(started.error().text() == "no " + std::string(297, 'x') + "… [refused]");
}
